"""All that is known of one upstream commit: what it fixes, what fixes or reverts it, and which branches hold it."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cosport.history.affected import Affected, Target, affected, fixed_by, followups
from cosport.history.applied import Applied, applied
from cosport.history.picks import carriers, origins
from cosport.history.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.history.index import Entry, History, Reach
    from cosport.model.commit import Sha
    from cosport.model.evidence import Followup

_FEW: Final = 16
"""So many tips are asked one by one; of more, those that hold the commit are found by one pass over the history."""


@dataclass(frozen=True, slots=True)
class Place:
    """One branch and the commit: whether it holds it, since which tag ("": none), else whether it needs it."""

    branch: str
    tip: Sha
    applied: Applied
    since: str
    affected: Affected | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one commit. `wanted` are the versions for which it asks the stable trees to take it."""

    commit: Entry
    origins: tuple[Sha, ...]
    fixes: tuple[Target, ...]
    followups: tuple[Followup, ...]
    wanted: tuple[str, ...]
    places: tuple[Place, ...]


def facts(
    history: History, sha: Sha, branches: Sequence[tuple[str, Sha]], tags: Sequence[tuple[str, Sha]], *, all_named: bool
) -> Facts:
    """What is known of `sha` on `branches`, given by name and tip.

    With `all_named` each branch is told of; else only those that hold the commit or once did, and tags that do and
    stand on no such branch. `tags` also date when a branch got it.
    """
    rank = history.rank(sha)
    said = history.said_by(rank)
    named = list(branches) if all_named else _holders(history, sha, branches, tags)
    return Facts(
        commit=history.entry(rank),
        origins=origins(history, sha),
        fixes=fixed_by(history, sha),
        followups=followups(history, sha),
        wanted=tuple(each.detail for each in said if each.kind is Kind.CC_STABLE),
        places=tuple(_place(history, sha, name, tip, tags) for name, tip in named),
    )


def _place(history: History, sha: Sha, name: str, tip: Sha, tags: Sequence[tuple[str, Sha]]) -> Place:
    answer = applied(history, sha, tip)
    if answer.applied:
        assert answer.carrier is not None
        return Place(name, tip, answer, since(history, history.rank(answer.carrier), history.reach(tip), tags), None)
    return Place(name, tip, answer, "", affected(history, sha, tip))


def since(history: History, carrier: int, reach: Reach, tags: Sequence[tuple[str, Sha]]) -> str:
    """The first tag on the branch's own line that holds the carrier."""
    entry = reach.chain.entry(carrier)
    best: tuple[int, str] | None = None
    for name, sha in tags:
        position = reach.chain.position(history.rank(sha))
        if entry <= position <= reach.position and (best is None or (position, name) < best):
            best = (position, name)
    return best[1] if best is not None else ""


def _holders(
    history: History, sha: Sha, branches: Sequence[tuple[str, Sha]], tags: Sequence[tuple[str, Sha]]
) -> list[tuple[str, Sha]]:
    above = origins(history, sha)
    brought = {history.rank(sha), *carriers(history, (sha, *above))}
    brought.update(rank for each in above if (rank := history.find(each)) is not None)
    if len(branches) > _FEW:
        branches = _holding(history, brought, branches)
    reaches = [history.reach(tip) for _, tip in branches]
    found = [each for each, reach in zip(branches, reaches, strict=True) if any(reach.holds(rank) for rank in brought)]
    loose = [tag for tag in tags if not any(reach.holds(history.rank(tag[1])) for reach in reaches)]
    if len(loose) > _FEW:
        loose = _holding(history, brought, loose)
    for name, tip in sorted(loose, key=lambda tag: -history.rank(tag[1])):
        if any(reach.holds(history.rank(tip)) for reach in reaches):
            continue  # an older tag of the same line
        reaches.append(history.reach(tip))
        if any(reaches[-1].holds(rank) for rank in brought):
            found.append((name, tip))
    return found


def _holding(history: History, brought: set[int], named: Sequence[tuple[str, Sha]]) -> list[tuple[str, Sha]]:
    """Those tips that reach one of the commits `brought`, found by one pass over all later commits."""
    lowest = min(brought)
    graph = history.graph
    first, children, others = graph.first, graph.children, graph.others
    marked = bytearray(len(first) - lowest)
    for rank in brought:
        marked[rank - lowest] = 1
    merge = bisect_left(children, lowest)
    merges = len(children)
    for rank in range(lowest, len(first)):
        parent = first[rank]
        if parent >= lowest and marked[parent - lowest]:
            marked[rank - lowest] = 1
        while merge < merges and children[merge] == rank:
            if others[merge] >= lowest and marked[others[merge] - lowest]:
                marked[rank - lowest] = 1
            merge += 1
    return [each for each in named if (rank := history.rank(each[1])) >= lowest and marked[rank - lowest]]
