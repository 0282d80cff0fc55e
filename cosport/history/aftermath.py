"""What became of a commit upstream after it was taken there: whether it still stands, and what a pick of it leaves out.

To pick a fix that upstream has taken back, or without the fix of the fix, brings a branch a bug that is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosport.history.affected import fixed_by, followups
from cosport.history.applied import applied
from cosport.history.picks import origins
from cosport.history.reverts import Reverts

if TYPE_CHECKING:
    from cosport.history.index import Entry, History
    from cosport.model.commit import Sha
    from cosport.model.evidence import Followup


def reverted_by(history: History, sha: Sha, upstream: Sha) -> Entry | None:
    """The commit that reverted `sha` upstream for good; None where it stands there, or stands there again."""
    rank = history.rank(sha)
    reach = history.reach(upstream)
    if not reach.holds(rank):
        return None
    killer = Reverts(history, reach).of(rank, (sha, *origins(history, sha)))
    if killer is None or applied(history, sha, upstream, patches=False).applied:  # applied: another commit reapplies it
        return None
    return history.entry(killer)


def lacking(history: History, sha: Sha, upstream: Sha, branch: Sha) -> tuple[Followup, ...]:
    """The later upstream commits that fix or revert `sha`, or fix such a fix, and that `branch` lacks; oldest first.

    What upstream has reverted for good is left out, and so is its revert: together they change nothing.
    """
    found = []
    later = followups(history, sha, within=upstream)
    # Those whose reverts tell nothing: they are left out themselves, or stand upstream all the same.
    gone = {sha} if later and reverted_by(history, sha, upstream) is None else set()
    for each in later:
        if each.kind == "reverts" and gone.intersection(_reverted(history, each.sha)):
            continue
        if reverted_by(history, each.sha, upstream) is not None:
            gone.add(each.sha)
        elif not applied(history, each.sha, branch, patches=False).applied:
            found.append(each)
    return tuple(found)


def _reverted(history: History, sha: Sha) -> tuple[Sha, ...]:
    return tuple(each.sha for each in fixed_by(history, sha) if each.sha is not None)
