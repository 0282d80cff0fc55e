"""Finds the commits of a branch that make the same patch as an upstream commit, without diffing the whole branch.

Only commits of the branch that upstream does not hold and whose origin is not known come into question; of these only
the set of touched paths is computed, once, and kept; and a patch-id only where that set is the same. Of a commit that
is no upstream's the patch may be one of upstream's own, too, and those are far too many to look at each: there the same
subject must come with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cosport.history.picks import picks_among
from cosport.history.schema import REAL_HISTORY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cosport.history.graph import Chain, Graph
    from cosport.history.index import History, Reach
    from cosport.model.commit import Sha

_MOST: Final = 1 << 15
"""Commits of its own that a branch has at most; so many take some seconds, once."""


def same_patch(history: History, upstream: int, reach: Reach) -> list[tuple[int, str]]:
    """Rank and patch-id of the commits that `reach` holds and that make the patch of `upstream`, oldest first."""
    boundary = _boundary(history, upstream, reach)
    whole = prepare(history, reach.chain, boundary)
    own = whole and boundary.holds(upstream) and boundary.chain is not reach.chain
    alike = set() if own else set(_same_subject(history, upstream))
    if key := _key(history, upstream):
        alike.update(row[0] for row in history.store.rows("SELECT rank FROM paths WHERE key=?", (key,)))
    candidates = sorted(rank for rank in alike if rank != upstream and reach.holds(rank))
    if not candidates or not key:
        return []
    patches = patch_ids_of(history, [upstream, *candidates])
    wanted = patches.get(upstream)
    return [(rank, wanted) for rank in candidates if wanted and patches.get(rank) == wanted]


def _same_subject(history: History, rank: int) -> list[int]:
    return [each for each in history.with_subject(history.entry(rank).subject) if not history.graph.is_merge(each)]


def prepare(history: History, line: Chain, boundary: Reach) -> bool:
    """Compute the touched paths of all commits in question on a whole line; False where they are too many for that."""
    end = len(line.line) - 1
    done = line.prepared.get(boundary.target, -1)
    if done >= end:
        return True
    kept = line.tip in history.tips and boundary.target in history.tips
    before = "SELECT 1 FROM prepared WHERE tip=? AND boundary=?"
    if done < 0 and kept and history.store.one(before, (line.tip, boundary.target)):
        line.prepared[boundary.target] = end
        return True
    asked = exclusive(history.graph, line, boundary, done)
    if asked is None:
        return False
    _keep_keys(history, _unknown(history, asked))
    if kept:
        with history.store.transaction():
            history.store.write("INSERT OR IGNORE INTO prepared VALUES (?,?)", (line.tip, boundary.target))
    line.prepared[boundary.target] = end
    return True


def _unknown(history: History, asked: Sequence[int]) -> list[int]:
    """Those whose origin and touched paths are not known, in their order."""
    if not asked:
        return []
    span = (min(asked), max(asked))
    known = {row[0] for row in history.store.rows("SELECT rank FROM paths WHERE rank BETWEEN ? AND ?", span)}
    rest = sorted(rank for rank in asked if rank not in known)
    picks = picks_among(history, rest)
    return [rank for rank in rest if rank not in picks]


def exclusive(graph: Graph, line: Chain, boundary: Reach, done: int = -1) -> list[int] | None:
    """The commits, no merges, that entered `line` after position `done` and that `boundary` does not reach.

    None where there are more than a branch's own can be: the other line left this one long ago, and is a branch itself.
    """
    found = []
    seen = {line.tip}
    stack = [line.tip]
    while stack:
        rank = stack.pop()
        if boundary.holds(rank) or line.entry(rank) <= done:
            continue
        parents = graph.parents(rank)
        if len(parents) < 2:
            found.append(rank)
            if len(found) > _MOST:
                return None
        for parent in parents:
            if parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return found


def _boundary(history: History, upstream: int, reach: Reach) -> Reach:
    """What upstream reaches: its configured tip, else a ref that holds the commit, else the commit itself."""
    if history.upstream is not None:
        return history.reach(history.entry(history.upstream).sha)
    for tip in history.tips[:8]:
        if tip >= upstream and tip != reach.chain.tip:
            other = history.reach(history.entry(tip).sha)
            if other.chain is not reach.chain and other.holds(upstream) and other.position == len(other.chain.line) - 1:
                return other
    return history.reach(history.entry(upstream).sha)


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
        history.load(some)
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
