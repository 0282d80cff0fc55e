"""The branches to pick to: a configured branch, any other branch or tag, or a bare commit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cosport.errors import CosportError, RevisionError, UsageError
from cosport.git import refs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.config import Branch, Config
    from cosport.git.objects import ObjectReader
    from cosport.git.repository import Repository
    from cosport.model.commit import Sha


@dataclass(frozen=True, slots=True)
class Target:
    """One branch as the base of picks.

    `name` is what stands in results and in the names of pick refs (of a bare commit its first 12 digits); `ref` the
    full ref name, "" for a bare commit; `tip` the commit to pick onto; `branch` its configuration, where it has one.
    """

    name: str
    ref: str
    tip: Sha
    branch: Branch | None

    @property
    def takes_from_main(self) -> bool:
        """Whether it is a release branch, which takes what has landed on its main branch."""
        return self.branch is not None and bool(self.branch.main)

    def pick_ref(self, upstream: tuple[Sha, ...]) -> str:
        """The ref that the pick of these upstream commits (in order) goes to."""
        span = upstream[0][:12] if len(upstream) == 1 else f"{upstream[0][:12]}-{upstream[-1][:12]}"
        return f"refs/heads/backport/{self.name}/{span}"


def resolve(repository: Repository, reader: ObjectReader, config: Config, name: str) -> Target:
    """The target that `name` (a configured branch, a ref or any revision) stands for.

    A local branch goes before a tag of the same name, which git itself would prefer. Raises RevisionError with the
    reason where there is none.
    """
    branch = configured(config, name)
    if branch is not None:
        return _of_branch(reader, config, branch)
    local = f"refs/heads/{name}"
    if refs.valid(repository, local) and refs.read(repository, local) is not None:
        ref, commit = local, reader.resolve(local)
    else:
        commit = reader.resolve(name)
        ref = refs.full_name(repository, name)
        if ref and reader.resolve(ref).sha != commit.sha:  # an earlier value of it, such as BRANCH@{1}
            ref = ""
    known = next((each for each in config.branches if each.ref == ref), None) if ref else None
    if known is not None:
        return Target(known.name, ref, commit.sha, known)
    return Target(_short(ref) if ref else commit.sha[:12], ref, commit.sha, None)


def configured(config: Config, name: str) -> Branch | None:
    """The configured branch of that name, or None: any other branch may be a target too."""
    return next((branch for branch in config.branches if branch.name == name), None)


def choose(repository: Repository, reader: ObjectReader, config: Config, names: Sequence[str]) -> tuple[Target, ...]:
    """The targets that the user named, each once.

    Raises UsageError where none is named or two of one name are, RevisionError for a name that leads nowhere.
    """
    if not names:
        raise UsageError(
            "no branch to backport to", hint="name one with --to BRANCH, or all configured ones with --all"
        )
    targets: dict[str, Target] = {}
    for name in names:
        target = resolve(repository, reader, config, name)
        other = targets.setdefault(target.name, target)
        if other.ref != target.ref:
            raise UsageError(
                f"{other.ref or other.tip} and {target.ref or target.tip} would both be called {target.name}",
                hint="backport to one after the other",
            )
    return tuple(targets.values())


def every(reader: ObjectReader, config: Config) -> tuple[tuple[Target, ...], tuple[tuple[str, CosportError], ...]]:
    """The targets of all configured branches, and the names of those that are not here, each with the reason.

    Raises UsageError where no branch is configured.
    """
    if not config.branches:
        raise UsageError("no branch is configured", hint="run: cosport init, or name a branch")
    found: list[Target] = []
    absent: list[tuple[str, CosportError]] = []
    for branch in config.branches:
        try:
            found.append(_of_branch(reader, config, branch))
        except CosportError as error:
            absent.append((branch.name, error))
    return tuple(found), tuple(absent)


def _of_branch(reader: ObjectReader, config: Config, branch: Branch) -> Target:
    try:
        return Target(branch.name, branch.ref, reader.resolve(branch.ref).sha, branch)
    except RevisionError as exc:
        raise RevisionError(
            f"the configured branch {branch.name} ({branch.ref}) is not here: {exc.what}",
            hint=f"fetch or create it, or correct its ref in {config.source}",
        ) from exc


def _short(ref: str) -> str:
    for prefix in ("refs/heads/", "refs/remotes/", "refs/tags/"):
        if ref.startswith(prefix):
            return ref.removeprefix(prefix)
    return ref.removeprefix("refs/")
