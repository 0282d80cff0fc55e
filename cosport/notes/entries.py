"""Makes entries of the changes of a range: which text, in which section, about which bugs and CVEs.

The text is the commit's own note; where that is empty, the one of the commit that it was picked from. `None` takes the
text away, and never a CVE: users learn of that in any case.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from cosport.cve.record import id_order
from cosport.cve.state import State
from cosport.history.picks import origins, resolve
from cosport.model.commit import Sha, is_full_sha
from cosport.model.text import safe
from cosport.notes import fields
from cosport.notes.document import Account, Commit, Entry, Link, Section, Source
from cosport.notes.fields import Fields, Said
from cosport.notes.net import Change, Effect, Fate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from cosport.config import Notes
    from cosport.cve.index import CveIndex
    from cosport.git.objects import ObjectReader
    from cosport.history.index import History
    from cosport.notes.commits import RangeCommit
    from cosport.notes.fields import Keys
    from cosport.notes.house import Overrides

SECTIONS: Final = ("Security", "Fixed", "Feature", "Changed")
"""The order of the sections that there always may be; others follow by name."""

_LONGEST: Final = 4000
"""Characters of a text. What is longer is cut, and says so."""

_LEAD: Final = {Effect.REVERTED: "Reverted", Effect.REAPPLIED: "Brought back"}


@dataclass(frozen=True, slots=True)
class Told:
    """The sections, and what became of each commit that a change is made of."""

    sections: tuple[Section, ...]
    accounts: dict[int, Account]
    cves: dict[str, tuple[Sha, ...]]
    """The commits of the range that have to do with each CVE."""


@dataclass(frozen=True, slots=True)
class _Text:
    text: str
    source: Source
    patch_class: str = ""
    cves: tuple[str, ...] = ()
    bugs: tuple[str, ...] = ()


class Teller:
    """Tells changes. `cves` is None where no CVE data is configured; `state_of` judges one in the new release."""

    def __init__(
        self,
        history: History,
        reader: ObjectReader,
        commits: Sequence[RangeCommit],
        *,
        keys: Keys,
        settings: Notes,
        overrides: Overrides,
        cves: CveIndex | None,
        state_of: Callable[[str], State],
    ) -> None:
        self._history = history
        self._reader = reader
        self._commits = commits
        self._keys = keys
        self._settings = settings
        self._overrides = overrides
        self._cves = cves
        self._state_of = state_of
        self._bugs = [_form(form, address) for form, address in settings.bugs.items()]

    def tell(self, changes: Iterable[Change]) -> Told:
        """The entries of the changes by sections: those about CVEs by number, the others in the commits' order."""
        found: dict[str, list[Entry]] = {}
        accounts: dict[int, Account] = {}
        cves: dict[str, tuple[Sha, ...]] = {}
        for change in changes:
            made = self._entry(change)
            if made is None:
                accounts |= {number: self._account(number, Fate.NO_NOTE) for number in change.numbers}
                continue
            section, entry = made
            found.setdefault(section, []).append(entry)
            lead, *others = change.numbers
            accounts[lead] = self._account(lead, Fate.TOLD, why=f"{section}: {entry.text[:200]}")
            by, why = self._commits[lead].sha, "the same fix"
            accounts |= {number: self._account(number, Fate.MERGED, by=by, why=why) for number in others}
            for cve in entry.cves:
                cves[cve] = (*cves.get(cve, ()), *(commit.sha for commit in entry.commits))
        order = [*SECTIONS, *sorted(set(found).difference(SECTIONS))]
        sections = tuple(Section(name, tuple(_sorted(found[name]))) for name in order if name in found)
        return Told(sections, accounts, cves)

    def cves_of(self, change: Change) -> tuple[str, ...]:
        """The CVEs that the data says a change has to do with."""
        if self._cves is None:
            return ()
        names = [*change.upstream, *change.former, *(self._commits[number].sha for number in change.numbers)]
        if change.effect is Effect.BROUGHT:  # a record may list main's commit, which stands between
            names += [origin.sha for number in change.numbers for origin in self._commits[number].said.origins]
        return tuple(dict.fromkeys(cve for name in dict.fromkeys(names) for cve in self._cves.fixed_by(name)))

    def links(self, names: Iterable[str]) -> tuple[Link, ...]:
        """Upstream commits with their addresses."""
        return tuple(Link(name, address(self._settings.upstream_url, sha=name)) for name in names)

    def _account(self, number: int, fate: Fate, *, by: str = "", why: str = "") -> Account:
        commit = self._commits[number]
        if fate is Fate.NO_NOTE and not why:
            why = {Said.NONE: "its note is None", Said.EMPTY: "its note is empty"}.get(commit.fields.said, "")
        return Account(commit.sha, clean(commit.subject), fate, by, why)

    def _entry(self, change: Change) -> tuple[str, Entry] | None:
        """The section and the entry; None where there is nothing to tell."""
        numbers = self._lead_first(change.numbers)
        told = self._text(change, numbers)
        named = told.cves if change.effect is Effect.BROUGHT else ()
        cves = tuple(sorted(dict.fromkeys((*self.cves_of(change), *named)), key=id_order))
        override = next(filter(None, (self._overrides.of(self._commits[number]) for number in numbers)), None)
        was, section = "", ""
        if override is not None:
            section = override.section
            if override.note is not None:
                text = "" if fields.says_nothing(override.note) else " ".join(override.note.split())
                was, told = told.text, replace(told, text=text, source=Source.OVERRIDE)
                cves = tuple(sorted(dict.fromkeys((*cves, *fields.cves_in(text))), key=id_order))
        if not told.text and cves:
            told = replace(told, text=self._sentence(cves), source=Source.CVE)
        if not told.text:
            return None
        lead = self._commits[numbers[0]]
        entry = Entry(
            id=(change.upstream[0] if change.upstream else lead.said.change_id or lead.sha),
            text=clean(told.text),
            effect=change.effect,
            source=told.source,
            was=clean(was),
            cves=cves,
            bugs=tuple(self._bug(bug) for bug in told.bugs),
            upstream=self.links(change.upstream),
            commits=tuple(self._commit(number) for number in numbers),
            former=change.former,
        )
        return clean(section or self._section(change.effect, told, lead, cves)), entry

    def _sentence(self, cves: tuple[str, ...]) -> str:
        """What users must learn of CVEs about which nobody wrote a word; forms add states that are not "fixed"."""
        fixed = all(self._state_of(cve) is State.FIXED for cve in cves)
        return f"{'Fixed' if fixed else 'Worked on'} {', '.join(cves)} in the Linux kernel."

    def _section(self, effect: Effect, told: _Text, lead: RangeCommit, cves: tuple[str, ...]) -> str:
        if cves:
            return "Security"
        if effect is Effect.REVERTED:
            return "Changed"
        if told.patch_class in self._settings.sections:
            return self._settings.sections[told.patch_class]
        said = lead.said
        fixes = not self._keys.notes_are_written and (said.origins or said.fixes or said.cc_stable)
        return "Fixed" if fixes else "Changed"

    def _lead_first(self, numbers: tuple[int, ...]) -> tuple[int, ...]:
        """The newest commit with a text of its own first, the others in their order."""
        lead = max(numbers, key=lambda number: (self._commits[number].fields.said is Said.TEXT, number))
        return (lead, *(number for number in numbers if number != lead))

    def _text(self, change: Change, numbers: tuple[int, ...]) -> _Text:
        lead = self._commits[numbers[0]]
        if change.effect is Effect.BROUGHT:
            return self._told_by(lead.sha, lead.subject, lead.fields)
        if lead.fields.said is Said.TEXT:
            return _of(lead.fields, Source.NOTE)
        about = [self._about(sha) for sha in change.former]
        text = "; ".join(dict.fromkeys(each.text or clean(subject) for each, subject in about))
        first = about[0][0]
        return replace(first, text=f'{_LEAD[change.effect]}: "{text}"', source=Source.INHERITED)

    def _about(self, sha: Sha) -> tuple[_Text, str]:
        """The text of a commit outside of the range, and its subject."""
        subject = self._history.entry(self._history.rank(sha)).subject
        return self._told_by(sha, subject, self._read(sha)), subject

    def _told_by(self, sha: Sha, subject: str, said: Fields) -> _Text:
        if not self._keys.notes_are_written:
            return replace(_of(said, Source.SUBJECT), text=subject, cves=fields.cves_in(subject))
        if said.said in (Said.TEXT, Said.NONE):
            return _of(said, Source.NOTE)
        for source in self._sources(sha):
            inherited = self._read(source)
            if inherited.said in (Said.TEXT, Said.NONE):
                patch_class = said.patch_class or inherited.patch_class
                bugs = said.bugs or inherited.bugs
                return replace(_of(inherited, Source.INHERITED), patch_class=patch_class, bugs=bugs)
        return _of(said, Source.NOTE)

    def _sources(self, sha: Sha) -> Iterator[Sha]:
        """The commits that a pick comes from and that are here, the nearest first."""
        history = self._history
        yield from (found := origins(history, sha))
        if not found:
            for each in history.said_by(history.rank(sha)):
                rank = resolve(history, each.named) if each.kind.name == "ORIGIN" else None
                if rank is not None:
                    yield history.entry(rank).sha

    def _read(self, sha: Sha) -> Fields:
        message = self._reader.commit(sha).message
        return fields.read(message, self._keys) if self._keys.in_any(message) else fields.NO_FIELDS

    def _commit(self, number: int) -> Commit:
        commit = self._commits[number]
        author = clean(commit.author) if self._settings.authors else ""
        return Commit(commit.sha, address(self._settings.commit_url, sha=commit.sha), clean(commit.subject), author)

    def _bug(self, bug: str) -> Link:
        for form, target in self._bugs:
            if found := form.fullmatch(bug):
                return Link(clean(bug), address(target, id=found[1]))
        return Link(clean(bug), "")


def _of(said: Fields, source: Source) -> _Text:
    return _Text(said.note, source, said.patch_class, said.cves, said.bugs)


def _sorted(entries: list[Entry]) -> list[Entry]:
    """Entries about CVEs first, by the numbers of those; the sort is stable, so the others keep their order."""
    return sorted(entries, key=lambda entry: (0, id_order(entry.cves[0])) if entry.cves else (1, (0, 0)))


def _form(form: str, target: str) -> tuple[re.Pattern[str], str]:
    before, _, after = form.partition("{id}")
    return re.compile(f"{re.escape(before)}([A-Za-z0-9_-]+){re.escape(after)}"), target


def address(pattern: str, **values: str) -> str:
    """An address with its values filled in, quoted; "" where none is configured, or a sha is only an abbreviation."""
    name = values.get("sha")
    if not pattern or (name is not None and not is_full_sha(name)):
        return ""
    for key, value in values.items():
        pattern = pattern.replace(f"{{{key}}}", quote(value, safe=""))
    return pattern


def clean(text: str) -> str:
    """A text on one line, of bounded length, with everything that would steer a reader's screen written out."""
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]} (cut here: {len(text)} characters in all)"
    return safe(" ".join(text.split()))
