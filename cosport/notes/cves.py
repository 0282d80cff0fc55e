"""The CVEs that a range has to do with: their state in the new release, in the one before, and on each branch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosport.cve.record import id_order
from cosport.cve.state import Judgement, State, judge
from cosport.history.cves import BranchHistory
from cosport.history.facts import since
from cosport.model.severity import Severity
from cosport.notes.document import Cell, Cve
from cosport.notes.entries import address, clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cosport.config import Notes
    from cosport.cve.index import CveIndex
    from cosport.cve.record import Record
    from cosport.history.index import History
    from cosport.model.commit import Sha


class Judge:
    """Judges CVEs in releases and branches. `tags` date the fixes: names and commits."""

    def __init__(
        self, history: History, index: CveIndex | None, settings: Notes, tags: Sequence[tuple[str, Sha]]
    ) -> None:
        self._history = history
        self._index = index
        self._settings = settings
        self._tags = tags
        self._branches: dict[Sha, BranchHistory] = {}

    def all(
        self,
        commits: Mapping[str, tuple[Sha, ...]],
        new: Sha,
        old: Sha | None,
        branches: Sequence[tuple[str, Sha]],
    ) -> tuple[Cve, ...]:
        """What is known of each CVE, by their numbers; `commits` are those of the range that have to do with each."""
        return tuple(self._cve(cve, commits[cve], new, old, branches) for cve in sorted(commits, key=id_order))

    def judge(self, record: Record, tip: Sha) -> Judgement:
        """The state of one CVE at one commit."""
        if tip not in self._branches:
            beside = next(iter(self._branches.values()), None)
            self._branches[tip] = BranchHistory(self._history, tip, beside=beside)
        return judge(record, self._branches[tip])

    def state(self, cve: str, tip: Sha) -> State:
        """The state of a CVE at one commit; unknown where there is no record of it."""
        record = self.record(cve)
        return self.judge(record, tip).state if record is not None else State.UNKNOWN

    def record(self, cve: str) -> Record | None:
        """The record of a CVE, where there is data and it has one."""
        return self._index.record(cve) if self._index is not None else None

    def _cve(
        self,
        cve: str,
        commits: tuple[Sha, ...],
        new: Sha,
        old: Sha | None,
        branches: Sequence[tuple[str, Sha]],
    ) -> Cve:
        record = self.record(cve)
        url = address(self._settings.cve_url, id=cve)
        if record is None:
            none = State.UNKNOWN
            return Cve(cve, url, "", Severity.UNKNOWN, None, False, none, none, commits, (), ())
        judged = self.judge(record, new)
        return Cve(
            id=cve,
            url=url,
            title=clean(record.title),
            severity=record.severity,
            score=record.score,
            recorded=True,
            state=judged.state,
            before=self.judge(record, old).state if old is not None else State.UNKNOWN,
            commits=tuple(dict.fromkeys(commits)),
            evidence=tuple(dict.fromkeys(clean(each) for each in evidence(judged))),
            branches=tuple(self._cell(record, clean(name), tip) for name, tip in branches),
        )

    def _cell(self, record: Record, branch: str, tip: Sha) -> Cell:
        judged = self.judge(record, tip)
        carriers = [fix.holding.carrier for fix in judged.fixes if fix.holding.carrier is not None]
        if judged.state is not State.FIXED or not carriers:
            return Cell(branch, judged.state, None, "")
        history = self._history
        reach = history.reach(tip)
        last = max(carriers, key=lambda sha: reach.order(history.rank(sha)))
        return Cell(branch, judged.state, last, clean(since(history, history.rank(last), reach, self._tags)))


def evidence(judged: Judgement) -> list[str]:
    """How a state is known, in sentences."""
    found = [each.detail for fix in judged.fixes for each in fix.holding.evidence]
    found += [
        f"{fix.commit[:12]} is not needed: what brought the bug is absent"
        for fix in judged.fixes
        if fix.needed is False and fix.holding.carrier is None
    ]
    found += [
        f"what brought it is there: {each.evidence[0].detail}"
        for each in judged.introductions
        if each.held == "yes" and each.evidence
    ]
    return found
