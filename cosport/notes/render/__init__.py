"""The forms of release notes, each made from the document `cosport.notes/1` alone.

A renderer takes the document as plain data, as its JSON says it, so that one that was written to a file earlier gives
the same bytes.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

from cosport.errors import UsageError
from cosport.model.text import safe
from cosport.notes.document import SCHEMA, Document

if TYPE_CHECKING:
    from pathlib import Path

Data = dict[str, Any]
"""A document as plain data."""


class Format(StrEnum):
    """A form in which notes are written."""

    MD = "md"
    HTML = "html"
    JSON = "json"
    ATOM = "atom"
    OPENVEX = "openvex"
    TEXT = "text"


def plain(document: Document) -> Data:
    """A document as plain data."""
    data: Data = msgspec.to_builtins(document)
    return data


def load(data: bytes, source: str) -> Document:
    """The document in a file: texts that `build` would not have let through are written out as it does.

    Raises UsageError where it is none.
    """
    hint = "give a file that `cosport notes --format json` wrote"
    try:
        document = msgspec.convert(_safe(msgspec.json.decode(data)), Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise UsageError(f"{source}: {exc}", hint=hint) from exc
    if document.schema != SCHEMA:
        raise UsageError(f"{source}: its schema is {document.schema[:80]!r}; expected {SCHEMA}")
    told = {cve for section in document.sections for entry in section.entries for cve in entry.cves}
    if unknown := sorted(told.difference(cve.id for cve in document.cves)):
        raise UsageError(f"{source}: an entry names {unknown[0]}, of which the document says nothing", hint=hint)
    return document


def _safe(value: Any) -> Any:
    """Plain data with every text in it made safe to show."""
    if isinstance(value, str):
        return safe(value)
    if isinstance(value, list):
        return [_safe(each) for each in value]
    return {_safe(key): _safe(each) for key, each in value.items()} if isinstance(value, dict) else value


def render(document: Document, form: Format) -> str:
    """The document in that form; it ends with a newline."""
    data = plain(document)
    if form is Format.JSON:
        return msgspec.json.format(msgspec.json.encode(data), indent=2).decode() + "\n"
    if form is Format.ATOM:
        from cosport.notes.render import atom

        return atom.render(data)
    if form is Format.OPENVEX:
        from cosport.notes.render import openvex

        return openvex.render(data)
    from cosport.notes.render import template

    return template.render(data, template.SHIPPED[form])


def render_by(document: Document, file: Path) -> str:
    """The document by a template of the user's own. Raises UsageError where that is wrong or cannot be read."""
    from cosport.notes.render import template

    return template.render_file(plain(document), file)
