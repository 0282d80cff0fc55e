"""Reads what a message says for release notes: the note itself, the class of the patch, the bugs.

Which keys say it depends on the message profile; a house without a note's key (linux-stable) tells its users by the
subject. Most messages of a long range hold none of the keys, and are not taken apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from cosport.message import charset
from cosport.message.lint_fields import CVE, NOTHING, right_key, with_right_cves
from cosport.message.parse import Kind, parse

if TYPE_CHECKING:
    from cosport.message.parse import Trailer
    from cosport.message.profile import Profile

_QUOTES: Final = " \t\r\"'`."
_BLANKS: Final = re.compile(r"\s+")
_ID: Final = re.compile(r"CVE-\d{4}-\d{4,}", re.ASCII)


class Said(StrEnum):
    """What a message says in the place of the note."""

    TEXT = "text"
    NONE = "none"  # that users need not know
    EMPTY = "empty"  # the key stands there and nothing behind it
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of a profile, "" where it has none; `profile` also tells which misspelled ones are meant."""

    profile: Profile
    note: str
    patch_class: str
    bug: str

    @classmethod
    def of(cls, profile: Profile) -> Keys:
        """The keys of a profile."""
        held = {field.holds: field.key for field in profile.fields}
        return cls(profile, held.get("release_note", ""), profile.class_key, held.get("bug", ""))

    @property
    def notes_are_written(self) -> bool:
        """Whether the house writes notes; if not, the subject is what users are told."""
        return bool(self.note)

    def in_any(self, message: bytes) -> bool:
        """Whether a message could hold one of the keys."""
        return any(
            key and (key.encode() in message)
            for key in (f"{self.note.rstrip('S')}" if self.note else "", self.patch_class, self.bug and f"{self.bug}=")
        )

    def is_note(self, trailer: Trailer) -> bool:
        """Whether a trailer holds a note, also under a misspelled key."""
        return trailer.kind is Kind.FIELD and self.note in (trailer.key, right_key(self.profile, trailer.key))


@dataclass(frozen=True, slots=True)
class Fields:
    """What a message says. Several notes (a squash has them) are joined; `cves` are the ids that the notes name."""

    said: Said = Said.ABSENT
    note: str = ""
    patch_class: str = ""
    bugs: tuple[str, ...] = ()
    cves: tuple[str, ...] = ()


NO_FIELDS: Final = Fields()


def read(message: bytes, keys: Keys) -> Fields:
    """What a message, in UTF-8, says by these keys."""
    parsed = parse(charset.decode(message, None).text)
    notes = [trailer.full for trailer in parsed.trailers if keys.note and keys.is_note(trailer)]
    texts = list(dict.fromkeys(_BLANKS.sub(" ", note).strip() for note in notes if not says_nothing(note)))
    patch_class = parsed.last(keys.patch_class) if keys.patch_class else None
    bugs = [part.strip() for trailer in parsed.all(keys.bug) for part in trailer.full.split(",")] if keys.bug else []
    if texts:
        said = Said.TEXT
    elif notes:
        said = Said.NONE if any(note.strip() for note in notes) else Said.EMPTY
    else:
        said = Said.ABSENT
    text = with_right_cves(" ".join(texts))
    return Fields(
        said,
        text,
        patch_class.value.lower() if patch_class is not None else "",
        tuple(dict.fromkeys(bug for bug in bugs if bug and bug.lower() not in NOTHING)),
        cves_in(text),
    )


def says_nothing(note: str) -> bool:
    """Whether a note is empty or one of the forms of None, such as `None`, `"n/a"` or `none.` with its full stop."""
    bare = note.strip().strip(_QUOTES).lower()
    return not bare or bare in NOTHING or bare == "n-a"


def cves_in(text: str) -> tuple[str, ...]:
    """The ids of all CVEs that a text names, however they are spelled, in its order."""
    return tuple(dict.fromkeys(_ID.findall(with_right_cves(text).upper()))) if CVE.search(text) else ()
