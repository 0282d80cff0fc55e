"""What a branch holds of upstream, for tens of thousands of questions at once.

`cosport.history.applied` answers one question with some ten look-ups. Here one pass over the statements of all messages
tells most commits apart for good: not there, there as themselves, or there as the plain pick of one commit that nothing
ever reverted. Only the rest, which reverts or odd origin lines have to do with, is asked one by one. Both ways give the
same answer; that they do is tested against each other.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from cosport.history import samepatch
from cosport.history.applied import applied
from cosport.history.picks import origins
from cosport.history.schema import Kind
from cosport.model.evidence import Evidence, EvidenceKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cosport.history.index import History, Reach
    from cosport.history.missing_sayings import Names, Saying, Sayings

_ALIKE: Final = """
SELECT commits.rank, own.rank FROM commits JOIN temp.own
ON own.authored = commits.authored AND own.author = commits.author WHERE commits.rank <> own.rank
"""


class Holding:
    """What the branch behind `reach` holds, net of reverts: the same answers as `applied` gives, by rank."""

    def __init__(self, history: History, reach: Reach, upstream: Reach, sayings: Sayings, names: Names) -> None:
        self._history = history
        self._names = names
        self._reach = reach
        self._entries, self._size = reach.chain.entries, len(reach.chain.entries)
        self._sayings = sayings
        self._picks = sayings.picks
        self._plain: dict[int, Saying] = {}
        self._doubtful: set[int] = set()
        self._alike: dict[int, list[int]] = defaultdict(list)
        self._exact: dict[int, tuple[bool, tuple[Evidence, ...]]] = {}
        self._take_origins(sayings)
        self._doubt_reverts(sayings)
        self._find_alike(upstream)

    def holds(self, rank: int) -> bool:
        """Whether the branch holds the change of that commit."""
        # `_plainly`, spelt out: it is asked for every fix upstream.
        if rank not in self._doubtful:
            if (rank < self._size and self._entries[rank] <= self._reach.position) or rank in self._plain:
                return True
            if not self._picks[rank] and rank not in self._alike:
                return False
        return self._ask(rank)[0]

    def evidence(self, rank: int) -> tuple[Evidence, ...]:
        """How it is known whether the branch holds it, or held it once; empty where it simply does not."""
        plain = self._plainly(rank)
        if plain is None:
            return self._ask(rank)[1]
        if not plain:
            return ()
        if (said := self._plain.get(rank)) is not None and not self._reach.holds(rank):
            return (Evidence(EvidenceKind.TRAILER, f"{self._name(said.rank)} names {said.named} ({said.detail})"),)
        return (Evidence(EvidenceKind.ANCESTOR, f"{self._name(rank)} is an ancestor"),)

    def _plainly(self, rank: int) -> bool | None:
        """Whether the branch holds it, where that takes no closer look; else None."""
        if rank in self._doubtful:
            return None
        if self._reach.holds(rank) or rank in self._plain:
            return True
        return None if self._picks[rank] or rank in self._alike else False

    def prepare(self, ranks: Iterable[int]) -> None:
        """Compute at once the patch-ids that questions about these commits will need."""
        wanted: set[int] = set()
        for rank in ranks:
            if rank in self._alike and rank not in self._plain and not self._reach.holds(rank):
                wanted.update((rank, *self._alike[rank]))
        samepatch.patch_ids_of(self._history, sorted(wanted))

    def _ask(self, rank: int) -> tuple[bool, tuple[Evidence, ...]]:
        if (known := self._exact.get(rank)) is not None:
            return known
        history = self._history
        sha, tip = history.entry(rank).sha, history.entry(self._reach.target).sha
        # A patch-id can only be one of those commits: to look for another means to look into every tree.
        answer = applied(history, sha, tip, patches=False)
        result = answer.applied, answer.evidence
        if not answer.applied and (same := self._same_patches(rank)):
            if rank in self._doubtful or not self._doubtful.isdisjoint(same):
                answer = applied(history, sha, tip)
                result = answer.applied, answer.evidence
            else:
                result = True, tuple(Evidence(EvidenceKind.PATCH_ID, self._same_as(each)) for each in same)
        self._exact[rank] = result
        return result

    def _same_patches(self, rank: int) -> list[int]:
        alike = self._alike.get(rank)
        if not alike:
            return []
        known = samepatch.patch_ids_of(self._history, [rank, *alike])
        return [each for each in alike if known[rank] and known[each] == known[rank]]

    def _same_as(self, rank: int) -> str:
        patch_id = samepatch.patch_ids_of(self._history, [rank])[rank]
        return f"{self._name(rank)} has the same patch-id {patch_id[:12]}"

    def _take_origins(self, sayings: Sayings) -> None:
        """Sort the picks on the branch: those that name one commit in full and do nothing else are plain."""
        odd = {each.rank for each in (*sayings.reverts, *sayings.reapplied)}
        waiting: list[int] = []
        for said in sayings.origins:
            ranks = self._names.starting(said)
            waiting += ranks
            if len(ranks) == 1 and said.rank not in odd and said.rank != ranks[0]:
                self._plain.setdefault(ranks[0], said)
            else:
                self._doubtful.update(ranks)
        # What they name may be picks themselves: of those it is asked one by one.
        seen = set(waiting)
        while waiting:
            rank = waiting.pop()
            if not self._picks[rank]:
                continue
            for stated in self._history.said_by(rank):
                if stated.kind is Kind.ORIGIN:
                    above = [each for each in self._history.starting(stated.named) if each not in seen]
                    seen.update(above)
                    waiting += above
                    self._doubtful.update(each for each in above if each not in self._plain)

    def _doubt_reverts(self, sayings: Sayings) -> None:
        """Mark all that reverts on the branch may have to do with, and the picks and origins of it."""
        touched: set[int] = set()
        for said in sayings.reverts:
            if self._reach.holds(said.rank) or said.rank in self._plain or said.rank in self._doubtful:
                touched.update(meant(self._history, self._names, said))
        for said in sayings.reapplied:
            touched.update(self._history.starting(said.named))
        self._doubtful |= family(self._history, touched, self._sayings)

    def _find_alike(self, upstream: Reach) -> None:
        """Pair the branch's own commits without an origin with those of the same subject, or same author and time.

        Picking keeps author and time, and mostly the subject: the patches of such pairs are worth comparing.
        """
        history, store = self._history, self._history.store
        own = [
            rank for rank in _only(self._reach, upstream) if not self._picks[rank] and not history.graph.is_merge(rank)
        ]
        if not own:
            return
        history.load(own)
        entries = [history.entry(rank) for rank in own]
        for entry in entries:
            for other in history.with_subject(entry.subject):
                self._pair(other, entry.rank)
        store.write("CREATE TEMP TABLE IF NOT EXISTS own (rank INTEGER, authored INTEGER, author BLOB)")
        store.write("DELETE FROM temp.own")
        store.many("INSERT INTO temp.own SELECT rank, authored, author FROM commits WHERE rank=?", [(r,) for r in own])
        for other, rank in store.rows(_ALIKE):
            self._pair(other, rank)

    def _pair(self, other: int, own: int) -> None:
        if not self._reach.holds(other) and own not in self._alike[other]:
            self._alike[other].append(own)

    def _name(self, rank: int) -> str:
        entry = self._history.entry(rank)
        return f'{entry.sha[:12]} ("{entry.subject}")'


def _only(branch: Reach, upstream: Reach) -> list[int]:
    """The commits that `branch` reaches and `upstream` does not."""
    entries, position = branch.chain.entries, branch.position
    others, limit = upstream.chain.entries, upstream.position
    both = min(len(others), branch.target + 1)
    found = [rank for rank in range(both) if entries[rank] <= position and others[rank] > limit]
    return found + [rank for rank in range(both, branch.target + 1) if entries[rank] <= position]


def meant(history: History, names: Names, said: Saying) -> list[int]:
    """All commits that a revert may mean."""
    return names.starting(said) if said.kind is Kind.REVERTS else history.with_subject(said.named)


def family(history: History, ranks: Iterable[int], sayings: Sayings) -> set[int]:
    """These commits, all picks of them, all that they are picks of, and so on."""
    found = set(ranks)
    history.load(found)
    waiting = list(found)
    while waiting:
        rank = waiting.pop()
        near: list[int] = []
        if sayings.picks[rank]:
            for said in history.said_by(rank):
                if said.kind is Kind.ORIGIN:
                    near += history.starting(said.named)
        sha = history.entry(rank).sha
        if sayings.may_be_picked(sha):
            near += [each.rank for each in history.naming(Kind.ORIGIN, sha)]
        for each in near:
            if each not in found:
                found.add(each)
                waiting.append(each)
    return found


def canonical(history: History, rank: int, picks: bytearray, upstream: Reach) -> int:
    """The upstream commit that `rank` is a pick of, by way of others, if it is one; else itself."""
    if not picks[rank]:
        return rank
    above = [each for sha in origins(history, history.entry(rank).sha) if (each := history.find(sha)) is not None]
    held = [each for each in above if upstream.holds(each)]
    return held[-1] if held else rank
