"""What each commit reaches: the chains of branches, in memory and in the file, and the graph that they are made of."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from cosport.history.graph import Chain, Graph, chain, extend, fork, ranks
from cosport.store import sealed

if TYPE_CHECKING:
    from cosport.store import Store

_CHAINS: Final = 8
"""Chains kept in memory: four bytes a commit each."""

_KEPT: Final = 32
"""Chains of ref tips kept in the file."""


class Reach:
    """What one commit (`target`) can reach: the question behind "does the branch hold it?"."""

    __slots__ = ("chain", "position", "target")

    def __init__(self, held: Chain, position: int, target: int) -> None:
        self.chain = held
        self.position = position
        self.target = target

    def holds(self, rank: int) -> bool:
        """Whether the target reaches that commit."""
        return self.chain.entry(rank) <= self.position

    def order(self, rank: int) -> tuple[int, int]:
        """When the commit came to this branch, to compare with others: position on the first-parent line, then rank."""
        return self.chain.entry(rank), rank


class Lines:
    """The first-parent lines of one history. `tips` are what refs lead to: their chains are kept in the file."""

    def __init__(self, store: Store) -> None:
        self.tips: tuple[int, ...] = ()
        self._store = store
        self._graph: Graph | None = None
        self._chains: OrderedDict[int, Chain] = OrderedDict()

    def forget_graph(self) -> None:
        """Read the graph anew when next asked for: commits have come. Chains stay true."""
        self._graph = None

    @property
    def graph(self) -> Graph:
        """Everybody's parents; read from the file when first asked for."""
        if self._graph is None:
            graph = Graph()
            for parents, merges in self._store.rows("SELECT parents, merges FROM segments ORDER BY first"):
                graph.append(self._store.unsealed(parents), self._store.unsealed(merges))
            self._graph = graph
        return self._graph

    def reach(self, rank: int) -> Reach:
        """What that commit reaches. The first question on a line costs a pass over it, later ones nothing."""
        for tip, held in self._chains.items():
            position = held.position(rank)
            if position >= 0:
                self._chains.move_to_end(tip)
                return Reach(held, position, rank)
        held = self._chain(rank)
        self._chains[held.tip] = held
        if len(self._chains) > _CHAINS:
            self._chains.popitem(last=False)
        return Reach(held, held.position(rank), rank)

    def _chain(self, rank: int) -> Chain:
        """A chain that `rank` stands on: from the file, an older one made longer, or a new one, best of a ref's tip."""
        if (stored := self._stored(rank)) is not None:
            return stored
        graph = self.graph
        tip = self._tip_above(rank)
        if tip != rank and (stored := self._stored(tip)) is not None:
            return stored
        for older in sorted((each for each in self._chains if each < tip), reverse=True):
            if extend(graph, self._chains[older], tip):
                held = self._chains.pop(older)
                break
        else:
            held = self._longer(tip) or fork(graph, tuple(self._chains.values()), tip) or chain(graph, tip)
        if tip in self.tips:
            self._keep(held)
        return held

    def _tip_above(self, rank: int) -> int:
        first = self.graph.first
        for tip in self.tips[:_KEPT]:
            at = tip
            while at > rank:
                at = first[at]
            if at == rank:
                return tip
        return rank

    def _longer(self, tip: int) -> Chain | None:
        """The chain of an older tip in the file, made longer to `tip`: a branch that moved on since."""
        older = {row[0] for row in self._store.rows("SELECT tip FROM chains WHERE tip < ?", (tip,))}
        at = tip
        while older and at >= min(older):
            if at in older:
                held = self._stored(at)
                return held if held is not None and extend(self.graph, held, tip) else None
            at = self.graph.first[at]
        return None

    def _stored(self, tip: int) -> Chain | None:
        row = self._store.one("SELECT chain, entries FROM chains WHERE tip=?", (tip,))
        if row is None:
            return None
        line, entries = ranks(), ranks()
        line.frombytes(self._store.unsealed(row[0]))
        entries.frombytes(self._store.unsealed(row[1]))
        return Chain(line, entries)

    def _keep(self, held: Chain) -> None:
        with self._store.transaction():
            self._store.write(
                "INSERT OR REPLACE INTO chains VALUES (?,?,?,?)",
                (held.tip, int(time.time()), sealed(held.line.tobytes()), sealed(held.entries.tobytes())),
            )
            self._store.write(
                "DELETE FROM chains WHERE tip NOT IN (SELECT tip FROM chains ORDER BY used DESC, tip DESC LIMIT ?)",
                (_KEPT,),
            )
