"""Finds the commits of a branch that make the same patch as an upstream commit, without diffing the whole branch.

Only commits of the branch that upstream does not hold and whose origin is not known come into question; of these only
the set of touched paths is computed, once, and kept; and a patch-id only where that set is the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosport.history.graph import NEVER, Chain, Graph
from cosport.history.picks import is_pick
from cosport.history.schema import REAL_HISTORY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cosport.history.index import History, Reach
    from cosport.model.commit import Sha


def same_patch(history: History, upstream: int, reach: Reach) -> list[tuple[int, str]]:
    """Rank and patch-id of the commits that `reach` holds and that make the patch of `upstream`, oldest first."""
    prepare(history, upstream, reach)
    key = _key(history, upstream)
    if not key:
        return []
    rows = history.store.rows("SELECT rank FROM paths WHERE key=? AND rank<>? ORDER BY rank", (key, upstream))
    candidates = [row[0] for row in rows if reach.holds(row[0])]
    if not candidates:
        return []
    patches = patch_ids_of(history, [upstream, *candidates])
    wanted = patches.get(upstream)
    return [(rank, wanted) for rank in candidates if wanted and patches.get(rank) == wanted]


def prepare(history: History, upstream: int, reach: Reach) -> int:
    """Compute the touched paths of all commits in question on the target's whole line; how many were new."""
    boundary = _boundary(history, upstream, reach)
    line = reach.chain
    end = len(line.line) - 1
    done = line.prepared.get(boundary.tip, -1)
    if done >= end:
        return 0
    kept = line.tip in history.tips and boundary.tip in history.tips
    before = "SELECT 1 FROM prepared WHERE tip=? AND boundary=?"
    if done < 0 and kept and history.store.one(before, (line.tip, boundary.tip)):
        line.prepared[boundary.tip] = end
        return 0
    wanted = [
        rank
        for rank in exclusive(history.graph, line, boundary, done)
        if not history.store.one("SELECT 1 FROM paths WHERE rank=?", (rank,)) and not is_pick(history, rank)
    ]
    _keep_keys(history, sorted(wanted))
    if kept:
        with history.store.transaction():
            history.store.write("INSERT OR IGNORE INTO prepared VALUES (?,?)", (line.tip, boundary.tip))
    line.prepared[boundary.tip] = end
    return len(wanted)


def exclusive(graph: Graph, line: Chain, boundary: Chain, done: int = -1) -> list[int]:
    """The commits, no merges, that entered `line` after position `done` and that `boundary`'s tip does not reach."""
    found = []
    seen = {line.tip}
    stack = [line.tip]
    while stack:
        rank = stack.pop()
        if boundary.entry(rank) != NEVER or line.entry(rank) <= done:
            continue
        parents = graph.parents(rank)
        if len(parents) < 2:
            found.append(rank)
        for parent in parents:
            if parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return found


def _boundary(history: History, upstream: int, reach: Reach) -> Chain:
    """Upstream's chain: of its configured tip where that holds the commit, else of a ref that does, else its own."""
    tips = ([history.upstream] if history.upstream is not None else []) + list(history.tips[:8])
    for tip in tips:
        if tip >= upstream and tip != reach.chain.tip:
            other = history.reach(history.entry(tip).sha)
            if other.chain is not reach.chain and other.holds(upstream) and other.position == len(other.chain.line) - 1:
                return other.chain
    return history.reach(history.entry(upstream).sha).chain


def _key(history: History, rank: int) -> int:
    key = history.new_keys.get(rank)
    if key is not None:
        return key
    row = history.store.one("SELECT key FROM paths WHERE rank=?", (rank,))
    if row is not None:
        return int(row[0])
    (key,) = history.touched.keys([history.entry(rank).sha])
    history.new_keys[rank] = key
    if len(history.new_keys) >= 1024:
        history.flush()
    return key


def _keep_keys(history: History, ranks: list[int]) -> None:
    for start in range(0, len(ranks), 1024):
        some = ranks[start : start + 1024]
        keys = list(history.touched.keys([history.entry(rank).sha for rank in some]))
        with history.store.transaction():
            history.store.many("INSERT OR IGNORE INTO paths VALUES (?,?)", zip(some, keys, strict=True))


def patch_ids_of(history: History, ranks: Iterable[int]) -> dict[int, str]:
    """The patch-id of each of these commits ("": it has none), computed once and kept."""
    found: dict[int, str] = {}
    unknown: dict[Sha, int] = {}
    for rank in ranks:
        row = history.store.one("SELECT patch_id FROM patches WHERE rank=?", (rank,))
        if row is None:
            unknown[history.entry(rank).sha] = rank
        else:
            found[rank] = row[0]
    if unknown:
        from cosport.compare.patchid import patch_ids

        computed = patch_ids(history.repository.with_environment(REAL_HISTORY), unknown)
        rows = [(rank, computed.get(sha, "")) for sha, rank in unknown.items()]
        with history.store.transaction():
            history.store.many("INSERT OR IGNORE INTO patches VALUES (?,?)", rows)
        found.update(rows)
    return found
