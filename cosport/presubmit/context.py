"""What every check works with: the repository, its history, the trusted configuration, and the branch judged for.

The configuration is the one in force for the clone (a file of its own, or `refs/meta/cosport`), never one that the
commit under judgement brings: a change that edits it gains nothing by it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cosport.errors import ConfigError, RevisionError
from cosport.git import refs
from cosport.message.profile import configured, load_profile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cosport.config import Branch, Config
    from cosport.git.objects import ObjectReader
    from cosport.git.repository import Repository
    from cosport.history.declined import Decline
    from cosport.history.index import History
    from cosport.message.profile import Profile
    from cosport.model.commit import Sha
    from cosport.presubmit.booted import Boots

PICK_REFS = "refs/heads/backport/"
"""Where `cosport backport` puts its picks: the branch's name comes next."""

_LONGEST = 1000
"""Commits of a series that stands on no branch yet."""


@dataclass(frozen=True, slots=True)
class Context:
    """The repository and what is known of it.

    `upstream` is the tip of upstream's branch, None where none is known; `profile` the message profile with the team's
    own patch classes; `required` the keys of the fields that must be filled; `boots` boots kernels, where somebody can;
    `declines` are the fixes that the team has decided not to take; `ages` keeps how new each tip is (`branches.age`),
    which git is asked for and which all commits of a range ask.
    """

    repository: Repository
    reader: ObjectReader
    history: History
    config: Config
    upstream: Sha | None
    profile: Profile
    required: tuple[str, ...]
    boots: Boots | None = None
    declines: tuple[Decline, ...] = ()
    ages: dict[Sha, tuple[int, ...]] = field(default_factory=dict, compare=False)

    @classmethod
    def of(
        cls, repository: Repository, reader: ObjectReader, history: History, config: Config, upstream: Sha | None
    ) -> Context:
        """The context that a configuration makes. Raises UsageError where its profile is none."""
        settings = config.message
        profile = configured(load_profile(settings.profile), classes=settings.classes, defaults=settings.defaults)
        return cls(repository, reader, history, config, upstream, profile, settings.required or profile.field_keys)

    def tip(self, branch: Branch) -> Sha | None:
        """Where a configured branch is; None where it is not here."""
        try:
            return self.reader.resolve(branch.ref).sha
        except RevisionError:
            return None


@dataclass(frozen=True, slots=True)
class Target:
    """The branch that a commit is for. `tip` is where it is now; `branch` its configuration, where it has one."""

    name: str
    ref: str
    tip: Sha
    branch: Branch | None

    @property
    def is_release(self) -> bool:
        """Whether it takes only what has landed on its main branch."""
        return self.branch is not None and bool(self.branch.main)


def target(context: Context, name: str) -> Target:
    """The target of that name: a configured branch, else any other branch or commit.

    Raises RevisionError where it leads nowhere.
    """
    branch = next((each for each in context.config.branches if name in (each.name, each.ref)), None)
    if branch is not None:
        return Target(branch.name, branch.ref, context.reader.resolve(branch.ref).sha, branch)
    local = f"refs/heads/{name}"
    if refs.valid(context.repository, local) and (tip := refs.read(context.repository, local)) is not None:
        return Target(name, local, tip, None)
    commit = context.reader.resolve(name)
    return Target(name, refs.full_name(context.repository, name), commit.sha, None)


def guess_target(context: Context, commit: Sha, names: Iterable[str] = ()) -> Target:
    """The branch that a commit is most likely for.

    `names` are the full refs that lead to it: one that `cosport backport` made says which. Else it is the configured
    branch that it is nearest to along first parents. Raises ConfigError where nothing tells.
    """
    for name in names:
        for branch in context.config.branches:
            if name == branch.ref or name.startswith(f"{PICK_REFS}{branch.name}/"):
                return target(context, branch.name)
    context.history.ensure((commit,))
    line = _first_parents(context, commit)
    nearest: tuple[tuple[int, int], Branch] | None = None
    for branch in context.config.branches:
        if (tip := context.tip(branch)) is None:
            continue
        distance = _distance(context, line, tip)
        if distance is not None and (nearest is None or distance < nearest[0]):
            nearest = distance, branch
    if nearest is None:
        raise ConfigError(
            f"for which branch {commit[:12]} is meant is not known: it stands on no configured branch",
            hint="name it with --branch BRANCH, or configure the branches: cosport init",
        )
    return target(context, nearest[1].name)


def _first_parents(context: Context, commit: Sha) -> list[Sha]:
    """The commit and what it stands on, along first parents, as far as a series may be long."""
    line = [commit]
    while len(line) < _LONGEST and (parents := context.reader.commit(line[-1]).parents):
        line.append(parents[0])
    return line


def _distance(context: Context, line: list[Sha], tip: Sha) -> tuple[int, int] | None:
    """How far a commit is from a branch: commits up to one that the branch has, then how many that has moved on since.

    None where the branch has none of them.
    """
    history = context.history
    reach = history.reach(tip)
    for steps, sha in enumerate(line):
        rank = history.rank(sha)
        if reach.holds(rank):
            return steps, reach.position - reach.chain.entry(rank)
    return None
