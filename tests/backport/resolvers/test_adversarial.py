"""Where the right place cannot be told, no resolver may tell one."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cosport.backport.resolvers.ladder import Need
from tests.backport.resolvers.ladder import resolve, text

BLOCK = "\tlock(dev);\n\twrite_register(dev, 1);\n\tunlock(dev);\n"


def function(name: str, body: str) -> str:
    return f"static int {name}(struct device *dev)\n{{\n{body}\treturn 0;\n}}\n\n"


def test_a_change_in_repeated_blocks_of_a_rewritten_function_is_refused() -> None:
    base = function("init", BLOCK * 3)
    theirs = base.replace(BLOCK, BLOCK.replace("register(dev, 1)", "register(dev, 2)"), 1)
    ours = function("init", "\tprepare(dev);\n" + BLOCK * 2)
    climbed = resolve(base, ours, theirs)
    # Which of the blocks is left cannot be known: only the first may have changed, and only if it stands first.
    assert text(climbed) in (None, ours.replace("register(dev, 1)", "register(dev, 2)", 1))
    assert climbed.confidence < 0.9 or text(climbed) is None


def test_a_context_that_stands_three_times_elsewhere_is_refused() -> None:
    base = function("gone", "\tcheck_the_state(dev);\n" + BLOCK)
    theirs = base.replace("\tunlock(dev);\n", "\tflush(dev);\n\tunlock(dev);\n")
    ours = "".join(function(name, "\tcheck_the_state(dev);\n" + BLOCK) for name in ("one", "two", "three"))
    (stuck,) = resolve(base, ours, theirs).stuck
    assert "more than once" in stuck.why


def test_a_moved_function_is_found_by_its_whole_surroundings() -> None:
    moved = function("moved", "\tcheck_the_state(dev);\n" + BLOCK)
    base = moved + function("second", "\tsecond_thing(dev);\n") + function("third", "\tthird_thing(dev);\n")
    ours = function("second", "\tsecond_thing(dev);\n") + function("third", "\tthird_thing(dev);\n") + moved
    fixed = moved.replace("register(dev, 1)", "register(dev, 2)")
    climbed = resolve(base, ours, base.replace(moved, fixed))
    assert text(climbed) == ours.replace(moved, fixed)


def test_a_moved_function_of_which_there_are_two_is_refused() -> None:
    moved = function("moved", "\tcheck_the_state(dev);\n" + BLOCK)
    second = function("second", "\tsecond_thing(dev);\n")
    base = moved + second
    ours = second + moved + function("other", "\tother_thing(dev);\n") + moved.replace("moved", "copy")
    climbed = resolve(base, ours, base.replace("register(dev, 1)", "register(dev, 2)"))
    result = text(climbed)
    assert result is None or result == ours.replace("register(dev, 1)", "register(dev, 2)", 1)


def test_code_that_is_not_there_is_never_dropped() -> None:
    base = function("gone", BLOCK) + function("stays", "\tstay(dev);\n")
    theirs = base.replace("register(dev, 1)", "register(dev, 2)").replace("\tstay(dev);\n", "\tstay(dev, 1);\n")
    climbed = resolve(base, function("stays", "\tstay(dev);\n"), theirs)
    assert [each.need for each in climbed.stuck] == [Need.COMMIT]


def test_two_additions_in_one_place_are_not_put_into_an_order() -> None:
    base = "int a;\nint z;\n"
    climbed = resolve(base, "int a;\nint ours_is_here;\nint z;\n", "int a;\nlong theirs_comes;\nint z;\n")
    assert [each.need for each in climbed.stuck] == [Need.DECISION]


def test_braces_and_blank_lines_alone_place_nothing_surely() -> None:
    base = "{\n\n}\n\n{\n\n}\n"
    climbed = resolve(base, "{\n}\n\n{\n\n}\n\n{\n}\n", base.replace("{\n\n}\n\n", "{\n\tnew_line();\n\n}\n\n", 1))
    assert text(climbed) is None or climbed.confidence < 0.9


def test_large_and_strange_texts_end_soon() -> None:
    unique = [f"line {number}" for number in range(30_000)]
    shuffled = sorted(unique, key=lambda line: line[::-1])
    fixed = [*unique[:15_000], "new", *unique[15_000:]]
    assert text(resolve(*("\n".join(each) for each in (unique, shuffled, fixed)))) is None
    long = "word " * 100_000
    assert text(resolve(f"{long}a\nz", f"{long}b\nz", f"{long}c\nz")) is None
    own = "\n".join(f"some text of ours {number}" for number in range(3_000))
    new = "\n".join(f"some texts of theirs {number}" for number in range(5_000))
    assert text(resolve("a\nz", f"a\n{own}\nz", f"a\n{new}\nz")) is None


LINE = st.sampled_from(["a", "b", "c", "d", "e", "f", "", "}", "g(1, 2)", "h(3)"])
TEXT = st.lists(LINE, max_size=14).map("\n".join)


@settings(max_examples=300, deadline=None)
@given(TEXT, TEXT, TEXT)
def test_nothing_of_the_branch_s_own_is_lost(base: str, ours: str, theirs: str) -> None:
    """A line that the branch has more often than both of upstream's sides is still there."""
    climbed = resolve(base, ours, theirs)
    result = text(climbed)
    if result is None or any(step.rule.name == "within" for step in climbed.steps):
        return
    merged = result.split("\n")
    for line in set(ours.split("\n")):
        removed = max(0, base.split("\n").count(line) - theirs.split("\n").count(line))
        assert merged.count(line) >= ours.split("\n").count(line) - removed - sum(
            step.edit.stop - step.edit.start for step in climbed.steps
        )
    assert len(climbed.steps) <= len(climbed.ground.changes)


@settings(max_examples=300, deadline=None)
@given(TEXT, TEXT)
def test_a_branch_that_did_not_change_gets_upstream_s_text(base: str, theirs: str) -> None:
    climbed = resolve(base, base, theirs)
    assert text(climbed) in (theirs, None)


@settings(max_examples=200, deadline=None)
@given(TEXT, TEXT, TEXT)
def test_the_same_sides_give_the_same_answer(base: str, ours: str, theirs: str) -> None:
    assert resolve(base, ours, theirs).lines == resolve(base, ours, theirs).lines
