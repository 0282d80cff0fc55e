"""Finds the landed picks that do not say what they are: by who wrote them when, or by their patch.

Houses that write down no origins would have a site without one landed fix. The evidence is that of `cosport plan`
(`cosport.history.authorship`, `cosport.history.samepatch`), which is asked here of a branch's own commits, all at once.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from cosport.history.authorship import same_authorship
from cosport.history.samepatch import exclusive, patch_ids_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from cosport.history.index import History, Reach

AUTHORSHIP = "has its subject, author and second"
PATCH = "has its subject and its patch-id"


def silent(
    history: History, above: Reach, reach: Reach, stating: Container[int], known: Container[int]
) -> Iterator[tuple[int, int, str]]:
    """An upstream commit, the branch's commit that carries it, and how that is known, the oldest upstream one first.

    `stating` are commits that state an origin, `known` the upstream commits that are known to be carried already.
    """
    own = [rank for rank in exclusive(history.graph, reach.chain, above) or () if reach.holds(rank)]
    own = sorted(rank for rank in own if rank not in stating)
    history.load(own)
    alike: dict[int, list[int]] = defaultdict(list)
    for rank in own:
        for other in history.with_subject(history.entry(rank).subject):
            if above.holds(other) and not reach.holds(other) and other not in known:
                alike[other].append(rank)
    rest: dict[int, list[int]] = {}
    for upstream in sorted(alike):
        if carriers := same_authorship(history, upstream, reach):
            yield upstream, carriers[-1], AUTHORSHIP
        elif not history.graph.is_merge(upstream):
            rest[upstream] = alike[upstream]
    patches = patch_ids_of(history, sorted({rank for upstream, ranks in rest.items() for rank in (upstream, *ranks)}))
    for upstream, ranks in rest.items():
        same = [rank for rank in ranks if patches.get(upstream) and patches.get(rank) == patches[upstream]]
        if same:
            yield upstream, same[-1], PATCH
