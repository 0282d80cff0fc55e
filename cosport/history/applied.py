"""Whether a branch already holds an upstream commit, with the evidence, net of all reverts.

In this order: the commit itself is an ancestor; a commit of the branch says that it carries it; one has its subject,
author and author's time, as a pick keeps them; one makes the same patch. An equal subject by the same author is
reported, and never enough. To say "applied" wrongly is the worst error here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cosport.history.authorship import same_authorship
from cosport.history.picks import carriers, origins
from cosport.history.reverts import Reverts
from cosport.history.schema import Kind
from cosport.model.evidence import Evidence, EvidenceKind

if TYPE_CHECKING:
    from cosport.history.index import History
    from cosport.model.commit import Sha


@dataclass(frozen=True, slots=True)
class Applied:
    """Whether `target` holds the change of an upstream commit.

    `carrier` is the commit of the branch that brought it and stands; `generation` counts earlier picks of it that were
    reverted there; `change_id` is the carrier's Change-Id.
    """

    applied: bool
    carrier: Sha | None = None
    evidence: tuple[Evidence, ...] = ()
    generation: int = 0
    change_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Instance:
    """A commit of the branch that brought the change, and how that is known."""

    rank: int
    kind: EvidenceKind
    detail: str


def applied(history: History, upstream: Sha, target: Sha, *, patches: bool = True) -> Applied:
    """Whether `target` holds the change of `upstream`.

    Both are indexed first where needed: MissingObjectError where one is not in the repository. `patches=False` leaves
    out the comparison of patches, the one step that reads trees.
    """
    return _Question(history, upstream, target).answer(patches=patches)


class _Question:
    def __init__(self, history: History, upstream: Sha, target: Sha) -> None:
        history.ensure((upstream, target))
        self.history = history
        self.upstream = upstream
        self.rank = history.rank(upstream)
        self.reach = history.reach(target)
        self.reverts = Reverts(history, self.reach)
        self.above = origins(history, upstream)
        self.carried = carriers(history, (upstream, *self.above))
        self.family = (upstream, *self.above, *(history.entry(rank).sha for rank in self.carried))

    def answer(self, *, patches: bool) -> Applied:
        instances = [*self._ancestors(), *self._trailers()]
        result = self._judge(instances)
        if not result.applied and (silent := self._silent()):
            instances += silent
            self.family = (*self.family, *(self.history.entry(each.rank).sha for each in silent))
            result = self._judge(instances)
        if not result.applied and patches:
            known = {each.rank for each in instances}
            same = [each for each in self._patches() if each.rank not in known]
            if same:
                instances += same
                # A revert that names one of them means the patch, wherever else on the branch it stands.
                self.family = (*self.family, *(self.history.entry(each.rank).sha for each in same))
                result = self._judge(instances)
        if not result.applied:
            hints = tuple(self._subjects({each.rank for each in instances}))
            result = Applied(False, None, (*result.evidence, *hints), result.generation)
        return result

    def _judge(self, instances: list[_Instance]) -> Applied:
        """The answer that these instances give, the strongest living one first."""
        gone: list[Evidence] = []
        alive: list[_Instance] = []
        generation = 0
        for each in instances:
            killer = self.reverts.of(each.rank, self.family)
            if killer is None:
                alive.append(each)
                continue
            generation += each.kind is not EvidenceKind.ANCESTOR
            gone.append(Evidence(EvidenceKind.REVERTED, f"{each.detail}; reverted by {_name(self.history, killer)}"))
        if not alive:
            return Applied(False, None, tuple(gone), generation)
        carrier = alive[0]
        evidence = tuple(Evidence(each.kind, each.detail) for each in alive)
        said = self.history.said_by(carrier.rank) if carrier.kind is not EvidenceKind.ANCESTOR else ()
        change_ids = [each.named for each in said if each.kind is Kind.CHANGE_ID]
        return Applied(
            True,
            self.history.entry(carrier.rank).sha,
            (*evidence, *gone),
            generation,
            change_ids[-1] if change_ids else None,
        )

    def _ancestors(self) -> list[_Instance]:
        found = []
        if self.reach.holds(self.rank):
            found.append(
                _Instance(self.rank, EvidenceKind.ANCESTOR, f"{_name(self.history, self.rank)} is an ancestor")
            )
        for sha in self.above:
            rank = self.history.find(sha)
            if rank is not None and self.reach.holds(rank):
                named = _name(self.history, rank)
                found.append(
                    _Instance(
                        rank,
                        EvidenceKind.TRAILER,
                        f"{named}, which {self.upstream[:12]} was taken from, is an ancestor",
                    )
                )
        return found

    def _trailers(self) -> list[_Instance]:
        found = []
        for rank in sorted((each for each in self.carried if self.reach.holds(each)), key=self.reach.order):
            if rank == self.rank:
                continue
            carrier = self.carried[rank]
            how = f"{_name(self.history, rank)} names {carrier.named} ({carrier.form})"
            if carrier.named != self.upstream:
                how += f", by way of which it carries {self.upstream[:12]}"
            found.append(_Instance(rank, EvidenceKind.TRAILER, how))
        for name in self.family:
            for statement in self.history.naming(Kind.REAPPLIES, name):
                if self.reach.holds(statement.rank):
                    named = _name(self.history, statement.rank)
                    found.append(_Instance(statement.rank, EvidenceKind.TRAILER, f"{named} reapplies {name[:12]}"))
        return found

    def _silent(self) -> list[_Instance]:
        return [
            _Instance(
                rank,
                EvidenceKind.AUTHORSHIP,
                f"{_name(self.history, rank)} has the same subject, author and author's time, which a pick keeps",
            )
            for rank in same_authorship(self.history, self.rank, self.reach)
        ]

    def _patches(self) -> list[_Instance]:
        from cosport.history import samepatch

        return [
            _Instance(rank, EvidenceKind.PATCH_ID, f"{_name(self.history, rank)} has the same patch-id {patch_id[:12]}")
            for rank, patch_id in samepatch.same_patch(self.history, self.rank, self.reach)
        ]

    def _subjects(self, known: set[int]) -> list[Evidence]:
        mine = self.history.entry(self.rank)
        found = []
        for rank in self.history.with_subject(mine.subject):
            other = self.history.entry(rank)
            if rank != self.rank and rank not in known and other.author == mine.author and self.reach.holds(rank):
                detail = f"{_name(self.history, rank)} has the same subject and author; that alone is not enough"
                found.append(Evidence(EvidenceKind.SUBJECT, detail))
        return found


def _name(history: History, rank: int) -> str:
    entry = history.entry(rank)
    return f'{entry.sha[:12]} ("{entry.subject}")'


__all__ = ["Applied", "applied"]
