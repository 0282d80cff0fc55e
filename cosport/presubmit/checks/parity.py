"""No newer branch lacks what an older one gets: an upgrade must not bring a bug back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cosport.config import BranchKind
from cosport.history.affected import Verdict, affected
from cosport.history.applied import applied
from cosport.message.finding import Severity
from cosport.presubmit.branches import newer_than
from cosport.presubmit.check import Answer, Check, NotApplicable, Reads
from cosport.presubmit.finding import Rule
from cosport.presubmit.kind import CARRIERS, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cosport.config import Branch
    from cosport.model.commit import Sha
    from cosport.presubmit.change import Change
    from cosport.presubmit.finding import Finding

ABSENT: Final = Rule(
    "parity", Severity.WARN,
    "Users who upgrade to the newer branch lose this fix. Pick it there too: cosport backport SHA --to BRANCH.",
)  # fmt: skip
MERGED: Final = Rule(
    "parity-merge",
    Severity.WARN,
    "Users who upgrade to the newer branch lose these fixes: merge its stable release too.",
)

_SHOWN: Final = 5
_MOST: Final = 3000
"""Commits of a merge that are looked up in the newer branches."""


def judge(change: Change) -> Answer:
    """Look for the same fix in the newer branches."""
    newer = newer_than(change.context, change.target, BranchKind.MAIN)
    if not newer:
        return NotApplicable("no newer main branch is configured")
    if change.kind is Kind.LTS_MERGE:
        return tuple(_merged(change, newer))
    return tuple(finding for branch, tip in newer for finding in _absent(change, branch, tip))


def _absent(change: Change, branch: Branch, tip: Sha) -> Iterator[Finding]:
    history = change.context.history
    for commit in change.upstream:
        if applied(history, commit.sha, tip).applied or affected(history, commit.sha, tip).verdict is Verdict.NO:
            continue
        yield ABSENT.finding(f'{commit.sha[:12]} ("{commit.subject}") is not in {branch.name}, which is newer')


def _merged(change: Change, newer: Sequence[tuple[Branch, Sha]]) -> Iterator[Finding]:
    """What a merge brings, by the upstream commits that its commits say they carry."""
    history, commit = change.context.history, change.commit
    brought = change.context.repository.text("rev-list", *commit.parents[1:], f"^{commit.parents[0]}", "--").split()
    carried = [change.context.reader.resolve(name) for name in brought[:_MOST]]
    for branch, tip in newer:
        reach = history.reach(tip)
        lacks = [
            each
            for each in carried
            for sha in change.origins_of(each)
            if not reach.holds(history.rank(sha)) and not applied(history, sha, tip, patches=False).applied
        ]
        if lacks:
            shown = ", ".join(f'{each.sha[:12]} ("{each.subject}")' for each in lacks[:_SHOWN])
            yield MERGED.finding(f"{len(lacks)} merged fixes are not in {branch.name}, which is newer: {shown}")


CHECK: Final = Check(
    "parity", "Newer branches have the fix too.", CARRIERS | {Kind.LTS_MERGE}, (ABSENT, MERGED), judge,
    reads=frozenset({Reads.BRANCHES}),
)  # fmt: skip
