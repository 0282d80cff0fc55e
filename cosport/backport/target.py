"""The branches to pick to: a configured branch, any other branch or tag, or a bare commit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cosport.errors import RevisionError, UsageError
from cosport.git import refs
from cosport.model.commit import Sha

if TYPE_CHECKING:
    from cosport.config import Branch, Config
    from cosport.git.objects import ObjectReader
    from cosport.git.repository import Repository


@dataclass(frozen=True, slots=True)
class Target:
    """One branch as the base of picks.

    `name` is what stands in results, and in the names of pick refs (CONTRACT: a bare commit's first 12 digits); `ref` the
    full ref name, "" for a bare commit; `tip` the commit to pick onto; `branch` its configuration, where it has one.
    """

    name: str
    ref: str
    tip: Sha
    branch: Branch | None

    def pick_ref(self, upstream: tuple[Sha, ...]) -> str:
        """The ref that the pick of these upstream commits (in order) goes to."""
        span = upstream[0][:12] if len(upstream) == 1 else f"{upstream[0][:12]}-{upstream[-1][:12]}"
        return f"refs/heads/backport/{self.name}/{span}"


def resolve(repository: Repository, reader: ObjectReader, config: Config, name: str) -> Target:
    """The target that `name` (a configured branch, a ref or any revision) stands for.

    Raises RevisionError with the reason where there is none.
    """
    branch = configured(config, name)
    if branch is not None:
        try:
            tip = reader.resolve(branch.ref).sha
        except RevisionError as exc:
            raise RevisionError(
                f"the configured branch {name} ({branch.ref}) is not here: {exc.what}",
                hint=f"fetch or create it, or correct its ref in {config.source}",
            ) from exc
        return Target(branch.name, branch.ref, tip, branch)
    commit = reader.resolve(name)
    ref = refs.full_name(repository, name)
    known = next((each for each in config.branches if each.ref == ref), None) if ref else None
    if known is not None:
        return Target(known.name, ref, commit.sha, known)
    return Target(_short(ref) if ref else commit.sha[:12], ref, commit.sha, None)


def configured(config: Config, name: str) -> Branch | None:
    """The configured branch of that name, or None: any other branch may be a target too."""
    return next((branch for branch in config.branches if branch.name == name), None)


def choose(
    repository: Repository, reader: ObjectReader, config: Config, names: tuple[str, ...], *, every: bool
) -> tuple[Target, ...]:
    """The targets that the user named, or all configured ones; each once. Raises UsageError where there is none."""
    if every and not config.branches:
        raise UsageError("--all needs configured branches, and there are none", hint="run: cosport init")
    if every:
        names = tuple(branch.name for branch in config.branches)
    if not names:
        raise UsageError(
            "no branch to backport to", hint="name one with --to BRANCH, or all configured ones with --all"
        )
    targets: dict[str, Target] = {}
    for name in names:
        target = resolve(repository, reader, config, name)
        targets.setdefault(target.name, target)
    return tuple(targets.values())


def _short(ref: str) -> str:
    for prefix in ("refs/heads/", "refs/remotes/", "refs/tags/"):
        if ref.startswith(prefix):
            return ref.removeprefix(prefix)
    return ref.removeprefix("refs/")
