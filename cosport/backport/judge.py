"""Decides, before anything is tried, whether a branch needs a commit and from which commit to pick it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from cosport.backport.request import From
from cosport.errors import ToolError
from cosport.history import aftermath
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
    from cosport.history.declined import Decision
    from cosport.history.index import Entry
    from cosport.model.commit import Commit, Sha
    from cosport.model.evidence import Followup

_BY_FORCE: Final = "picked all the same, with --force"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is known before the trial.

    `outcome` is set where there is nothing to pick; otherwise `sources` are the commits to try, best first. `applied`
    tells about earlier picks; `not_from_main` that a release branch is served before its main branch.
    `unless_it_applies`: a commit there makes the same patch; the branch holds it still, unless the trial picks it anew.
    `followups` are what upstream fixed or reverted in it later, and the branch lacks; `notes` what a person should do.
    """

    outcome: Outcome | None
    evidence: tuple[Evidence, ...]
    sources: tuple[Source, ...]
    applied: Applied
    not_from_main: bool = False
    unless_it_applies: bool = False
    followups: tuple[Followup, ...] = ()
    notes: tuple[str, ...] = ()


def judge(
    context: Context,
    request: Request,
    commit: Commit,
    target: Target,
    *,
    before: Sequence[Commit] = (),
    after: Sequence[Commit] = (),
) -> Judgement:
    """Judge one upstream commit on one branch; `before` are the commits of the same series that were picked so far.

    The history knows the branch as it stands; what the series has done on top of it counts as well: an earlier pick may
    bring what this commit fixes, or revert what the branch held of it. `after` are those whose turn is still to come.
    """
    found = _judged(context, request, commit, target, before)
    if context.upstream is None or found.outcome in (Outcome.NOT_AFFECTED, Outcome.WAITS_FOR_MAIN):
        return found
    coming = {each.sha for each in (*before, *after)}
    if found.outcome is None:
        killer = aftermath.reverted_by(context.history, commit.sha, context.upstream)
        if killer is not None and killer.sha not in coming:
            found = _unless_forced(request, found, killer)
    later = aftermath.lacking(context.history, commit.sha, context.upstream, target.tip)
    return replace(found, followups=tuple(each for each in later if each.sha not in coming))


def _unless_forced(request: Request, known: Judgement, killer: Entry) -> Judgement:
    """The judgement on a commit that upstream has reverted: refused, unless the user wants it all the same.

    A script that asks whether a commit would apply (`alone`) is answered that, with the evidence.
    """
    detail = f'{killer.sha[:12]} ("{killer.subject}") reverts it upstream'
    if request.force or request.alone:
        kept = detail if request.alone else f"{detail}; {_BY_FORCE}"
        return replace(known, evidence=(*known.evidence, Evidence(EvidenceKind.REVERTED, kept)))
    return Judgement(
        Outcome.REVERTED_UPSTREAM,
        (Evidence(EvidenceKind.REVERTED, detail), *known.evidence),
        (),
        known.applied,
        notes=("upstream took it back: to pick it all the same, pass --force",),
    )


def _judged(context: Context, request: Request, commit: Commit, target: Target, before: Sequence[Commit]) -> Judgement:
    """What the branch and the team say of the commit."""
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
    if (decided := decision(context, commit.sha, target)) is not None:
        said = Evidence(EvidenceKind.DECLINED, _decided(decided, target, by_force=request.force))
        if not decided.back and not request.force:
            return Judgement(Outcome.DECLINED, (*evidence, said), (), state)
        evidence = (*evidence, said)
    return _with_source(context, request, commit, target, Judgement(None, evidence, (), state))


def decision(context: Context, commit: Sha, target: Target) -> Decision | None:
    """What the team has decided on the commit for this branch."""
    if not context.declines:
        return None
    from cosport.history.declined import decide  # only where there are decisions: it reads TOML

    today = dt.datetime.now(tz=dt.UTC).date()
    upstream, cves = context.upstream, context.cves
    return decide(context.history, context.declines, commit, target.name, upstream=upstream, today=today, cves=cves)


def _decided(taken: Decision, target: Target, *, by_force: bool) -> str:
    known = taken.decline
    who = f" by {known.by}" if known.by else ""
    if taken.back:
        return f"{taken.back}; it was declined for {target.name}{who} because: {known.reason}"
    return f"declined for {target.name}{who}: {known.reason}" + (f"; {_BY_FORCE}" if by_force else "")


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
