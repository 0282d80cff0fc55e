"""Blocks what is of no known kind: what nobody can compare with anything, nobody can judge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cosport.message.finding import Severity
from cosport.presubmit.check import Answer, Check
from cosport.presubmit.finding import Rule
from cosport.presubmit.kind import EVERY, Kind

if TYPE_CHECKING:
    from cosport.presubmit.change import Change

UNKNOWN: Final = Rule(
    "kind-unknown",
    Severity.BLOCK,
    "Every commit on a stable branch is a pick, a squash, a revert, a reapply, configuration, the house's own, or a "
    "merge of a stable release. Say where it comes from: `(cherry picked from commit X)` with the whole sha, or `This "
    "reverts commit X.`; a commit of the house's own starts its subject with a prefix of presubmit.distribution.",
)


def judge(change: Change) -> Answer:
    """Whether the kind is known."""
    return (UNKNOWN.finding(change.classified.how),) if change.kind is Kind.UNKNOWN else ()


CHECK: Final = Check("kind", "The commit is of a known kind.", EVERY, (UNKNOWN,), judge)
