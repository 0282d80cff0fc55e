from __future__ import annotations

import pytest

from cosport.model.moment import day, moment


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(1600000000, "2020-09-13"), (0, "1970-01-01"), (5_000_000_000, "2128-06-11"), (-5_000_000, "1970-01-01"),
     (99_999_999_999_999, "9999-12-31")],
)  # fmt: skip
def test_any_time_that_a_commit_may_bear_is_a_day(seconds: int, expected: str) -> None:
    assert day(seconds) == expected
    assert moment(seconds).strftime("%Y-%m-%d") == expected
