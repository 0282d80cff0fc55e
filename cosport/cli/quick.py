"""Reads the plain form of a command line without Typer, whose import alone takes longer than `cosport show` does.

Only for commands that scripts call often. Whatever is not plain (an unknown option, --help, an abbreviation) is left to
Typer: it decides what is right, and says what is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_FLAGS: Final = {"--json": "json", "--quiet": "quiet", "-q": "quiet", "--no-color": "no_color"}
_VALUES: Final = {"--repo": "repo", "--config": "config"}


class Line(NamedTuple):
    """A command line: its words, and the arguments of a Session that its options stand for."""

    words: tuple[str, ...]
    shared: dict[str, Any]


def parse(argv: Sequence[str]) -> Line | None:
    """The words and shared options in `argv`; None where Typer must look."""
    from pathlib import Path

    words: list[str] = []
    shared: dict[str, Any] = {}
    rest = iter(argv)
    for word in rest:
        name, equals, value = word.partition("=")
        if not word.startswith("-"):
            words.append(word)
        elif word in _FLAGS:
            shared[_FLAGS[word]] = True
        elif name in _VALUES:
            given = value if equals else next(rest, None)
            if not given:
                return None
            shared[_VALUES[name]] = Path(given)
        else:
            return None
    return Line(tuple(words), shared)
