"""Whether *this* branch has the bug: what the commit fixes is there, as itself or as a backport, net of reverts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cosport.history.affected import Verdict, affected
from cosport.message.finding import Severity
from cosport.presubmit.check import Answer, Check, NotApplicable, Reads
from cosport.presubmit.finding import Place, Rule
from cosport.presubmit.kind import CARRIERS, Kind

if TYPE_CHECKING:
    from cosport.presubmit.change import Change

ABSENT: Final = Rule(
    "fixes-target-absent", Severity.WARN,
    "The branch lacks what this fixes: then it lacks the bug too, and the fix may break what works. Where the branch "
    "got the bug another way, say so in the message.",
)  # fmt: skip


def judge(change: Change) -> Answer:
    """Look for what is fixed in what the branch held before."""
    if not change.before:
        return NotApplicable("it is the first commit")
    found = []
    for commit in change.upstream or (change.commit,):
        answers = [affected(change.context.history, commit.sha, tip) for tip in change.before]
        if all(answer.verdict is Verdict.NO for answer in answers):
            place = _tag(change)
            found += [ABSENT.finding(each.detail, place) for each in answers[0].evidence]
    return tuple(found)


def _tag(change: Change) -> Place:
    trailer = change.message.last("Fixes")
    return Place.message(trailer.line) if trailer is not None else Place()


CHECK: Final = Check(
    "fixes-target", "What it fixes is in this branch.", CARRIERS | {Kind.DISTRIBUTION}, (ABSENT,), judge,
    reads=frozenset({Reads.TARGET}),
)  # fmt: skip
