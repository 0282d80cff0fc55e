"""Draws a job's plots as SVG that stands in a page: its colours are the page's, so it is right by day and by night."""

from __future__ import annotations

import io
import math
import re
from typing import TYPE_CHECKING, Any, Final

from cosport.model.regress import ArmName, Measure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cosport.regress.result import Point, Result, Run

# matplotlib wants numbers for colours; these stand for the page's variables and are put back in the SVG.
_INK: Final = "#010203"
_FAINT: Final = "#010204"
_ARM: Final = {ArmName.WITHOUT: "#010205", ArmName.WITH: "#010206"}
_VARIABLES: Final = {_INK: "--ink", _FAINT: "--faint", _ARM[ArmName.WITHOUT]: "--without", _ARM[ArmName.WITH]: "--with"}

_STYLE: Final[Any] = {
    "svg.fonttype": "none",  # text stays text: searchable, and in the page's font
    "svg.hashsalt": "cosport",  # the same ids for the same plot
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": _FAINT,
    "grid.linewidth": 0.4,
    "grid.alpha": 0.6,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
}

_LABELS: Final = {
    Measure.AMPLIFICATION: "amplification",
    Measure.SECONDS: "seconds to the target",
    Measure.STALL: "longest stall, seconds",
}


def balloon(result: Result, series: Mapping[int, Sequence[Point]]) -> str:
    """The balloon's size against time, a line for each run."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure = Figure(figsize=(8.2, 3.7), layout="constrained")
        axes = figure.add_subplot()
        for run in result.runs:
            points = [point for point in series.get(run.number, ()) if point.phase != "boot"]
            if points:
                times, sizes = [each.seconds for each in points], [each.pages / 256 for each in points]
                axes.plot(times, sizes, color=_ARM[run.arm], linewidth=1.5, alpha=0.85)
        if result.runs:
            target = result.runs[0].target_pages / 256
            axes.axhline(target, color=_INK, linewidth=0.8, linestyle=(0, (4, 3)))
            axes.annotate(
                "target", (1, target), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=9
            )
            _limit(axes, result)
        axes.set_xlabel("seconds")
        axes.set_ylabel("balloon, MiB")
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        return _svg(figure, "Balloon size against time, all runs")


def _limit(axes: Any, result: Result) -> None:
    """Mark the limit, where a run met it."""
    limit = result.runs[0].limit
    if any(not run.reached and run.inflated for run in result.runs):
        axes.axvline(limit, color=_FAINT, linewidth=0.8)
        axes.annotate("limit", (limit, 1), xycoords=("data", "axes fraction"), ha="center", va="bottom", fontsize=9)


def measures(result: Result) -> str:
    """The three measures, a dot for each run; one that did not reach its target is a triangle."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    names = [name for name in ArmName if any(run.arm is name for run in result.runs)]
    with rc_context(_STYLE):
        figure = Figure(figsize=(8.2, 2.6), layout="constrained")
        for axes, measure in zip(figure.subplots(1, 3), _LABELS, strict=True):
            _dots(axes, result, names, measure)
            axes.set_title(_LABELS[measure], fontsize=10, loc="left")
        return _svg(figure, "Amplification, seconds to the target and longest stall of each run")


def _dots(axes: Any, result: Result, names: Sequence[ArmName], measure: Measure) -> None:
    for place, name in enumerate(names):
        ours = [run for run in result.runs if run.arm is name and run.inflated]
        for turn, run in enumerate(ours):
            across = place + (turn - (len(ours) - 1) / 2) * 0.6 / max(4, len(ours))
            value = run.limit if measure is Measure.SECONDS and run.seconds is None else _plain(run, measure)
            marker = "o" if run.reached else "^"
            axes.plot([across], [max(value, 0.01)], marker, color=_ARM[name], markersize=6, alpha=0.85)
    axes.set_xticks(range(len(names)), [result.label(name) for name in names])
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.grid(visible=False, axis="x")
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.set_ylim(low / 1.3, high * 1.3)
    ticks = [step * 10.0**power for power in range(-2, 6) for step in (1, 2, 5)]
    shown = [tick for tick in ticks if low / 1.3 <= tick <= high * 1.3]
    keep = max(1, math.ceil(len(shown) / 6))
    axes.set_yticks(shown[::keep], [f"{tick:g}" for tick in shown[::keep]])
    axes.minorticks_off()


def _plain(run: Run, measure: Measure) -> float:
    return {Measure.AMPLIFICATION: run.amplification, Measure.SECONDS: run.seconds or 0.0, Measure.STALL: run.stall}[
        measure
    ]


def _svg(figure: Any, title: str) -> str:
    """The figure as an SVG element in the page's colours, with a title for those who cannot see it."""
    out = io.StringIO()
    figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    for color, variable in _VARIABLES.items():
        text = text.replace(color, f"var({variable})")
    text = re.sub(r'(<svg [^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg [^>]*?) width="[^"]*"', r'\1 role="img"', text, count=1)
    return text.replace(">", f"><title>{title}</title>", 1)
