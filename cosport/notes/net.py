"""The net effect of a range: what the new release has that the old one lacks, and the other way round.

A commit and its revert in one range cancel each other; a revert of what was released is told; a fix that is picked
twice, or reverted and picked again, is told once. Every commit of the range is accounted for.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from cosport.cve.state import Held
from cosport.history.applied import applied
from cosport.history.cves import BranchHistory
from cosport.history.reverts import Reverts
from cosport.history.samepatch import patch_ids_of
from cosport.history.schema import Kind
from cosport.model.commit import Sha
from cosport.notes.identity import Families, upstream_of
from cosport.notes.takings import Taking, Takings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cosport.history.index import History
    from cosport.notes.commits import RangeCommit


class Effect(StrEnum):
    """What a change does to what was released before."""

    BROUGHT = "brought"
    REVERTED = "reverted"  # released before, and gone now
    REAPPLIED = "reapplied"  # once there, reverted before the last release, and back now


class Fate(StrEnum):
    """What became of one commit of the range."""

    TOLD = "told"
    MERGED = "merged"  # another commit of the same fix tells it
    CANCELLED = "cancelled"  # what it does is undone in the same range, or undoes something there
    RELEASED = "released"  # the release before holds the same fix already
    NO_NOTE = "no-note"  # its author says that users need not know, or says nothing
    MERGE = "merge"  # a merge of branches without a note of its own


@dataclass(frozen=True, slots=True)
class Account:
    """One commit of the range: its number there, what became of it, by which other commit ("" for none), and why."""

    number: int
    fate: Fate
    by: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is different: the commits of the range that make it, the one that tells it first.

    `upstream` are the upstream commits that it carries; `former` the released commits that a REVERTED one takes back,
    or that a REAPPLIED one brings back.
    """

    effect: Effect
    numbers: tuple[int, ...]
    upstream: tuple[str, ...]
    former: tuple[Sha, ...] = ()


@dataclass(frozen=True, slots=True)
class Net:
    """The changes, in the order of their commits, and an account of every commit that makes none of them."""

    changes: tuple[Change, ...]
    accounts: tuple[Account, ...]


def net_effect(history: History, commits: Sequence[RangeCommit], old: Sha | None) -> Net:
    """The net effect of `commits`, which are all that the new release has over `old`, in the order they came to it."""
    return _Reckoning(history, commits, old).net()


class _Reckoning:
    def __init__(self, history: History, commits: Sequence[RangeCommit], old: Sha | None) -> None:
        self.history = history
        self.commits = commits
        self.before = history.reach(old) if old is not None else None
        self.released = Released(history, old)
        self.families = Families(history, commits)
        takings = Takings(history, commits, self.families, self.before)
        self.takings = self._linked([takings.of(number) for number in range(len(commits))])
        self.killer: dict[int, int] = {}
        for number in reversed(range(len(commits))):
            if number not in self.killer:
                for target in self.takings[number].inside:
                    self.killer.setdefault(target, number)

    def _linked(self, takings: list[Taking]) -> list[Taking]:
        """The takings, where a revert of what an earlier commit of the range brought back takes back that commit."""
        brought: dict[int, set[int]] = defaultdict(set)
        for number, taking in enumerate(takings):
            back = {each for rank in taking.outside for each in brought[rank]}
            if back:
                takings[number] = Taking(taking.inside | back, taking.outside)
            for rank in taking.outside:
                for original in self._originals(rank):
                    brought[original].add(number)
        return takings

    def net(self) -> Net:
        changes: list[Change] = []
        accounts: list[Account] = []
        families: dict[int, list[int]] = defaultdict(list)
        undoing: list[int] = []
        for number, commit in enumerate(self.commits):
            taking = self.takings[number]
            if number in self.killer:
                accounts.append(self._cancelled(number, self.killer[number], "is taken back by"))
            elif taking.outside:
                undoing.append(number)
            elif taking.inside:
                accounts.append(self._cancelled(number, max(taking.inside), "takes back"))
            elif commit.is_merge and not commit.fields.note:
                accounts.append(Account(number, Fate.MERGE))
            else:
                families[self.families.of(number)].append(number)
        again = self._undone(undoing, families, changes, accounts)
        for family, numbers in families.items():
            upstream = self.families.upstream(family, numbers)
            holder = again.get(family) or self.released.holder([self.commits[number] for number in numbers], upstream)
            if holder:
                why = "was taken back and came again" if family in again else "is in the release before"
                accounts += [Account(number, Fate.RELEASED, holder, f"it {why}: {holder[:12]}") for number in numbers]
            else:
                changes.append(Change(Effect.BROUGHT, tuple(numbers), upstream))
        changes.sort(key=lambda change: change.numbers[0])
        return Net(tuple(changes), tuple(sorted(accounts, key=lambda account: account.number)))

    def _undone(
        self,
        undoing: list[int],
        families: dict[int, list[int]],
        changes: list[Change],
        accounts: list[Account],
    ) -> dict[int, str]:
        """Tell the reverts of what was released; the families that came back in the range, by the revert between."""
        again: dict[int, str] = {}
        told: dict[tuple[Effect, tuple[str, ...]], int] = {}
        for number in undoing:
            effect, former, upstream = self._former(self.takings[number])
            names = frozenset((*upstream, *former))
            standing = [standing_at(self.history, self.history.rank(sha)) for sha in former]
            back = [family for family, numbers in families.items() if self._carries(numbers, names, standing)]
            name = self.commits[number].sha
            inside = self.takings[number].inside
            by = self.commits[families[back[0]][0]].sha if back else ""
            if not former and inside:
                accounts.append(self._cancelled(number, max(inside), "takes back"))
            elif not former:
                families[self.families.of(number)].append(number)
            elif back and effect is Effect.REVERTED:
                again |= dict.fromkeys(back, name)
                accounts.append(Account(number, Fate.CANCELLED, by, "what it takes back comes again in this range"))
            elif back:
                accounts.append(Account(number, Fate.MERGED, by, "the same fix"))
            elif (at := told.get((effect, upstream))) is not None:
                changes[at] = Change(effect, (*changes[at].numbers, number), upstream, former)
            else:
                told[effect, upstream] = len(changes)
                changes.append(Change(effect, (number,), upstream, former))
        return again

    def _former(self, taking: Taking) -> tuple[Effect, tuple[Sha, ...], tuple[str, ...]]:
        """What a revert means for what was released: the commits that stood there and go, or were gone and come back.

        Of a revert that the release before had reverted already nothing is left: then there are none.
        """
        assert self.before is not None
        history = self.history
        reverts = Reverts(history, self.before)
        standing = [rank for rank in taking.outside if self._stands(reverts, rank)]
        originals = [original for rank in standing for original in self._originals(rank)]
        effect = Effect.REAPPLIED if originals else Effect.REVERTED
        former = tuple(dict.fromkeys(history.entry(rank).sha for rank in originals or standing))
        return effect, former, tuple(dict.fromkeys(upstream_of(history, sha) for sha in former))

    def _stands(self, reverts: Reverts, rank: int) -> bool:
        sha = self.history.entry(rank).sha
        return reverts.of(rank, (sha, Sha(upstream_of(self.history, sha)))) is None

    def _originals(self, rank: int) -> list[int]:
        """What a released revert took back."""
        assert self.before is not None
        history = self.history
        said = history.said_by(rank)
        named = [each for each in said if each.kind is Kind.REVERTS]
        found = [at for each in named for at in history.starting(each.named) if self.before.holds(at)]
        if not found:
            subjects = [each.named for each in said if each.kind is Kind.REVERTS_SUBJECT]
            found = [at for text in subjects for at in history.with_subject(text) if self.before.holds(at)][-1:]
        return found

    def _carries(self, numbers: Iterable[int], names: frozenset[str], standing: Sequence[Standing]) -> bool:
        return any(
            names.intersection(self.families.carried[number])
            or any(same_change(self.history, self.commits[number], each) for each in standing)
            for number in numbers
        )

    def _cancelled(self, number: int, by: int, how: str) -> Account:
        other = self.commits[by]
        return Account(number, Fate.CANCELLED, other.sha, f'it {how} {other.sha[:12]} ("{other.subject}")')


class Standing(NamedTuple):
    """A commit that others are compared with, and what they are compared by; read once for many."""

    rank: int
    change_id: str
    subject: str


def standing_at(history: History, rank: int) -> Standing:
    """The commit of that rank to compare with."""
    said = [each.named for each in history.said_by(rank) if each.kind is Kind.CHANGE_ID]
    return Standing(rank, said[-1] if said else "", history.entry(rank).subject)


def same_change(history: History, commit: RangeCommit, other: Standing) -> bool:
    """Whether a commit of the range and another one are the same: by Change-Id, or by subject and patch.

    Of two that say which upstream commits they carry, that is told elsewhere.
    """
    change_id = commit.said.change_id
    if change_id and other.change_id:
        return change_id == other.change_id
    if other.subject != commit.subject:
        return False
    own = history.rank(commit.sha)
    patches = patch_ids_of(history, [own, other.rank])
    return bool(patches.get(own)) and patches[own] == patches.get(other.rank)


class Released:
    """Whether the release before holds a fix already."""

    def __init__(self, history: History, old: Sha | None) -> None:
        self._history = history
        self._old = old
        self._reach = history.reach(old) if old is not None else None
        self._branch = BranchHistory(history, old, patches=False) if old is not None else None

    def holder(self, commits: Sequence[RangeCommit], upstream: Sequence[str]) -> str:
        """A released commit that makes the same change as these of the range, all of one fix; "" for none."""
        if self._reach is None:
            return ""
        held = [self._by_upstream(name) for name in upstream]
        if held and (all(held) or len(held) > 1):
            return held[0] if all(held) else ""
        return next(
            filter(None, (self._by_itself(each, Sha(upstream[0]) if upstream else each.sha) for each in commits)), ""
        )

    def _by_upstream(self, name: str) -> str:
        """A quick look tells nearly always that nothing released has to do with it."""
        assert self._branch is not None
        history = self._history
        near = [*history.starting(name), *(each.rank for each in history.naming(Kind.ORIGIN, Sha(name)))]
        if not any(self._holds(rank) for rank in near):
            return ""
        found = self._branch.holding(name)
        return found.carrier or "" if found.held is Held.YES else ""

    def _by_itself(self, commit: RangeCommit, named: Sha) -> str:
        """By Change-Id, or by the patch of a commit with the same subject; `named` is what it carries, or itself."""
        history = self._history
        change_id = commit.said.change_id
        near = history.with_subject(commit.subject)
        near += [each.rank for each in history.saying(Kind.CHANGE_ID, change_id)] if change_id else []
        assert self._reach is not None
        assert self._old is not None
        reverts = Reverts(history, self._reach)
        for each in dict.fromkeys(near):
            if not self._holds(each) or not same_change(history, commit, standing_at(history, each)):
                continue
            if (rank := history.find(named)) is not None:
                answer = applied(history, history.entry(rank).sha, self._old)
                if answer.carrier is not None:
                    return answer.carrier
            entry = history.entry(each)
            if change_id and reverts.of(each, (entry.sha,)) is None:
                return entry.sha
        return ""

    def _holds(self, rank: int) -> bool:
        return self._reach is not None and self._reach.holds(rank)
