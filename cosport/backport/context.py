"""What every step of a backport works with: the repository, its objects, its history and the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cosport.errors import RevisionError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cosport.config import Config
    from cosport.git.objects import ObjectReader
    from cosport.git.repository import Repository
    from cosport.history.declined import Decline
    from cosport.history.index import History
    from cosport.model.commit import Commit, Sha


def _no_cves(_: Sha) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Context:
    """The repository and what is known of it. `upstream` is the tip of upstream's branch, None where there is none.

    `declines` are the fixes that the team has decided not to take, `cves` tells which CVEs a commit fixes.
    """

    repository: Repository
    reader: ObjectReader
    history: History
    config: Config
    upstream: Sha | None
    declines: tuple[Decline, ...] = ()
    cves: Callable[[Sha], tuple[str, ...]] = _no_cves


def parent_of(context: Context, commit: Commit, mainline: int | None) -> Commit:
    """The parent that the change of `commit` is taken against.

    Raises RevisionError for a root commit, and for a merge without `mainline` or with one that it does not have.
    """
    if not commit.parents:
        raise RevisionError(
            f"{commit.sha[:12]} is a root commit: it has no parent, so it is no change that could be picked",
            hint="name a commit that changes something",
        )
    if commit.is_merge and mainline is None:
        raise RevisionError(
            f"{commit.sha[:12]} is a merge of {len(commit.parents)} parents",
            hint="name the commits it merged, or the parent to compare with: --mainline 1",
        )
    number = mainline if commit.is_merge and mainline is not None else 1
    if not 1 <= number <= len(commit.parents):
        raise RevisionError(
            f"{commit.sha[:12]} has no parent {number}", hint=f"--mainline takes 1 to {len(commit.parents)} here"
        )
    return context.reader.commit(commit.parents[number - 1])


def upstream_commits(
    context: Context, names: Sequence[str], *, allow_unmerged: bool, mainline: int | None
) -> tuple[Commit, ...]:
    """The commits that the user named, each once, in upstream order.

    Raises RevisionError for a name that leads to no commit, to one without a usable parent, to one whose message git
    could not carry, or to one that upstream does not hold (unless `allow_unmerged`).
    """
    found: dict[str, Commit] = {}
    for name in names:
        if ".." in name:
            raise UsageError(
                f"{name} is a range",
                hint="name each commit, or let the shell list them: $(git rev-list --reverse A..B)",
            )
        commit = context.reader.resolve(name)
        parent_of(context, commit, mainline)
        _require_text(commit)
        found.setdefault(commit.sha, commit)
    context.history.ensure([commit.sha for commit in found.values()])
    for commit in found.values():
        if not allow_unmerged:
            _require_merged(context, commit)
    return tuple(sorted(found.values(), key=lambda commit: context.history.rank(commit.sha)))


def _require_text(commit: Commit) -> None:
    """Git shows no message behind a NUL byte and makes no commit with one, so nobody could review such a pick."""
    if b"\0" in commit.message:
        raise RevisionError(
            f"the message of {commit.sha[:12]} holds a NUL byte, and git hides all that follows it",
            hint=f"pick it by hand, with a message of your own: git cherry-pick -e {commit.sha[:12]}",
        )


def is_merged(context: Context, commit: Commit) -> bool:
    """Whether upstream's branch holds the commit. Without a known upstream nothing can be held against it."""
    return context.upstream is None or context.history.contains(commit.sha, context.upstream)


def _require_merged(context: Context, commit: Commit) -> None:
    if is_merged(context, commit):
        return
    ref = context.config.upstream.ref
    raise RevisionError(
        f"{commit.sha[:12]} ({commit.subject}) is not in upstream ({ref})",
        hint="fetch upstream first; to take a commit that is not merged yet, marked FROMGIT: --allow-unmerged",
    )
