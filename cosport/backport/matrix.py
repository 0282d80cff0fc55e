"""The matrix of many upstream commits by branches, streamed: each pair judged, and tried once for as long as it holds.

`plan` tries a few pairs anew each time. Here there are thousands, of which hardly one changes from day to day, so a
trial's answer is kept (`cosport.history.missing_trials`), and what the ladder makes of a conflict beside it; trees, and
the fidelity of clean picks, are not told.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cosport.backport.choice import nothing_to_pick
from cosport.backport.foreseen import foreseen
from cosport.backport.judge import Judgement, judge
from cosport.errors import CosportError
from cosport.history.missing_trials import BATCH, Applies, Trials
from cosport.model.evidence import Evidence, EvidenceKind
from cosport.model.result import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from cosport.backport.context import Context
    from cosport.backport.request import Request
    from cosport.backport.target import Target
    from cosport.history.missing_trials import Tried
    from cosport.model.commit import Commit, Sha
    from cosport.model.result import Source

_TOO: Final = "what it fixes is missing there too"


def matrix(
    context: Context,
    request: Request,
    shas: Sequence[Sha],
    targets: Sequence[Target],
    needed: Mapping[str, AbstractSet[Sha]],
) -> Iterator[tuple[Result, ...]]:
    """For each commit its results on the targets, in order, as they come.

    `needed` names, by target, the commits that it needs though it holds nothing that they fix: fixes of missing fixes.
    Trouble of one pair is its result. Raises what `open_store` does.
    """
    with ExitStack() as stack:
        trials = [
            stack.enter_context(Trials(context.repository, context.reader, context.reader.commit(each.tip).tree))
            for each in targets
        ]
        for start in range(0, len(shas), BATCH):
            commits = [context.reader.commit(sha) for sha in shas[start : start + BATCH]]
            columns = [
                _column(context, request, commits, target, tried, needed=needed.get(target.name, frozenset()))
                for target, tried in zip(targets, trials, strict=True)
            ]
            yield from zip(*columns, strict=True)


def _column(
    context: Context,
    request: Request,
    commits: Sequence[Commit],
    target: Target,
    trials: Trials,
    *,
    needed: AbstractSet[Sha],
) -> list[Result]:
    judged = [_judged(context, request, commit, target, forced=commit.sha in needed) for commit in commits]
    open_ = [each for each in judged if isinstance(each, Judgement)]
    known = _tried(trials, [each.sources[0].commit for each in open_])
    others = [each for each in open_ if known[each.sources[0].commit].outcome is Applies.CONFLICT]
    known |= _tried(trials, [source.commit for each in others for source in each.sources[1:]])
    told = [
        each if isinstance(each, Result) else _told(commit, target, each, known)
        for commit, each in zip(commits, judged, strict=True)
    ]
    return foreseen(context, request, target, trials, list(zip(commits, told, strict=True)))


def _judged(context: Context, request: Request, commit: Commit, target: Target, *, forced: bool) -> Result | Judgement:
    try:
        found = judge(context, request, commit, target)
        if found.outcome is Outcome.NOT_AFFECTED and forced:
            found = judge(context, replace(request, force=True), commit, target)
            found = replace(found, notes=(*found.notes, _TOO))
    except CosportError as error:
        return Result(commit.sha, target.name, Outcome.ERROR, error=error.what, hint=error.hint)
    return found if found.outcome is None else nothing_to_pick(commit, target.name, found)


def _tried(trials: Trials, shas: Sequence[Sha]) -> dict[Sha, Tried]:
    known = trials.known(shas)
    known.update(trials.run([sha for sha in dict.fromkeys(shas) if sha not in known]))
    return known


def _told(commit: Commit, target: Target, found: Judgement, known: Mapping[Sha, Tried]) -> Result:
    """What the trials of a pair say: of the first source, or where that conflicts, of another that is clean."""
    source = found.sources[0]
    tried = known[source.commit]
    if tried.outcome is Applies.CONFLICT:
        for other in found.sources[1:]:
            if known[other.commit].outcome is Applies.CLEAN:
                source, tried = other, known[other.commit]
                break
    if tried.outcome is Applies.CONFLICT and found.unless_it_applies:
        return nothing_to_pick(commit, target.name, replace(found, outcome=Outcome.ALREADY_APPLIED))
    return _result(commit, target, found, source, tried)


def _result(commit: Commit, target: Target, found: Judgement, source: Source, tried: Tried) -> Result:
    if tried.outcome is Applies.ERROR:
        return Result(commit.sha, target.name, Outcome.ERROR, error=tried.error)
    if tried.outcome is Applies.NOTHING:
        there = Evidence(EvidenceKind.SAME_TREE, f"picking {source.commit[:12]} there changes nothing")
        return nothing_to_pick(
            commit, target.name, replace(found, outcome=Outcome.ALREADY_APPLIED, evidence=(*found.evidence, there))
        )
    return Result(
        commit.sha,
        target.name,
        Outcome.PICKED if tried.outcome is Applies.CLEAN else Outcome.CONFLICT,
        source=source,
        evidence=found.evidence,
        conflicts=tried.conflicts,
        followups=found.followups,
        notes=found.notes,
    )
