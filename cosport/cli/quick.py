"""Reads the plain form of a command line without Typer, whose import alone takes longer than `cosport show` does.

Only for commands that scripts call often. Whatever is not plain (an unknown option, --help, an abbreviation) is left to
Typer: it decides what is right, and says what is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FLAGS: Final = {"--json": "json", "--quiet": "quiet", "-q": "quiet", "--no-color": "no_color"}
_VALUES: Final = {"--repo": "repo", "--config": "config"}


_NONE: Final[dict[str, str]] = {}


class Line(NamedTuple):
    """A command line: its words, the arguments of a Session that its options stand for, and the command's own."""

    words: tuple[str, ...]
    shared: dict[str, Any]
    own: dict[str, Any]


def parse(
    argv: Sequence[str],
    *,
    flags: Mapping[str, str] = _NONE,
    values: Mapping[str, str] = _NONE,
    lists: Mapping[str, str] = _NONE,
) -> Line | None:
    """The words and options in `argv`; None where Typer must look.

    Besides the shared options, a command's own are read: `flags`, `values`, and `lists` of those that may be repeated,
    each by the name of its argument.
    """
    from pathlib import Path

    words: list[str] = []
    shared: dict[str, Any] = {}
    own: dict[str, Any] = {}
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
        elif word in flags:
            own[flags[word]] = True
        elif name in values or name in lists:
            given = value if equals else next(rest, None)
            if not given or given.startswith("-"):
                return None
            if name in values:
                own[values[name]] = given
            else:
                own[lists[name]] = (*own.get(lists[name], ()), given)
        else:
            return None
    return Line(tuple(words), shared, own)
