"""The names in a piece of source: what tells that a change speaks of something that the branch does not have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_NAME: Final = re.compile(rb"[A-Za-z_]\w*")
_PROSE: Final = re.compile(rb'"(?:\\.|[^"\\\n])*"|/\*.*?\*/|//[^\n]*|^\s*\*[^\n]*', re.MULTILINE | re.DOTALL)
"""Strings and comments of C: words in them are no names."""

_STRING_OR_NAME: Final = re.compile(rb'"(?:\\.|[^"\\])*"|[A-Za-z_]\w*')


def names(lines: Iterable[bytes]) -> set[bytes]:
    """The names in these lines, but for those in strings and comments."""
    return set(_NAME.findall(_PROSE.sub(b" ", b"\n".join(lines))))


def words(lines: Iterable[bytes]) -> set[bytes]:
    """All words like names in these lines, wherever they stand."""
    return set(_NAME.findall(b"\n".join(lines)))


def code(line: bytes) -> bytes:
    """A line without strings and comments, as far as one line alone tells them."""
    return _PROSE.sub(b" ", line).partition(b"/*")[0]


def scope(lines: Sequence[bytes], at: int) -> Sequence[bytes]:
    """The function around a line: what stands between two closing braces in the first column, or ends of the text."""
    start = stop = min(at, len(lines))
    while start > 0 and not lines[start - 1].startswith(b"}"):
        start -= 1
    while stop < len(lines) and not lines[stop].startswith(b"}"):
        stop += 1
    return lines[start : stop + 1]


def renamed(line: bytes, others: dict[bytes, bytes]) -> bytes:
    """The line with names replaced."""
    return _NAME.sub(lambda match: others.get(match[0], match[0]), line)


def renamed_in_code(line: bytes, others: Mapping[bytes, bytes]) -> bytes:
    """The line with names replaced, but for what strings say: that may be a name for others than the compiler."""
    return _STRING_OR_NAME.sub(lambda match: others.get(match[0], match[0]), line)
