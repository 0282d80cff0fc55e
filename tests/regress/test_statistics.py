from __future__ import annotations

import itertools
from fractions import Fraction
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosport.regress import statistics

SMALL = st.lists(st.sampled_from([1.0, 2.0, 3.0, inf]), min_size=2, max_size=8)


@pytest.mark.parametrize(("n", "p"), [(3, 1 / 20), (4, 1 / 70), (5, 1 / 252)])
def test_complete_separation_has_the_known_probability(n: int, p: float) -> None:
    ranks = statistics.composite([[1.0] * n + [inf] * n])
    assert statistics.p_less(ranks, range(n)) == pytest.approx(p)
    assert statistics.p_less(ranks, range(n, 2 * n)) == 1.0


@given(SMALL, st.data())
def test_the_probability_is_that_of_counting_all_ways(values: list[float], data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(values) - 1))
    ranks = statistics.midranks(values)
    ways = [
        sum(Fraction(ranks[place]) for place in chosen) for chosen in itertools.combinations(range(len(values)), size)
    ]
    seen = sum(Fraction(ranks[place]) for place in range(size))
    assert statistics.p_less(ranks, range(size)) == pytest.approx(sum(way <= seen for way in ways) / len(ways))


def test_equal_values_share_their_ranks_and_runs_over_the_limit_share_the_last() -> None:
    assert statistics.midranks([1, 1, 3, inf, inf]) == (1.5, 1.5, 3, 4.5, 4.5)


def test_one_measure_can_show_what_another_hides() -> None:
    amplification = [1.0, 1.0, 1.1, 1.0]
    stall = [0.2, 0.3, 43.0, 17.0]
    ranks = statistics.composite([amplification, stall])
    assert min(ranks[2:]) > max(ranks[:2])


def test_the_interval_of_a_difference_covers_one_arm_against_itself() -> None:
    assert statistics.difference_interval([1.0] * 4, [1.0] * 4) == (0.0, 0.0)
    low, high = statistics.difference_interval([2.7, 3.0, 3.5, 4.3], [2.5, 3.3, 4.0, 4.2]) or (9, 9)
    assert low < 0 < high


def test_the_interval_leaves_out_as_many_pairs_as_the_table_of_the_rank_test_says() -> None:
    # One-sided 5 % limits of U for equal samples (Siegel, table J): 3: 0, 4: 1, 5: 4, 6: 7.
    for n, left_out in ((3, 0), (4, 1), (5, 4), (6, 7)):
        ours, theirs = [float(10**power) for power in range(n)], [0.1 * place for place in range(n)]
        differences = sorted(a - b for a in ours for b in theirs)
        assert statistics.difference_interval(ours, theirs) == (differences[left_out], differences[-1 - left_out])


@pytest.mark.parametrize(
    ("ours", "theirs"), [([1.0], [1.0]), ([1.0, 1.0], [1.0, 1.0]), ([1.0, inf, 1.0, 1.0], [1.0] * 4)]
)
def test_too_few_runs_or_a_censored_one_say_nothing(ours: list[float], theirs: list[float]) -> None:
    assert statistics.difference_interval(ours, theirs) is None


def test_the_median_of_mostly_censored_runs_is_censored() -> None:
    assert statistics.middle([1.0, inf, inf]) == inf
    assert statistics.middle([1.0, inf]) == inf
    assert statistics.middle([1.0, 2.0, inf]) == 2.0
    assert statistics.middle([1.0, 2.0]) == 1.5
