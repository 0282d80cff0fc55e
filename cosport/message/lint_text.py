"""Rules about a message as text: its subject, deceiving characters, lines that end it for other tools, white space."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from cosport.message.finding import Finding, Severity, Subject
from cosport.message.parse import BLANK

if TYPE_CHECKING:
    from collections.abc import Iterator

SUBJECT_LENGTH: Final = 100
"""Characters that a subject may have; upstream's own limit of 75 is broken by many of its commits."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_DECEIVING = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_LONE = re.compile("[\udc80-\udcff]")
_DIVIDER = re.compile(r"---(?:[ \t\r]|\Z)|diff --git |Index: \S+\s*\Z")
_SPACE_AT_END = re.compile(r"[ \t]\r?\Z")


def subject(given: Subject) -> Iterator[Finding]:
    """A subject there is, on one line, of a length that lists can show, with one label at most."""
    message, labels = given.message, given.profile.labels.known
    if not message.subject:
        yield Finding("subject-missing", Severity.BLOCK, 0, "the message is empty")
        return
    lines = message.lines
    first = next(number for number, line in enumerate(lines, 1) if line.strip(BLANK))
    if len(lines[first - 1]) > SUBJECT_LENGTH:
        text = f"the subject has {len(lines[first - 1])} characters; more than {SUBJECT_LENGTH} are cut in lists"
        yield Finding("subject-long", Severity.WARN, first, text)
    if first < len(lines) and lines[first].strip(BLANK):
        text = "no blank line follows the subject: git joins these lines to it, and reads no trailers in them"
        yield Finding("subject-wrapped", Severity.WARN, first + 1, text)
    rest = lines[first - 1]
    found = []
    while (label := next((known for known in labels if rest.startswith(known)), None)) is not None:
        found.append(label)
        rest = rest.removeprefix(label)
    if len(found) != len(set(found)):
        text = f"the label {found[-1].strip()} stands twice"
        yield Finding("label-repeated", Severity.WARN, first, text, fix="writes it once")


def characters(given: Subject) -> Iterator[Finding]:
    """No control characters, none that hide or reorder text, no bytes that are no text."""
    for number, line in enumerate(given.message.lines, 1):
        if line.isascii() and line.isprintable():
            continue
        if (match := _CONTROL.search(line)) is not None:
            text = f"a control character, {_code(match[0])}: git refuses NUL, and terminals obey others"
            yield Finding("control-character", Severity.BLOCK, number, text)
        if (match := _DECEIVING.search(line)) is not None:
            text = f"{_code(match[0])} hides text or changes its direction"
            yield Finding("deceiving-character", Severity.BLOCK, number, text)
        if (match := _LONE.search(line)) is not None:
            text = f"the byte {ord(match[0]) - 0xDC00:#04x} is no UTF-8, and the commit names no other charset"
            yield Finding("undecodable-byte", Severity.WARN, number, text)


def dividers(given: Subject) -> Iterator[Finding]:
    """No line at which `git am` and git-interpret-trailers take the message to end."""
    for number, line in enumerate(given.message.lines, 1):
        if line[:1] in "-dI" and _DIVIDER.match(line):
            text = f"git am ends the message at this line ({line.strip(BLANK)[:20]}); indent it"
            yield Finding("divider-line", Severity.WARN, number, text)


def white_space(given: Subject) -> Iterator[Finding]:
    """What `git stripspace` would change: spaces at line ends, blank lines too many, no newline at the end."""
    lines = given.message.lines
    for number, line in enumerate(lines, 1):
        if line.endswith("\r"):
            yield Finding(
                "carriage-return", Severity.WARN, number, "a carriage return ends this line", fix="removes it"
            )
        if _SPACE_AT_END.search(line):
            yield Finding("trailing-space", Severity.INFO, number, "white space ends this line", fix="removes it")
    if not given.message.subject:
        return
    if lines[-1].strip(BLANK):
        yield Finding("final-newline", Severity.INFO, len(lines), "no newline ends the message", fix="adds it")
    blank = True
    for number, line in enumerate(lines[:-1], 1):
        if blank and not line.strip(BLANK):
            yield Finding("blank-lines", Severity.INFO, number, "a blank line too many", fix="removes it")
        blank = not line.strip(BLANK)
    if blank:
        yield Finding("blank-lines", Severity.INFO, len(lines) - 1, "a blank line ends the message", fix="removes it")


def _code(char: str) -> str:
    return f"U+{ord(char):04X} {unicodedata.name(char, '')}".rstrip()


RULES: Final = (subject, characters, dividers, white_space)
