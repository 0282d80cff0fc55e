"""The state of a CVE in a branch, decided by the commits that its record names and never by version numbers.

A record lists one fix many times: upstream's commit and its backports, and sometimes several commits that are a fix
only together. So commits are sorted into fixes by the upstream commit that they carry; a fix is there when one of its
commits is, and needed unless everything that brought the bug is known to be absent. What the history of a branch holds
is handed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from cosport.cve.record import START, UNFIXED, Record, Status, same_commit

if TYPE_CHECKING:
    from cosport.model.commit import Sha
    from cosport.model.evidence import Evidence


class Held(StrEnum):
    """Whether a branch holds the change of a commit."""

    YES = "yes"
    REVERTED = "reverted"
    NO = "no"
    UNKNOWN = "unknown"


class State(StrEnum):
    """The state of a CVE in a branch."""

    FIXED = "fixed"
    PARTIAL = "partial"  # some of the commits that fix it together, and others not
    REVERTED = "reverted"  # it was fixed and is no longer
    AFFECTED = "affected"
    NOT_AFFECTED = "not-affected"  # all that brought the bug is known to be absent
    REJECTED = "rejected"  # the record was withdrawn
    UNKNOWN = "unknown"


_BEST: Final = (Held.YES, Held.REVERTED, Held.NO, Held.UNKNOWN)
"""Of several answers on one fix, the one that counts."""


@dataclass(frozen=True, slots=True)
class Holding:
    """Whether the branch holds the change of the commit `named`, by which of its commits, and how that is known."""

    named: str
    held: Held
    carrier: Sha | None = None
    evidence: tuple[Evidence, ...] = ()


class Branch(Protocol):
    """What a branch's history answers; names are those of a record, abbreviated or not."""

    def holding(self, name: str) -> Holding:
        """Whether it holds the change of the commit `name`, net of reverts."""

    def identity(self, name: str) -> str:
        """The upstream commit that `name` is a backport of, by full name where it is known; else `name` itself."""

    def is_upstream(self, name: str) -> bool:
        """Whether `name` is known to be a commit of upstream's branch."""


@dataclass(frozen=True, slots=True)
class Fix:
    """One fix of a record: the upstream commit `commit`, what the branch holds of it, and whether it needs it.

    `needed` is None where that cannot be known.
    """

    commit: str
    holding: Holding
    needed: bool | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """The state of a CVE in a branch, with the fixes and what brought the bug."""

    cve: str
    state: State
    fixes: tuple[Fix, ...] = ()
    introductions: tuple[Holding, ...] = ()


def judge(record: Record, branch: Branch) -> Judgement:
    """The state of the CVE in the branch."""
    if record.status is Status.REJECTED:
        return Judgement(record.id, State.REJECTED)
    found = tuple(branch.holding(name) for name in record.introductions)
    brought = {each.named: each.held for each in found}
    fixes = tuple(_fix(record, branch, brought, commit, names) for commit, names in _required(record, branch).items())
    return Judgement(record.id, _state(record, fixes, brought), fixes, found)


def _state(record: Record, fixes: tuple[Fix, ...], brought: dict[str, Held]) -> State:
    if not fixes:
        return {True: State.AFFECTED, False: State.NOT_AFFECTED, None: State.UNKNOWN}[_present(record, brought, ())]
    wanted = [fix for fix in fixes if fix.needed is not False or fix.holding.held is Held.YES]
    held = {fix.holding.held for fix in wanted}
    if not wanted:
        return State.NOT_AFFECTED
    if Held.YES in held:
        return State.FIXED if held == {Held.YES} else State.PARTIAL
    if Held.REVERTED in held:
        return State.REVERTED
    lacking = any(fix.needed and fix.holding.held is Held.NO for fix in wanted)
    return State.AFFECTED if lacking else State.UNKNOWN


def _required(record: Record, branch: Branch) -> dict[str, list[str]]:
    """The fixes that are needed together, each with the names of all commits that carry it, the strongest first.

    Those are the upstream commits that the record marks; without marks, those that upstream's branch holds; else all
    that the repository knows. What then belongs to none carries the fix where there is but one.
    """
    kinds: dict[str, list[str]] = {}
    for name in record.fixes:
        identity = branch.identity(name)
        known = next((each for each in kinds if same_commit(each, identity)), None)
        kinds.setdefault(known or identity, []).append(name)
    for choose in (
        lambda kind: any(same_commit(kind, branch.identity(name)) for name in record.mainline),
        branch.is_upstream,
        lambda kind: any(branch.holding(name).held is not Held.UNKNOWN for name in kinds[kind]),
    ):
        chosen = {kind: names for kind, names in kinds.items() if choose(kind)}
        if chosen:
            break
    else:
        return kinds
    if len(chosen) == 1:
        (only,) = chosen
        return {only: [*kinds[only], *(name for kind in kinds if kind != only for name in kinds[kind])]}
    return chosen


def _fix(record: Record, branch: Branch, brought: dict[str, Held], commit: str, names: list[str]) -> Fix:
    """The fix `commit` on the branch. Its backports need no look: who holds one of them holds the fix."""
    best = branch.holding(commit)
    for name in names:
        if best.held is Held.YES:
            break
        if best.held is Held.UNKNOWN or not same_commit(branch.identity(name), commit):
            best = min(best, branch.holding(name), key=lambda each: _BEST.index(each.held))
    return Fix(commit, best, _present(record, brought, (commit, *names)))


def _present(record: Record, brought: dict[str, Held], names: tuple[str, ...]) -> bool | None:
    """Whether the bug that the commits `names` fix (none: any bug of the record) is in the branch.

    What brought it where nothing fixes it yet counts for each of them.
    """
    own = [pair for pair in record.pairs if pair.fixed in names]
    pairs = [*own, *(pair for pair in record.pairs if pair.fixed == UNFIXED)] if own else list(record.pairs)
    found = [Held.YES if pair.introduced == START else brought[pair.introduced] for pair in pairs]
    if Held.YES in found:
        return True
    return None if not found or Held.UNKNOWN in found else False


__all__ = ["UNFIXED", "Branch", "Fix", "Held", "Holding", "Judgement", "State", "judge"]
