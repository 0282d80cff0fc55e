from __future__ import annotations

from pathlib import Path

import pytest

from cosport.cli import quick


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
    assert quick.parse(argv) == (words, shared)


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
