from __future__ import annotations

import pytest

from cosport.backport.resolvers.ladder import RULES, Need
from tests.backport.resolvers.ladder import resolve, rules, text

HEAD = "int first(void)\n{\n\treturn 1;\n}\n\n"
BASE = HEAD + "int probe(struct device *dev)\n{\n\tint err = 0;\n\terr = start(dev);\n\tstop(dev);\n\treturn err;\n}\n"


def change(text: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def test_a_line_whose_neighbour_differs_is_replaced() -> None:
    climbed = resolve(BASE, change(BASE, ("stop(dev)", "halt(dev)")), change(BASE, ("start(dev)", "start(dev, 1)")))
    assert text(climbed) == change(BASE, ("stop(dev)", "halt(dev)"), ("start(dev)", "start(dev, 1)"))
    assert rules(climbed) == ["adjacent"]
    assert climbed.confidence == pytest.approx(0.95)


def test_a_line_is_added_behind_one_that_stands_where_those_below_are_gone() -> None:
    ours = change(BASE, ("\tstop(dev);\n", ""))
    climbed = resolve(BASE, ours, change(BASE, ("\tstop(dev);\n", "\twait(dev);\n\tstop(dev);\n")))
    assert text(climbed) == change(BASE, ("\tstop(dev);\n", "\twait(dev);\n"))
    assert rules(climbed) == ["adjacent"]


def test_a_line_beside_the_branch_s_own_is_less_sure() -> None:
    ours = change(BASE, ("\tstop(dev);\n", "\tmy_own_stop(dev, 7);\n"))
    climbed = resolve(BASE, ours, change(BASE, ("\tstop(dev);\n", "\twait_for_it();\n\tstop(dev);\n")))
    assert text(climbed) == change(BASE, ("\tstop(dev);\n", "\twait_for_it();\n\tmy_own_stop(dev, 7);\n"))
    assert rules(climbed) == ["beside"]
    assert climbed.confidence == pytest.approx(0.85)


def test_words_of_one_line_are_merged() -> None:
    base = "\n".join(("a();", "call(one, two, three);", "b();", ""))
    climbed = resolve(base, base.replace("one", "uno"), base.replace("three", "tres"))
    assert text(climbed) == base.replace("one", "uno").replace("three", "tres")
    assert rules(climbed) == ["within"]


def test_the_same_word_changed_twice_is_refused() -> None:
    base = "a();\ncall(one, two);\nb();\n"
    climbed = resolve(base, base.replace("one", "uno"), base.replace("one", "eins"))
    assert [(each.need, each.line) for each in climbed.stuck] == [(Need.REWRITE, 2)]


def test_words_are_not_merged_where_the_line_would_break_at_another_depth() -> None:
    base = "a();\n\tcall(one, two);\nb();\n"
    ours = base.replace("\tcall", "\t\tret = call")
    climbed = resolve(base, ours, base.replace("one, two", "one,\n\t     two"))
    assert text(climbed) is None


def test_what_is_there_already_is_left_out() -> None:
    fixed = change(BASE, ("\terr = start(dev);\n", "\terr = start(dev);\n\tif (err)\n\t\treturn err;\n"))
    ours = change(fixed, ("\tstop(dev);\n", "\thalt(dev);\n"))
    theirs = change(fixed, ("\tstop(dev);\n", "\tstop(dev);\n\tflush(dev);\n"))
    climbed = resolve(BASE, ours, theirs)
    assert "if (err)\n\t\treturn err;\n\tif (err)" not in (text(climbed) or "")


def test_a_place_that_the_branch_holds_in_full_is_left_as_it_is() -> None:
    fixed = change(BASE, ("\tstop(dev);\n", "\tstop(dev);\n\tflush(dev);\n"))
    climbed = resolve(BASE, fixed, fixed)
    assert (text(climbed), rules(climbed)) == (fixed, ["present"])


def test_an_entry_of_a_list_goes_to_its_end() -> None:
    base = "TESTS+=one\nTESTS+=two\nTESTS+=three\n\nall:\n"
    climbed = resolve(base, "TESTS+=one\nall:\n", base.replace("three\n", "three\nTESTS+=four\n"))
    assert text(climbed) == "TESTS+=one\nTESTS+=four\nall:\n"
    assert rules(climbed) == ["entry"]


def test_an_entry_of_a_sorted_list_goes_where_it_belongs() -> None:
    base = "211 rw\n212 rw\n213 rw"
    climbed = resolve(base, base + "\n221 rw", base + "\n218 rw")
    assert text(climbed) == base + "\n218 rw\n221 rw"
    assert rules(climbed) == ["in-order"]


def test_the_years_of_a_copyright_are_upstream_s() -> None:
    base = "/*\n * Copyright 2019-2024 Someone\n */\nint a;\n"
    climbed = resolve(base, base.replace("2024", "2021"), base.replace("2024", "2025"))
    assert (text(climbed), rules(climbed)) == (base.replace("2024", "2025"), ["years"])


def test_a_name_that_upstream_renamed_is_mapped_back() -> None:
    base = BASE.replace("\tstop(dev);\n", "\tif (dev->nc_uar)\n\t\tstop(dev);\n")
    ours = base.replace("nc_uar", "cq_uar")
    theirs = change(base, ("\tif (dev->nc_uar)\n", "\tif (dev->nc_uar)\n\t\tuse(dev->nc_uar->page);\n"))
    climbed = resolve(base, ours, theirs)
    assert text(climbed) is not None
    assert "use(dev->cq_uar->page);" in str(text(climbed))
    assert rules(climbed) == ["renamed"]
    (stuck,) = resolve(base, ours, theirs, max_rung=4).stuck
    assert (stuck.need, "nc_uar" in stuck.why) == (Need.COMMIT, True)


def test_a_name_that_the_branch_lacks_is_refused() -> None:
    base = change(BASE, ("\tint err = 0;\n", "\tint err = 0;\n\tstruct port *port = port_of(dev);\n"))
    theirs = change(base, ("\tstop(dev);\n", "\tstop(dev);\n\tport_flush(port);\n"))
    ours = change(BASE, ("\treturn err;\n", "\treturn 0;\n"))
    (stuck,) = resolve(base, ours, theirs).stuck
    assert stuck.need is Need.COMMIT
    assert "port" in stuck.why


def test_a_line_that_is_nearly_there_is_refused() -> None:
    base = "a_long_call(one);\nanother_call(two);\nthe_end(three);\n"
    ours = "a_long_call(one);\ncheck_the_argument(argument, 1);\nthe_end(three);\n"
    theirs = base.replace("(one);\n", "(one);\ncheck_the_argument(argument);\n")
    (stuck,) = resolve(base, ours, theirs).stuck
    assert stuck.need is Need.REWRITE


def test_fewer_rungs_place_less() -> None:
    base = "a();\ncall(one, two, three);\nb();\n"
    sides = (base, base.replace("one", "uno"), base.replace("three", "tres"))
    assert text(resolve(*sides, max_rung=3)) is None
    assert text(resolve(*sides, max_rung=4)) is not None


def test_each_rule_states_itself_and_has_its_own_name() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(rule.says and 0 < rule.trust < 1 for rule in RULES)
    assert [rule.rung for rule in RULES] == sorted(rule.rung for rule in RULES)
