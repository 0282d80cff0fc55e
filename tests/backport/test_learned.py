"""Conflicts about a name that upstream changed since the branch left: learned from the commit that changed it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cosport.backport.learned import renamings
from tests.backport.house import FILE

if TYPE_CHECKING:
    from tests.backport.house import House

OLD = """static int nr_waits;

int oom_wait(struct task *task)
{
	int err = oom_lock(task);

	if (err)
		return err;
	nr_waits += oom_count(task);
	oom_unlock(task);
	return 0;
}

int oom_waits(void)
{
	return nr_waits;
}
"""
NEW = OLD.replace("nr_waits", "wait_total")
"""Upstream gave the counter another name."""


OURS = OLD.replace("\tnr_waits +=", "\town_note(1);\n\tnr_waits +=")
"""The branch has a line of its own beside the name: the texts alone do not tell which line is which."""


def fixed(text: str, name: str = "wait_total") -> str:
    """Upstream's fix: a new line that has the name, below one that has it."""
    line = f"\t{name} += oom_count(task);\n"
    assert line in text
    return text.replace(line, f"{line}\t{name} += oom_pending(task);\n")


def house_of(house: House, *upstream: str, branch: str = OURS) -> list[str]:
    """Upstream's versions of the file, the first where the branch leaves it for its own. The commits after it."""
    start = house.fix(upstream[0], "mm: count waits")
    house.git("branch", "-f", "cos-5.4", start)
    house.land("cos-5.4", branch, "mm: our own")
    return [house.fix(text, f"mm: change {number}") for number, text in enumerate(upstream[1:])]


def tried(house: House, fix: str) -> dict[str, Any]:
    return house.pick(fix, "cos-5.4", "--min-confidence", "0", "--dry-run", check=1)


def rules(result: dict[str, Any]) -> list[str]:
    return [each["rule"] for each in result["rules"]]


def test_a_fix_that_uses_a_new_name_gets_the_branch_s_and_names_the_commit(house: House) -> None:
    (renaming,) = house_of(house, OLD, NEW)
    fix = house.fix(fixed(NEW))
    result = house.pick(fix, "cos-5.4", "--min-confidence", "0", check=1)
    assert (result["outcome"], rules(result), result["rules"][0]["rung"]) == ("resolved", ["learned"], 5)
    assert house.text(result["ref"]) == fixed(OURS, "nr_waits")
    said = f"wait_total is nr_waits there, upstream renamed it in {renaming[:12]}"
    assert said in result["rules"][0]["detail"]
    message = house.git("log", "-1", "--format=%B", result["commit"])
    assert f"[cosport: rule learned, {FILE}:11]" in message


def test_a_name_that_upstream_changed_twice_is_followed_back_through_both(house: House) -> None:
    middle = OLD.replace("nr_waits", "waited")
    first, second = house_of(house, OLD, middle, NEW)
    result = tried(house, house.fix(fixed(NEW)))
    assert (result["outcome"], rules(result)) == ("resolved", ["learned"])
    assert f"renamed it in {second[:12]}, {first[:12]}" in result["rules"][0]["detail"]


def test_rungs_below_ask_no_history_and_the_default_confidence_leaves_it_to_a_person(house: House) -> None:
    house_of(house, OLD, NEW)
    fix = house.fix(fixed(NEW))
    below = house.pick(fix, "cos-5.4", "--min-confidence", "0", "--max-rung", "4", "--dry-run", check=1)
    default = house.pick(fix, "cos-5.4", "--dry-run", check=1)
    assert [below["outcome"], default["outcome"]] == ["conflict", "conflict"]
    assert "rule learned would place it" in default["conflicts"][0]["places"][0]["why"]


MORE = ("static int nr_waits;\n", "static int nr_waits;\nstatic int nr_tries;\n")
TWO = OLD.replace(*MORE)
ONE = TWO.replace("nr_tries", "wait_total").replace("nr_waits", "wait_total")


@pytest.mark.parametrize(
    ("start", "renamed", "branch"),
    [
        (TWO, ONE, OURS.replace(*MORE)),  # two names became one
        (OLD, NEW, OURS + "\nint wait_total(void);\n"),  # the branch has both names
        (OLD, NEW.replace("err", "error"), OURS + "\nint wait_total(void);\n"),  # of two renamed ones, one
        (OLD, NEW, OURS + '\nconst char *about = "wait_total";\n'),  # it has the new one in another meaning
        (OLD, NEW.replace("return wait_total", "return nr_waits"), OURS),  # upstream has the old one left
    ],
    ids=["two-for-one", "both", "both-of-one", "another-meaning", "partial"],
)
def test_what_is_not_one_for_one_is_left_to_a_person(house: House, start: str, renamed: str, branch: str) -> None:
    house_of(house, start, renamed, branch=branch)
    assert tried(house, house.fix(fixed(renamed)))["outcome"] == "conflict"


def test_a_call_of_another_function_is_no_renaming(house: House) -> None:
    """`oom_count` became `oom_count_all` at every use: a function that others have, and does something else."""
    old = OLD.replace("return nr_waits", "return nr_waits + oom_count(0)")
    new = old.replace("oom_count(", "oom_count_all(")
    house_of(house, old, new, branch=OURS.replace("return nr_waits", "return nr_waits + oom_count(0)"))
    line = "\tnr_waits += oom_count_all(task);\n"
    fix = house.fix(new.replace(line, f"{line}\tnr_waits += oom_count_all(task->parent);\n"))
    assert tried(house, fix)["outcome"] == "conflict"


def test_a_name_that_upstream_would_print_is_left_to_a_person(house: House) -> None:
    house_of(house, OLD, NEW)
    text = fixed(NEW).replace("oom_pending(task)", 'oom_pending(task, "wait_total")')
    assert text != fixed(NEW)
    assert tried(house, house.fix(text))["outcome"] == "conflict"


def test_a_file_with_a_hostile_name_is_asked_for_by_that_name(house: House) -> None:
    name = ':(glob)*;$(touch x) ".c'
    start = house.git.commit({name: OLD}, "mm: count waits")
    house.git("branch", "-f", "cos-5.4", start)
    house.git.commit({name: OURS}, "mm: our own", branch="cos-5.4")
    house.git.commit({name: NEW}, "mm: rename")
    result = tried(house, house.git.commit({name: fixed(NEW)}, "mm: fix it"))
    assert (result["outcome"], rules(result)) == ("resolved", ["learned"])


def diff(*pairs: tuple[str, str], path: str = FILE) -> bytes:
    """A patch without context, each pair a place: lines taken away and lines added."""
    places = "".join(
        "@@ -1 +1 @@\n"
        + "".join(f"-{line}\n" for line in old.splitlines())
        + "".join(f"+{line}\n" for line in new.splitlines())
        for old, new in pairs
    )
    return f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n{places}".encode()


@pytest.mark.parametrize(
    ("pairs", "found"),
    [
        ([("int one;", "int uno;"), ("f(one);", "f(uno);")], {(b"one", b"uno")}),
        ([("\tstruct page *one;", "\tstruct page\t*uno;")], {(b"one", b"uno")}),  # but for white space
        ([("#define ONE 1", "#define UNO 1")], {(b"ONE", b"UNO")}),
        ([('char *s = "one";', 'char *s = "uno";')], set()),  # in a string alone
        ([("int a; /* int one; */", "int a; /* int uno; */")], set()),  # in a comment alone
        ([("int one;", "int uno;"), ("f(one);", "f(one + 1);")], set()),  # the old name stays in use
        ([("int one;", "int uno;"), ("f(uno);", "f(0);")], set()),  # the new one was there
        ([("int one, two;", "int two, one;")], set()),  # swapped
        ([("int one;", "long uno;")], set()),  # of another type as well
        ([("int one;\ng(1);", "int uno;\ng(1, 2);")], set()),  # one line, among others that say something else
        ([("return one(a);", "return uno(a);"), ("x = one(b);", "x = uno(b);")], set()),  # declared nowhere
        ([("a.b one;", "a.b .*;")], set()),  # no names
    ],
)
def test_what_a_commit_tells_of_names(pairs: list[tuple[str, str]], found: set[tuple[bytes, bytes]]) -> None:
    assert renamings(diff(*pairs), FILE.encode()) == found


def test_a_name_of_another_file_s_own_tells_nothing_of_this_one() -> None:
    other = diff(("int one;", "int uno;"), path="other.c")
    assert renamings(other, FILE.encode()) == set()
    assert renamings(other + diff(("f(one);", "f(uno);")), FILE.encode()) == {(b"one", b"uno")}
    for prose in ('say("{}");', "int a; /* {} */", "\t * {} is ours"):
        assert renamings(other + diff((prose.format("one"), prose.format("uno"))), FILE.encode()) == set()
