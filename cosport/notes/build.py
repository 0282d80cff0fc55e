"""Builds the document of a range: reads its commits, reckons the net effect, tells it, and judges its CVEs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cosport.cve.state import State
from cosport.model.moment import moment
from cosport.model.text import safe
from cosport.notes.commits import read_range
from cosport.notes.cves import Judge
from cosport.notes.document import (
    SCHEMA,
    Account,
    Data,
    Document,
    Erratum,
    Extra,
    Link,
    Lost,
    Release,
    Vex,
)
from cosport.notes.entries import Teller, address, clean
from cosport.notes.fields import Said
from cosport.notes.house import House, Overrides
from cosport.notes.net import Effect, net_effect

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cosport.config import Notes
    from cosport.cve.index import CveIndex
    from cosport.git.objects import ObjectReader
    from cosport.history.index import History
    from cosport.model.commit import Sha
    from cosport.notes.commits import RangeCommit
    from cosport.notes.fields import Keys
    from cosport.notes.net import Change, Net
    from cosport.notes.releases import Range

_VERSION: Final = re.compile(rb"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION)[ \t]*=[ \t]*(\S*)[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Request:
    """What the notes of one range are made from.

    `branches` are those of the matrix, by name and tip; `tags` the releases that date fixes; `date`, in seconds since
    1970, replaces the release's own.
    """

    history: History
    reader: ObjectReader
    range: Range
    keys: Keys
    settings: Notes
    house: House
    cves: CveIndex | None = None
    branches: tuple[tuple[str, Sha], ...] = ()
    tags: tuple[tuple[str, Sha], ...] = ()
    date: int | None = None


def build(request: Request) -> Document:
    """The document. Raises ConfigError for an override that no longer fits, CveDataError, and what git raises."""
    history, span, settings = request.history, request.range, request.settings
    commits = ordered(history, span.new, read_range(history.repository, span.old, span.new, request.keys))
    net = net_effect(history, commits, span.old)
    judge = Judge(history, request.cves, settings, request.tags)
    teller = Teller(
        history,
        request.reader,
        commits,
        keys=request.keys,
        settings=settings,
        overrides=Overrides(request.house, history),
        cves=request.cves,
        state_of=lambda cve: judge.state(cve, span.new),
    )
    told = teller.tell(net.changes)
    lost = tuple(_lost(request, commits, net, teller))
    concerned = {**{cve: (each.commit,) for each in lost for cve in each.cves}, **told.cves}
    top = request.reader.commit(span.new)
    release = request.house.release(span.new_name)
    return Document(
        schema=SCHEMA,
        product=clean(settings.product),
        site=settings.site,
        date=_date(request.date if request.date is not None else _committed(top.committer)),
        release=Release(clean(span.new_name), span.new, address(settings.commit_url, sha=span.new)),
        previous=Release(clean(span.old_name), span.old, address(settings.commit_url, sha=span.old or "")),
        image=clean(release.image),
        kernel=_kernel(request.reader, span.new),
        rows=tuple(Link(clean(name), clean(value)) for name, value in release.rows.items()),
        sections=told.sections,
        extras=tuple(
            Extra(clean(each.heading), clean(each.intro), tuple(map(clean, each.lines))) for each in release.section
        ),
        cves=judge.all(concerned, span.new, span.old, request.branches),
        lost=lost,
        errata=tuple(
            Erratum(each.date.isoformat(), clean(each.text), clean(each.commit))
            for each in request.house.errata_of(span.new_name)
        ),
        commits=_accounts(commits, net, told.accounts),
        cve_data=Data(request.cves.count(), request.cves.digest()) if request.cves is not None else None,
        vex=Vex(settings.purl, settings.vex_author, settings.vex_not_affected),
    )


def ordered(history: History, tip: Sha, commits: Iterator[RangeCommit]) -> tuple[RangeCommit, ...]:
    """Commits in the order in which they came to the branch: what a merge brings comes with the merge."""
    reach = history.reach(tip)
    return tuple(sorted(commits, key=lambda commit: reach.order(history.rank(commit.sha))))


def _accounts(commits: Sequence[RangeCommit], net: Net, told: dict[int, Account]) -> tuple[Account, ...]:
    found = dict(told)
    for each in net.accounts:
        commit = commits[each.number]
        found[each.number] = Account(commit.sha, clean(commit.subject), each.fate, each.by, clean(each.why))
    assert len(found) == len(commits), "a commit of the range is not accounted for"
    return tuple(found[number] for number in range(len(commits)))


def _lost(request: Request, commits: Sequence[RangeCommit], net: Net, teller: Teller) -> Iterator[Lost]:
    """What users lose: released fixes that were reverted, and those of a release that this one does not hold."""
    history, span = request.history, request.range
    for change in net.changes:
        if change.effect is Effect.REVERTED:
            by = commits[change.numbers[0]]
            why = clean(f'reverted by {by.sha[:12]} ("{by.subject}")')
            yield _lost_change(history, teller, change, change.former[0], why)
    if span.old is None or history.contains(span.old, span.new):
        return
    there = ordered(history, span.old, read_range(history.repository, span.new, span.old, request.keys))
    elsewhere = Teller(
        history,
        request.reader,
        there,
        keys=request.keys,
        settings=request.settings,
        overrides=Overrides(House(), history),
        cves=request.cves,
        state_of=lambda _: State.UNKNOWN,
    )
    for change in net_effect(history, there, span.new).changes:
        lead = there[change.numbers[0]]
        matters = change.upstream or lead.said.fixes or lead.fields.said is Said.TEXT
        if change.effect is Effect.BROUGHT and (matters or elsewhere.cves_of(change)):
            why = clean(f"{span.old_name} holds it, and {span.new_name} neither holds nor carries it")
            yield _lost_change(history, elsewhere, change, lead.sha, why)


def _lost_change(history: History, teller: Teller, change: Change, sha: Sha, why: str) -> Lost:
    subject = history.entry(history.rank(sha)).subject
    return Lost(sha, clean(subject), teller.links(change.upstream), teller.cves_of(change), why)


def _committed(committer: bytes) -> int:
    words = committer.rsplit(b" ", 2)
    return int(words[1]) if len(words) == 3 and words[1].isdigit() else 0


def _date(seconds: int) -> str:
    return moment(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")


def _kernel(reader: ObjectReader, commit: Sha) -> str:
    """The version in the kernel's Makefile: `6.6.113`, or "" where that is not a kernel's tree."""
    found = reader.read(f"{commit}:Makefile")
    if found is None or found[1] != "blob":
        return ""
    parts = {key: value.decode("utf-8", "replace") for key, value in _VERSION.findall(found[2][:4096])}
    if b"VERSION" not in parts or b"PATCHLEVEL" not in parts:
        return ""
    numbers = ".".join(filter(None, (parts.get(key, "") for key in (b"VERSION", b"PATCHLEVEL", b"SUBLEVEL"))))
    return safe(numbers + parts.get(b"EXTRAVERSION", ""))
