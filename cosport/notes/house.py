"""notes.toml: what a team decides about its notes by review: overrides, errata, and what else a release page shows.

An override says which note it replaces. Where the commit says something else by now (a change that was amended before
it landed), nobody has reviewed the pair: that is an error, and not a note.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from cosport.errors import ConfigError
from cosport.message import changeid
from cosport.model.commit import looks_like_sha

if TYPE_CHECKING:
    from cosport.history.index import History
    from cosport.notes.commits import RangeCommit

FILE: Final = "notes.toml"
_SHORTEST: Final = 12


class Override(Struct, frozen=True, forbid_unknown_fields=True):
    """Another text, section or both for one commit, by its sha or Change-Id; `was` is the note that it replaces.

    `note = "None"` takes the entry out. `why` is for reviewers.
    """

    was: str
    commit: str = ""
    change_id: str = ""
    note: str | None = None
    section: str = ""
    why: str = ""

    @property
    def name(self) -> str:
        """How it names its commit."""
        return self.commit or self.change_id


class Erratum(Struct, frozen=True, forbid_unknown_fields=True):
    """A correction of a release that is out; `commit` is what it is about, "" for none."""

    release: str
    date: dt.date
    text: str
    commit: str = ""


class Section(Struct, frozen=True, forbid_unknown_fields=True):
    """One more section of a release's page: changed settings of the system, for one. `intro` stands above the lines."""

    heading: str
    intro: str = ""
    lines: tuple[str, ...] = ()


class Release(Struct, frozen=True, forbid_unknown_fields=True):
    """What a release's page shows besides its commits: the image, and rows such as the versions of other parts."""

    name: str
    image: str = ""
    rows: dict[str, str] = {}
    section: tuple[Section, ...] = ()


class Document(Struct, frozen=True, forbid_unknown_fields=True):
    """The file as it is written."""

    override: tuple[Override, ...] = ()
    erratum: tuple[Erratum, ...] = ()
    release: tuple[Release, ...] = ()


@dataclass(frozen=True, slots=True)
class House:
    """All that the team's files say. `sources` name them for errors."""

    overrides: tuple[Override, ...] = ()
    errata: tuple[Erratum, ...] = ()
    releases: tuple[Release, ...] = ()
    sources: str = FILE

    def release(self, name: str) -> Release:
        """What is said of that release."""
        return next((each for each in self.releases if each.name == name), Release(name))

    def errata_of(self, name: str) -> tuple[Erratum, ...]:
        """The corrections of that release, oldest first."""
        return tuple(sorted((each for each in self.errata if each.release == name), key=lambda each: each.date))


def parse(data: bytes, source: str) -> House:
    """What one file says. Raises ConfigError where it is wrong."""
    try:
        document = msgspec.convert(tomllib.loads(data.decode("utf-8")), Document, strict=True)
    except UnicodeDecodeError as exc:
        raise ConfigError(f"{source}: byte {exc.start} is no UTF-8", hint="TOML files are UTF-8") from exc
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError(f"{source}: {exc}", hint="it must be TOML: https://toml.io") from exc
    except msgspec.ValidationError as exc:
        hint = "its tables are [[override]], [[erratum]] and [[release]]; see: cosport schema notes-house"
        raise ConfigError(f"{source}: {exc}", hint=hint) from exc
    for number, each in enumerate(document.override):
        _check(each, f"{source}: override[{number}]")
    return House(document.override, document.erratum, document.release, source)


def _check(override: Override, at: str) -> None:
    if bool(override.commit) == bool(override.change_id):
        raise ConfigError(f"{at}: expected a commit or a change_id, and not both")
    if override.commit and (not looks_like_sha(override.commit) or len(override.commit) < _SHORTEST):
        raise ConfigError(f"{at}.commit: {override.commit!r} is no sha of at least {_SHORTEST} digits")
    if override.change_id and not changeid.valid(override.change_id):
        raise ConfigError(f"{at}.change_id: {override.change_id!r} is no Change-Id", hint="I and 40 hex digits")
    if override.note is None and not override.section:
        raise ConfigError(f"{at}: it changes nothing", hint="give a note, a section, or both")


def joined(houses: list[House]) -> House:
    """Several files as one. Raises ConfigError where two of them override the same commit."""
    overrides = [each for house in houses for each in house.overrides]
    names = [each.name.lower() for each in overrides]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{', '.join(house.sources for house in houses)}: {name} is overridden twice")
    return House(
        tuple(overrides),
        tuple(each for house in houses for each in house.errata),
        tuple(each for house in houses for each in house.releases),
        ", ".join(house.sources for house in houses) or FILE,
    )


class Overrides:
    """The overrides, asked for one commit at a time; raises ConfigError for one that no longer fits its commit."""

    def __init__(self, house: House, history: History) -> None:
        self._source = house.sources
        self._by_change = {each.change_id: each for each in house.overrides if each.change_id}
        self._by_sha = {each.commit.lower(): each for each in house.overrides if each.commit}
        for name, each in self._by_sha.items():
            if len(history.starting(name)) != 1:
                raise ConfigError(
                    f"{house.sources}: override of {each.commit}: it names no one commit of this repository",
                    hint="correct the sha, or take the override out",
                )

    def of(self, commit: RangeCommit) -> Override | None:
        """The override for a commit. Raises ConfigError where its note is not the one that was replaced on review."""
        found = next((each for name, each in self._by_sha.items() if commit.sha.startswith(name)), None)
        found = found or self._by_change.get(commit.said.change_id)
        if found is None:
            return None
        said = commit.fields.note or commit.fields.said.value
        if " ".join(found.was.split()) not in (commit.fields.note, said, commit.subject):
            raise ConfigError(
                f"{self._source}: override of {found.name}: it replaces {found.was[:200]!r}, "
                f"and {commit.sha[:12]} says {said[:200]!r}",
                hint="look at the commit's note again, then correct `was` and `note`",
            )
        return found
