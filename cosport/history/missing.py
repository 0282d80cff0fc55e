"""What a branch lacks: upstream commits that fix or revert something that it holds, and fixes of those fixes.

A commit is missing where upstream holds it, the branch does not, and one of the commits that it fixes or reverts is
held by the branch, by ancestry or as a backport, net of reverts, or is missing itself. What upstream has reverted for
good is not missing, nor is its revert. Merges and backports are no candidates; what they merged or stem from is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from cosport.history.affected import fixed_by
from cosport.history.missing_holding import Holding, canonical, family, meant
from cosport.history.missing_sayings import Names, collect
from cosport.history.picks import origins
from cosport.history.reverts import Reverts
from cosport.history.schema import Kind
from cosport.model.commit import Sha  # noqa: TC001 - msgspec reads the fields' types for the schema
from cosport.model.evidence import Evidence  # noqa: TC001 - the same

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cosport.history.index import Entry, History, Reach
    from cosport.history.missing_sayings import Saying


class Word(StrEnum):
    """The verdict on a missing commit, in the words of SUSE's check-kernel-fix."""

    MISSING = "missing-commit"
    MAYBE = "maybe-missing-commit"
    """What it fixes was found by its subject or in a sentence alone, or the branch may hold it already."""


class How(StrEnum):
    """How a commit that a message names was found."""

    SHA = "sha"
    SENTENCE = "sentence"  # no tag names it: a sentence calls it the cause
    SUBJECT = "subject"  # its sha is short, wrong or of another tree: found by the quoted subject
    BACKPORT = "backport"  # its sha is that of a backport: this is what was backported


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a branch needs a commit: it `kind` ("fixes" or "reverts") the commit `sha`, which the branch holds.

    `named` is the sha as its message writes it, "" where it quotes a subject only. `held` says how the branch holds the
    commit, and is empty where it is missing there too, or comes back with one that is. `reverted_by` is another
    upstream commit that has since reverted it for good.
    """

    kind: str
    sha: Sha
    subject: str
    named: str
    how: How
    held: tuple[Evidence, ...]
    reverted_by: Sha | None


@dataclass(frozen=True, slots=True)
class Missing:
    """One upstream commit that a branch lacks. `evidence` is what the branch has of it: once held, the same subject.

    `stable` are the versions for which upstream asked the stable trees to take it.
    """

    commit: Entry
    verdict: Word
    reasons: tuple[Reason, ...]
    evidence: tuple[Evidence, ...]
    stable: tuple[str, ...]


class _Goal(NamedTuple):
    """A commit that a candidate fixes or reverts."""

    rank: int
    kind: str
    named: bytes
    how: How


def missing(history: History, upstream: Sha, branch: Sha) -> tuple[Missing, ...]:
    """What the commit `branch` lacks of `upstream`, in upstream order.

    Both are indexed first where needed: MissingObjectError where one is not in the repository.
    """
    history.ensure((upstream, branch))
    return _Search(history, history.reach(upstream), history.reach(branch)).run()


class _Search:
    def __init__(self, history: History, upstream: Reach, branch: Reach) -> None:
        self._history = history
        self._upstream = upstream
        sayings = collect(history, upstream, branch)
        self._sayings = sayings
        self._picks = sayings.picks
        self._names = Names(history, sayings)
        self._holding = Holding(history, branch, upstream, sayings, self._names)
        self._reverts = Reverts(history, upstream)
        self._reverted = self._may_be_reverted(sayings.reverts)
        self._killers: dict[int, int | None] = {}

    def run(self) -> tuple[Missing, ...]:
        goals = self._goals()
        self._holding.prepare({*goals, *(goal.rank for each in goals.values() for goal in each)})
        needed = self._needed(goals)
        self._history.load(dict.fromkeys([*needed, *(goal.rank for each in needed.values() for goal in each)]))
        return tuple(self._missing(rank, reasons) for rank, reasons in needed.items())

    def _goals(self) -> dict[int, tuple[_Goal, ...]]:
        """Each candidate, and what it fixes or reverts; candidates are in upstream order."""
        found: dict[int, tuple[_Goal, ...]] = {}
        merges = frozenset(self._history.graph.children)
        for rank, sayings in self._sayings.candidates.items():
            if rank in merges:
                continue
            if (plain := self._plain(rank, sayings)) is not None and rank not in found:
                found[rank] = (plain,)
                continue
            own = canonical(self._history, rank, self._picks, self._upstream)
            if own != rank and self._killer(own) is not None:
                own = rank  # upstream took it, reverted it, and took it again
            goals = [goal for goal in self._named(rank, sayings) if goal.rank not in (own, rank)]
            if goals:
                named: dict[tuple[int, str], _Goal] = {}
                for goal in (*found.get(own, ()), *goals):
                    named.setdefault((goal.rank, goal.kind), goal)
                found[own] = tuple(named.values())
        return {rank: found[rank] for rank in sorted(found)}

    def _plain(self, rank: int, sayings: Sequence[Saying]) -> _Goal | None:
        """What a commit fixes that is no pick and names one commit that is none either: most are so. Else None."""
        if len(sayings) > 1 or self._picks[rank]:
            return None
        (said,) = sayings
        target = self._names.sole.get(said.name)
        if target is None or target == rank or self._picks[target] or said.kind not in (Kind.FIXES, Kind.BLAMES):
            return None
        return _Goal(target, "fixes", said.name, How.SHA if said.kind is Kind.FIXES else How.SENTENCE)

    def _named(self, rank: int, sayings: Sequence[Saying]) -> Iterable[_Goal]:
        reverts = [each for each in sayings if each.kind is Kind.REVERTS]
        tagged = any(each.kind is Kind.FIXES for each in sayings)
        shas_lead_nowhere = True
        for said in sayings:
            if said.kind is Kind.REVERTS_SUBJECT or (said.kind is Kind.BLAMES and tagged):
                continue
            target = self._names.resolve(said)
            if target is not None:
                shas_lead_nowhere &= said.kind is not Kind.REVERTS
                yield self._goal(said, target, How.SENTENCE if said.kind is Kind.BLAMES else How.SHA)
            elif said.kind is Kind.FIXES and said.quoted:
                yield from self._by_quoted_subject(rank, said)
        if shas_lead_nowhere:
            for said in sayings:
                if said.kind is Kind.REVERTS_SUBJECT:
                    named = reverts[0].name if reverts else b""
                    yield from self._by_reverted_subject(rank, said, named)

    def _goal(self, said: Saying, target: int, how: How) -> _Goal:
        own = canonical(self._history, target, self._picks, self._upstream)
        kind = "fixes" if said.kind in (Kind.FIXES, Kind.BLAMES) else "reverts"
        return _Goal(own, kind, said.name, How.BACKPORT if own != target and how is How.SHA else how)

    def _by_quoted_subject(self, rank: int, said: Saying) -> Iterable[_Goal]:
        for target in fixed_by(self._history, self._history.entry(rank).sha):
            if target.named == said.named and target.sha is not None:
                yield self._goal(said, self._history.rank(target.sha), How.SUBJECT)
                return

    def _by_reverted_subject(self, rank: int, said: Saying, named: bytes) -> Iterable[_Goal]:
        """A revert that names no commit means the last one of that subject before it."""
        before = [
            each
            for each in self._history.with_subject(said.named)
            if each < rank and self._upstream.holds(each) and not self._picks[each]
        ]
        if before:
            yield _Goal(before[-1], "reverts", named, How.SUBJECT)

    def _needed(self, goals: dict[int, tuple[_Goal, ...]]) -> dict[int, tuple[_Goal, ...]]:
        """The missing ones, each with those of its goals that the branch holds or would hold with the missing ones."""
        needed: dict[int, tuple[_Goal, ...]] = {}
        coming: set[int] = set()
        restored: set[int] = set()
        holds = self._holding.holds
        for rank, named in goals.items():
            reasons = tuple([goal for goal in named if goal.rank in coming or holds(goal.rank)])
            if not reasons or self._killer(rank) is not None or holds(rank):
                continue
            needed[rank] = reasons
            coming.add(rank)
            for goal in reasons:
                if goal.kind == "reverts":  # to revert a revert brings back what that took away
                    back = {each.rank for each in goals.get(goal.rank, ()) if each.kind == "reverts"}
                    coming |= back
                    restored |= back if goal.rank not in needed else set()
        return {rank: reasons for rank, reasons in needed.items() if rank not in restored}

    def _missing(self, rank: int, goals: tuple[_Goal, ...]) -> Missing:
        history = self._history
        reasons = tuple(self._reason(rank, goal) for goal in goals)
        evidence = self._holding.evidence(rank)
        sure = any(each.how not in (How.SUBJECT, How.SENTENCE) for each in reasons) and not evidence
        stable = tuple(self._sayings.stable.get(rank, ()))
        return Missing(history.entry(rank), Word.MISSING if sure else Word.MAYBE, reasons, evidence, stable)

    def _reason(self, rank: int, goal: _Goal) -> Reason:
        entry = self._history.entry(goal.rank)
        held = self._holding.evidence(goal.rank) if self._holding.holds(goal.rank) else ()
        killer = self._killer(goal.rank)
        gone = self._history.entry(killer).sha if killer is not None and killer != rank else None
        named = goal.named.decode("utf-8", "surrogateescape")
        return Reason(goal.kind, entry.sha, entry.subject, named, goal.how, held, gone)

    def _may_be_reverted(self, reverts: Sequence[Saying]) -> set[int]:
        named: set[int] = set()
        for said in reverts:
            if self._upstream.holds(said.rank):
                named.update(meant(self._history, self._names, said))
        return family(self._history, named, self._sayings)

    def _killer(self, rank: int) -> int | None:
        """The upstream commit that reverted `rank` upstream for good, or None."""
        if rank not in self._reverted:
            return None
        if rank not in self._killers:
            sha = self._history.entry(rank).sha
            self._killers[rank] = self._reverts.of(rank, (sha, *origins(self._history, sha)))
        return self._killers[rank]
