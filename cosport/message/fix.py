"""Applies the repairs that need no judgement: each takes a message and gives one without its finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cosport.message import edit
from cosport.message.finding import Subject
from cosport.message.lint_fields import NOTHING, is_bug, own_fields, right_key, with_right_cves
from cosport.message.parse import BLANK, Kind, parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from cosport.message.profile import Profile


def fix(text: str, profile: Profile) -> str:
    """The message with every repair that the linter's findings name. Fixing twice is fixing once."""
    for repair in REPAIRS:
        text = repair(text, profile)
    return text


def white_space(text: str, _profile: Profile) -> str:
    """As `git stripspace`: no white space at line ends, one blank line between paragraphs, one newline at the end."""
    lines: list[str] = []
    for line in text.split("\n"):
        stripped = line.rstrip(BLANK)
        if stripped or (lines and lines[-1]):
            lines.append(stripped)
    while lines and not lines[-1]:
        lines.pop()
    return "\n".join([*lines, ""]) if lines else ""


def labels(text: str, profile: Profile) -> str:
    """Each label of the subject once."""
    subject, newline, rest = text.partition("\n")
    found: list[str] = []
    while (label := next((known for known in profile.labels.known if subject.startswith(known)), None)) is not None:
        subject = subject.removeprefix(label)
        if label not in found:
            found.append(label)
    return "".join([*found, subject, newline, rest])


def keys(text: str, profile: Profile) -> str:
    """Misspelled keys put right."""
    message = parse(text)
    lines = message.lines
    for trailer in message.trailers:
        if trailer.kind is Kind.FIELD and (right := right_key(profile, trailer.key)) is not None:
            lines[trailer.line - 1] = right + lines[trailer.line - 1][len(trailer.key) :]
    return "\n".join(lines)


def values(text: str, profile: Profile) -> str:
    """Each field on one line, with bugs, CVE ids and `None` in the form that tools read."""
    message = parse(text)
    lines = message.lines
    for trailer in reversed(own_fields(Subject(message, profile, ()))):
        value = trailer.full
        if trailer.key == "BUG" and profile.bug_forms:
            value = _bugs(value, profile)
        elif trailer.key == "RELEASE_NOTE":
            value = "None" if value.lower() in NOTHING else with_right_cves(value)
        if trailer.continuation or value != trailer.full:
            lines[trailer.line - 1 : trailer.line - 1 + trailer.lines] = [f"{trailer.key}={value}".rstrip(BLANK)]
    return "\n".join(lines)


def _bugs(value: str, profile: Profile) -> str:
    items = [item.strip() for item in value.split(",")]
    bare = [item.isascii() and item.isdigit() and not is_bug(profile, item) for item in items]
    if not any(bare):
        return value
    return ", ".join(profile.bug_prefix + item if number else item for item, number in zip(items, bare, strict=True))


def places(text: str, profile: Profile) -> str:
    """Fields that stand among trailers moved into a paragraph above them."""
    message = parse(text)
    tagged = {trailer.paragraph for trailer in message.trailers if trailer.kind is not Kind.FIELD}
    moved: dict[int, list[int]] = {}  # the lines of the fields, by paragraph
    for trailer in own_fields(Subject(message, profile, ())):
        if trailer.paragraph in tagged:
            moved.setdefault(trailer.paragraph, []).append(trailer.line - 1)
    begins = {trailer.paragraph: trailer.line - 1 for trailer in reversed(message.trailers)}
    lines = message.lines
    for paragraph, fields in reversed(moved.items()):
        first, end = begins[paragraph], fields[-1] + 1
        taken = frozenset(fields)
        gap = [""] if first and lines[first - 1].strip(BLANK) else []
        others = [lines[index] for index in range(first, end) if index not in taken]
        lines[first:end] = [*gap, *(lines[index] for index in fields), "", *others]
    return "\n".join(lines)


def change_ids(text: str, profile: Profile) -> str:
    """A Change-Id that stands twice with one value made to stand once."""
    found = {trailer.value for trailer in parse(text).all("Change-Id")}
    return edit.only_change_id(text, found.pop()) if profile.change_id and len(found) == 1 else text


REPAIRS: Final[tuple[Callable[[str, Profile], str], ...]] = (white_space, labels, keys, values, places, change_ids)
