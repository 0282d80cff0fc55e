"""What a check finds: values that tell the rule, how grave it is, where it stands, why it matters, what repairs it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from cosport.message.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["COMMIT", "GRADES", "Finding", "Place", "PlaceKind", "Rule", "Severity", "clean", "gravest"]

GRADES: Final = {Severity.INFO: 1, Severity.WARN: 2, Severity.BLOCK: 3}
"""The severities in order."""

_LONGEST: Final = 2000
"""Characters of foreign text in one finding: a line of a generated file may be a megabyte long."""


class PlaceKind(StrEnum):
    """What a finding points at."""

    COMMIT = "commit"  # the commit as a whole
    MESSAGE = "message"  # a line of its message
    FILE = "file"  # a line of a file, as it is after the commit


@dataclass(frozen=True, slots=True)
class Place:
    """Where a finding stands. Lines count from 1; 0 means the whole message or file."""

    kind: PlaceKind = PlaceKind.COMMIT
    path: str = ""
    line: int = 0

    @classmethod
    def message(cls, line: int) -> Place:
        """A line of the commit's message."""
        return cls(PlaceKind.MESSAGE, "", line)

    @classmethod
    def file(cls, path: str | bytes, line: int = 0) -> Place:
        """A line of a file."""
        return cls(PlaceKind.FILE, clean(path), line)


COMMIT: Final = Place()


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. `check` and `rule` never change their names; `fix` says what `--fix` does, "" where it cannot."""

    check: str
    rule: str
    severity: Severity
    message: str
    explanation: str
    place: Place
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that a check looks for: its default severity, and why it matters and what to do about it."""

    id: str
    severity: Severity
    explanation: str

    def finding(self, message: str, place: Place = COMMIT, *, fix: str = "") -> Finding:
        """A finding of this rule; the runner adds the check, and the severity that the team wants."""
        return Finding("", self.id, self.severity, clean(message), self.explanation, place, clean(fix))

    def as_grave_as(self, severity: Severity) -> Rule:
        """The same rule with another severity, where a case of it is worse or better than usual."""
        return replace(self, severity=severity)


def clean(text: str | bytes) -> str:
    r"""Foreign text that any document can hold: bytes that are no UTF-8 stand as `\xff`, and it has an end."""
    data = _bytes(text) if isinstance(text, str) else text
    whole = data.decode("utf-8", "backslashreplace")
    return whole if len(whole) <= _LONGEST else whole[:_LONGEST] + "..."


def _bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a surrogate that stands for no byte
        return text.encode("utf-8", "backslashreplace")


def gravest(severities: Iterable[Severity]) -> Severity:
    """The gravest of some severities; INFO of none."""
    return max(severities, key=GRADES.__getitem__, default=Severity.INFO)
