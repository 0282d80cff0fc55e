"""What stands in a branch after all reverts: a revert takes back what came before it; its own revert restores that.

In doubt a revert counts, because "already applied" said wrongly loses a fix, and "not applied" said wrongly costs one
empty merge, which the pick then notices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosport.history.picks import carriers, origins, resolve, reverted_names
from cosport.history.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cosport.history.index import History, Reach
    from cosport.model.commit import Sha


class Reverts:
    """The reverts on one branch, asked about one commit and those that carry it."""

    def __init__(self, history: History, reach: Reach) -> None:
        self._history = history
        self._reach = reach
        self._reverters: dict[frozenset[Sha], dict[int, frozenset[Sha]]] = {}

    def of(self, rank: int, family: Iterable[Sha], seen: frozenset[int] = frozenset()) -> int | None:
        """The commit of the branch that reverted the commit `rank` of it for good; None while it stands.

        `family` are the names under which others know it: its own, upstream's, those of other picks of it. A revert
        that names this very commit counts wherever it stands; one that names another of the family, or upstream's
        subject alone, or that is itself the pick of an upstream revert, counts if it came to the branch later.
        """
        own = self._history.entry(rank).sha
        names = frozenset({own, *family})
        for reverter, direct in sorted(self.reverters(names).items(), key=lambda item: self._reach.order(item[0])):
            if reverter == rank or reverter in seen or not self._reach.holds(reverter):
                continue
            if own not in direct and self._reach.order(reverter) < self._reach.order(rank):
                continue
            itself = self._history.entry(reverter).sha
            if self.of(reverter, (itself, *origins(self._history, itself)), seen | {rank}) is None:
                return reverter
        return None

    def reverters(self, names: frozenset[Sha]) -> dict[int, frozenset[Sha]]:
        """All commits that revert one of `names`, with the names that they state; picks of such commits included."""
        if (known := self._reverters.get(names)) is not None:
            return known
        history = self._history
        found: dict[int, set[Sha]] = {}
        for name in names:
            rank = history.find(name)
            subject = history.entry(rank).subject if rank is not None else ""
            for statement in history.naming(Kind.REVERTS, name):
                # An abbreviation that fits several commits counts in doubt: see above.
                found.setdefault(statement.rank, set()).add(name)
            for statement in history.saying(Kind.REVERTS_SUBJECT, subject) if subject else ():
                stated = reverted_names(history, statement.rank)
                if all(resolve(history, each) is None for each in stated):
                    found.setdefault(statement.rank, set())
        for rank in list(found):
            for carrier in carriers(history, (history.entry(rank).sha,)):
                found.setdefault(carrier, set())
        self._reverters[names] = result = {rank: frozenset(direct) for rank, direct in found.items()}
        return result
