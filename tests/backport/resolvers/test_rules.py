from __future__ import annotations

import pytest

from cosport.backport.resolvers.ground import File
from cosport.backport.resolvers.ladder import RULES, Climbed, Need, climb
from tests.backport.resolvers.ladder import lines, partly, resolve, rules, text

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
    assert climbed.confidence == pytest.approx(0.91)


def test_a_line_beside_the_branch_s_own_is_doubted_where_upstream_changes_more_in_the_file() -> None:
    theirs = change(BASE, ("\tstop(dev);\n", "\twait_for_it();\n\tstop(dev);\n"))
    ours = change(BASE, ("\tstop(dev);\n", "\tmy_own_stop(dev, 7);\n"))
    climbed = partly(BASE, ours, theirs)
    assert rules(climbed) == ["beside"]
    assert "upstream changes more in this file" in said(climbed)
    assert climbed.confidence == pytest.approx(0.91 * 0.93)


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


def said(climbed: Climbed) -> str:
    """The doubts about a file and its places, in one string."""
    return " / ".join(each.says for each in (*climbed.doubts, *(one for step in climbed.steps for one in step.doubts)))


def test_two_blank_lines_that_would_stand_together_are_doubted() -> None:
    base = "first(one);\nsecond(two);\n\nthird(three);\n"
    climbed = resolve(base, "\n" + base.replace("first(one);\n", ""), base.replace("second(two);\n", ""))
    assert "two blank lines would stand together" in said(climbed)
    assert climbed.confidence < 0.3


def test_a_blank_line_at_the_edge_is_doubted_and_more_so_where_upstream_changes_more_in_the_file() -> None:
    ours = change(BASE, ("\tstop(dev);\n", "\thalt(dev, now);\n"))
    plain = change(BASE, ("\terr = start(dev);\n", "\terr = start(dev);\n\tif (!err)\n"))
    edged = change(BASE, ("\terr = start(dev);\n", "\terr = start(dev);\n\n\tif (!err)\n"))
    one, many = resolve(BASE, ours, edged), partly(BASE, ours, edged)
    assert "begins or ends with a blank line" in said(one)
    assert "upstream changes more in this file" in said(many)
    assert many.confidence < one.confidence < resolve(BASE, ours, plain).confidence
    assert "begins or ends with a blank line" not in said(partly(BASE, ours, plain))


def test_a_place_that_line_numbers_do_not_confirm_is_doubted() -> None:
    theirs = change(BASE, ("\tstop(dev);\n", "\twait(dev);\n\tstop(dev);\n"))
    sure = resolve(BASE, change(BASE, ("\terr = start(dev);\n", "\tbegin();\n")), theirs)
    less = resolve(BASE, change(BASE, ("\terr = start(dev);\n", "")), theirs)
    assert text(sure) is not None
    assert "line numbers" not in said(sure)
    assert "line numbers" in said(less)


@pytest.mark.parametrize("line", ["\twait(dev); \n", " \twait(dev);\n"])
def test_white_space_errors_of_upstream_s_are_doubted(line: str) -> None:
    ours = change(BASE, ("\tstop(dev);\n", ""))
    climbed = resolve(BASE, ours, change(BASE, ("\tstop(dev);\n", f"{line}\tstop(dev);\n")))
    assert "white-space errors" in said(climbed)


def test_names_that_only_upstream_s_change_brings_into_the_branch_are_doubted() -> None:
    """Also where git merges the line that has them: it counts what the branch's file had before."""
    base = "\n".join(("use(helper);", *"abcdefgh", "one();", "two();", ""))
    theirs = base.replace("a\n", "a\nhelper(1);\n").replace("one();", "one(1);")
    branch = base.replace("use(helper);\n", "").replace("two();", "zwei();")
    merged = branch.replace("a\n", "a\nhelper(1);\n")
    whole = base.replace("a\n", "a\nhelper(1);\n").replace("use(helper);\n", "")
    sides = (whole, merged, theirs.replace("use(helper);\n", ""), base, theirs, branch)
    climbed = climb(File("a.c", *map(lines, sides)), 5)
    assert text(climbed) is not None
    assert "names that the branch's file lacks: helper" in said(climbed)
