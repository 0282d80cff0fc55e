"""Resolvers of other people's: a command, plug-ins; and the compiler, which may refuse what was resolved."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any

import pytest

from cosport.backport.resolvers import plugins
from cosport.kbuild import sandbox
from tests.backport.house import FILE, LINES, House, edit
from tests.kbuild.trees import ARCH, BUILDABLE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cosport.backport.resolvers.ground import File
    from tests.support import Git

TAKE_OURS = r"""#!/bin/sh
test "$COSPORT_BRANCH" = cos-5.4 || exit 9
for file; do sed -i -e '/^<<<<<<</d' -e '/^|||||||/,/^>>>>>>>/d' "$file"; done
echo 'and a word' >> "$1"
"""


def command(folder: Path, text: str) -> str:
    script = folder / "resolve it"
    script.write_text(text)
    script.chmod(0o755)
    return f"'{script}'"


def conflict(house: House, *args: str) -> dict[str, Any]:
    fix = house.fix(edit(LINES, l5="int five;"))
    house.land("cos-5.4", edit(LINES, l5="mine"), "cos: mine")
    return house.pick(fix, "cos-5.4", *args, check=1)


def test_a_command_resolves_what_no_rule_does(house: House, tmp_path: Path) -> None:
    result = conflict(house, "--resolver", command(tmp_path, TAKE_OURS))
    assert (result["outcome"], result["confidence"]) == ("resolved", None)
    assert [(rule["rung"], rule["rule"], rule["path"]) for rule in result["rules"]] == [(7, "external", FILE)]
    assert house.text(result["ref"]) == edit(LINES, l5="mine") + "and a word\n"
    assert f"[cosport: rule external, {FILE}:1]" in house.git("log", "-1", "--format=%B", result["commit"])
    assert house.one("--accept")["outcome"] == "picked"


@pytest.mark.parametrize(("script", "why"), [
    ("#!/bin/sh\necho no idea >&2; exit 3\n", "ended with status 3: no idea"),
    ("#!/bin/sh\nexit 0\n", "conflict markers are left in oom.c"),
    ('#!/bin/sh\nln -sf /etc/passwd "$1"\n', "no plain file any more"),
])  # fmt: skip
def test_a_command_that_fails_leaves_the_conflict(house: House, tmp_path: Path, script: str, why: str) -> None:
    result = conflict(house, "--resolver", command(tmp_path, script))
    assert result["outcome"] == "conflict"
    assert any("the resolver left it" in note and why in note for note in result["notes"])
    house.run("--abort", check=0)


@pytest.mark.parametrize("words", ["/no/such/program", "'", " "])
def test_a_command_that_is_none_leaves_the_conflict(house: House, words: str) -> None:
    result = conflict(house, "--resolver", words)
    assert result["outcome"] == "conflict"
    assert any("the resolver left it" in note for note in result["notes"])
    house.run("--abort", check=0)


def theirs(file: File) -> Sequence[bytes]:
    return file.theirs


def broken(file: File) -> Sequence[bytes]:
    raise RuntimeError(file.path)


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [EntryPoint(name, f"{__name__}:{name}", plugins.GROUP) for name in ("theirs", "broken")]
    for point, function in zip(found, (theirs, broken), strict=True):
        monkeypatch.setattr(type(point), "load", lambda self: {"theirs": theirs, "broken": broken}[self.name])
        assert point.load() is function
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: found)


@pytest.mark.usefixtures("plugged")
def test_a_plug_in_is_asked_on_the_last_rung_and_one_that_breaks_is_passed_over(house: House) -> None:
    result = conflict(house, "--max-rung", "7")
    assert (result["outcome"], result["rules"][0]["detail"]) == ("resolved", "by the plug-in theirs")
    assert house.text(result["ref"]) == edit(LINES, l5="int five;")


@pytest.mark.usefixtures("plugged")
def test_a_plug_in_is_not_asked_unless_it_may(house: House) -> None:
    assert conflict(house)["outcome"] == "conflict"
    house.run("--abort", check=0)


DEFCONFIG = f"arch/{ARCH}/configs/small_defconfig"
SOURCE = "int first(void)\n{\n\treturn 1;\n}\n\nint second(void)\n{\n\tint err = 1;\n\treturn err;\n}\n"


def built(git: Git, fixed: tuple[str, str]) -> tuple[House, str]:
    """A branch with a Makefile of kbuild's shape; the fix stands beside a line that the branch has otherwise."""
    house = House.build(git)
    files = {"Makefile": BUILDABLE, "mm/Makefile": "obj-y += two.o\n", "mm/two.c": SOURCE, DEFCONFIG: "CONFIG_MM=y\n"}
    house.git.commit(files, "mm: two")
    house.git.commit(files, "cos: two", branch="cos-5.4")
    beside = SOURCE.replace("\treturn err;", "\treturn err + 1;")
    house.git.commit({"mm/two.c": beside}, "mm: count")
    fix = house.git.commit({"mm/two.c": beside.replace(*fixed)}, "mm: fix")
    text = (house.common / "cosport/cosport.toml").read_text()
    text = text.replace('kind = "main"', f'kind = "main"\ndefconfigs = ["{DEFCONFIG}"]')
    (house.common / "cosport/cosport.toml").write_text(text)
    return house, fix


def test_a_resolved_pick_that_compiles_says_so(git: Git) -> None:
    house, fix = built(git, ("int err = 1;", "int err = 2;"))
    result = house.pick(fix, "cos-5.4", "--build", check=1)
    assert (result["outcome"], result["notes"]) == ("resolved", [f"compiled by {DEFCONFIG}: mm/two.o"])


def test_one_that_does_not_compile_is_a_conflict(git: Git) -> None:
    house, fix = built(git, ("int err = 1;", "int err = undeclared;"))
    result = house.pick(fix, "cos-5.4", "--build", check=1)
    assert (result["outcome"], result["rules"]) == ("conflict", [])
    assert any("does not compile" in note and "undeclared" in note for note in result["notes"])
    house.run("--abort", check=0)


def test_what_cannot_be_compiled_here_is_said(git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    house, fix = built(git, ("int err = 1;", "int err = 2;"))
    monkeypatch.setattr(sandbox, "_trouble", lambda: "user namespaces are not allowed")
    result = house.pick(fix, "cos-5.4", "--build", check=1)
    assert result["outcome"] == "resolved"
    assert any("user namespaces are not allowed" in note for note in result["notes"])
    house.configure(["cos-5.4"])
    again = house.pick(fix, "cos-5.4", "--build", check=1)
    assert "not compiled: no defconfigs are configured for cos-5.4" in again["notes"]
