"""The document `cosport.notes/1`: all that any form of release notes shows. Renderers read it and nothing else.

Texts in it are one line each, with control characters and marks of direction written as escapes; what else a form must
escape, that form's renderer does.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cosport.cve.state import State  # noqa: TC001 - msgspec reads the fields' types for the schema
from cosport.model.commit import Sha  # noqa: TC001 - the same
from cosport.model.severity import Severity  # noqa: TC001 - the same
from cosport.notes.net import Effect, Fate  # noqa: TC001 - the same

SCHEMA: Final = "cosport.notes/1"


class Source(StrEnum):
    """Where the text of an entry comes from."""

    NOTE = "note"
    SUBJECT = "subject"
    INHERITED = "inherited"  # from the commit that it was picked from
    OVERRIDE = "override"
    CVE = "cve"  # made, because users must learn of it


@dataclass(frozen=True, slots=True)
class Link:
    """A name and where it leads, "" where no address is configured."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of the branch that an entry tells of. `author` is "" unless authors are wanted."""

    sha: Sha
    url: str
    subject: str
    author: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that users are told. `id` is the same in every release of the same fix.

    `was` is the text before an override, "" without one; `former` the released commits that a revert takes back.
    """

    id: str
    text: str
    effect: Effect
    source: Source
    was: str
    cves: tuple[str, ...]
    bugs: tuple[Link, ...]
    upstream: tuple[Link, ...]
    commits: tuple[Commit, ...]
    former: tuple[Sha, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its entries."""

    name: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Extra:
    """A section that the team adds by hand."""

    heading: str
    intro: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """A CVE on one branch: its state, the commit that fixes it there, the first release with that ("": none yet)."""

    branch: str
    state: State
    commit: Sha | None
    since: str


@dataclass(frozen=True, slots=True)
class Cve:
    """A CVE that this range has to do with: its state in the new release and on each branch, with the evidence.

    `before` is its state in the release before. `recorded` says whether the CVE data has it; where it has not, notes
    alone name it and its state is unknown.
    """

    id: str
    url: str
    title: str
    severity: Severity
    score: float | None
    recorded: bool
    state: State
    before: State
    commits: tuple[Sha, ...]
    evidence: tuple[str, ...]
    branches: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Lost:
    """A fix that the release before holds and this one lacks, with the CVEs that come back with that."""

    commit: Sha
    subject: str
    upstream: tuple[Link, ...]
    cves: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Erratum:
    """A correction, made on a day (ISO 8601) after the release was out."""

    date: str
    text: str
    commit: str


@dataclass(frozen=True, slots=True)
class Release:
    """A release: its name (a tag, or the revision as given), its commit, and the page of that commit."""

    name: str
    commit: Sha | None
    url: str


@dataclass(frozen=True, slots=True)
class Account:
    """What became of one commit of the range; `by` is the other commit that has to do with that, "" for none."""

    commit: Sha
    subject: str
    fate: Fate
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class Data:
    """The CVE data that was read: how many records, and a digest of all that they say."""

    records: int
    digest: str


@dataclass(frozen=True, slots=True)
class Vex:
    """How OpenVEX names the product and its author, and whether absence of a bug may be stated."""

    product: str
    author: str
    not_affected: bool


@dataclass(frozen=True, slots=True)
class Document:
    """The notes of one release. `date` is RFC 3339; `kernel` the version in the kernel's Makefile, "" without one."""

    schema: str
    product: str
    site: str
    date: str
    release: Release
    previous: Release
    image: str
    kernel: str
    rows: tuple[Link, ...]
    sections: tuple[Section, ...]
    extras: tuple[Extra, ...]
    cves: tuple[Cve, ...]
    lost: tuple[Lost, ...]
    errata: tuple[Erratum, ...]
    commits: tuple[Account, ...]
    cve_data: Data | None
    vex: Vex
