"""The commits that `--with-followups` adds to a series: what upstream later fixed in it, and the branch lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosport.history import aftermath
from cosport.history.affected import fixed_by
from cosport.history.applied import applied

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.backport.context import Context
    from cosport.backport.target import Target
    from cosport.model.commit import Commit, Sha
    from cosport.model.evidence import Followup


def followups(
    context: Context, target: Target, commits: Sequence[Commit], series: Sequence[Commit]
) -> tuple[Commit, ...]:
    """The follow-ups of `commits` that the branch lacks and that do not stand in the `series` yet, oldest first.

    A revert is added where the branch holds what it reverts; with what is picked anew it would only undo the pick.
    """
    if context.upstream is None:
        return ()
    known = {each.sha for each in series}
    found: dict[Sha, None] = {}
    for commit in commits:
        for each in aftermath.lacking(context.history, commit.sha, context.upstream, target.tip):
            if each.sha not in known and (each.kind != "reverts" or _undoes(context, each, target)):
                found[each.sha] = None
    return tuple(context.reader.commit(name) for name in sorted(found, key=context.history.rank))


def _undoes(context: Context, revert: Followup, target: Target) -> bool:
    """Whether the branch holds something that the commit reverts."""
    reverted = (each.sha for each in fixed_by(context.history, revert.sha))
    return any(name is not None and applied(context.history, name, target.tip).applied for name in reverted)
