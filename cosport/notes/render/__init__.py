"""The forms of release notes, each made from the document `cosport.notes/1` alone.

A renderer takes the document as plain data, as its JSON says it, so that one that was written to a file earlier gives
the same bytes.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

from cosport.errors import UsageError
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
    """The document in a file. Raises UsageError where it is none."""
    try:
        document = msgspec.json.decode(data, type=Document)
    except msgspec.DecodeError as exc:
        raise UsageError(f"{source}: {exc}", hint="give a file that `cosport notes --format json` wrote") from exc
    if document.schema != SCHEMA:
        raise UsageError(f"{source}: its schema is {document.schema[:80]!r}; expected {SCHEMA}")
    return document


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
