"""Chains made by a shortcut are what a pass over the whole history makes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cosport.history.graph import NEVER, Graph, chain, extend, fork, ranks


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """A history of up to 40 commits: roots, lines, merges, criss-cross and octopus among them."""
    first, pairs = ranks(), ranks()
    for rank in range(draw(st.integers(2, 40))):
        near = st.integers(max(0, rank - 6), rank - 1) if rank else st.nothing()
        parents = draw(st.lists(near, unique=True, max_size=3)) if rank else []
        first.append(parents[0] if parents else -1)
        for other in sorted(parents[1:]):
            pairs.extend((rank, other))
    graph = Graph()
    graph.append(first.tobytes(), pairs.tobytes())
    return graph


def reachable(graph: Graph, tip: int) -> set[int]:
    found, stack = set(), [tip]
    while stack:
        rank = stack.pop()
        if rank not in found:
            found.add(rank)
            stack += graph.parents(rank)
    return found


@given(graphs(), st.data())
def test_a_chain_tells_when_each_commit_became_reachable(graph: Graph, data: st.DataObject) -> None:
    made = chain(graph, tip := data.draw(st.integers(0, len(graph.first) - 1)))
    for rank in range(tip + 1):
        entered = [position for position, at in enumerate(made.line) if rank in reachable(graph, at)]
        assert made.entry(rank) == (entered[0] if entered else NEVER)


@given(graphs(), st.data())
def test_a_chain_made_from_another_is_the_same(graph: Graph, data: st.DataObject) -> None:
    any_rank = st.integers(0, len(graph.first) - 1)
    others = [chain(graph, tip) for tip in data.draw(st.lists(any_rank, min_size=1, max_size=3))]
    before = [(list(each.line), list(each.entries)) for each in others]
    tip = data.draw(any_rank)
    made = fork(graph, others, tip)
    assert [(list(each.line), list(each.entries)) for each in others] == before
    if made is None:
        assert not any(set(each.line) & set(graph.line(tip)) for each in others)
    else:
        whole = chain(graph, tip)
        assert (list(made.line), list(made.entries)) == (list(whole.line), list(whole.entries))


@given(graphs(), st.data())
def test_a_chain_that_grew_is_the_same(graph: Graph, data: st.DataObject) -> None:
    line = graph.line(tip := data.draw(st.integers(0, len(graph.first) - 1)))
    grown = chain(graph, data.draw(st.sampled_from(line)))
    if extend(graph, grown, tip):
        whole = chain(graph, tip)
        assert (list(grown.line), list(grown.entries)) == (list(whole.line), list(whole.entries))
    else:
        assert grown.tip == tip
