"""Sets two results side by side: the arm with the fix of each, by the same exact test as a job's verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cosport.errors import UsageError
from cosport.model.regress import ArmName, Measure
from cosport.regress import statistics
from cosport.regress import workload as workloads

if TYPE_CHECKING:
    from cosport.regress.result import Result, Run

SCHEMA: Final = "cosport.regress-compare/1"
LEVEL: Final = 0.05
"""The level of the test; a comparison of two results is a look, and no verdict on a fix."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One measure of both; None is "target not reached"."""

    measure: Measure
    first: float | None
    second: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the second differs from the first. `differs` names what else than the kernel differs: then beware."""

    schema: str
    workload: str
    pairs: tuple[Pair, ...]
    p_better: float
    p_worse: float
    worse: bool
    better: bool
    differs: tuple[str, ...]


def of(first: Result, second: Result) -> Comparison:
    """Compare two results. Raises UsageError where they are of different workloads, or one has no runs."""
    if first.workload != second.workload:
        raise UsageError(
            f"these are results of {first.workload} and of {second.workload}",
            hint="compare two results of one workload",
        )
    sides = [tuple(run for run in result.runs if run.arm is ArmName.WITH) for result in (first, second)]
    if not all(sides):
        raise UsageError("one of the results has no runs with the fix", hint="see: cosport regress show")
    measures = tuple(workloads.find(first.workload).judge.measures)
    both = (*sides[0], *sides[1])
    ranks = statistics.composite([[_number(run, measure) for run in both] for measure in measures])
    places = tuple(range(len(sides[0]))), tuple(range(len(sides[0]), len(both)))
    better, worse = statistics.p_less(ranks, places[1]), statistics.p_less(ranks, places[0])
    pairs = tuple(Pair(each, *(_middle(side, each) for side in sides)) for each in measures)
    return Comparison(
        SCHEMA, first.workload, pairs, better, worse, worse <= LEVEL, better <= LEVEL, _differs(first, second)
    )


def _middle(runs: tuple[Run, ...], measure: Measure) -> float | None:
    found = statistics.middle([_number(run, measure) for run in runs])
    return None if found == statistics.WORST else round(found, 3)


def _number(run: Run, measure: Measure) -> float:
    value = run.value(measure)
    return statistics.WORST if value is None else value


def _differs(first: Result, second: Result) -> tuple[str, ...]:
    """What makes the figures hard to compare, besides the kernels themselves."""
    one, other = first.host, second.host
    sides = (
        ("profile", first.profile, second.profile),
        ("mode", first.mode, second.mode),
        ("accelerator", one.accelerator, other.accelerator),
        ("QEMU", one.qemu, other.qemu),
        ("CPUs", str(one.cpus), str(other.cpus)),
    )
    return tuple(f"{what}: {left} and {right}" for what, left, right in sides if left != right)
