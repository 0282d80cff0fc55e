"""Checks a message against its profile before anything reads it: tools drop silently what they do not know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cosport.message import lint_fields, lint_text, lint_trailers
from cosport.message.finding import Finding, Severity, Subject
from cosport.message.parse import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cosport.message.profile import Profile

__all__ = ["Finding", "Severity", "is_clean", "lint"]

RULES: Final[tuple[Callable[[Subject], Iterator[Finding]], ...]] = (
    *lint_text.RULES,
    *lint_fields.RULES,
    *lint_trailers.RULES,
)


def lint(text: str, profile: Profile, required: tuple[str, ...] | None = None) -> tuple[Finding, ...]:
    """All findings, by line; those about something missing come first.

    `required` are the keys of the fields that must be there and filled (by default all of the profile's).
    """
    subject = Subject(parse(text), profile, profile.field_keys if required is None else required)
    found = [finding for rule in RULES for finding in rule(subject)]
    return tuple(sorted(found, key=lambda finding: (finding.line, finding.id)))


def is_clean(findings: tuple[Finding, ...]) -> bool:
    """Whether nothing in them needs a person: informational ones do not count."""
    return all(finding.severity is Severity.INFO for finding in findings)
