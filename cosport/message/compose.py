"""Composes the message of a pick: upstream's text, the house's fields, where it comes from, and who picked it.

Three cases. A message that names the picked commit already is a pick's own message: it is brought up to date, and
only what the request gives is changed. A commit that is a finished pick itself (main's landed one, another branch's)
keeps its message byte for byte, and lines are added at its end. Else the message is upstream's, laid out by the
profile's template.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cosport.errors import UsageError
from cosport.message import changeid, edit, values
from cosport.message.parse import BLANK, Kind, Message, parse, trimmed
from cosport.message.profile import Labels, Profile, render

if TYPE_CHECKING:
    from collections.abc import Callable

    from cosport.model.commit import Sha

FOREIGN_HEADING = "Upstream's own fields, kept as text:"
_INDENT = "    "


@dataclass(frozen=True, slots=True, kw_only=True)
class PickFields:
    """What a pick's message says besides upstream's text.

    `upstream` is the fix's commit upstream, `source` the commit that was picked: the same, or (`source_kind` "main"
    or "neighbour") a branch's finished pick of it. `signoff` is "Name <mail>", "" for none. `bug`, `test`,
    `release_note` and `patch_class` of None mean the profile's default. `conflicts` are paths; `notes` texts without
    brackets, each written `[author: text]`, `author` being the name in `signoff` where it is empty. `adapted`:
    changed lines differ from upstream's. `unmerged_from` is "<url-or-ref> <branch>" of a commit that upstream has not
    merged. `stable_dep_of` is the sha (12 digits) and subject of the fix that needs this commit.
    """

    upstream: Sha
    source: Sha
    source_kind: str = "upstream"
    change_id: str | None = None
    signoff: str = ""
    bug: str | None = None
    test: str | None = None
    release_note: str | None = None
    patch_class: str | None = None
    conflicts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    author: str = ""
    adapted: bool = False
    unmerged_from: str | None = None
    stable_dep_of: tuple[str, str] | None = None

    @property
    def is_adapted(self) -> bool:
        """Whether the pick is not upstream's patch as it was."""
        return self.adapted or bool(self.conflicts)


def compose(profile: Profile, source_message: str, fields: PickFields) -> str:
    """The message of a pick of the commit whose message is `source_message`.

    Composing again from the result with the same `fields` changes nothing; with other ones it changes what they give.
    Fields and the patch class are written where upstream's commit is picked; a finished pick's message stays as it
    is, whatever they say. The one exception: where `fields.change_id` differs from its Change-Id, that is replaced,
    since Gerrit takes one only. Raises UsageError for values that a message must not hold.
    """
    fields = checked(profile, fields)
    message = parse(source_message)
    if _names_source(profile, message, fields):
        text = _updated(profile, message, fields)
    elif fields.source_kind == "main" or (fields.source_kind != "upstream" and is_finished(profile, message)):
        text = _kept(profile, message, fields)
    else:
        text = _fresh(profile, message, fields)
    if profile.change_id and fields.change_id:
        text = edit.only_change_id(text, fields.change_id)
    return text


def is_finished(profile: Profile, message: Message) -> bool:
    """Whether a message already has this profile's form: one of its fields, its class tag, or its origin line."""
    if any(trailer.kind is Kind.FIELD and trailer.key in profile.field_keys for trailer in message.trailers):
        return True
    if profile.class_key and message.last(profile.class_key) is not None:
        return True
    if profile.fields:
        return False
    kind = Kind.UPSTREAM if profile.origin == "commit-upstream" else Kind.ORIGIN
    return any(trailer.kind is kind for trailer in message.trailers)


def checked(profile: Profile, fields: PickFields) -> PickFields:
    """The same request with every value on one line. Raises UsageError for one that a message must not hold."""
    if fields.change_id is not None and not changeid.valid(fields.change_id):
        raise UsageError(f"not a Change-Id: {fields.change_id!r}", hint="it is I and 40 lower-case hex digits")
    if fields.patch_class is not None and profile.class_key and fields.patch_class not in profile.classes:
        raise UsageError(
            f"no patch class is named {fields.patch_class!r}", hint=f"choose one of: {', '.join(profile.classes)}"
        )
    signoff = values.ident("the sign-off", fields.signoff) if fields.signoff else ""
    dep = fields.stable_dep_of
    return replace(
        fields,
        signoff=signoff,
        bug=_optional("the bug", fields.bug),
        test=_optional("the test", fields.test),
        release_note=_optional("the release note", fields.release_note),
        notes=tuple(note for text in fields.notes if (note := values.one_line("a note", text))),
        author=values.one_line("the author of notes", fields.author) or signoff.partition("<")[0].strip() or "backport",
        unmerged_from=_optional("the place of an unmerged commit", fields.unmerged_from),
        stable_dep_of=dep and (values.one_line("Stable-dep-of", dep[0]), values.one_line("Stable-dep-of", dep[1])),
    )


def _optional(what: str, text: str | None) -> str | None:
    return None if text is None else values.one_line(what, text) or None


def _fresh(profile: Profile, message: Message, fields: PickFields) -> str:
    """Upstream's message in the profile's layout."""
    subject, body = _subject_and_body(message, fields)
    trailers, foreign = _upstream_trailers(profile, message)
    body = [_defused(profile, line) for line in body]
    if foreign:
        body += ["", *([FOREIGN_HEADING] if FOREIGN_HEADING not in body else []), *(_INDENT + line for line in foreign)]
    under_subject = profile.origin == "commit-upstream" and not fields.unmerged_from
    text = render(
        profile,
        {
            "subject": "\n".join(
                (_label(profile.labels, subject[0], fields), *(_defused(profile, line) for line in subject[1:]))
            ),
            "body": "\n".join(trimmed(body)),
            "upstream": (f"commit {fields.upstream} upstream.",) if under_subject else (),
            "fields": [
                {"key": field.key, "value": getattr(fields, field.holds) or field.default} for field in profile.fields
            ],
            "patch_class": _class_lines(profile, fields),
            "trailers": (*trailers, *_upstream_origin(profile, message, fields)),
            "annotations": _annotations(fields),
            "origin": _origin(profile, fields),
            "closing": _closing(profile, fields),
        },
    )
    return text.rstrip(BLANK + "\n") + "\n"


def _subject_and_body(message: Message, fields: PickFields) -> tuple[list[str], list[str]]:
    head = trimmed(message.lines[: message.tail])
    if not head:
        return [_no_subject(fields)], []
    stop = next((index for index, line in enumerate(head) if not line.strip(BLANK)), len(head))
    return head[:stop], trimmed(head[stop:])


def _upstream_trailers(profile: Profile, message: Message) -> tuple[list[str], list[str]]:
    """The closing lines that stay trailers, and the house's own keys among them, which upstream's text may not fill."""
    lines = message.lines
    foreign_lines: set[int] = set()
    for trailer in message.closing:
        if _is_own_key(profile, trailer.key, trailer.kind):
            foreign_lines.update(range(trailer.line - 1, trailer.line - 1 + trailer.lines))
    closing = [(index, lines[index]) for index in range(message.tail, len(lines)) if lines[index].strip(BLANK)]
    kept = [line for index, line in closing if index not in foreign_lines]
    return kept, [line for index, line in closing if index in foreign_lines]


def _is_own_key(profile: Profile, key: str, kind: Kind) -> bool:
    if kind is Kind.FIELD:
        return key.rstrip("S") in {own.rstrip("S") for own in profile.field_keys}
    if kind is Kind.TAG:
        own = {profile.class_key.lower()} | ({"change-id"} if profile.change_id else set())
        return key.lower() in own - {""}
    return False


_KEY_AT_START = re.compile(r"([A-Za-z][A-Za-z0-9_-]{0,60})[ \t]{0,8}([=:])")


def _defused(profile: Profile, line: str) -> str:
    """A line of upstream's body; indented where tools that scan whole messages would take it for the house's."""
    match = _KEY_AT_START.match(line)
    if match and _is_own_key(profile, match[1], Kind.FIELD if match[2] == "=" else Kind.TAG):
        return _INDENT + line
    return line


def _label(labels: Labels, subject: str, fields: PickFields) -> str:
    """The subject with the prefix that tells where the patch comes from."""
    if fields.unmerged_from:
        wanted = labels.unmerged_adapted if fields.is_adapted else labels.unmerged
    else:
        wanted = labels.adapted if fields.is_adapted else labels.picked
    if not labels.known:
        return subject if subject.startswith(wanted) else wanted + subject
    while (prefix := next((label for label in labels.known if subject.startswith(label)), None)) is not None:
        subject = subject.removeprefix(prefix)
    return wanted + subject


def _relabel(labels: Labels, subject: str, fields: PickFields) -> str:
    """The subject of a finished pick that is picked again: marked as adapted if it was not before, else as it is."""
    if not fields.is_adapted or not labels.adapted or subject.startswith(labels.adapted):
        return subject
    return labels.adapted + (subject.removeprefix(labels.picked) if labels.picked else subject)


def _class_lines(profile: Profile, fields: PickFields) -> tuple[str, ...]:
    if not profile.class_key:
        return ()
    return (f"{profile.class_key}: {fields.patch_class or profile.default_class}",)


def _annotations(fields: PickFields) -> tuple[str, ...]:
    notes = tuple(edit.note_line(fields.author, note) for note in fields.notes)
    return (*edit.conflict_lines(fields.conflicts), *notes)


def _origin_line(sha: Sha, fields: PickFields) -> tuple[str, ...]:
    if fields.unmerged_from:
        return f"(cherry picked from commit {sha}", f" {fields.unmerged_from})"
    return (f"(cherry picked from commit {sha})",)


def _origin(profile: Profile, fields: PickFields) -> tuple[str, ...]:
    """The line that names the commit that was picked; none where it stands under the subject."""
    if profile.origin == "commit-upstream" and not fields.unmerged_from:
        return ()
    return _origin_line(fields.source, fields)


def _upstream_origin(profile: Profile, message: Message, fields: PickFields) -> tuple[str, ...]:
    """The line that names upstream's commit, where another branch's pick was picked whose text does not name it."""
    if fields.upstream == fields.source or _names(message, fields.upstream) or profile.origin == "commit-upstream":
        return ()
    return _origin_line(fields.upstream, fields)


def _closing(profile: Profile, fields: PickFields) -> tuple[str, ...]:
    lines = []
    if fields.stable_dep_of:
        lines.append(_stable_dep(fields.stable_dep_of))
    if profile.change_id and fields.change_id:
        lines.append(f"Change-Id: {fields.change_id}")
    if fields.signoff:
        lines.append(f"Signed-off-by: {fields.signoff}")
    return tuple(lines)


def _stable_dep(dep: tuple[str, str]) -> str:
    return f'Stable-dep-of: {dep[0]} ("{dep[1]}")'


def _kept(profile: Profile, message: Message, fields: PickFields) -> str:
    """A finished pick's message, byte for byte, and this pick's lines after it."""
    lines = _closing(profile, fields)
    if message.last("Change-Id") is not None:
        lines = tuple(line for line in lines if not line.startswith("Change-Id:"))
        if fields.change_id and profile.change_id:
            message = parse(edit.only_change_id(message.text, fields.change_id))
    text = _with_label(_relabel, message.text, profile, fields)
    if profile.origin == "commit-upstream":  # no line of this pick's own tells whether its annotations stand already
        closing = parse(text).closing_text
        chunks = (
            edit.conflict_lines(fields.conflicts),
            *((edit.note_line(fields.author, note),) for note in fields.notes),
        )
        text = edit.appended(
            text, [line for chunk in chunks if "\n".join(("", *chunk, "")) not in closing for line in chunk]
        )
    else:
        text = edit.appended(text, (*_annotations(fields), *_origin_line(fields.source, fields)))
    for line in lines:
        text = edit.appended_once(text, line)
    return text


def _with_label(
    label: Callable[[Labels, str, PickFields], str], text: str, profile: Profile, fields: PickFields
) -> str:
    """The text with its first line as `label` makes it; white space before it stays."""
    rest = text.lstrip(BLANK + "\n")
    subject, newline, after = rest.partition("\n")
    labelled = label(profile.labels, subject or _no_subject(fields), fields)
    return text[: len(text) - len(rest)] + labelled + newline + after


def _no_subject(fields: PickFields) -> str:
    return f"Pick of {fields.upstream[:12]}, which has no subject"


def _names(message: Message, sha: Sha) -> bool:
    return any(
        trailer.kind in (Kind.ORIGIN, Kind.UPSTREAM) and trailer.value.lower() == sha for trailer in message.trailers
    )


def _names_source(profile: Profile, message: Message, fields: PickFields) -> bool:
    """Whether the message is this pick's own already."""
    if profile.origin == "commit-upstream" and not fields.unmerged_from:
        return fields.source_kind == "upstream" and _names(message, fields.upstream)
    return any(trailer.kind is Kind.ORIGIN and trailer.value.lower() == fields.source for trailer in message.closing)


def _updated(profile: Profile, message: Message, fields: PickFields) -> str:
    """A pick's own message with what the request gives; all else stays."""
    finished = fields.source_kind != "upstream"
    text = _with_label(_relabel if finished else _label, message.text, profile, fields)
    if not finished:
        for field in profile.fields:
            if (value := getattr(fields, field.holds)) is not None:
                text = edit.with_value(text, field.key, value)
        if profile.class_key and fields.patch_class is not None:
            text = edit.with_value(text, profile.class_key, fields.patch_class)
    if fields.conflicts:
        text = edit.with_conflicts(text, fields.conflicts)
    for note in fields.notes:
        text = edit.with_note(text, fields.author, note)
    for line in _closing(profile, fields):
        if not (line.startswith("Change-Id:") and parse(text).last("Change-Id") is not None):
            text = edit.appended_once(text, line)
    return text
