from __future__ import annotations

from typing import TYPE_CHECKING

from tests.backport.house import FILE, LINES, edit

if TYPE_CHECKING:
    from tests.backport.house import House


def test_a_clean_pick_that_speaks_of_what_is_not_there_gets_a_remark(house: House) -> None:
    house.fix(edit(LINES, l30="struct port *port;"), "mm: port")
    fix = house.fix(edit(LINES, l30="struct port *port;", l5="flush(port);"), "mm: flush")
    result = house.pick(fix)
    assert result["outcome"] == "picked"
    (note,) = result["notes"]
    assert note.endswith(f"look at it ({FILE}: port)")


def test_a_name_in_prose_or_one_that_the_change_brings_is_none(house: House) -> None:
    house.fix(edit(LINES, l30="struct port *port;"), "mm: port")
    text = edit(LINES, l30="struct port *port;", l5='say("port"); /* port */ use(fresh);')
    assert house.pick(house.fix(text, "mm: say"))["notes"] == []


def test_what_the_series_brought_is_there(house: House) -> None:
    first = house.fix(edit(LINES, l30="struct port *port;"), "mm: port")
    second = house.fix(edit(LINES, l30="struct port *port;", l5="flush(port);"), "mm: flush")
    results = house.results(first, second, "--to", "cos-5.4")
    assert [each["notes"] for each in results] == [[], []]
