"""Judges the runs of a job: the rules were written down in the workload before anything was measured.

The thresholds say whether an arm shows the bug; the rank test says how likely the difference is chance. `fixes` needs
both. What can be neither shown nor ruled out is `inconclusive`, and says which number of runs would do.
"""

from __future__ import annotations

from enum import StrEnum
from math import comb
from typing import TYPE_CHECKING

from cosport.model.regress import ArmName, Measure, RegressVerdict
from cosport.regress import statistics
from cosport.regress.result import Equivalence, Judgement
from cosport.regress.statistics import WORST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.regress.result import Run
    from cosport.regress.workload import Judge, Threshold

EQUIVALENCE_LEVEL = 0.05
"""Each side of an equivalence is tested at this level, as is usual (two one-sided tests)."""


class State(StrEnum):
    """How an arm looks by the thresholds alone."""

    GOOD = "good"
    BAD = "bad"
    UNCLEAR = "unclear"


def judge(runs: Sequence[Run], rules: Judge, *, control: bool = False) -> Judgement:
    """The verdict on all runs of a job."""
    broken = [run for run in runs if run.is_harness_error]
    if broken or not runs:
        reasons = tuple(f"run {run.number} ({run.arm}): {run.crash.what}" for run in broken if run.crash)
        return Judgement(RegressVerdict.HARNESS_ERROR, reasons or ("no run was made",), rules.alpha)
    sides = {name: tuple(run for run in runs if run.arm is name) for name in ArmName}
    flaky = tuple(text for side in sides.values() for text in _flaky(side, rules))
    if not sides[ArmName.WITHOUT] or not sides[ArmName.WITH]:
        return _alone(runs, rules, flaky)
    values = [[_number(run, measure) for run in runs] for measure in rules.measures]
    ranks = statistics.composite(values)
    places = {name: [place for place, run in enumerate(runs) if run.arm is name] for name in ArmName}
    p = statistics.p_less(ranks, places[ArmName.WITH])
    p_worse = statistics.p_less(ranks, places[ArmName.WITHOUT])
    states = {name: state(side, rules) for name, side in sides.items()}
    if control:
        same = equivalence(sides, rules)
        verdict, reasons = _control(p, p_worse, rules, same)
    else:
        same = ()
        verdict, reasons = _compare(states, sides, rules, p, p_worse)
    return Judgement(verdict, reasons, rules.alpha, p, p_worse, ranks, same, flaky)


def state(runs: Sequence[Run], rules: Judge) -> State:
    """Whether an arm is good, bad or neither: bad if the median of any measure is, good if all runs are in all."""
    if any(
        _is_bad(statistics.middle([_number(run, measure) for run in runs]), limit)
        for measure, limit in rules.measures.items()
    ):
        return State.BAD
    return State.GOOD if all(_is_good(run, rules) for run in runs) else State.UNCLEAR


def describe(runs: Sequence[Run], rules: Judge) -> str:
    """An arm's medians, in words."""
    parts = []
    if any(run.inflated for run in runs) and Measure.FAILED not in rules.measures:
        amplification = statistics.middle([run.amplification for run in runs])
        seconds = statistics.middle([_number(run, Measure.SECONDS) for run in runs])
        time = f"> {runs[0].limit:g} s" if seconds == WORST else f"{seconds:.1f} s"
        stall = statistics.middle([run.stall for run in runs])
        parts.append(f"medians: amplification {amplification:.2f}, {time} to the target, longest stall {stall:.1f} s")
        parts.append(f"target reached under load in {sum(run.reached for run in runs)} of {len(runs)} runs")
    held = sum(not (run.failed or run.crash) for run in runs)
    if held < len(runs) or not parts:
        parts.append(f"all checks hold in {held} of {len(runs)} runs")
    return "; ".join(parts)


def equivalence(sides: dict[ArmName, tuple[Run, ...]], rules: Judge) -> tuple[Equivalence, ...]:
    """For each measure with a margin, whether the two arms are the same within it."""
    found = []
    for measure, rule in rules.measures.items():
        if rule.margin is None:
            continue
        # Times are as long as the machine is slow: what matters is small against the limit, not against each other.
        margin = rule.margin if measure is Measure.AMPLIFICATION else rule.margin * sides[ArmName.WITH][0].limit
        ours, theirs = ([_number(run, measure) for run in sides[name]] for name in (ArmName.WITH, ArmName.WITHOUT))
        span = statistics.difference_interval(ours, theirs, EQUIVALENCE_LEVEL)
        low, high = span if span is not None else (None, None)
        inside = low is not None and high is not None and -margin <= low and high <= margin
        found.append(Equivalence(measure, round(margin, 6), low, high, inside))
    return tuple(found)


def _compare(
    states: dict[ArmName, State], sides: dict[ArmName, tuple[Run, ...]], rules: Judge, p: float, p_worse: float
) -> tuple[RegressVerdict, tuple[str, ...]]:
    without, with_ = states[ArmName.WITHOUT], states[ArmName.WITH]
    told = tuple(f"{name}: {states[name]}; {describe(side, rules)}" for name, side in sides.items())
    if without is State.BAD and with_ is State.GOOD:
        return _significant(RegressVerdict.FIXES, p, sides, rules, told)
    if without is State.GOOD and with_ is State.BAD:
        return _significant(RegressVerdict.REGRESSES, p_worse, sides, rules, told)
    if without is State.GOOD and with_ is State.GOOD:
        return RegressVerdict.NOT_REPRODUCED, (*told, "the bug does not show in the arm without the fix")
    if without is State.BAD and with_ is State.BAD:
        if p <= rules.alpha:
            return RegressVerdict.INCONCLUSIVE, (*told, f"better (p = {p:.2g}), yet the bug still shows with the fix")
        return RegressVerdict.NO_EFFECT, (*told, f"the bug shows in both arms, no better with the fix (p = {p:.2g})")
    return RegressVerdict.INCONCLUSIVE, (*told, "an arm is neither good nor bad by the workload's thresholds")


def _significant(
    verdict: RegressVerdict, p: float, sides: dict[ArmName, tuple[Run, ...]], rules: Judge, told: tuple[str, ...]
) -> tuple[RegressVerdict, tuple[str, ...]]:
    """The verdict, if chance alone is unlikely enough to give these ranks."""
    if p <= rules.alpha:
        return verdict, (*told, f"by chance alone: p = {p:.2g}, at most {rules.alpha:g} is asked for")
    n, m = (len(side) for side in sides.values())
    if 1 / comb(n + m, n) > rules.alpha:
        return RegressVerdict.INCONCLUSIVE, (
            *told,
            f"too few runs: {n} and {m} cannot give p <= {rules.alpha:g}; {needed(rules.alpha)}",
        )
    return RegressVerdict.INCONCLUSIVE, (*told, f"p = {p:.2g}: the runs of the two arms overlap too much")


def needed(alpha: float) -> str:
    """How many runs an arm needs before the test can give that level at all."""
    repeats = next(n for n in range(1, 1000) if 1 / comb(2 * n, n) <= alpha)
    return f"take --repeats {repeats} or more"


def _control(
    p: float, p_worse: float, rules: Judge, same: tuple[Equivalence, ...]
) -> tuple[RegressVerdict, tuple[str, ...]]:
    """One arm against itself: `no-effect` is the good answer, and needs evidence too."""
    least = min(p, p_worse)
    if least <= rules.alpha / 2:
        what = f"one arm differs from itself (p = {least:.2g}): this machine is not fit to measure on"
        return RegressVerdict.INCONCLUSIVE, (what,)
    told = tuple(_span(each) for each in same)
    if same and all(each.inside for each in same):
        return RegressVerdict.NO_EFFECT, (*told, "one arm against itself: no difference within the stated margins")
    return RegressVerdict.INCONCLUSIVE, (*told, "no difference was found, nor that there is none within the margins")


def _span(each: Equivalence) -> str:
    """An equivalence in words."""
    if each.low is None or each.high is None:
        return f"{each.measure}: too few runs, or runs that did not reach the target: nothing can be said"
    within = "within" if each.inside else "not within"
    return f"{each.measure}: difference {each.low:.3g} to {each.high:.3g}, {within} the margin of {each.margin:g}"


def _alone(runs: Sequence[Run], rules: Judge, flaky: tuple[str, ...]) -> Judgement:
    """One arm has nothing to be compared with: its limits hold, or do not."""
    found = state(runs, rules)
    verdict = {
        State.GOOD: RegressVerdict.HOLDS,
        State.BAD: RegressVerdict.FAILS,
        State.UNCLEAR: RegressVerdict.INCONCLUSIVE,
    }
    failed = tuple(
        f"run {run.number}{f' ({run.case})' if run.case else ''}: {what}" for run in runs for what in run.failed
    )
    crashed = tuple(f"run {run.number}: {run.crash.what}" for run in runs if run.crash)
    told = f"{runs[0].arm}: {found}; {describe(runs, rules)}"
    return Judgement(verdict[found], (told, *failed, *crashed), rules.alpha, flaky=flaky)


def _flaky(runs: Sequence[Run], rules: Judge) -> tuple[str, ...]:
    """Arms whose runs disagree by the thresholds; none of them is dropped."""
    good = [run for run in runs if _is_good(run, rules)]
    if not good or len(good) == len(runs):
        return ()
    others = ", ".join(str(run.number) for run in runs if run not in good)
    return (f"{runs[0].arm}: {len(good)} of {len(runs)} runs are good; not so: {others}",)


def _is_good(run: Run, rules: Judge) -> bool:
    values = {measure: _number(run, measure) for measure in rules.measures}
    if run.failed or WORST in values.values():
        return False
    return all(limit.good is None or values[measure] <= limit.good for measure, limit in rules.measures.items())


def _is_bad(value: float, limit: Threshold) -> bool:
    return value == WORST or (limit.bad is not None and value >= limit.bad)


def _number(run: Run, measure: Measure) -> float:
    value = run.value(measure)
    return WORST if value is None else value
