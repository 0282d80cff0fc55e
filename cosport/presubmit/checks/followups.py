"""What upstream did later to the picked commit: fixes of it, and reverts, that the branch lacks."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Final

from cosport.history.affected import followups
from cosport.history.reverts import Reverts
from cosport.message.finding import Severity
from cosport.presubmit import security
from cosport.presubmit.check import Answer, Check, CouldNotRun, Reads
from cosport.presubmit.finding import Rule
from cosport.presubmit.kind import CARRIERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cosport.history.declined import Decision
    from cosport.model.commit import Commit, Sha
    from cosport.model.evidence import Followup
    from cosport.presubmit.change import Change
    from cosport.presubmit.finding import Finding

SECURITY: Final = Rule(
    "security-followup-missing", Severity.BLOCK,
    "Upstream fixed a security hole in this commit later. Without that fix the branch gets the hole: pick both, as one "
    "series (cosport backport --with-followups).",
)  # fmt: skip
MISSING: Final = Rule(
    "followup-missing", Severity.WARN,
    "Upstream fixed this commit later, and the branch lacks that fix: pick both, as one series (cosport backport "
    "--with-followups).",
)  # fmt: skip
REVERTED: Final = Rule(
    "upstream-reverted", Severity.WARN,
    "Upstream took this commit back later, for good. See why before the branch gets it.",
)  # fmt: skip

DECLINED: Final = Rule(
    "followup-declined", Severity.INFO, "The team has decided not to take that fix to this branch (cosport decline)."
)

_CVE: Final = re.compile(rb"\bCVE-\d{4}-\d{4,}", re.IGNORECASE)


def judge(change: Change) -> Answer:
    """Follow what upstream says of the commits that it carries."""
    if change.context.upstream is None:
        return CouldNotRun("which branch is upstream's is not known: set upstream.ref in the configuration")
    return tuple(finding for commit in change.upstream for finding in _later(change, commit, change.context.upstream))


def _later(change: Change, commit: Commit, tip: Sha) -> Iterator[Finding]:
    history = change.context.history
    later = followups(history, commit.sha, within=tip)
    if any(each.kind == "reverts" for each in later):
        upstream = history.reach(tip)
        gone = Reverts(history, upstream).of(history.rank(commit.sha), (commit.sha,))
        if gone is not None and not change.has(history.entry(gone).sha):
            entry = history.entry(gone)
            yield REVERTED.finding(f'upstream took {commit.sha[:12]} back in {entry.sha[:12]} ("{entry.subject}")')
    lacks = [
        each
        for each in later
        if each.kind == "fixes" and not change.has(each.sha) and not _taken_back(change, each, tip)
    ]
    known = security.closed(change.context, [each.sha for each in lacks])
    for each in lacks:
        cves = known.get(each.sha) or _named(change, each)
        what = f" ({', '.join(cves)})" if cves else ""
        text = f'{each.sha[:12]} ("{each.subject}"){what} fixes {commit.sha[:12]}, and is not in the branch'
        decision = _decision(change, each, tip)
        if decision is None:
            yield (SECURITY if cves else MISSING).finding(text)
        elif decision.back:
            yield (SECURITY if cves else MISSING).finding(f"{text}; {decision.back}")
        else:
            yield DECLINED.finding(f"{text}: declined{_by(decision)}: {decision.decline.reason}")


def _decision(change: Change, followup: Followup, tip: Sha) -> Decision | None:
    """What the team has decided on that fix for this branch."""
    context = change.context
    if not context.declines:
        return None
    from cosport.history.declined import decide  # only where there are decisions: it reads TOML

    return decide(
        context.history, context.declines, followup.sha, change.target.name, upstream=tip,
        today=dt.datetime.now(tz=dt.UTC).date(),
        cves=lambda sha: security.closed(context, [sha]).get(sha, ()),
    )  # fmt: skip


def _by(decision: Decision) -> str:
    return f" by {decision.decline.by}" if decision.decline.by else ""


def _taken_back(change: Change, followup: Followup, tip: Sha) -> bool:
    """Whether upstream itself has reverted that fix for good."""
    history = change.context.history
    return Reverts(history, history.reach(tip)).of(history.rank(followup.sha), (followup.sha,)) is not None


def _named(change: Change, followup: Followup) -> tuple[str, ...]:
    """The CVEs that the fix's own message names."""
    found = _CVE.findall(change.context.reader.commit(followup.sha).message)
    return tuple(dict.fromkeys(each.decode("ascii").upper() for each in found))


CHECK: Final = Check(
    "followups", "Upstream's later fixes and reverts of it are in the branch too.", CARRIERS,
    (SECURITY, MISSING, REVERTED, DECLINED), judge,
    reads=frozenset({Reads.UPSTREAM, Reads.TARGET, Reads.CVE, Reads.DECLINES}),
)  # fmt: skip
