"""It changes something, and something that the branch does not hold already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cosport.message.finding import Severity
from cosport.presubmit.check import Answer, Check, Reads
from cosport.presubmit.finding import Rule
from cosport.presubmit.kind import CARRIERS, PLAIN

if TYPE_CHECKING:
    from cosport.presubmit.change import Change

EMPTY: Final = Rule(
    "commit-empty",
    Severity.BLOCK,
    "It changes no file: there is nothing to land. The branch may have the change already.",
)
APPLIED: Final = Rule(
    "already-applied", Severity.BLOCK,
    "The branch holds this change. Abandon this one; if the earlier one was wrong, revert it first, or say that this "
    "is what it left out.",
)  # fmt: skip


def judge(change: Change) -> Answer:
    """Look at the trees, and for the same change in the branch."""
    if not change.entries:
        return (EMPTY.finding("its tree is that of its parent"),)
    if change.kind not in CARRIERS or not change.upstream:
        return ()
    answers = [change.held(commit.sha) for commit in change.upstream]
    if not all(answer.applied for answer in answers) or change.explains:
        return ()
    text = "; ".join(answer.evidence[0].detail for answer in answers)
    return (APPLIED.finding(f"the branch holds it already: {text}"),)


CHECK: Final = Check(
    "needed", "It changes something that the branch does not hold already.", PLAIN, (EMPTY, APPLIED), judge,
    reads=frozenset({Reads.TARGET}),
)  # fmt: skip
