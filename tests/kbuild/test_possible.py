"""Which symbols a configuration may have on, by the rules of Documentation/kbuild/kconfig-language.rst."""

from __future__ import annotations

import pytest

from cosport.kbuild.kconfig import Kconfig
from cosport.kbuild.possible import chosen, possible


def on(text: str, config: str = "", **files: str) -> set[str]:
    """The symbols that may be on; `files` are other Kconfig files, `__` in their names being a slash."""
    every = {"Kconfig": text, **{name.replace("__", "/"): each for name, each in files.items()}}
    kconfig = Kconfig(every.get, {"SRCARCH": "x86"})
    kconfig.load("Kconfig")
    assert kconfig.is_whole
    return set(possible(kconfig.definitions, chosen(config)))


def entry(name: str, *lines: str, kind: str = 'bool "ask"') -> str:
    return "".join(f"{line}\n" for line in (f"config {name}", f"\t{kind}", *(f"\t{each}" for each in lines)))


def test_what_nobody_turns_on_is_off() -> None:
    assert on(entry("A") + entry("B", kind="bool")) == set()


def test_what_the_configuration_turns_on_may_be_on_if_its_dependencies_may() -> None:
    text = entry("A", "depends on B") + entry("B") + entry("C", "depends on NOWHERE")
    assert on(text, "CONFIG_A=m\nCONFIG_B=y\nCONFIG_C=y\n") == {"A", "B"}
    assert on(text, "CONFIG_A=y\n") == set()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("default y", True),
        ("default n", False),
        ("default B", False),
        ("default y if B", False),
        ("default !B", True),
        ("default y if B = n", True),
        ("default y if B=y", False),
        ("default y if B != n || X", False),
        ('default y if ARCH = "x86"', True),
        ("default $(cc-option,-mfoo $(bar))", True),
        ("default y if (B && !B)", False),
    ],
)
def test_defaults(line: str, expected: bool) -> None:
    assert ("A" in on(entry("A", line) + entry("B"))) is expected


def test_an_explicit_no_counts_where_the_user_is_always_asked() -> None:
    no = "# CONFIG_A is not set\n"
    assert on(entry("A", "default y"), no) == set()
    assert on(entry("A", "default y", kind='bool "ask" if EXPERT'), no) == {"A"}
    assert on('menu "m"\nvisible if EXPERT\n' + entry("A", "default y") + "endmenu\n", no) == {"A"}
    assert on(entry("A", kind="def_bool y"), no) == {"A"}


def test_a_select_overrides_dependencies_and_an_explicit_no() -> None:
    text = entry("A", "select B") + entry("B", "depends on NOWHERE", "select C if D") + entry("C") + entry("D")
    assert on(text, "CONFIG_A=y\n# CONFIG_B is not set\n") == {"A", "B"}
    assert on(text, "CONFIG_A=y\nCONFIG_D=y\n") == {"A", "B", "C", "D"}
    assert on(entry("A", "imply B") + entry("B"), "CONFIG_A=y\n") == {"A", "B"}


def test_blocks_add_their_dependencies() -> None:
    text = "if X\n" + entry("A") + 'menu "m"\n\tdepends on Y\n' + entry("B") + "endmenu\nendif\n" + entry("C")
    both = "CONFIG_A=y\nCONFIG_B=y\nCONFIG_C=y\n"
    assert on(text, both) == {"C"}
    assert on(text + entry("X"), both + "CONFIG_X=y\n") == {"A", "C", "X"}


def test_any_member_of_a_choice_may_be_on() -> None:
    text = 'choice\n\tprompt "one"\n\tdefault A\n' + entry("A") + entry("B") + "endchoice\n"
    assert on(text) == {"A", "B"}


def test_help_texts_comments_and_continued_lines_are_read_as_such() -> None:
    text = (
        'config A\n\tbool "if # no comment"  # a comment\n\tdepends on B || \\\n\t\tC\n'
        "\thelp\n\t  config X\n\n\t  default y\n\nconfig B\n\tbool\n\t---help---\n\t  select A\n"
    )
    assert on(text, "CONFIG_A=y\n") == set()
    assert on(text + entry("C"), "CONFIG_A=y\nCONFIG_C=y\n") == {"A", "C"}


def test_other_files_are_read_where_they_are_named() -> None:
    text = 'mainmenu "Linux/$(ARCH)"\ncomment "c"\n\tdepends on Z\nsource "arch/$(SRCARCH)/Kconfig"\n'
    assert on(text, "CONFIG_A=y\n", arch__x86__Kconfig=entry("A")) == {"A"}


@pytest.mark.parametrize("text", ['source "nowhere"\n', 'source "arch/$(WHAT)/Kconfig"\n', "strange words\n"])
def test_what_is_not_understood_is_said(text: str) -> None:
    kconfig = Kconfig({"Kconfig": text}.get, {})
    kconfig.load("Kconfig")
    assert not kconfig.is_whole


def test_a_file_that_names_itself_ends() -> None:
    kconfig = Kconfig({"Kconfig": 'source "Kconfig"\n'}.get, {})
    kconfig.load("Kconfig")
    assert not kconfig.is_whole


def test_kconfig_files_of_anybody_s_are_read_in_reasonable_time() -> None:
    deep = entry("A", "depends on " + "(" * 5000 + "B" + ")" * 5000, "default y" + " && !" * 5000 + "B")
    wide = entry("C", "default y if " + " || ".join(["B"] * 50_000))
    assert on(deep + wide, "CONFIG_A=y\n") == {"A"}

    laughs = {f"K{number}": f'source "K{number + 1}"\n' * 2 for number in range(40)}
    chain = {f"L{number}": f'source "L{number + 1}"\n' for number in range(5000)}
    for files, first in ((laughs, "K0"), (chain, "L0")):
        kconfig = Kconfig(files.get, {})
        kconfig.load(first)
        assert not kconfig.is_whole
