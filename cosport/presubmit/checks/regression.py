"""What TEST= claims of a regression job is on record: run by cosport, for this very tree, with a good verdict."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from cosport.message.finding import Severity
from cosport.presubmit.check import Answer, Check, NotApplicable, Reads
from cosport.presubmit.finding import Place, Rule
from cosport.presubmit.kind import PLAIN
from cosport.records import notes
from cosport.records.record import Kind as RecordKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cosport.model.commit import Sha
    from cosport.presubmit.change import Change
    from cosport.presubmit.finding import Finding

UNPROVEN: Final = Rule(
    "regression-unproven", Severity.BLOCK,
    "TEST= claims a regression job, and no verdict of one is on record for this commit or its tree. Run it (cosport "
    "regress run WORKLOAD --with COMMIT), and share the record: cosport record push REMOTE.",
)  # fmt: skip
ELSEWHERE: Final = Rule(
    "regression-elsewhere", Severity.WARN,
    "The job was run for the commit that this was picked from: that the fix works there does not show that it "
    "works here.",
)  # fmt: skip
BAD: Final = Rule(
    "regression-verdict", Severity.BLOCK, "The job's verdict on record does not bear out what TEST= says."
)
OPEN: Final = Rule("regression-inconclusive", Severity.WARN, "The job could not tell: run it again, with more repeats.")

_CLAIM: Final = re.compile(
    r"\bcosport regress(?: run)? +([a-z0-9][a-z0-9_-]{0,60})|\bregression job: *([a-z0-9_-]{1,60})"
)
_GOOD: Final = frozenset({"fixes", "holds"})
_UNDECIDED: Final = frozenset({"inconclusive", "harness-error", "not-applicable"})


def judge(change: Change) -> Answer:
    """Compare each claim with the records."""
    trailer = change.message.last("TEST")
    claims = {match[1] or match[2] for match in _CLAIM.finditer(trailer.full)} if trailer is not None else set()
    if trailer is None or not claims:
        return NotApplicable("TEST= claims no regression job", always=True)
    place = Place.message(trailer.line)
    return tuple(finding for workload in sorted(claims) for finding in _proven(change, workload, place))


def _proven(change: Change, workload: str, place: Place) -> Iterator[Finding]:
    own = _newest(change, _same(change), workload)
    if own is None:
        above = [commit.sha for commit in (change.source, *change.upstream) if commit is not None]
        there = _newest(change, above, workload)
        if there is not None and there.get("verdict") in _GOOD:
            yield ELSEWHERE.finding(f"the verdict of {workload} is on record for {above[0][:12]} only", place)
        else:
            yield UNPROVEN.finding(f"no verdict of {workload} is on record for {change.commit.sha[:12]}", place)
        return
    verdict = str(own.get("verdict", ""))
    if verdict not in _GOOD:
        yield (OPEN if verdict in _UNDECIDED else BAD).finding(f"the verdict of {workload} on record: {verdict}", place)


def _same(change: Change) -> list[Sha]:
    """The commit, and recorded ones of the same tree and parent: another message is not another kernel."""
    found = [change.commit.sha]
    for sha in notes.read_all(change.context.reader):
        read = change.context.reader.read(sha)
        if sha != change.commit.sha and read is not None and read[1] == "commit":
            other = change.context.reader.commit(sha)
            if other.tree == change.commit.tree and other.parents == change.commit.parents:
                found.append(sha)
    return found


def _newest(change: Change, commits: list[Sha], workload: str) -> dict[str, Any] | None:
    """What the newest record of that workload says, of any of these commits."""
    held = [
        each
        for sha in commits
        for each in notes.read(change.context.reader, sha)
        if each.kind is RecordKind.REGRESS and each.data.get("workload") == workload
    ]
    return max(held, key=lambda each: each.at).data if held else None


CHECK: Final = Check(
    "regression", "A regression job that TEST= claims is on record, with a good verdict.", PLAIN,
    (UNPROVEN, BAD, ELSEWHERE, OPEN), judge, reads=frozenset({Reads.RECORDS}),
)  # fmt: skip
