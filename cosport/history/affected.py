"""Whether a branch holds what an upstream commit fixes, and what later commits fix or revert that commit in turn."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from cosport.history.applied import applied
from cosport.history.picks import is_pick, resolve
from cosport.history.schema import Kind
from cosport.model.evidence import Evidence, EvidenceKind, Followup

if TYPE_CHECKING:
    from collections.abc import Callable

    from cosport.history.index import History
    from cosport.model.commit import Sha


Held = tuple[bool, tuple[Evidence, ...]]
"""Whether a branch holds a commit, and how that is known."""

_BY_SHA: Final = "by its sha"


class Verdict(StrEnum):
    """Whether a branch needs a fix."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Affected:
    """Whether a branch holds one of the commits that an upstream commit fixes, and how that is known."""

    verdict: Verdict
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """A commit that another one fixes: its name as written, the commit it leads to (None: nowhere) and how."""

    named: str
    sha: Sha | None
    how: str


def affected(history: History, upstream: Sha, target: Sha, *, introduced_by: tuple[Sha, ...] = ()) -> Affected:
    """Whether `target` holds what `upstream` fixes: by ancestry or as a backport, net of reverts.

    What it fixes are its `Fixes:` tags, or what it reverts; `introduced_by` overrides both. "No" needs every one of
    them to be found and to be absent, with nothing on the branch that looks like it. Raises MissingObjectError where a
    commit is not in the repository.
    """
    history.ensure((upstream, target, *introduced_by))
    targets = tuple(Target(sha, sha, "named by the user") for sha in introduced_by) or fixed_by(history, upstream)

    def ask(sha: Sha) -> Held:
        answer = applied(history, sha, target)
        return answer.applied, answer.evidence

    return weigh(history, targets, ask)


def weigh(history: History, targets: tuple[Target, ...], ask: Callable[[Sha], Held]) -> Affected:
    """What `affected` says of a commit that fixes `targets`, on the branch that `ask` knows what it holds of."""
    if not targets:
        return Affected(
            Verdict.UNKNOWN, (Evidence(EvidenceKind.AFFECTED_UNKNOWN, "it states no commit that it fixes"),)
        )
    present, absent, unknown = [], [], []
    for each in targets:
        if each.sha is None:
            detail = f"{each.named} leads to no commit in this repository"
            unknown.append(Evidence(EvidenceKind.AFFECTED_UNKNOWN, detail))
            continue
        is_held, evidence = ask(each.sha)
        subject = history.entry(history.rank(each.sha)).subject
        text = f'it fixes {each.sha[:12]} ("{subject}"{"" if each.how == _BY_SHA else f", {each.how}"})'
        if is_held:
            is_itself = evidence[0].kind is EvidenceKind.ANCESTOR
            detail = "which is an ancestor" if is_itself else f"which is there: {evidence[0].detail}"
            present.append(Evidence(EvidenceKind.FIXES_TARGET_PRESENT, f"{text}, {detail}"))
        elif alike := [every.detail for every in evidence if every.kind is EvidenceKind.SUBJECT]:
            # Perhaps a backport that nobody marked as one. To lose a fix over it would be worse than a pick too many.
            unknown.append(Evidence(EvidenceKind.AFFECTED_UNKNOWN, f"{text}, which may be there: {alike[0]}"))
        else:
            gone = [every.detail for every in evidence if every.kind is EvidenceKind.REVERTED]
            detail = f"which is gone: {gone[0]}" if gone else "and neither that nor a backport of it is there"
            absent.append(Evidence(EvidenceKind.FIXES_TARGET_ABSENT, f"{text}, {detail}"))
    if present:
        return Affected(Verdict.YES, (*present, *absent, *unknown))
    if absent and not unknown and not history.repository.is_shallow:
        return Affected(Verdict.NO, tuple(absent))
    if history.repository.is_shallow:
        unknown.append(Evidence(EvidenceKind.AFFECTED_UNKNOWN, "this clone is shallow: it may lie behind its end"))
    return Affected(Verdict.UNKNOWN, (*unknown, *absent))


def fixed_by(history: History, sha: Sha) -> tuple[Target, ...]:
    """The commits that `sha` fixes by its `Fixes:` tags, else those that it reverts.

    A sha that leads nowhere, or to several commits, is looked for by the quoted subject.
    """
    said = history.said_by(history.rank(sha))
    fixes = [each for each in said if each.kind is Kind.FIXES]
    if fixes:
        return tuple(_target(history, each.named, each.detail, sha) for each in fixes)
    subjects = [each.named for each in said if each.kind is Kind.REVERTS_SUBJECT]
    return tuple(
        _target(history, each.named, subjects[0] if subjects else "", sha) for each in said if each.kind is Kind.REVERTS
    )


def _target(history: History, named: str, subject: str, fixing: Sha) -> Target:
    rank = resolve(history, named, subject)
    if rank is not None:
        return Target(named, history.entry(rank).sha, _BY_SHA)
    if subject:
        before = history.rank(fixing)
        same = [each for each in history.with_subject(subject) if each != before]
        # The first commit of that subject that is no backport of another is upstream's own.
        own = [each for each in same if not is_pick(history, each)] or same
        if own:
            return Target(named, history.entry(own[0]).sha, f"by its subject: {named} leads nowhere")
    return Target(named, None, "not found")


def followups(history: History, upstream: Sha, *, within: Sha | None = None) -> tuple[Followup, ...]:
    """The later commits that fix or revert `upstream`, those that fix or revert such a fix, and so on; oldest first.

    Backports of such commits are left out. `within` keeps to what that commit reaches: upstream's tip.
    """
    reach = history.reach(within) if within is not None else None
    found: dict[int, Followup] = {}
    waiting = [history.rank(upstream)]
    seen = set(waiting)
    while waiting:
        rank = waiting.pop()
        for later, kind in _direct(history, rank):
            if later in seen or (reach is not None and not reach.holds(later)) or is_pick(history, later):
                continue
            seen.add(later)
            entry = history.entry(later)
            found[later] = Followup(entry.sha, entry.subject, kind)
            if kind == "fixes":
                waiting.append(later)
    return tuple(found[rank] for rank in sorted(found))


def _direct(history: History, rank: int) -> list[tuple[int, str]]:
    entry = history.entry(rank)
    found = [(each.rank, "reverts") for each in history.naming(Kind.REVERTS, entry.sha)]
    for each in history.saying(Kind.REVERTS_SUBJECT, entry.subject):
        stated = [every.named for every in history.said_by(each.rank) if every.kind is Kind.REVERTS]
        if all(resolve(history, name) is None for name in stated):
            found.append((each.rank, "reverts"))
    found += [
        (each.rank, "fixes")
        for each in history.naming(Kind.FIXES, entry.sha)
        if resolve(history, each.named, each.detail) == rank
    ]
    for each in history.fixing_subject(entry.subject):
        if resolve(history, each.named, each.detail) is None:
            found.append((each.rank, "fixes"))
    return sorted({each: None for each in found if each[0] > rank})
