"""What a branch's history answers about the commits that a CVE record names: `cosport.cve.state` judges by it.

Records name commits by full names or their first digits, and some that are not in the repository at all: a backport on
a branch that was never fetched, or upstream's own commit in a clone of a stable tree, which only messages mention.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosport.cve.state import Held, Holding
from cosport.history.applied import applied
from cosport.history.picks import carriers, origins, resolve
from cosport.history.reverts import Reverts
from cosport.history.schema import Kind
from cosport.model.commit import Sha
from cosport.model.evidence import Evidence, EvidenceKind

if TYPE_CHECKING:
    from cosport.history.index import History


class BranchHistory:
    """One branch, by its tip, as `cosport.cve.state.Branch` asks for it.

    `patches=False` leaves out the comparison of patches, the one step that reads trees. `beside` is another branch of
    the same history, with which it shares what does not depend on the branch.
    """

    def __init__(
        self, history: History, tip: Sha, *, patches: bool = True, beside: BranchHistory | None = None
    ) -> None:
        self._history = history
        self._tip = tip
        self._patches = patches
        self._known: dict[str, Holding] = {}
        self._identities: dict[str, str] = beside._identities if beside is not None else {}
        self._stated: dict[str, str] = beside._stated if beside is not None else {}

    def holding(self, name: str) -> Holding:
        """Whether the branch holds the change of the commit `name`, net of reverts."""
        if name not in self._known:
            self._known[name] = self._holding(name)
        return self._known[name]

    def identity(self, name: str) -> str:
        """The upstream commit that `name` is a backport of: followed to the last commit that a message names."""
        if name not in self._identities:
            self._identities[name] = self._identity(name)
        return self._identities[name]

    def is_upstream(self, name: str) -> bool:
        """Whether upstream's branch, where one is configured, holds the commit `name`."""
        history, rank = self._history, resolve(self._history, name)
        if history.upstream is None or rank is None:
            return False
        return history.reach(history.entry(history.upstream).sha).holds(rank)

    def _holding(self, name: str) -> Holding:
        history = self._history
        ranks = history.starting(name)
        if len(ranks) > 1:
            detail = f"{name} fits {len(ranks)} commits of this repository"
            return Holding(name, Held.UNKNOWN, evidence=(Evidence(EvidenceKind.AFFECTED_UNKNOWN, detail),))
        if not ranks:
            return self._by_messages(name)
        answer = applied(history, history.entry(ranks[0]).sha, self._tip, patches=self._patches)
        if answer.applied:
            return Holding(name, Held.YES, answer.carrier, answer.evidence)
        if any(each.kind is EvidenceKind.REVERTED for each in answer.evidence):
            return Holding(name, Held.REVERTED, evidence=answer.evidence)
        if history.repository.is_shallow:
            detail = f"this clone is shallow: {name[:12]} may lie behind its end"
            return Holding(name, Held.UNKNOWN, evidence=(Evidence(EvidenceKind.AFFECTED_UNKNOWN, detail),))
        return Holding(name, Held.NO, evidence=answer.evidence)

    def _by_messages(self, name: str) -> Holding:
        """What messages say of a commit that is not in the repository."""
        history = self._history
        reach = history.reach(self._tip)
        full = self._written(name)
        carried = carriers(history, (Sha(full),))
        family = (Sha(full), *(history.entry(rank).sha for rank in carried))
        reverts = Reverts(history, reach)
        gone: list[Evidence] = []
        for rank in sorted((each for each in carried if reach.holds(each)), key=reach.order):
            entry = history.entry(rank)
            detail = f'{entry.sha[:12]} ("{entry.subject}") names {full} ({carried[rank].form})'
            killer = reverts.of(rank, family)
            if killer is None:
                return Holding(name, Held.YES, entry.sha, (Evidence(EvidenceKind.TRAILER, detail),))
            by = history.entry(killer)
            gone.append(Evidence(EvidenceKind.REVERTED, f'{detail}; reverted by {by.sha[:12]} ("{by.subject}")'))
        if gone:
            return Holding(name, Held.REVERTED, evidence=tuple(gone))
        detail = f"{name[:12]} is not in this repository, and no commit of the branch names it"
        return Holding(name, Held.UNKNOWN, evidence=(Evidence(EvidenceKind.AFFECTED_UNKNOWN, detail),))

    def _written(self, name: str) -> str:
        """The longest name of the same commit that a message states; `name` itself where several differ, or none."""
        if (known := self._stated.get(name)) is not None:
            return known
        low, high = name[:7].encode(), name[:6].encode() + bytes([ord(name[6]) + 1])
        sql = "SELECT DISTINCT named FROM statements WHERE named >= ? AND named < ? AND kind = ? AND kind < 8"
        rows = self._history.store.rows(sql, (low, high, int(Kind.ORIGIN)))
        stated = [text for row in rows if (text := row[0].decode("ascii", "replace")).startswith(name)]
        longest = max(stated, key=len, default=name)
        self._stated[name] = longest if all(longest.startswith(each) for each in stated) else name
        return self._stated[name]

    def _identity(self, name: str) -> str:
        history = self._history
        ranks = history.starting(name)
        if len(ranks) != 1:
            return name if ranks else self._written(name)
        sha = history.entry(ranks[0]).sha
        followed = (sha, *origins(history, sha))
        stated = [each.named for each in history.said_by(history.rank(followed[-1])) if each.kind is Kind.ORIGIN]
        beyond = [each for each in stated if not history.starting(each)]
        return beyond[0] if len(stated) == 1 and beyond else followed[-1]


__all__ = ["BranchHistory"]
