"""Rules about trailers: Change-Id, patch class, origin, sign-offs, Gerrit's tags, conflicts, labels, Fixes tags."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from cosport.message import changeid
from cosport.message.finding import Finding, Severity, Subject
from cosport.message.parse import BLANK, Kind, Trailer

if TYPE_CHECKING:
    from collections.abc import Iterator

_EMPTY_MAIL = re.compile(r"<\s*>")
_LONE_HEX = re.compile(r"(?<![0-9A-Za-z])([0-9a-f]{6,64})(?![0-9A-Za-z])")
_FULL_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")


def change_id(given: Subject) -> Iterator[Finding]:
    """Exactly one Change-Id, well formed, in the last paragraph (Gerrit's user-changeid.txt)."""
    if not given.profile.change_id:
        return
    found = given.message.all("Change-Id")
    if not found:
        text = "there is no Change-Id: Gerrit refuses the upload, and a rerun makes a second change"
        yield Finding("change-id-missing", Severity.BLOCK, 0, text)
        return
    for trailer in found:
        if not changeid.valid(trailer.value):
            text = f"{trailer.value[:50]!r} is no Change-Id: it is I and 40 lower-case hex digits"
            yield Finding("change-id-malformed", Severity.BLOCK, trailer.line, text)
    same = len({trailer.value for trailer in found}) == 1
    for trailer in found[:-1]:
        fix = "indents it, which makes it text" if same else ""
        text = f"a Change-Id too many: the last one is in line {found[-1].line}"
        yield Finding("change-id-repeated", Severity.BLOCK, trailer.line, text, fix=fix)
    closing = given.message.closing
    if not closing or found[-1].paragraph != closing[-1].paragraph:
        text = "the Change-Id is not in the last paragraph, the only one that Gerrit reads"
        yield Finding("change-id-misplaced", Severity.BLOCK, found[-1].line, text)


def patch_class(given: Subject) -> Iterator[Finding]:
    """Exactly one patch class, of the known ones."""
    key, classes = given.profile.class_key, given.profile.classes
    if not key:
        return
    found = given.message.all(key)
    if not found:
        yield Finding("class-missing", Severity.BLOCK, 0, f"there is no {key}: line ({', '.join(classes)})")
    for trailer in found:
        if trailer.value not in classes:
            text = f"{key}: {trailer.value[:40]} is none of {', '.join(classes)}"
            yield Finding("class-unknown", Severity.BLOCK, trailer.line, text)
    for trailer in found[1:]:
        yield Finding("class-repeated", Severity.BLOCK, trailer.line, f"{key}: stands again")


def origin(given: Subject) -> Iterator[Finding]:
    """Where the commit comes from is named, by a whole sha."""
    kind = Kind.UPSTREAM if given.profile.origin == "commit-upstream" else Kind.ORIGIN
    form = "commit X upstream." if kind is Kind.UPSTREAM else "(cherry picked from commit X)"
    found = [trailer for trailer in given.message.trailers if trailer.kind in (Kind.ORIGIN, Kind.UPSTREAM)]
    if not any(trailer.kind is kind for trailer in found):
        yield Finding("origin-missing", Severity.WARN, 0, f"no line `{form}` tells where this comes from")
    for trailer in found:
        if not _FULL_SHA.match(trailer.value) and "://" not in trailer.value:
            text = f"{trailer.value} is no whole commit name: it may become ambiguous, and tools look for 40 digits"
            yield Finding("origin-malformed", Severity.BLOCK, trailer.line, text)


def below_origin(given: Subject) -> tuple[Trailer, ...]:
    """The trailers that this pick added: those after its own origin line; all closing ones where it has none."""
    closing = given.message.closing
    last = max((index for index, trailer in enumerate(closing) if trailer.kind is Kind.ORIGIN), default=-1)
    return closing[last + 1 :]


def signoff(given: Subject) -> Iterator[Finding]:
    """Who picked it signed it off, with a mail address; so did all others."""
    if given.profile.signoff and not any(trailer.key == "Signed-off-by" for trailer in below_origin(given)):
        text = "no Signed-off-by of the person who picked it stands below the origin line"
        yield Finding("signoff-missing", Severity.BLOCK, 0, text)
    for trailer in given.message.trailers:
        is_person = trailer.kind is Kind.TAG and (trailer.key.lower().endswith("-by") or trailer.key.lower() == "cc")
        bare = trailer.key == "Signed-off-by" and "<" not in trailer.value
        if is_person and (bare or not trailer.value or _EMPTY_MAIL.search(trailer.value)):
            yield Finding("mail-missing", Severity.WARN, trailer.line, f"{trailer.key}: has no mail address")


def gerrit_tags(given: Subject) -> Iterator[Finding]:
    """What Gerrit writes from votes at submit is not written by hand."""
    written = {tag.lower() for tag in given.profile.gerrit_tags}
    for trailer in below_origin(given):
        if trailer.kind is Kind.TAG and trailer.key.lower() in written:
            text = f"{trailer.key}: is Gerrit's to write, at submit, from a vote"
            yield Finding("gerrit-tag", Severity.BLOCK, trailer.line, text)


def conflicts(given: Subject) -> Iterator[Finding]:
    """What was changed to make it fit is said, and the label of the subject agrees."""
    closing, labels = given.message.closing, given.profile.labels
    listed = [trailer for trailer in closing if trailer.has_key("Conflicts")]
    noted = any(trailer.kind is Kind.NOTE for trailer in closing)
    if listed and not noted:
        text = "conflicts were resolved, and no note tells how: [name: what was changed and why]"
        yield Finding("conflicts-without-note", Severity.BLOCK, listed[0].line, text)
    if not labels.adapted:
        return
    subject = given.message.subject
    line = next((number for number, text in enumerate(given.message.lines, 1) if text.strip(BLANK)), 0)
    if listed and labels.picked and subject.startswith(labels.picked):
        text = f"labelled {labels.picked.strip()} though conflicts were resolved; {labels.adapted.strip()} is right"
        yield Finding("label-false", Severity.BLOCK, line, text)
    if subject.startswith(labels.adapted) and not listed and not noted:
        text = f"labelled {labels.adapted.strip()}, and neither Conflicts: nor a note tells what was changed"
        yield Finding("label-false", Severity.WARN, line, text)


def fixes(given: Subject) -> Iterator[Finding]:
    """Each Fixes tag reads `Fixes: <12 digits or more> ("subject")`; the classes are netdev's (verify_fixes)."""
    for trailer in given.message.all("Fixes"):
        if (problem := _fixes_problem(trailer)) is not None:
            yield Finding(problem[0], Severity.WARN, trailer.line, problem[1])


def _fixes_problem(trailer: Trailer) -> tuple[str, str] | None:
    value = trailer.full
    match = _LONE_HEX.search(value)
    if match is None:
        return "fixes-no-sha", "the Fixes tag names no commit"
    sha, before, after = match[1], value[: match.start()].strip(), value[match.end() :]
    subject = after.strip()
    checks = (
        (before, "fixes-leading-word", f"{before[:20]!r} stands before the commit's name"),
        (len(sha) < 12, "fixes-short-sha", f"{sha} has {len(sha)} digits; 12 or more stay unambiguous"),
        (not subject, "fixes-no-subject", "the Fixes tag quotes no subject"),
        (
            subject and after[:1] not in " \t",
            "fixes-no-space",
            "no space stands between the commit's name and its subject",
        ),
        (subject[:1] == "(" and subject[-1:] != ")", "fixes-parentheses", "the subject's parenthesis is not closed"),
        (
            subject and not re.fullmatch(r"\(?\".*\"\)?", subject),
            "fixes-quotes",
            "the subject does not stand in quotes",
        ),
        (subject and subject[:1] != "(", "fixes-parentheses", "the subject does not stand in parentheses"),
    )
    return next(((name, text) for holds, name, text in checks if holds), None)


RULES: Final = (change_id, patch_class, origin, signoff, gerrit_tags, conflicts, fixes)
