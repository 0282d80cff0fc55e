"""A revert or reapply says what it takes or brings back, and the branch has that to take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cosport.message.finding import Severity
from cosport.presubmit.check import Answer, Check, Reads
from cosport.presubmit.finding import Place, Rule
from cosport.presubmit.kind import RETURNS

if TYPE_CHECKING:
    from cosport.presubmit.change import Change

NAMELESS: Final = Rule(
    "revert-no-sha", Severity.WARN,
    "Say which commit: `This reverts commit <40 digits>.`, and why. A subject alone may belong to several commits.",
)  # fmt: skip
UNKNOWN: Final = Rule("revert-unknown", Severity.WARN, "The commit that it names is not here: correct the name.")
ABSENT: Final = Rule(
    "revert-absent", Severity.WARN, "The branch does not hold what this takes back: is it the right commit, or branch?"
)
PRESENT: Final = Rule("reapply-present", Severity.WARN, "The branch holds it still: nothing was taken back.")


def judge(change: Change) -> Answer:
    """Follow what it names."""
    if not change.said.reverts and not change.said.reapplies:
        return (NAMELESS.finding("it does not name the commit by its sha", Place.message(1)),)
    if not change.returned:
        names = ", ".join((*change.said.reverts, *change.said.reapplies)[:3])
        return (UNKNOWN.finding(f"no commit {names} is in this repository"),)
    found = []
    for commit in change.returned:
        holds = change.held(commit.sha).applied
        if change.takes_back and not holds:
            found.append(ABSENT.finding(f'{commit.sha[:12]} ("{commit.subject}") is not in the branch'))
        if not change.takes_back and holds:
            found.append(PRESENT.finding(f'{commit.sha[:12]} ("{commit.subject}") is in the branch'))
    return tuple(found)


CHECK: Final = Check(
    "reverts", "A revert or reapply names its commit, which the branch has or had.", RETURNS,
    (NAMELESS, UNKNOWN, ABSENT, PRESENT), judge, reads=frozenset({Reads.TARGET}),
)  # fmt: skip
