r"""Reads a whole commit message: every trailer of every paragraph, in order, and nothing that is prose.

git's own parser sees only the last paragraph and discards it where a `RELEASE_NOTE=` line makes it look like prose; a
search for `word:` takes `BUG: KASAN: ...` for a trailer. The rules here:

* Lines end at "\n" and nowhere else; a blank line holds only spaces, tabs and CRs; a paragraph is a run of other
  lines. The first paragraph is the subject and holds no trailers (git's rule).
* A line at column 0 may be: a *field* `KEY=value` of a known key (keys.FIELDS); a *tag* `Key: value`; an *origin*
  line `(cherry picked from commit X)`, `(backported from ...)`, `(am from URL)`; an *upstream* line `commit X
  upstream.`, `[ Upstream commit X ]`; a *note* `[name: text]`, to its closing bracket. Lines of kernel logs (`BUG:
  ...`, `WARNING: ...`), of quoted mail headers, and anything else are prose. An indented line continues the line
  before it.
* A paragraph without prose lines is a block of trailers if one of its lines is known by itself: a known tag, a field,
  an origin.
* A paragraph with prose lines is a mixed block by git's rule (git-interpret-trailers(1)): one git-generated line
  (`Signed-off-by:`, `(cherry picked from commit`) and at most three prose lines to one trailer. Only lines known by
  themselves, and notes, are trailers in it.
* Otherwise the known lines with which a paragraph ends are trailers (`Signed-off-by:` glued to prose); where it
  quotes a mail's header, only if one of them is git-generated.
* In a paragraph that begins with a field, prose lines continue the field above them: people wrap RELEASE_NOTE so.
* An upstream line counts where it begins a paragraph. A paragraph of notes alone counts where trailers or the end
  follow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cosport.message.lines import BLANK, SOLID, Entry, Kind, LineClass, entries_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["BLANK", "SEPARATORS", "Kind", "Message", "Trailer", "parse", "trimmed"]

SEPARATORS: Final = {Kind.FIELD: "=", Kind.TAG: ":", Kind.ORIGIN: "(...)", Kind.UPSTREAM: "commit", Kind.NOTE: "[...]"}
"""The mark by which each kind is known, as `message parse --json` prints it."""


@dataclass(frozen=True, slots=True)
class Trailer:
    """One trailer of a message.

    `key` as written; of an origin its words ("cherry picked from"), of a note its name. `value` without surrounding
    space: of an origin or upstream line the sha (or URL) as written, of a note its text. `line` and `paragraph` count
    from 1. `continuation` holds the further raw lines.
    """

    kind: Kind
    key: str
    value: str
    line: int
    paragraph: int
    continuation: tuple[str, ...] = ()

    @property
    def separator(self) -> str:
        """What stands between key and value, or marks the form."""
        return SEPARATORS[self.kind]

    @property
    def full(self) -> str:
        """The value with its continuation lines, folded into one line (a note without its closing bracket)."""
        if self.kind is Kind.NOTE:
            return self.value
        return " ".join(filter(None, (self.value, *(line.strip(BLANK) for line in self.continuation))))

    @property
    def lines(self) -> int:
        """How many lines it takes."""
        return 1 + len(self.continuation)

    def has_key(self, key: str) -> bool:
        """Whether this is a tag or field of that key, whatever its letters' case."""
        return self.kind in (Kind.TAG, Kind.FIELD) and self.key.lower() == key.lower()


@dataclass(frozen=True, slots=True)
class Message:
    """A message and what was read in it. `text` is what `parse` was given, character by character.

    `tail` is the index (from 0) of the line at which the closing trailers begin: the blocks after which no prose
    follows; the number of lines where there are none.
    """

    text: str
    trailers: tuple[Trailer, ...]
    tail: int

    @property
    def lines(self) -> list[str]:
        r"""The text cut at "\n": joined again by it, the same text."""
        return self.text.split("\n")

    @property
    def subject(self) -> str:
        """The lines of the first paragraph joined by a space, as `git log --format=%s` shows it."""
        lines = self.lines
        for first, last in _paragraphs(lines):
            return " ".join(line.strip(BLANK) for line in lines[first:last])
        return ""

    @property
    def body(self) -> str:
        """The text between the subject and the closing trailers, without the blank lines around it."""
        lines = self.lines
        for _, last in _paragraphs(lines):
            return "\n".join(trimmed(lines[last : max(last, self.tail)]))
        return ""

    @property
    def closing(self) -> tuple[Trailer, ...]:
        """The trailers after which no prose follows."""
        return tuple(trailer for trailer in self.trailers if trailer.line > self.tail)

    @property
    def closing_text(self) -> str:
        """The closing lines, each with a newline before and after it."""
        return "\n".join(("", *trimmed(self.lines[self.tail :]), ""))

    def all(self, key: str) -> tuple[Trailer, ...]:
        """All tags or fields of that key, whatever its letters' case."""
        return tuple(trailer for trailer in self.trailers if trailer.has_key(key))

    def last(self, key: str) -> Trailer | None:
        """The last tag or field of that key."""
        found = self.all(key)
        return found[-1] if found else None


def parse(text: str) -> Message:
    """Read a message. Never fails, whatever the text, and takes time linear in its length."""
    lines = text.split("\n")
    trailers: list[Trailer] = []
    waiting: list[Trailer] = []  # notes that are a paragraph of their own, until it is known what follows
    tail, waiting_from = len(lines), len(lines)
    for number, (first, last) in enumerate(_paragraphs(lines), 1):
        if number == 1:
            continue
        block = _block(entries_of(lines, first, last))
        read = [_trailer(lines, entry, number) for entry in block.trailers]
        if block.only_notes:
            waiting_from = waiting_from if waiting else first
            waiting += read
            continue
        if not read or not block.whole:  # prose: notes before it were prose, and so was the end of the message so far
            tail = len(lines)
            waiting = []
        if read and block.closing >= 0:
            tail = min(tail, waiting_from if waiting else block.closing)
        trailers += waiting + read
        waiting = []
    if waiting:
        trailers += waiting
        tail = min(tail, waiting_from)
    return Message(text, tuple(trailers), tail)


def trimmed(lines: Sequence[str]) -> list[str]:
    """The lines without the blank ones at both ends."""
    first, last = 0, len(lines)
    while first < last and not lines[first].strip(BLANK):
        first += 1
    while last > first and not lines[last - 1].strip(BLANK):
        last -= 1
    return list(lines[first:last])


def _paragraphs(lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    """First index and index after the last of each run of lines that are not blank."""
    first = -1
    for index, line in enumerate(lines):
        if line.strip(BLANK):
            if first < 0:
                first = index
        elif first >= 0:
            yield first, index
            first = -1
    if first >= 0:
        yield first, len(lines)


@dataclass(frozen=True, slots=True)
class _Block:
    """What a paragraph turned out to be: its trailers, whether it is nothing else, where its closing ones begin."""

    trailers: Sequence[Entry] = ()
    whole: bool = False
    closing: int = -1
    only_notes: bool = False


def _block(entries: list[Entry]) -> _Block:
    """Apply the rules of this module's docstring to the entries of one paragraph."""
    prose = sum(entry.last - entry.first for entry in entries if entry.is_prose)
    if not prose:
        if any(entry.klass in SOLID for entry in entries):
            return _Block(entries, whole=True, closing=entries[0].first)
        if all(entry.klass is LineClass.NOTE for entry in entries):
            return _Block(entries, only_notes=True)
    head = entries[:1] if entries[0].klass is LineClass.UPSTREAM else []
    rest = entries[len(head) :]
    if any(entry.klass is LineClass.GENERATED for entry in rest) and 3 * (len(rest) - _runs(rest)) >= prose:
        trusted = [entry for entry in rest if entry.klass in SOLID or entry.klass is LineClass.NOTE]
        closing = rest[0].first if not rest[0].is_prose else _suffix(rest)
        return _Block(head + trusted, whole=not head and rest[0] is trusted[0], closing=closing)
    closing = _suffix(rest)
    signed = any(entry.klass is LineClass.GENERATED for entry in rest if entry.first >= closing)
    if any(entry.klass is LineClass.MAIL for entry in rest) and not signed:
        return _Block(head)
    return _Block(head + [entry for entry in rest if 0 <= closing <= entry.first], closing=closing)


def _runs(entries: list[Entry]) -> int:
    return sum(entry.is_prose for entry in entries)


def _suffix(entries: list[Entry]) -> int:
    """The line at which the known entries begin that end a paragraph; -1 where it ends with prose or notes alone."""
    begin, solid = -1, False
    for entry in reversed(entries):
        if entry.klass not in SOLID and entry.klass is not LineClass.NOTE:
            break
        begin, solid = entry.first, solid or entry.klass in SOLID
    return begin if solid else -1


def _trailer(lines: Sequence[str], entry: Entry, paragraph: int) -> Trailer:
    return Trailer(
        kind=entry.kind,
        key=entry.key,
        value=entry.value,
        line=entry.first + 1,
        paragraph=paragraph,
        continuation=tuple(lines[entry.first + 1 : entry.last]),
    )
