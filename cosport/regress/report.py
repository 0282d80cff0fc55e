"""Makes report.html: one page without scripts and without a request to anywhere, for people who decide by it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from cosport import resources
from cosport.model.regress import ArmName, Measure, RegressVerdict
from cosport.regress import statistics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cosport.regress.result import Point, Result, Run
    from cosport.regress.workload import Workload

_HEADLINES: Final = {
    RegressVerdict.FIXES: "The fix works.",
    RegressVerdict.NO_EFFECT: "The fix changes nothing.",
    RegressVerdict.REGRESSES: "This is a regression.",
    RegressVerdict.NOT_REPRODUCED: "The bug did not show without the fix.",
    RegressVerdict.NOT_APPLICABLE: "This kernel never had the bug.",
    RegressVerdict.INCONCLUSIVE: "These runs decide nothing.",
    RegressVerdict.HARNESS_ERROR: "No answer: a virtual machine failed.",
    RegressVerdict.HOLDS: "All checks hold.",
    RegressVerdict.FAILS: "A check fails.",
}

_TONES: Final = {0: "good", 1: "look", 3: "broken"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table of figures: ours, and upstream's beside it."""

    what: str
    ours: tuple[str, ...]
    upstream: tuple[str, ...] = ()


def page(result: Result, series: Mapping[int, Sequence[Point]], workload: Workload) -> str:
    """The page of a result."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(resources.text("templates", "regress", "report.html.j2"))
    return template.render(context(result, series, workload))


def context(result: Result, series: Mapping[int, Sequence[Point]], workload: Workload) -> dict[str, Any]:
    """What the template is filled with."""
    names = tuple(arm.name for arm in result.arms)
    drawn = any(run.inflated for run in result.runs)
    plots = _plots(result, series) if drawn or series else ("", "")
    return {
        "result": result,
        "headline": _headline(result),
        "tone": _TONES[result.exit_code],
        "workload": workload,
        "names": names,
        "labels": [result.label(name) for name in names],
        "lines": figures(result, workload) if drawn else (),
        "balloon": plots[0],
        "measures": plots[1] if drawn else "",
        "command": shlex.join(result.command),
        "qemu": {run.number: shlex.join(run.argv) for run in result.runs},
        "seconds": seconds,
        "counters": _counters(result.runs),
        "ranks": dict(zip((run.number for run in result.runs), result.judgement.ranks, strict=False)),
        "emulated": result.host.accelerator != "kvm",
    }


def _headline(result: Result) -> str:
    if result.control and not result.exit_code:
        return "One arm against itself: no difference."
    return _HEADLINES[result.judgement.verdict]


def _plots(result: Result, series: Mapping[int, Sequence[Point]]) -> tuple[str, str]:
    from markupsafe import Markup

    from cosport.regress import plot

    # matplotlib's own SVG: its text is numbers, words of ours and XML-escaped by it.
    return Markup(plot.balloon(result, series)), Markup(plot.measures(result))  # noqa: S704


def figures(result: Result, workload: Workload) -> tuple[Line, ...]:
    """The table: medians of our arms, and upstream's figures where the workload names them."""
    sides = [[run for run in result.runs if run.arm is arm.name and run.inflated] for arm in result.arms]
    lines = [
        Line("seconds to the target", tuple(_median_seconds(side) for side in sides)),
        Line("pages into the balloon (balloon_inflate)", _medians(sides, lambda run: run.inflated, ",.0f")),
        Line("amplification", _medians(sides, lambda run: run.amplification, ".2f")),
        Line("pages out of it meanwhile (balloon_deflate)", _medians(sides, lambda run: run.deflated, ",.0f")),
        Line("longest stall, seconds", _medians(sides, lambda run: run.stall, ".1f")),
        Line(
            "target reached under load", tuple(f"{sum(run.reached for run in side)} of {len(side)}" for side in sides)
        ),
    ]
    reference = workload.reference
    if reference is None:
        return tuple(lines)
    pages = [reference.pages[name] for name in ArmName]
    upstream = {
        0: tuple(f"{reference.seconds[name]:g}" for name in ArmName),
        1: tuple(f"{each:,}" for each in pages),
        2: tuple(f"{each / reference.target_pages:.2f}" for each in pages),
        5: reference.reached,
    }
    return tuple(replace(line, upstream=upstream.get(place, ())) for place, line in enumerate(lines))


def _medians(sides: Sequence[Sequence[Run]], value: Callable[[Run], float], form: str) -> tuple[str, ...]:
    return tuple(format(statistics.middle([value(run) for run in side]), form) if side else "" for side in sides)


def _median_seconds(side: Sequence[Run]) -> str:
    if not side:
        return ""
    values = [run.value(Measure.SECONDS) for run in side]
    middle = statistics.middle([statistics.WORST if value is None else value for value in values])
    return f"> {side[0].limit:g}" if middle == statistics.WORST else f"{middle:.1f}"


def seconds(run: Run) -> str:
    """The seconds to the target, or that the limit was met."""
    if run.seconds is not None:
        return f"{run.seconds:.1f}"
    return f"> {run.limit:g}" if run.inflated else "–"  # noqa: RUF001 - a dash in a table


def _counters(runs: Sequence[Run]) -> tuple[str, ...]:
    """The names of the counters that say something in at least one run."""
    names = {name for run in runs for name, value in (run.counters or {}).items() if value and not name[0].isupper()}
    return tuple(sorted(names))
