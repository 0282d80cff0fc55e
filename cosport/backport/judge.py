"""Decides, before anything is tried, whether a branch needs a commit and from which commit to pick it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cosport.backport.request import From
from cosport.history.affected import Verdict, affected
from cosport.history.applied import Applied, applied
from cosport.message.provenance import scan
from cosport.model.commit import Sha
from cosport.model.result import Evidence, EvidenceKind, Outcome, Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.backport.context import Context
    from cosport.backport.request import Request
    from cosport.backport.target import Target
    from cosport.model.commit import Commit


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is known before the trial.

    `outcome` is set where there is nothing to pick; otherwise `sources` are the commits to try, best first. `applied` tells
    about earlier picks; `not_from_main` that a release branch is served before its main branch.
    """

    outcome: Outcome | None
    evidence: tuple[Evidence, ...]
    sources: tuple[Source, ...]
    applied: Applied
    not_from_main: bool = False


def judge(context: Context, request: Request, commit: Commit, target: Target, before: Sequence[Commit]) -> Judgement:
    """Judge one upstream commit on one branch; `before` are the commits that come before it in the same series."""
    state = applied(context.history, commit.sha, target.tip)
    if state.applied:
        return Judgement(Outcome.ALREADY_APPLIED, state.evidence, (), state)
    evidence = state.evidence
    answer = affected(context.history, commit.sha, target.tip, introduced_by=_introduced_by(context, request))
    fixes_series = any(
        tag.sha and earlier.sha.startswith(tag.sha) for tag in scan(commit.message).fixes for earlier in before
    )
    if answer.verdict is Verdict.NO and not fixes_series and not request.force:
        return Judgement(Outcome.NOT_AFFECTED, (*evidence, *answer.evidence), (), state)
    if not fixes_series:
        evidence = (*evidence, *answer.evidence)
    return _with_source(context, request, commit, target, Judgement(None, evidence, (), state))


def _introduced_by(context: Context, request: Request) -> tuple[Sha, ...]:
    return tuple(context.reader.resolve(name).sha for name in request.introduced_by)


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


def neighbours(context: Context, commit: Commit, target: Target) -> tuple[Source, ...]:
    """The finished backports of the commit on the other configured branches, in their order, each commit once."""
    found: dict[Sha, Source] = {}
    for branch in context.config.branches:
        if branch.name == target.name:
            continue
        tip = context.reader.read(branch.ref + "^{commit}")
        if tip is None:
            continue
        state = applied(context.history, commit.sha, tip[0])
        if state.applied and state.carrier is not None and state.carrier != commit.sha:
            found.setdefault(state.carrier, Source("neighbour", state.carrier, branch.name))
    return tuple(found.values())
