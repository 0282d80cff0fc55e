"""Where a fix stands on the branches that neither picked nor miss it: there already, not needed, or waiting for main.

Tens of thousands of pairs are asked, so each branch is read once as a whole (`cosport.history.missing_holding`); the
answers are those of `cosport plan`, in its words and with its evidence. What nobody knows gets no cell.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cosport.history.affected import Target, Verdict, fixed_by, weigh
from cosport.history.missing_holding import Holding
from cosport.history.missing_sayings import Names, collect
from cosport.model.commit import Sha
from cosport.model.evidence import EvidenceKind
from cosport.model.result import Outcome
from cosport.site.gather import Releases
from cosport.site.model import Cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cosport.history.affected import Held
    from cosport.history.index import History
    from cosport.site.gather import Branch
    from cosport.site.model import Fix

LACKING: Final = ("missing", "maybe missing")
"""The states of a branch that needs the fix: where its main branch lacks it too, it has to wait for that one."""


def fill(
    history: History, upstream: Sha, fixes: Iterable[Fix], branches: Sequence[Branch], mains: Mapping[str, Branch]
) -> list[Fix]:
    """The fixes with the cells that the history knows; `mains` are the main branches of release branches, by name."""
    made = list(fixes)
    targets: dict[str, tuple[Target, ...]] = {}
    for branch in branches:
        blank = [at for at, fix in enumerate(made) if _open(fix.cells.get(branch.name), branch.name in mains)]
        if not blank:
            continue
        for at in blank:
            if made[at].sha not in targets:
                targets[made[at].sha] = fixed_by(history, Sha(made[at].sha))
        asked = {made[at].sha: targets[made[at].sha] for at in blank}
        here = _Side(history, upstream, branch, asked)
        above = _Side(history, upstream, mains[branch.name], asked) if branch.name in mains else None
        for at in blank:
            fix = made[at]
            cell = _cell(here, above, fix, asked[fix.sha])
            if cell is not None:
                made[at] = replace(fix, cells={**fix.cells, branch.name: cell})
    return made


def _open(cell: Cell | None, waits: bool) -> bool:
    """Whether there is more to say than the cell does."""
    return cell is None or (waits and cell.outcome in LACKING)


def _cell(here: _Side, above: _Side | None, fix: Fix, targets: tuple[Target, ...]) -> Cell | None:
    sha = Sha(fix.sha)
    known = fix.cells.get(here.name)
    why, verdict = (known.why, Verdict.YES) if known is not None else ("", Verdict.UNKNOWN)
    if known is None:
        is_held, evidence = here.ask(sha)
        if is_held:
            said = "; ".join(each.detail for each in evidence)
            release = here.release(sha) if evidence[0].kind is EvidenceKind.ANCESTOR else ""
            return Cell(here.name, Outcome.ALREADY_APPLIED, release=release, why=said)
        needs = weigh(here.history, targets, here.ask)
        why, verdict = "; ".join(each.detail for each in needs.evidence), needs.verdict
        if verdict is Verdict.NO:
            return Cell(here.name, Outcome.NOT_AFFECTED, why=why)
    if above is not None and not above.ask(sha)[0]:
        return Cell(here.name, Outcome.WAITS_FOR_MAIN, why=f"{why}; not in {above.name} yet, where it must land first")
    return Cell(here.name, "affected", why=why) if known is None and verdict is Verdict.YES else None


class _Side:
    """What one branch holds, asked about many commits."""

    def __init__(
        self, history: History, upstream: Sha, branch: Branch, asked: Mapping[str, tuple[Target, ...]]
    ) -> None:
        self.history = history
        self.name = branch.name
        reach, above = history.reach(branch.tip), history.reach(upstream)
        sayings = collect(history, above, reach)
        self._holding = Holding(history, reach, above, sayings, Names(history, sayings))
        self._releases = Releases(history, reach)
        names = [Sha(sha) for sha in asked]
        names += [each.sha for targets in asked.values() for each in targets if each.sha is not None]
        ranks = [history.rank(sha) for sha in dict.fromkeys(names)]
        history.load(ranks)
        self._holding.prepare(ranks)

    def ask(self, sha: Sha) -> Held:
        """As `cosport.history.applied`."""
        rank = self.history.rank(sha)
        return self._holding.holds(rank), self._holding.evidence(rank)

    def release(self, sha: Sha) -> str:
        """The first tag of the branch that holds a commit by ancestry."""
        return self._releases.of(self.history.rank(sha))
