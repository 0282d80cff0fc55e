"""Tells why a commit or a CVE is in the notes of a release, or is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cosport.cve.record import is_id
from cosport.history.applied import applied
from cosport.notes.cves import Judge, evidence
from cosport.notes.entries import clean
from cosport.notes.net import Fate

if TYPE_CHECKING:
    from cosport.model.commit import Sha
    from cosport.notes.build import Request
    from cosport.notes.document import Account, Document, Entry

SCHEMA: Final = "cosport.notes-explain/1"

_FATES: Final = {
    Fate.MERGED: "another commit of the same fix tells it",
    Fate.NO_NOTE: "users need not know, or nobody wrote what to tell them",
    Fate.MERGE: "it merges branches, whose own commits count",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """Whether `asked` is in the notes, and why, in sentences."""

    schema: str
    asked: str
    told: bool
    reasons: tuple[str, ...]


def explain(request: Request, document: Document, asked: str) -> Explanation:
    """Why the commit or CVE `asked` is in the notes or not. Raises RevisionError where it is neither."""
    if is_id(asked.upper()):
        return _cve(request, document, asked.upper())
    sha = request.reader.resolve(asked).sha
    accounts = [account for account in document.commits if account.commit == sha]
    if accounts:
        reasons = tuple(_account(document, accounts[0]))
        return Explanation(SCHEMA, sha, accounts[0].fate in (Fate.TOLD, Fate.MERGED), reasons)
    carried = [
        entry for entry in _entries(document) if sha in entry.former or any(link.name == sha for link in entry.upstream)
    ]
    if carried:
        return Explanation(SCHEMA, sha, True, tuple(reason for entry in carried for reason in _entry(document, entry)))
    return Explanation(SCHEMA, sha, False, tuple(_absent(request, document, sha)))


def _account(document: Document, account: Account) -> list[str]:
    found = [_FATES[account.fate]] if account.fate in _FATES else []
    if account.why and account.fate not in (Fate.TOLD, Fate.MERGED):
        found.append(account.why)
    for entry in _entries(document):
        if any(commit.sha == account.commit for commit in entry.commits):
            found += _entry(document, entry)
    return found


def _entry(document: Document, entry: Entry) -> list[str]:
    section = next(section.name for section in document.sections if entry in section.entries)
    found = [f"the entry, under {section}: {entry.text}", f"its text comes from: {entry.source.value}"]
    found += [f'{commit.sha[:12]} ("{commit.subject}") brings it' for commit in entry.commits]
    found += [f"it carries upstream's {link.name[:12]}" for link in entry.upstream]
    found += [f"it takes back or brings back {sha[:12]}, released before" for sha in entry.former]
    found += [f"it is about {cve}" for cve in entry.cves]
    return found


def _absent(request: Request, document: Document, sha: Sha) -> list[str]:
    """Why a commit that the range does not hold is in no entry."""
    span = request.range
    if span.old is not None and (before := applied(request.history, sha, span.old)).applied:
        return ["the release before holds it already", *(clean(each.detail) for each in before.evidence)]
    now = applied(request.history, sha, span.new)
    if now.applied:
        assert now.carrier is not None
        accounts = [account for account in document.commits if account.commit == now.carrier]
        told = [reason for account in accounts for reason in _account(document, account)]
        return [clean(each.detail) for each in now.evidence] + told
    return ["the release does not hold it", *(clean(each.detail) for each in now.evidence)]


def _cve(request: Request, document: Document, cve: str) -> Explanation:
    entries = [entry for entry in _entries(document) if cve in entry.cves]
    reasons = [reason for entry in entries for reason in _entry(document, entry)]
    judge = Judge(request.history, request.cves, request.settings, request.tags)
    record = judge.record(cve)
    if record is None:
        where = "no CVE data is configured" if request.cves is None else "the CVE data has no record of it"
        return Explanation(SCHEMA, cve, bool(entries), (where, *reasons))
    judged = judge.judge(record, request.range.new)
    states = [f"its state in {document.release.name}: {judged.state.value}"]
    if request.range.old is not None:
        states.append(f"its state in {document.previous.name}: {judge.judge(record, request.range.old).state.value}")
    return Explanation(SCHEMA, cve, bool(entries), (*states, *map(clean, evidence(judged)), *reasons))


def _entries(document: Document) -> list[Entry]:
    return [entry for section in document.sections for entry in section.entries]
