"""The lines that a patch adds, each with its file and number, so that findings point where reviewers look."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_HUNK: Final = re.compile(rb"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_ESCAPE: Final = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_ESCAPES: Final = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}


@dataclass(frozen=True, slots=True)
class Line:
    """A line that a patch adds: the file as it is afterwards, its number there, its bytes without the newline."""

    path: bytes
    number: int
    text: bytes


def added(patch: bytes) -> tuple[Line, ...]:
    """The added lines of a patch as git prints it (cosport.git.diff), in its order."""
    return tuple(_added(patch.split(b"\n")))


def _added(lines: Sequence[bytes]) -> Iterator[Line]:
    path, number, old, new = b"", 0, 0, 0
    for line in lines:
        if old > 0 or new > 0:  # within a hunk: its header says how many lines it has
            mark = line[:1]
            if mark == b"+":
                yield Line(path, number, line[1:])
            if mark in (b"+", b" "):
                number, new = number + 1, new - 1
            if mark in (b"-", b" "):
                old -= 1
        elif (match := _HUNK.match(line)) is not None:
            number = int(match[2])
            old, new = (int(match[group]) if match[group] is not None else 1 for group in (1, 3))
        elif line.startswith(b"+++ "):
            path = unquoted(line[4:].removesuffix(b"\t"))


def unquoted(name: bytes) -> bytes:
    """The path that git prints after `+++`: without its `b/`, and out of the C quotes that an odd name is in."""
    if name.startswith(b'"'):
        name = _ESCAPE.sub(_plain, name[1:].removesuffix(b'"'))
    return name.removeprefix(b"b/")


def _plain(match: re.Match[bytes]) -> bytes:
    if len(match[1]) == 3:
        return bytes([int(match[1], 8) & 0xFF])
    return _ESCAPES.get(match[1], match[1])


def first_line(lines: Iterable[Line], path: str, texts: Iterable[str]) -> int:
    """The number of the first added line of a file that is one of `texts` (marked `+`); 0 where none is."""
    wanted = {text[1:] for text in texts if text.startswith("+")}
    name = path.encode("utf-8", "surrogateescape")
    for line in lines:
        if line.path == name and line.text.decode("utf-8", "surrogateescape") in wanted:
            return line.number
    return 0
