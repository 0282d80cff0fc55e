"""Tells before a release what will read badly: the rules of `cosport.message.lint` that bear on notes, and a few more.

What users never see is left out: commits that are taken back in the same range, and fixes that were released before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cosport.message import charset, lint_fields
from cosport.message.finding import Finding, Severity, Subject
from cosport.message.parse import parse
from cosport.model.commit import Sha  # noqa: TC001 - msgspec reads the fields' types for the schema
from cosport.model.text import safe
from cosport.notes.document import Source
from cosport.notes.fields import cves_in
from cosport.notes.net import Fate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cosport.message.parse import Message, Trailer
    from cosport.notes.build import Request
    from cosport.notes.document import Document
    from cosport.notes.fields import Keys

SCHEMA: Final = "cosport.notes-lint/1"

_LONG: Final = 400
"""Characters of a note that people still read."""

_UNSEEN: Final = frozenset({Fate.CANCELLED, Fate.RELEASED, Fate.MERGE})
_MISSING: Final = frozenset({"field-missing", "field-empty"})


@dataclass(frozen=True, slots=True)
class Found:
    """What is wrong with the note of one commit."""

    commit: Sha
    subject: str
    findings: tuple[Finding, ...]


def lint(request: Request, document: Document) -> tuple[Found, ...]:
    """What will read badly, commit by commit, in the range's order; nothing where the house writes no notes."""
    if not request.keys.notes_are_written:
        return ()
    entries = [entry for section in document.sections for entry in section.entries]
    helped = {
        commit.sha: entry.source
        for entry in entries
        if entry.source in (Source.INHERITED, Source.OVERRIDE)
        for commit in entry.commits
    }
    recorded = {cve.id for cve in document.cves if cve.recorded} if document.cve_data is not None else None
    found = []
    for account in document.commits:
        if account.fate in _UNSEEN:
            continue
        commit = request.reader.commit(account.commit)
        message = parse(charset.decode(commit.message, commit.encoding).text)
        findings = tuple(_findings(message, request.keys, helped.get(account.commit), recorded))
        if findings:
            found.append(Found(account.commit, account.subject, findings))
    return tuple(found)


def _findings(message: Message, keys: Keys, helped: Source | None, recorded: set[str] | None) -> Iterator[Finding]:
    notes = [trailer for trailer in message.trailers if keys.is_note(trailer)]
    lines = {trailer.line for trailer in notes}
    subject = Subject(message, keys.profile, (keys.note,))
    for rule in (lint_fields.presence, lint_fields.wrapped, lint_fields.release_note):
        for each in rule(subject):
            if each.id == "field-missing" and notes:
                continue  # it stands there under a misspelled key, which is told already
            if each.id in _MISSING and helped is not None:
                yield Finding(each.id, Severity.INFO, each.line, f"{each.text}; the text is {_HELP[helped]}")
            elif each.line in lines or each.id == "field-missing":
                yield each
    for trailer in notes:
        yield from _text(trailer, recorded)


_HELP: Final = {Source.INHERITED: "that of the commit that it comes from", Source.OVERRIDE: "the team's own"}


def _text(trailer: Trailer, recorded: set[str] | None) -> Iterator[Finding]:
    text = trailer.full
    if safe(text, lines=True) != text:
        shown = "it holds control characters or marks of direction, which are written out"
        yield Finding("note-hidden-characters", Severity.WARN, trailer.line, shown)
    if len(text) > _LONG:
        yield Finding(
            "note-long", Severity.WARN, trailer.line, f"it is {len(text)} characters long; few read on so far"
        )
    for cve in cves_in(text):
        if recorded is not None and cve not in recorded:
            yield Finding("cve-unknown", Severity.WARN, trailer.line, f"{cve} is not in the CVE data")


def is_clean(found: tuple[Found, ...]) -> bool:
    """Whether nothing in them needs a person."""
    return all(each.severity is Severity.INFO for one in found for each in one.findings)
