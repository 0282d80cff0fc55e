"""Rules about the `KEY=value` fields, which tools read line by line, and drop where the form is not theirs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from cosport.message.finding import Finding, Severity, Subject
from cosport.message.parse import BLANK, Kind, Trailer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cosport.message.profile import Profile

NOTHING: Final = frozenset({"none", "n/a", "na", "nil", "-", "no", "nothing"})
"""Values, in lower case, that say that there is nothing to tell. `None` is the form that is written."""

CVE = re.compile(r"(?<![A-Za-z0-9])CVE[-_ ]?(\d{4})[-_ ](\d{4,})((?:,\d{4,}(?![\d-]))*)", re.IGNORECASE)
"""A CVE id however it is spelled, and the bare numbers that hang on it: `cve-2025-11413,11414`."""


def presence(given: Subject) -> Iterator[Finding]:
    """Each required field is there once, and filled; none stands under a misspelled key."""
    fields = [trailer for trailer in given.message.trailers if trailer.kind is Kind.FIELD]
    for key in given.required:
        found = [trailer for trailer in fields if trailer.key == key]
        if not found:
            yield Finding("field-missing", Severity.BLOCK, 0, f"there is no {key}= line")
        elif not found[0].full:
            yield Finding(
                "field-empty", Severity.BLOCK, found[0].line, f"{key}= is empty; write None if there is nothing"
            )
        for extra in found[1:]:
            text = f"{key}= stands again: tools read only the first one, in line {found[0].line}"
            yield Finding("field-repeated", Severity.WARN, extra.line, text)
    for trailer in fields:
        if (right := right_key(given.profile, trailer.key)) is not None:
            text = f"{trailer.key}= is read by nobody; {right}= was meant"
            yield Finding("field-misspelled", Severity.BLOCK, trailer.line, text, fix=f"writes {right}=")


def right_key(profile: Profile, key: str) -> str | None:
    """The profile's key that a misspelled one means (RELEASE_NOTES for RELEASE_NOTE), or None."""
    if key in profile.field_keys:
        return None
    return next((own for own in profile.field_keys if key.rstrip("S") == own.rstrip("S")), None)


def wrapped(given: Subject) -> Iterator[Finding]:
    """No field goes on over several lines: tools read its first one."""
    for trailer in own_fields(given):
        if trailer.continuation:
            text = f"{trailer.key}= goes on over {trailer.lines} lines; tools read only the first one"
            yield Finding("field-wrapped", Severity.WARN, trailer.line, text, fix="joins the lines")


def placed(given: Subject) -> Iterator[Finding]:
    """Fields stand in a paragraph of their own: among trailers they make git take the paragraph for prose."""
    tagged = {trailer.paragraph for trailer in given.message.trailers if trailer.kind is not Kind.FIELD}
    for trailer in own_fields(given):
        if trailer.paragraph in tagged:
            text = f"{trailer.key}= stands among trailers, where git may then read none of them"
            fix = "moves it into a paragraph of its own"
            yield Finding("field-misplaced", Severity.BLOCK, trailer.line, text, fix=fix)


def bug(given: Subject) -> Iterator[Finding]:
    """Each bug has one of the forms that the changelog tools read."""
    if not given.profile.bug_forms:
        return
    for trailer in given.message.all("BUG"):
        for item in filter(None, (part.strip() for part in trailer.full.split(","))):
            if item.lower() in NOTHING or is_bug(given.profile, item):
                continue
            bare = item.isascii() and item.isdigit()
            fix = f"writes {given.profile.bug_prefix}{item}" if bare else ""
            text = f"{item[:40]!r} is no bug that the changelog tools read: they drop it silently"
            yield Finding("bug-form", Severity.WARN, trailer.line, text, fix=fix)


def is_bug(profile: Profile, item: str) -> bool:
    """Whether the profile's tools read that item of `BUG=`."""
    return any(re.fullmatch(form, item) for form in profile.bug_forms)


def release_note(given: Subject) -> Iterator[Finding]:
    """CVE ids as all tools find them, `None` in one spelling, and a note for every security fix."""
    for trailer in given.message.all("RELEASE_NOTE"):
        value = trailer.full
        if value.lower() in NOTHING and value != "None":
            text = f"{value!r} says that there is no note; None is what tools know"
            yield Finding("release-note-none", Severity.INFO, trailer.line, text, fix="writes None")
        if (right := with_right_cves(value)) != value:
            text = "a CVE id is not spelled CVE-YEAR-NUMBER: a search for it finds nothing"
            yield Finding("cve-form", Severity.WARN, trailer.line, text, fix=f"writes {right[:80]}")
    key = given.profile.class_key
    patch_class = given.message.last(key) if key else None
    note = given.message.last("RELEASE_NOTE")
    if (
        patch_class is not None
        and patch_class.value == "security"
        and note is not None
        and note.full.lower() in NOTHING
    ):
        text = "a security fix needs a release note: users must learn of it"
        yield Finding("security-without-note", Severity.BLOCK, note.line, text)


def with_right_cves(text: str) -> str:
    """`text` with each CVE id spelled out: `cve-2025-11413,11414` becomes `CVE-2025-11413, CVE-2025-11414`."""
    return CVE.sub(_spelled_out, text)


def _spelled_out(match: re.Match[str]) -> str:
    numbers = [match[2], *(part.strip() for part in match[3].split(",") if part.strip())]
    return ", ".join(f"CVE-{match[1]}-{number}" for number in numbers)


def own_fields(given: Subject) -> list[Trailer]:
    """The fields whose keys are the profile's, in order."""
    keys = given.profile.field_keys
    return [trailer for trailer in given.message.trailers if trailer.kind is Kind.FIELD and trailer.key in keys]


def joined(trailer: Trailer) -> str:
    """A field on one line."""
    return f"{trailer.key}={trailer.full}".rstrip(BLANK)


RULES: Final = (presence, wrapped, placed, bug, release_note)
