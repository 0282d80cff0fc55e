"""Edits a composed message in place: a line is added or replaced, all else stays, and twice is the same as once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cosport.message import values
from cosport.message.parse import BLANK, Kind, Message, Trailer, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

CONFLICTS: Final = "Conflicts"


def note_line(author: str, note: str) -> str:
    """A note as a line: `[author: note]`."""
    return f"[{values.one_line('the author of a note', author)}: {values.one_line('a note', note)}]"


def conflict_lines(paths: Sequence[str]) -> tuple[str, ...]:
    """The `Conflicts:` list as lines, as git used to write it: a path a line after a tab; none for no paths."""
    return ("Conflicts:", *(f"\t{values.quoted_path(path)}" for path in paths)) if paths else ()


def with_conflicts(text: str, paths: Sequence[str]) -> str:
    """The message with `paths` as this pick's `Conflicts:` list (none: without one), above the last origin line."""
    message = parse(text)
    standing = next((trailer for trailer in reversed(_annotations(message)) if trailer.has_key(CONFLICTS)), None)
    wanted = conflict_lines(paths)
    if standing is not None:
        return _spliced(message, standing.line - 1, standing.lines, wanted)
    notes = _annotations(message)
    return _inserted(message, notes[0].line - 1 if notes else _anchor(message), wanted)


def with_note(text: str, author: str, note: str) -> str:
    """The message with the note `[author: note]` above the last origin line; unchanged where it stands there."""
    message = parse(text)
    line, lines = note_line(author, note), message.lines
    if any(lines[trailer.line - 1] == line for trailer in _annotations(message)):
        return text
    return _inserted(message, _anchor(message), (line,))


def without_notes(text: str) -> str:
    """The message without this pick's notes."""
    message = parse(text)
    lines = message.lines
    for trailer in reversed(_annotations(message)):
        if trailer.kind is not Kind.NOTE:
            break  # notes above the list of conflicts are upstream's
        del lines[trailer.line - 1 : trailer.line - 1 + trailer.lines]
    return "\n".join(lines)


def with_value(text: str, key: str, value: str) -> str:
    """The message with the last field or tag `key` holding `value`; unchanged where it does, or where there is none."""
    message = parse(text)
    trailer = message.last(key)
    if trailer is None or trailer.full == (value := values.one_line(key, value)):
        return text
    separator = "=" if trailer.kind is Kind.FIELD else ": "
    return _spliced(message, trailer.line - 1, trailer.lines, (f"{trailer.key}{separator}{value}",))


def with_field(text: str, key: str, value: str) -> str:
    """As `with_value`; where there is none, `KEY=value` is added: to the other fields, or above the trailers."""
    message = parse(text)
    if message.last(key) is not None:
        return with_value(text, key, value)
    line = f"{key}={values.one_line(key, value)}"
    fields = [trailer for trailer in message.closing if trailer.kind is Kind.FIELD]
    if fields:
        return _spliced(message, fields[-1].line - 1 + fields[-1].lines, 0, (line,))
    if message.tail < len(message.lines):
        gap = ("",) if message.lines[message.tail - 1].strip(BLANK) else ()
        return _spliced(message, message.tail, 0, (*gap, line, ""))
    return text.rstrip(BLANK + "\n") + f"\n\n{line}\n"


def with_signoff(text: str, ident: str) -> str:
    """The message ending in `Signed-off-by: ident`; unchanged where one stands below the last origin line."""
    return appended_once(text, f"Signed-off-by: {values.ident('the sign-off', ident)}")


def with_change_id(text: str, change_id: str) -> str:
    """The message with that Change-Id; unchanged where it has one.

    It goes where Gerrit's own hook and the COS messages have it: below the last origin line, else above the sign-offs
    that end the message, else at its end.
    """
    if parse(text).all("Change-Id"):
        return text
    return _identified(text, f"Change-Id: {change_id}")


def with_link(text: str, url: str) -> str:
    """The message with `Link: url` where a Change-Id would stand: what Gerrit's hook writes by gerrit.reviewUrl."""
    return _identified(text, f"Link: {values.one_line('the link', url)}")


def _identified(text: str, line: str) -> str:
    message = parse(text)
    index = _origin_index(message) + 1
    if not index:
        rest = list(message.closing)
        while rest and rest[-1].has_key("Signed-off-by"):
            index = rest.pop().line - 1
    return _spliced(message, index, 0, (line,)) if index and _ends_in_block(message) else appended(text, (line,))


def appended(text: str, lines: Sequence[str]) -> str:
    """The message with `lines` at its end: in its last block of trailers, or where it has none, in a new paragraph."""
    if not lines:
        return text
    kept = text.rstrip(BLANK + "\n")
    if kept != text and not text.startswith(kept + "\n"):  # spaces and CRs at the end of the last line belong to it
        kept = text[: len(kept)] + text[len(kept) :].partition("\n")[0]
    gap = "\n" if _ends_in_block(parse(kept)) else "\n\n"
    return kept + gap + "\n".join(lines) + "\n"


def appended_once(text: str, line: str) -> str:
    """As `appended`, unless that line stands below the last origin line already.

    Where there is no such line, unless it closes the message: a Signed-off-by, unless it is the last one (git's rule).
    """
    message = parse(text)
    origin = _origin_index(message)
    below = message.lines[origin + 1 if origin >= 0 else message.tail :]
    if origin < 0 and line.startswith("Signed-off-by:"):
        below = [known for known in below if known.startswith("Signed-off-by:")][-1:]
    return text if line in below else appended(text, (line,))


def only_change_id(text: str, wanted: str) -> str:
    """The message with `wanted` as its one Change-Id; unchanged where it has none.

    The last one is set to it; others are indented, which makes them text.
    """
    message = parse(text)
    standing = message.all("Change-Id")
    if not standing:
        return text
    keep = next((trailer for trailer in reversed(standing) if trailer.value == wanted), standing[-1])
    lines = message.lines
    for trailer in standing:
        index = trailer.line - 1
        if trailer is not keep:
            lines[index] = "    " + lines[index]
        elif trailer.value != wanted:
            lines[index] = f"Change-Id: {wanted}"
    return "\n".join(lines)


def _ends_in_block(message: Message) -> bool:
    """Whether a line may join the last paragraph: closing trailers, and no `KEY=value` field among them."""
    if not message.closing:
        return False
    last = message.closing[-1]
    return not any(trailer.kind is Kind.FIELD for trailer in message.closing if trailer.paragraph == last.paragraph)


def _origin_index(message: Message) -> int:
    """The index of the last origin line among the closing trailers, -1 without one."""
    return next((trailer.line - 1 for trailer in reversed(message.closing) if trailer.kind is Kind.ORIGIN), -1)


def _is_annotation(trailer: Trailer) -> bool:
    return trailer.kind is Kind.NOTE or trailer.has_key(CONFLICTS)


def _anchor(message: Message) -> int:
    """The index of the line below a pick's annotations; -1 where they end the message.

    That line is its origin line; where it has none (linux-stable), its Stable-dep-of, else its Signed-off-by at the
    end. An origin line with annotations below it is upstream's own.
    """
    origin = _origin_index(message)
    if origin >= 0 and not any(_is_annotation(trailer) for trailer in message.closing if trailer.line > origin + 1):
        return origin
    index = -1
    rest = list(message.closing)
    for key in ("Signed-off-by", "Stable-dep-of"):
        if rest and rest[-1].has_key(key):
            index = rest.pop().line - 1
    return index


def _annotations(message: Message) -> list[Trailer]:
    """The `Conflicts:` list and notes of this pick, in order: the run of them that ends at the anchor."""
    anchor = _anchor(message)
    above = [trailer for trailer in message.closing if anchor < 0 or trailer.line <= anchor]
    found: list[Trailer] = []
    while above and _is_annotation(above[-1]):
        found.append(above.pop())
    return found[::-1]


def _inserted(message: Message, index: int, new: Sequence[str]) -> str:
    return appended(message.text, new) if index < 0 else _spliced(message, index, 0, new)


def _spliced(message: Message, index: int, count: int, new: Sequence[str]) -> str:
    lines = message.lines
    lines[index : index + count] = new
    return "\n".join(lines)
