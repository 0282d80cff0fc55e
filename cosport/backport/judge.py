"""Decides, before anything is tried, whether a branch needs a commit and from which commit to pick it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cosport.backport.request import From
from cosport.errors import ToolError
from cosport.history.affected import Verdict, affected, fixed_by
from cosport.history.applied import Applied, applied
from cosport.message.provenance import scan
from cosport.model.evidence import Evidence, EvidenceKind
from cosport.model.result import Outcome, Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.backport.context import Context
    from cosport.backport.request import Request
    from cosport.backport.target import Target
    from cosport.config import Branch
    from cosport.model.commit import Commit, Sha


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is known before the trial.

    `outcome` is set where there is nothing to pick; otherwise `sources` are the commits to try, best first. `applied`
    tells about earlier picks; `not_from_main` that a release branch is served before its main branch.
    `unless_it_applies`: a commit there makes the same patch; the branch holds it still, unless the trial picks it anew.
    """

    outcome: Outcome | None
    evidence: tuple[Evidence, ...]
    sources: tuple[Source, ...]
    applied: Applied
    not_from_main: bool = False
    unless_it_applies: bool = False


def judge(context: Context, request: Request, commit: Commit, target: Target, before: Sequence[Commit]) -> Judgement:
    """Judge one upstream commit on one branch; `before` are the commits of the same series that were picked so far.

    The history knows the branch as it stands; what the series has done on top of it counts as well: an earlier pick may
    bring what this commit fixes, or revert what the branch held of it.
    """
    state = applied(context.history, commit.sha, target.tip)
    if state.applied:
        undoing = _undoing(context, state, commit, before)
        if undoing is None:
            held = Judgement(Outcome.ALREADY_APPLIED, state.evidence, (), state)
            if state.evidence[0].kind is not EvidenceKind.PATCH_ID:
                return held
            found = _with_source(context, request, commit, target, replace(held, outcome=None))
            return replace(found, sources=found.sources[:1], unless_it_applies=True) if found.sources else held
        undone = Evidence(EvidenceKind.REVERTED, f"{_name(undoing)}, earlier in this series, reverts it")
        state = replace(state, applied=False, evidence=(undone,), generation=state.generation + 1)
    introduced_by = tuple(context.reader.resolve(name).sha for name in request.introduced_by)
    fixed = introduced_by or tuple(each.sha for each in fixed_by(context.history, commit.sha) if each.sha)
    brought = next((earlier for earlier in before if earlier.sha in fixed), None)
    if brought is not None:
        present = Evidence(EvidenceKind.FIXES_TARGET_PRESENT, f"{_name(brought)}, earlier in this series")
        evidence = (*state.evidence, present)
    else:
        answer = affected(context.history, commit.sha, target.tip, introduced_by=introduced_by)
        evidence = (*state.evidence, *answer.evidence)
        if answer.verdict is Verdict.NO and not request.force:
            return Judgement(Outcome.NOT_AFFECTED, evidence, (), state)
    return _with_source(context, request, commit, target, Judgement(None, evidence, (), state))


def _undoing(context: Context, state: Applied, commit: Commit, before: Sequence[Commit]) -> Commit | None:
    """The pick of the series that reverts what the branch holds of the commit, if one does."""
    held = context.reader.commit(state.carrier) if state.carrier is not None else commit
    names = {commit.sha, held.sha, *(origin.sha for origin in scan(held.message).origins)}
    for earlier in before:
        said = scan(earlier.message)
        if any(name.startswith(sha) for sha in said.reverts for name in names):
            return earlier
        if said.reverted_subject and said.reverted_subject in (held.subject, commit.subject):
            return earlier
    return None


def _name(commit: Commit) -> str:
    return f'{commit.sha[:12]} ("{commit.subject}")'


def _with_source(context: Context, request: Request, commit: Commit, target: Target, known: Judgement) -> Judgement:
    own = Source("upstream", commit.sha, context.config.upstream.ref)
    main = target.branch.main if target.branch is not None else None
    if main and request.source is not From.UPSTREAM:
        landed = _landed(context, commit, main)
        if landed is None:
            detail = f"not in {main} yet, where it must land first"
            waits = (*known.evidence, Evidence(EvidenceKind.WAITS, detail))
            return Judgement(Outcome.WAITS_FOR_MAIN, waits, (), known.applied)
        # A fix that main holds as upstream's own commit is picked from upstream: there is no other.
        source = own if landed == commit.sha else Source("main", landed, main)
        return Judgement(None, known.evidence, (source,), known.applied)
    if request.source is From.UPSTREAM:
        return Judgement(None, known.evidence, (own,), known.applied, not_from_main=bool(main))
    if request.source is From.AUTO and request.alone:
        return Judgement(None, known.evidence, (own,), known.applied)
    near = neighbours(context, commit, target)
    sources = (own, *near) if request.source is From.AUTO else (near or (own,))
    return Judgement(None, known.evidence, sources, known.applied)


def _landed(context: Context, commit: Commit, main: str) -> Sha | None:
    """The commit that carries the fix on the branch `main` (its landed ref, no pick ref)."""
    found = context.reader.read(context.config.branch(main).ref + "^{commit}")
    if found is None:
        return None
    state = applied(context.history, commit.sha, found[0])
    return state.carrier if state.applied else None


def held_by(context: Context, commit: Commit, branch: Branch) -> Applied | None:
    """Whether a configured branch holds the commit; None where the branch is not here, or cannot be read whole.

    Its trouble, a missing object say, is not that of the branch that asks.
    """
    tip = context.reader.read(branch.ref + "^{commit}")
    if tip is None:
        return None
    try:
        return applied(context.history, commit.sha, tip[0])
    except ToolError:
        return None


def neighbours(context: Context, commit: Commit, target: Target) -> tuple[Source, ...]:
    """The finished backports of the commit on the other configured branches, in their order, each commit once."""
    found: dict[Sha, Source] = {}
    for branch in context.config.branches:
        state = held_by(context, commit, branch) if branch.name != target.name else None
        if state is not None and state.applied and state.carrier is not None and state.carrier != commit.sha:
            found.setdefault(state.carrier, Source("neighbour", state.carrier, branch.name))
    return tuple(found.values())
