"""One thing that was learned about a commit, as a value and as the line that keeps it.

A note holds one JSON object a line, oldest first, and is only ever added to. So two people's notes merge by taking the
lines of both, and what a later stage reads is what an earlier one saw: never rebuilt from guesses.
"""

from __future__ import annotations

import datetime as dt
import json
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from cosport import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable

SCHEMA: Final = "cosport.record/1"


class Kind(StrEnum):
    """What a record tells of its commit."""

    PICK = "pick"  # how the commit was made: upstream, source, fidelity, the rules of the resolvers
    ACCEPTED = "accepted"  # a person took a resolved pick over
    PRESUBMIT = "presubmit"  # a report of the checks
    BUILD = "build"  # what was compiled, and how that went
    REGRESS = "regress"  # the verdict of a regression job
    VOTE = "vote"  # what the bot said on review
    WAIVER = "waiver"  # a person let a finding pass, and why


class Record(Struct, frozen=True, kw_only=True):
    """What was learned (`data`, as its `kind` writes it), when (RFC 3339, UTC) and by whom ("cosport 1.2", a person).

    Fields that a later version adds are passed over on reading and kept in the note.
    """

    schema: str = SCHEMA
    kind: Kind
    at: str
    by: str
    data: dict[str, Any]


def record(kind: Kind, data: dict[str, Any], *, at: dt.datetime, by: str = "") -> Record:
    """A record made at that time; `by` is this version of cosport where no person is named."""
    when = at.astimezone(dt.UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
    return Record(kind=kind, at=when, by=by or f"cosport {__version__}", data=data)


def line(each: Record) -> bytes:
    """The record as one line, without its newline; the same record is the same line.

    ASCII alone: a ref's name may hold bytes that are no UTF-8, and comes as a lone surrogate, which only JSON's escapes
    can write.
    """
    return _json(msgspec.to_builtins(each))


def parse(note: bytes) -> tuple[Record, ...]:
    """The records of a note, in its order.

    Lines that are no records (a person's own words in the note, a kind that a later version knows) are passed over.
    """
    return tuple(found for text in note.splitlines() if (found := _read(text)) is not None)


def _read(text: bytes) -> Record | None:
    try:
        found = msgspec.convert(json.loads(text), Record)
    except (ValueError, RecursionError, msgspec.ValidationError):
        return None
    return found if found.schema == SCHEMA else None


def added(note: bytes, new: Iterable[Record]) -> bytes:
    """The note with these records after what it holds.

    One that says what the newest record of its kind says already is left out, so that a rerun adds nothing.
    """
    lines = [each for each in note.split(b"\n") if each]
    newest = {each.kind: each for each in parse(note)}
    for each in new:
        old = newest.get(each.kind)
        if old is None or _said(old) != _said(each):
            lines.append(line(each))
            newest[each.kind] = each
    return b"".join(each + b"\n" for each in lines)


def united(ours: bytes, theirs: bytes) -> bytes:
    """One note for the two that people made of the same commit: every line of both once, records by their time."""
    lines = dict.fromkeys(each for note in (ours, theirs) for each in note.split(b"\n") if each)
    order = {each: found.at if (found := _read(each)) is not None else "" for each in lines}
    return b"".join(each + b"\n" for each in sorted(lines, key=lambda each: order[each]))


def _said(each: Record) -> bytes:
    return _json([each.by, each.data])


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")
