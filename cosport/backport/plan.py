"""The matrix upstream commit x branch: what would become of each pair, tried in memory, nothing written."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from cosport.backport import choice
from cosport.backport.judge import Judgement, judge
from cosport.backport.needs import Needs, Spot
from cosport.backport.request import Limits
from cosport.backport.trial import Attempt, Trial, try_each
from cosport.errors import CosportError
from cosport.git.quarantine import quarantine
from cosport.model.result import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cosport.backport.context import Context
    from cosport.backport.request import Request
    from cosport.backport.target import Target
    from cosport.git.quarantine import Quarantine
    from cosport.model.commit import Commit

BATCH: Final = 48
"""Pairs tried by one merging process: long enough to share its start, short enough to show progress."""


def plan(
    context: Context, request: Request, pairs: Sequence[tuple[Commit, Target]], *, explain: bool = False
) -> Iterator[Result]:
    """A result for each pair, in order, each tried on the branch's tip by itself. Trouble of one pair is its result.

    `explain` tells of each conflict that is left what a backport would: who made the lines differ, and what the pick
    needs first. That takes a second each, where the rest takes milliseconds.
    """
    for start in range(0, len(pairs), BATCH):
        yield from _batch(context, request, pairs[start : start + BATCH], explain=explain)


def _batch(
    context: Context, request: Request, pairs: Sequence[tuple[Commit, Target]], *, explain: bool
) -> list[Result]:
    judged = [judge_pair(context, request, commit, target) for commit, target in pairs]
    wanted = [attempt for found in judged if not isinstance(found, Result) for attempt in found[1]]
    answered: list[tuple[Result, Trial | None]] = []
    with quarantine(context.repository, kept=False) as place:
        trials = iter(try_each(place, wanted))
        for (commit, target), found in zip(pairs, judged, strict=True):
            if isinstance(found, Result):
                answered.append((found, None))
                continue
            judgement, attempts = found
            answered.append(answer(commit, target.name, judgement, [next(trials) for _ in attempts]))
        needs = Needs(context, request, seconds=inf)
        if request.with_prereqs:  # before any resolver is asked, as a backport does
            answered = [
                (_searched(context, needs, *pair, result), trial)
                for pair, (result, trial) in zip(pairs, answered, strict=True)
            ]
        results = settled(place, answered, Limits.of(context, request))
        if explain:
            results = [
                _explained(context, place, target, result, trial)
                for (_, target), result, (_, trial) in zip(pairs, results, answered, strict=True)
            ]
        if explain and not request.with_prereqs:
            results = [_searched(context, needs, *pair, result) for pair, result in zip(pairs, results, strict=True)]
        return results


def settled(place: Quarantine, answered: Sequence[tuple[Result, Trial | None]], limits: Limits) -> list[Result]:
    """The answers, with what the ladder of resolvers makes of conflicts; where there are none it is not even loaded."""
    if all(result.outcome is not Outcome.CONFLICT for result, _ in answered):
        return [result for result, _ in answered]
    from cosport.backport.resolve import settle

    return settle(place, answered, limits)


def _searched(context: Context, needs: Needs, commit: Commit, target: Target, result: Result) -> Result:
    """The result; of a conflict, with what the pick needs first."""
    if result.outcome is not Outcome.CONFLICT:
        return result
    return needs.of(result, commit, Spot(target, context.reader.commit(target.tip).tree))


def _explained(context: Context, place: Quarantine, target: Target, result: Result, trial: Trial | None) -> Result:
    """The result; of a conflict, with the upstream commits that made its lines differ."""
    if result.outcome is not Outcome.CONFLICT or trial is None:
        return result
    from cosport.backport import why

    return why.told(context, place, result, trial.attempt, target.tip)


def answer(
    commit: Commit, name: str, found: Judgement, tried: Sequence[Trial | CosportError]
) -> tuple[Result, Trial | None]:
    """The result of a pair from the trials of its sources, in their order, and the trial that was chosen.

    `name` stands for the branch.
    """
    good = []
    for source, trial in zip(found.sources, tried, strict=True):
        if isinstance(trial, CosportError):
            return Result(commit.sha, name, Outcome.ERROR, error=trial.what, hint=trial.hint), None
        good.append((source, trial))
    source, trial = choice.best(good)
    return choice.outcome(commit, name, found, source, trial), trial


def judge_pair(
    context: Context, request: Request, commit: Commit, target: Target
) -> Result | tuple[Judgement, tuple[Attempt, ...]]:
    """What is known of a pair before it is tried: its result, or the judgement with a trial for each source."""
    try:
        found = judge(context, request, commit, target)
        if found.outcome is not None:
            return choice.nothing_to_pick(commit, target.name, found)
        ours = context.reader.commit(target.tip).tree
        return found, tuple(
            choice.attempt(context, commit, source, ours, request.mainline, onto=target.tip) for source in found.sources
        )
    except CosportError as error:
        return Result(commit.sha, target.name, Outcome.ERROR, error=error.what, hint=error.hint)
