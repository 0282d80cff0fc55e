"""Tells what one line of a message is by itself: the first step of `cosport.message.parse`, which tells the rules."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Final

from cosport.message import keys

if TYPE_CHECKING:
    from collections.abc import Sequence

BLANK: Final = " \t\r"
"""What a blank line may hold, and what is stripped from values."""

_NOTE_LINES: Final = 20
"""Lines that a bracket note may take. The bound keeps reading linear on text full of opening brackets."""

_FIELD = re.compile(r"([A-Z][A-Z0-9_-]{1,40})=(.*)")
_TAG = re.compile(r"([A-Za-z][A-Za-z0-9-]{0,60})([ \t]{0,8}):(.*)")
_ORIGIN = re.compile(
    r"\(((?:cherry[ -]picked|backported|am|also found at)\b[^()]{0,40}?)(?:commit +)*([0-9a-fA-F]{7,64}|https?://\S+)",
    re.IGNORECASE,
)
_UPSTREAM = re.compile(
    r"(?:\[ ?)?(?:(?:commit:? +(?P<a>[0-9a-f]{7,64}),? +upstream)|(?:upstream +commit:? +(?P<b>[0-9a-f]{7,64})))"
    r"(?:[.,;:]| ?\([^()]*\)[.,]?)? ?\]?[ \t\r]*\Z",
    re.IGNORECASE,
)
_NOTE = re.compile(r"\[ ?([A-Za-z][A-Za-z0-9_.@+' -]{0,60}): ?(.*)")
_CONFLICTS = re.compile(r"# Conflicts:[ \t\r]*\Z")


class Kind(StrEnum):
    """The shapes of trailers."""

    FIELD = "field"  # KEY=value
    TAG = "tag"  # Key: value
    ORIGIN = "origin"  # (cherry picked from commit X)
    UPSTREAM = "upstream"  # commit X upstream.   [ Upstream commit X ]
    NOTE = "note"  # [name: what was changed and why]


class LineClass(Enum):
    """What a line is by itself."""

    GENERATED = 1  # as git writes it: Signed-off-by, cherry picked
    KNOWN = 2
    UNKNOWN = 3  # `Word: text` of an unknown key
    NOTE = 4
    UPSTREAM = 5
    PROSE = 6
    MAIL = 7  # a quoted mail's header: prose


SOLID: Final = frozenset({LineClass.GENERATED, LineClass.KNOWN})
"""What is a trailer by itself, wherever a paragraph of trailers can stand."""


@dataclass(slots=True)
class Entry:
    """A line and its continuation lines: lines[first:last]."""

    klass: LineClass
    kind: Kind
    key: str
    value: str
    first: int
    last: int

    @property
    def is_prose(self) -> bool:
        """Whether it is no trailer by itself."""
        return self.klass in (LineClass.PROSE, LineClass.MAIL)


def entries_of(lines: Sequence[str], first: int, last: int) -> list[Entry]:
    """Cut a paragraph into entries; at least one."""
    entries: list[Entry] = []
    starts_with_field = False
    index = first
    while index < last:
        line = lines[index]
        if entries and (line[0] in " \t" or (line.startswith("#\t") and entries[-1].key == "Conflicts")):
            entries[-1].last = index = index + 1
            continue
        entry = _entry(lines, index, last)
        if entry.klass is LineClass.PROSE and starts_with_field and entries[-1].kind is Kind.FIELD:
            entries[-1].last = index = index + 1
            continue
        starts_with_field = starts_with_field or (
            not entries and entry.kind is Kind.FIELD and entry.klass is LineClass.KNOWN
        )
        if entries and entry.klass is LineClass.PROSE and entries[-1].klass is LineClass.PROSE:
            entries[-1].last = entry.last  # prose lines are counted, not told apart
        else:
            entries.append(entry)
        index = entry.last
    return entries


def _entry(lines: Sequence[str], index: int, last: int) -> Entry:
    """The entry that begins at line `index`; of its further lines only those of a note."""
    line = lines[index]
    if line[0] == "[" and (match := _NOTE.match(line)) and not keys.is_never(match[1]):
        for end in range(index, min(last, index + _NOTE_LINES)):
            if end > index and _begins_trailer(lines[end]):
                break
            if lines[end].rstrip(BLANK).endswith("]"):
                text = " ".join([match[2].strip(BLANK), *(more.strip(BLANK) for more in lines[index + 1 : end + 1])])
                return Entry(
                    LineClass.NOTE, Kind.NOTE, match[1], text.rstrip(BLANK).removesuffix("]").rstrip(), index, end + 1
                )
    klass, kind, key, value = _classify(line)
    return Entry(klass, kind, key, value.strip(BLANK), index, index + 1)


def _begins_trailer(line: str) -> bool:
    """Whether a line cannot go on a note: it begins a trailer of its own."""
    return line[0] == "[" or _classify(line)[0] in SOLID


def _classify(line: str) -> tuple[LineClass, Kind, str, str]:
    if line[0] == "(" and (match := _ORIGIN.match(line)):
        generated = line.startswith("(cherry picked from commit ")
        return LineClass.GENERATED if generated else LineClass.KNOWN, Kind.ORIGIN, match[1].strip(), match[2]
    if line[0] in "cCuU[" and (match := _UPSTREAM.match(line)):
        return LineClass.UPSTREAM, Kind.UPSTREAM, "Upstream commit", match["a"] or match["b"]
    if (match := _TAG.match(line)) is not None:
        return _classify_tag(match[1], match[3])
    if (match := _FIELD.match(line)) is not None:
        return LineClass.KNOWN if match[1] in keys.FIELDS else LineClass.PROSE, Kind.FIELD, match[1], match[2]
    if line[0] == "#" and _CONFLICTS.match(line):
        return LineClass.KNOWN, Kind.TAG, "Conflicts", ""
    return LineClass.PROSE, Kind.TAG, "", line


def _classify_tag(key: str, value: str) -> tuple[LineClass, Kind, str, str]:
    klass = LineClass.PROSE
    if key == "Signed-off-by":
        klass = LineClass.GENERATED
    elif key.lower() in keys.MAIL_HEADERS:
        klass = LineClass.MAIL
    elif keys.is_known(key):
        klass = LineClass.KNOWN
    elif not keys.is_never(key) and value[:1] in ("", " ", "\t", "\r"):
        klass = LineClass.UNKNOWN
    return klass, Kind.TAG, key, value
