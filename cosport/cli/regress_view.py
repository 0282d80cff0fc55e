"""How `cosport regress` shows itself: live progress, a result, the workloads, a comparison."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

from cosport.cli.output import Styled
from cosport.cli.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from cosport.cli.output import Printer, Text
    from cosport.regress.comparison import Comparison
    from cosport.regress.result import Point, Result, Run
    from cosport.regress.workload import Workload

_COLORS: Final = {0: "green", 1: "yellow", 3: "red"}
_WIDEST: Final = 60
"""Columns of what stands beside the bar."""

WORKLOADS: Final = "cosport.workloads/1"


class Progress:
    """Tells how a job goes on: a line of remarks and of each run that ended, and (on a terminal) one that lives."""

    def __init__(self, printer: Printer, bar: Any = None) -> None:
        self._printer = printer
        self._bar = bar
        self._task = bar.add_task("preparing", total=None) if bar is not None else None
        self._head = ""
        self._target = 1

    def note(self, text: str) -> None:
        """A remark."""
        self._say(text)
        self._show(text if len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}...", 0, None)

    def run_begins(self, run: Run, total: int) -> None:
        """A guest is booted."""
        case = f", {run.case}" if run.case else ""
        self._head, self._target = f"run {run.number} of {total} ({run.arm} the fix{case})", run.target_pages
        self._show(f"{self._head}: booting", 0, None)

    def balloon(self, point: Point) -> None:
        """The balloon was looked at."""
        what = f"{self._head}: {point.phase}, {point.pages // 256} of {self._target // 256} MiB, {point.seconds:.0f} s"
        self._show(what, min(point.pages, self._target), self._target)

    def run_ended(self, run: Run) -> None:
        """A guest has ended."""
        self._say(f"{self._head}: {_brief(run)}")

    def _say(self, text: str) -> None:
        """A line of its own; above the bar, where there is one."""
        if self._bar is None:
            self._printer.note(text)
        else:
            self._bar.console.print(safe(text), markup=False, highlight=False, soft_wrap=True)

    def _show(self, text: str, done: int, total: int | None) -> None:
        if self._bar is not None:
            self._bar.update(self._task, description=safe(text), completed=done, total=total)


@contextlib.contextmanager
def progress(printer: Printer) -> Iterator[Progress]:
    """Who is told how a job goes on. A bar is drawn where standard error is a terminal."""
    if printer.quiet or not printer.err.isatty():
        yield Progress(printer)
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    console = Console(file=printer.err, no_color=not printer.color_err)
    columns = (TimeElapsedColumn(), BarColumn(bar_width=24), TextColumn("{task.description}", markup=False))
    with Bar(*columns, console=console, transient=True) as bar:
        yield Progress(printer, bar)


def tell(printer: Printer, result: Result, folder: Path) -> None:
    """A result: the document, or the verdict, its reasons and the runs."""
    if printer.as_json:
        printer.json(result)
        return
    judgement = result.judgement
    rows: list[list[Text]] = [
        [str(run.number), run.arm.value, run.case, *_cells(run), f"{run.total_seconds:.1f}"] for run in result.runs
    ]
    if rows:
        heads = ["run", "arm", "case", "amplification", "seconds", "stall", "reached", "checks", "whole, s"]
        columns = [place for place, head in enumerate(heads) if head != "case" or any(run.case for run in result.runs)]
        printer.table([heads[place] for place in columns], [[row[place] for place in columns] for row in rows])
    printer.say(result.workload, ": ", Styled(judgement.verdict.value, _COLORS[result.exit_code]))
    for reason in judgement.reasons:
        printer.say("  ", reason)
    for flaky in judgement.flaky:
        printer.say("  the runs disagree: ", flaky)
    for run in result.runs:
        if run.is_harness_error and run.crash is not None:
            printer.say(f"the end of its console ({folder / run.console}):")
            for line in run.crash.tail.splitlines():
                printer.say("    ", line)
            if run.crash.hint:
                printer.say("hint: ", run.crash.hint)
    printer.say(f"report: {folder / 'report.html'}")


def _brief(run: Run) -> str:
    if run.crash is not None:
        return run.crash.what
    if run.failed:
        return "; ".join(run.failed)
    if not run.inflated:
        return "done"
    when = f"target in {run.seconds:.1f} s" if run.seconds is not None else f"target not reached in {run.limit:g} s"
    return f"{when}, amplification {run.amplification:.2f}, longest stall {run.stall:.1f} s"


def _cells(run: Run) -> tuple[Text, ...]:
    """The figures of a run as a table has them."""
    checks = Styled(run.crash.failure, "red") if run.crash else Styled("failed", "yellow") if run.failed else "ok"
    if not run.inflated:
        return "", "", "", "", checks
    seconds = f"{run.seconds:.1f}" if run.seconds is not None else f"> {run.limit:g}"
    return (
        f"{run.amplification:.2f}",
        seconds,
        f"{run.stall:.1f}",
        "yes" if run.reached else Styled("no", "yellow"),
        checks,
    )


def tell_workloads(printer: Printer, workloads: Sequence[Workload]) -> None:
    """The workloads: what each does, and in which machines."""
    if printer.as_json:
        printer.json({"schema": WORKLOADS, "workloads": workloads})
        return
    for each in workloads:
        arms = f"{'two arms' if each.arms == 2 else 'one arm'}, boots of each: {len(each.cases) * each.repeats}"
        printer.say(Styled(each.name, "bold"), f"  {each.summary} ({arms})")
        for line in each.about.strip().splitlines():
            printer.say("    ", line)
        for name, one in each.profiles.items():
            sizes = f"{one.memory_mib} MiB, {one.cpus} CPUs, target {one.target_mib} MiB, disk {one.disk_mib} MiB"
            printer.say("    profile ", Styled(name, "cyan"), f": {sizes}, limit {one.limit:g} s")
        printer.say("")


def tell_comparison(printer: Printer, found: Comparison, names: tuple[str, str]) -> None:
    """Two results side by side."""
    if printer.as_json:
        printer.json(found)
        return
    rows = [[pair.measure.value, _figure(pair.first), _figure(pair.second)] for pair in found.pairs]
    printer.table([f"{found.workload}, median", *names], rows)
    word = "worse" if found.worse else "better" if found.better else "no different, as far as these runs can tell"
    color = "red" if found.worse else "green" if found.better else "dim"
    printer.say("the second is ", Styled(word, color), f" (p = {min(found.p_better, found.p_worse):.2g})")
    for each in found.differs:
        printer.note("they differ in more than the kernel: ", each)


def _figure(value: float | None) -> str:
    return "not reached" if value is None else f"{value:.2f}"
