"""Reads which fix stands where: landed picks from the branches' history, open ones from their refs, the rest on record.

Nothing is guessed. A pick is one because its message says so, or because it bears upstream's subject, author and second
or its patch; its release is the first tag that holds it, and what was checked or proven is what its records say.
"""

from __future__ import annotations

import bisect
import re
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from cosport.compare.interdiff import differences
from cosport.git.diff import patches
from cosport.history.picks import origins
from cosport.history.reverts import Reverts
from cosport.history.schema import Kind as Said
from cosport.message.provenance import scan
from cosport.model.commit import Commit, Sha, decode
from cosport.model.moment import day
from cosport.records.notes import read_all
from cosport.site.model import Cell, Fix
from cosport.site.recorded import Known, known_of
from cosport.site.silent import silent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cosport.git.objects import ObjectReader
    from cosport.history.index import History, Reach
    from cosport.records.record import Record

PICKS: Final = "refs/heads/backport/"
DIFFED: Final = 2000
"""Adapted picks whose differences are shown, the newest first: each costs two patches."""

_NOTE: Final = re.compile(rb"^RELEASE_NOTE=(.*)$", re.MULTILINE)
_ADAPTED: Final = re.compile(rb"^\[([^\[\]:\n]+: [^\n]+)\]$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch of the site: its name, its ref and where it stands."""

    name: str
    ref: str
    tip: Sha


@dataclass(frozen=True, slots=True)
class Pick:
    """A commit that carries an upstream one to a branch; `landed` is False while it waits on its own ref.

    `reviewed` is the commit that stood on that ref, where another one landed: review gives picks new names. `known`
    tells how it is known, after the pick's own name; "" where its message says so.
    """

    upstream: int
    commit: Sha
    landed: bool
    reverted: str = ""
    release: str = ""
    reviewed: Sha | None = None
    known: str = ""


def gather(reader: ObjectReader, history: History, upstream: Sha, branches: Sequence[Branch]) -> tuple[Fix, ...]:
    """All upstream commits that a branch picked or that wait to be, the newest first."""
    above = history.reach(upstream)
    records = read_all(reader)
    picks: dict[int, dict[str, Pick]] = defaultdict(dict)
    for branch in branches:
        for pick in _landed(history, above, branch):
            if branch.name not in picks[pick.upstream] or not pick.reverted:
                picks[pick.upstream][branch.name] = pick
        for pick in _open(reader, history, above, branch):
            there = picks[pick.upstream].setdefault(branch.name, pick)
            if there.landed:
                picks[pick.upstream][branch.name] = replace(there, reviewed=pick.commit)
    told = _Teller(reader, history, branches, records)
    ranks = sorted(picks, reverse=True)
    wanted = [name for rank in ranks for name in (history.entry(rank).sha, *(p.commit for p in picks[rank].values()))]
    commits = reader.commits(wanted)
    fixes = []
    for rank in ranks:
        upstream_commit = next(commits)
        carried = {branch: (pick, next(commits)) for branch, pick in picks[rank].items()}
        fixes.append(told.fix(upstream_commit, carried))
    return told.with_differences(fixes)


def fix_of(reader: ObjectReader, history: History, sha: Sha) -> Fix:
    """An upstream commit that no branch has picked, as a fix without cells."""
    return _Teller(reader, history, (), {}).fix(reader.commit(sha), {})


def _landed(history: History, above: Reach, branch: Branch) -> Iterable[Pick]:
    """The picks in a branch's own commits, oldest first; of two of one commit, the later one that stands."""
    reach = history.reach(branch.tip)
    releases = Releases(history, reach)
    reverts = Reverts(history, reach)
    suspects = {row[0] for row in history.store.rows("SELECT DISTINCT rank FROM statements WHERE kind IN (3, 5)")}
    any_reverts = any(reach.holds(rank) and not above.holds(rank) for rank in suspects)
    roots = _Roots(history, above)
    rows = history.store.rows("SELECT rank, named FROM statements WHERE kind=? ORDER BY rank", (int(Said.ORIGIN),))
    stated: dict[int, list[str]] = {}
    for rank, named in rows:
        if reach.holds(rank) and not above.holds(rank):
            stated.setdefault(rank, []).append(named.decode("ascii", "replace"))

    def picked(rank: int, root: int, known: str = "") -> Pick:
        sha = history.entry(rank).sha
        killer = reverts.of(rank, (sha, history.entry(root).sha)) if any_reverts else None
        gone = history.entry(killer).sha if killer is not None else ""
        return Pick(root, sha, landed=True, reverted=gone, release=releases.of(rank), known=known)

    carried: set[int] = set()
    for rank, names in stated.items():
        root = roots.of(rank, names)
        if root is not None and rank not in suspects:
            carried.add(root)
            yield picked(rank, root)
    for root, rank, known in silent(history, above, reach, stated, carried):
        if rank not in suspects:
            yield picked(rank, root, known)


class _Roots:
    """Which upstream commit a pick carries in the end."""

    def __init__(self, history: History, above: Reach) -> None:
        self._history = history
        self._above = above

    def of(self, rank: int, names: Sequence[str]) -> int | None:
        history = self._history
        if len(names) == 1 and len(names[0]) == history.repository.hash_length:
            found = history.find(Sha(names[0]))  # the common form, which needs no search
            if found is not None and self._above.holds(found):
                return found
        for source in reversed(origins(history, history.entry(rank).sha)):
            found = history.find(source)
            if found is not None and self._above.holds(found):
                return found
        return None


class Releases:
    """The first tag of a branch that holds a commit."""

    def __init__(self, history: History, reach: Reach) -> None:
        self._reach = reach
        tags: dict[int, str] = {}
        for ref, sha in sorted(history.refs.items()):
            rank = history.find(sha) if ref.startswith("refs/tags/") else None
            at = reach.chain.position(rank) if rank is not None else -1
            if 0 <= at <= reach.position:
                tags.setdefault(at, ref.removeprefix("refs/tags/"))
        self._places = sorted(tags)
        self._names = tags

    def of(self, rank: int) -> str:
        """The tag's name, "" where no tag holds the commit yet."""
        at = bisect.bisect_left(self._places, self._reach.chain.entry(rank))
        return self._names[self._places[at]] if at < len(self._places) else ""


def _open(reader: ObjectReader, history: History, above: Reach, branch: Branch) -> Iterable[Pick]:
    """The picks that wait on refs of their own."""
    pattern = f"{PICKS}{branch.name}/*"  # and not what lies deeper: that is of a branch with a longer name
    listed = reader.repository.text("for-each-ref", "--format=%(objectname)", "--", pattern)
    for line in listed.split():
        commit = reader.commit(Sha(line))
        for origin in reversed(scan(commit.message).origins):
            ranks = history.starting(origin.sha)
            if len(ranks) == 1 and above.holds(ranks[0]):
                yield Pick(ranks[0], commit.sha, landed=False)
                break


class _Teller:
    """Makes fixes and cells of what was found."""

    def __init__(
        self,
        reader: ObjectReader,
        history: History,
        branches: Sequence[Branch],
        records: Mapping[Sha, tuple[Record, ...]],
    ) -> None:
        self._reader = reader
        self._history = history
        self._branches = branches
        self._records = records
        self._adapted: list[tuple[int, str, Sha]] = []  # time, branch and upstream of what is worth a comparison

    def fix(self, commit: Commit, picks: Mapping[str, tuple[Pick, Commit]]) -> Fix:
        entry = self._history.entry(self._history.rank(commit.sha))
        message = decode(commit.message, commit.encoding)
        cells = {
            branch.name: self._cell(branch.name, *picks[branch.name], commit)
            for branch in self._branches
            if branch.name in picks
        }
        tags = tuple((tag.sha, tag.subject) for tag in scan(commit.message).fixes)
        return Fix(entry.sha, entry.subject, entry.author, day(entry.committed), message, cells, tags)

    def _cell(self, branch: str, pick: Pick, commit: Commit, upstream: Commit) -> Cell:
        earlier = self._records.get(pick.reviewed, ()) if pick.reviewed is not None else ()
        known = known_of((*earlier, *self._records.get(pick.commit, ())))
        message = commit.message
        note = _NOTE.search(message)
        why = f"{pick.commit[:12]} {pick.known or f'names {upstream.sha[:12]}'}"
        if pick.reverted:
            why += f"; reverted by {pick.reverted[:12]}"
        if known.fidelity == "adapted":
            self._adapted.append((self._history.rank(upstream.sha), branch, upstream.sha))
        return Cell(
            branch,
            _outcome(pick, known),
            pick.commit,
            known.fidelity,
            known.review,
            known.verdict,
            pick.release,
            why,
            decode(note[1].strip(), None) if note else "",
            known.conflicts,
            tuple(decode(each, None) for each in _ADAPTED.findall(message)),
            events=known.events,
        )

    def with_differences(self, fixes: Sequence[Fix]) -> tuple[Fix, ...]:
        """The fixes, with the lines in which the newest adapted picks differ from upstream."""
        wanted = sorted(self._adapted, reverse=True)[:DIFFED]
        by_sha = {fix.sha: fix for fix in fixes}
        pairs: list[tuple[Sha, Sha]] = []
        for _, branch, sha in wanted:
            for name in (sha, Sha(by_sha[sha].cells[branch].commit)):
                commit = self._reader.commit(name)
                parent = self._reader.commit(commit.parents[0]).tree if commit.parents else commit.tree
                pairs.append((parent, commit.tree))
        made = patches(self._reader.repository, pairs)
        for number, (_, branch, sha) in enumerate(wanted):
            fix = by_sha[sha]
            cell = replace(fix.cells[branch], differences=differences(made[2 * number], made[2 * number + 1]))
            by_sha[sha] = replace(fix, cells={**fix.cells, branch: cell})
        return tuple(by_sha[fix.sha] for fix in fixes)


def _outcome(pick: Pick, known: Known) -> str:
    if pick.reverted:
        return "reverted"
    if pick.landed:
        return "landed"
    return "resolved" if known.outcome == "resolved" and not known.accepted else "picked"
