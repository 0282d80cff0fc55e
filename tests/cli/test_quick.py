from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path
from typing import get_args

import pytest

from cosport.__main__ import dispatch
from cosport.cli import app, backport, backport_command, quick


@pytest.mark.parametrize(
    ("argv", "words", "shared"),
    [
        (["abc"], ("abc",), {}),
        (["--json", "abc", "-q"], ("abc",), {"json": True, "quiet": True}),
        (["abc", "--repo", "/r", "--config=c.toml"], ("abc",), {"repo": Path("/r"), "config": Path("c.toml")}),
        (["a", "b", "--no-color"], ("a", "b"), {"no_color": True}),
        ([], (), {}),
    ],
)
def test_plain_lines_are_read(argv: list[str], words: tuple[str, ...], shared: dict[str, object]) -> None:
    assert quick.parse(argv) == (words, shared, {})


@pytest.mark.parametrize(
    "argv",
    [
        ["--help"],
        ["abc", "-h"],
        ["--js", "abc"],
        ["abc", "--repo"],
        ["--repo=", "a"],
        ["--json=1"],
        ["--"],
        ["-"],
        ["-qx"],
    ],
)
def test_all_else_is_left_to_typer(argv: list[str]) -> None:
    assert quick.parse(argv) is None


PLAIN = [
    ["abc", "--to", "a", "--to=b", "--bug", "b/1", "--test=x y", "--release-note", "None", "--class", "security"],
    ["abc", "def", "--all", "--dry-run", "--force", "--allow-unmerged", "--json"],
    ["abc", "--to", "a", "--in-place", "--edit", "--profile", "stable", "--introduced-by", "1234567"],
    ["--continue", "--branch", "a", "--note", "why"],
    ["--status"],
    ["--skip"],
    ["--abort", "--branch=a"],
    [],
]


@pytest.mark.parametrize("argv", PLAIN)
def test_a_plain_backport_is_asked_for_as_typer_would_ask(argv: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[backport.Asked] = []

    def note(_session: object, what: backport.Asked) -> int:
        asked.append(what)
        return 0

    monkeypatch.setattr(backport, "run", note)
    assert dispatch(["backport", *argv]) == 0
    monkeypatch.setattr(backport_command, "run", note)
    assert app.run(["backport", *argv]) == 0
    assert asked[0] == asked[1]


@pytest.mark.parametrize(
    "argv",
    [
        ["abc", "--help"],
        ["abc", "--from", "upstream"],
        ["abc", "--mainline", "1"],
        ["abc", "--unforce"],
        ["abc", "--bug", "--all"],
        ["abc", "--bug"],
        ["abc", "--bug="],
        ["abc", "--tests", "x"],
    ],
)
def test_what_is_not_plain_in_a_backport_is_left_to_typer(argv: list[str]) -> None:
    assert quick.parse(argv, flags=backport.FLAGS, values=backport.VALUES, lists=backport.LISTS) is None


def test_the_options_read_quickly_are_the_commands_own() -> None:
    options = inspect.signature(backport_command.backport).parameters
    fields = {field.name for field in dataclasses.fields(backport.Asked)}
    for option, name in {**backport.FLAGS, **backport.VALUES, **backport.LISTS}.items():
        assert name in fields
        (info,) = get_args(options[name].annotation)[1:]
        declared = [word for word in (info.default, *(info.param_decls or ())) if str(word).startswith("--")]
        assert option in (declared or [f"--{name.replace('_', '-')}"])
