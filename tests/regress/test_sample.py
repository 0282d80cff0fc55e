from __future__ import annotations

from cosport.regress.result import Point
from cosport.regress.sample import longest_stall, parse_counters


def series(*pages: int, phase: str = "inflate") -> list[Point]:
    return [Point(float(at), each, phase) for at, each in enumerate(pages)]


def test_a_balloon_that_grows_all_the_time_stalls_for_one_look() -> None:
    assert longest_stall(series(0, 10, 20, 30)) == 1.0


def test_going_down_and_up_again_is_no_progress_until_the_best_is_passed() -> None:
    assert longest_stall(series(0, 50, 20, 49, 10, 51)) == 4.0


def test_standing_still_up_to_the_end_counts() -> None:
    assert longest_stall(series(0, 10, 10, 10)) == 2.0
    assert longest_stall(series(0, 0, 0)) == 2.0


def test_other_phases_do_not_count() -> None:
    assert longest_stall([*series(0, 10), *[Point(90.0, 0, "deflate")]]) == 1.0
    assert longest_stall([]) == 0.0


def test_counters_of_both_files_are_read_and_anything_else_passed_over() -> None:
    lines = ("balloon_inflate 97280", "MemFree:  5536 kB", "odd", "", "name text", "oom_kill 0")
    assert parse_counters(lines) == {"balloon_inflate": 97280, "MemFree": 5536, "oom_kill": 0}


def test_a_stall_is_counted_from_when_the_inflation_began() -> None:
    later = [Point(point.seconds + 30.0, point.pages, "inflate") for point in series(0, 0, 10)]
    assert longest_stall([Point(1.0, 0, "hog"), *later], 30.0) == 2.0
