"""The matrix upstream commit x branch: what would become of each pair, tried in memory, nothing written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cosport.backport.context import parent_of
from cosport.backport.judge import Judgement, judge
from cosport.backport.run import best
from cosport.backport.trial import Attempt, Trial, try_all
from cosport.errors import CosportError
from cosport.git.quarantine import quarantine
from cosport.model.result import Conflict, Evidence, EvidenceKind, Outcome, Result, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cosport.backport.context import Context
    from cosport.backport.request import Request
    from cosport.backport.target import Target
    from cosport.model.commit import Commit

BATCH: Final = 48
"""Pairs tried by one merging process: long enough to share its start, short enough to show progress."""


def plan(context: Context, request: Request, pairs: Sequence[tuple[Commit, Target]]) -> Iterator[Result]:
    """A result for each pair, in order, each tried on the branch's tip by itself. Trouble of one pair is its result."""
    for start in range(0, len(pairs), BATCH):
        yield from _batch(context, request, pairs[start : start + BATCH])


def _batch(context: Context, request: Request, pairs: Sequence[tuple[Commit, Target]]) -> list[Result]:
    judged = [_judge(context, request, commit, target) for commit, target in pairs]
    wanted = [
        (number, source, attempt)
        for number, found in enumerate(judged)
        if not isinstance(found, Result)
        for source, attempt in found[1]
    ]
    with quarantine(context.repository) as place:
        trials = try_all(place, [attempt for _number, _source, attempt in wanted])
    tried: dict[int, list[tuple[Source, Trial]]] = {}
    for (number, source, _attempt), trial in zip(wanted, trials, strict=True):
        tried.setdefault(number, []).append((source, trial))
    return [
        found if isinstance(found, Result) else outcome(commit, target.name, found[0], tried[number])
        for number, ((commit, target), found) in enumerate(zip(pairs, judged, strict=True))
    ]


def _judge(
    context: Context, request: Request, commit: Commit, target: Target
) -> Result | tuple[Judgement, list[tuple[Source, Attempt]]]:
    try:
        found = judge(context, request, commit, target, ())
        if found.outcome is not None:
            return Result(
                commit.sha, target.name, found.outcome, change_id=found.applied.change_id, evidence=found.evidence
            )
        upstream = (parent_of(context, commit, request.mainline).tree, commit.tree)
        ours = context.reader.commit(target.tip).tree
        attempts = []
        for source in found.sources:
            picked = context.reader.commit(source.commit)
            base = parent_of(context, picked, request.mainline if picked.sha == commit.sha else 1)
            attempts.append((source, Attempt(base.tree, picked.tree, ours, upstream)))
    except CosportError as error:
        return Result(commit.sha, target.name, Outcome.ERROR, error=error.what, hint=error.hint)
    return found, attempts


def outcome(commit: Commit, name: str, found: Judgement, tried: Sequence[tuple[Source, Trial]]) -> Result:
    """What a trial says: the first source if that is clean, else the one that fits best."""
    source, trial = tried[0] if tried[0][1].merged.clean and tried[0][0].kind != "neighbour" else best(tried)
    if trial.empty:
        evidence = (*found.evidence, Evidence(EvidenceKind.SAME_TREE, "picking it there changes nothing"))
        return Result(commit.sha, name, Outcome.ALREADY_APPLIED, tree=trial.merged.tree, evidence=evidence)
    if trial.merged.clean:
        return Result(
            commit.sha, name, Outcome.PICKED, tree=trial.merged.tree, source=source, fidelity=trial.fidelity,
            evidence=found.evidence,
        )  # fmt: skip
    conflicts = tuple(
        Conflict(each.path.decode("utf-8", "surrogateescape"), each.kind) for each in trial.merged.unmerged
    )
    return Result(commit.sha, name, Outcome.CONFLICT, source=source, evidence=found.evidence, conflicts=conflicts)
