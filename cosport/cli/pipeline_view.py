"""How runs of pipelines look: a live table of branches by jobs on a terminal, plain lines elsewhere, and afterwards."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cosport.cli.output import Styled
from cosport.cli.text import safe
from cosport.pipeline.stages import REPORT, word_of
from cosport.pipeline.state import State

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.table import Table
    from rich.text import Text as RichText

    from cosport.cli.output import Printer, Text
    from cosport.pipeline.graph import Node
    from cosport.pipeline.journal import Attempt, Entry
    from cosport.pipeline.journal import Run as Written
    from cosport.pipeline.runs import Run

SCHEMA: Final = "cosport.pipeline-show/1"
LIST_SCHEMA: Final = "cosport.pipeline-list/1"

_STYLES: Final = {
    State.WAITING: "dim",
    State.RUNNING: "cyan",
    State.PASSED: "green",
    State.FAILED: "red",
    State.SKIPPED: "dim",
    State.ERROR: "red",
    State.TIMED_OUT: "red",
    State.STOPPED: "red",
}
_ALL: Final = "(all)"
"""The row of jobs that stand outside of the matrix."""


@dataclass(slots=True)
class Lines:
    """Progress as plain lines, for logs."""

    printer: Printer
    name: str = ""

    def follow(self, run: Run, nodes: Mapping[str, Node]) -> Lines:
        """Tell of this run from now on."""
        self.name = run.name
        self.printer.note(f"{run.name}: {len(nodes)} jobs; files in {run.folder}")
        return self

    def changed(self, node: Node, state: State, note: str, word: str = "") -> None:
        """Write one line."""
        if state is State.RUNNING and not note:
            return  # it waits for a worker
        when = time.strftime("%H:%M:%S")
        first = note.partition("\n")[0]  # the table at the end has all of it
        text = f"{state.value} ({word})" if word else state.value
        self.printer.note(f"{when} ", node.name, " ", Styled(text, _STYLES[state]), f": {first}" if first else "")


@dataclass(frozen=True, slots=True)
class _Cell:
    """A cell of the live table: a job's state, since when, and what its answer is in a word."""

    state: State
    since: float = 0.0
    word: str = ""


@dataclass
class Live:
    """Progress as a table that is drawn again and again on a terminal."""

    printer: Printer
    name: str = ""
    _cells: dict[tuple[str, str], _Cell] = field(default_factory=dict)
    _notes: list[str] = field(default_factory=list)
    _columns: tuple[str, ...] = ()
    _rows: tuple[str, ...] = ()
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def follow(self, run: Run, nodes: Mapping[str, Node]) -> Live:
        """Draw this run from now on."""
        with self._lock:
            self.name = run.name
            self._columns = tuple(dict.fromkeys(node.job_name for node in nodes.values()))
            self._rows = tuple(dict.fromkeys(_row(node) for node in nodes.values()))
            self._cells = {(_row(node), node.job_name): _Cell(State.WAITING) for node in nodes.values()}
        return self

    def changed(self, node: Node, state: State, note: str, word: str = "") -> None:
        """Take the change into the table."""
        with self._lock:
            before = self._cells[_row(node), node.job_name]
            since = before.since if before.state is state else time.monotonic()
            shown = State.WAITING if state is State.RUNNING and not note else state  # it waits for a worker
            self._cells[_row(node), node.job_name] = _Cell(shown, since, word)
            if note and state not in (State.RUNNING, State.PASSED, State.SKIPPED):
                first = note.partition("\n")[0]
                self._notes = [*self._notes[-2:], f"{node.name}: {first}"]

    def __rich__(self) -> Table | RichText:
        """The table as it is now; of many rows, those where something happens. A narrow terminal cuts words short."""
        from rich import box
        from rich.table import Table
        from rich.text import Text as RichText

        with self._lock:
            if not self._rows:
                return RichText("")  # it has not begun
            plain = not self.printer.color_err
            table = Table(
                box=box.SIMPLE_HEAD,
                show_edge=False,
                pad_edge=False,
                padding=(0, 1, 0, 0),
                title=self.name,
                title_justify="left",
                title_style="" if plain else "table.title",
                header_style="" if plain else "table.header",
                caption_style="" if plain else "table.caption",
            )
            table.add_column("", no_wrap=True, min_width=min(_WIDEST, max(map(len, self._rows))))
            for column in self._columns:
                table.add_column(RichText(safe(column)), no_wrap=True)
            shown = self._shown()
            for row in shown:
                cells = [self._cells.get((row, column)) for column in self._columns]
                table.add_row(RichText(safe(row)), *(_drawn(cell, plain=plain) for cell in cells))
            hidden = len(self._rows) - len(shown)
            last = [f"and {hidden} rows more"] * bool(hidden) + [safe(note) for note in self._notes]
            table.caption = RichText("\n".join(last)) if last else None
            table.caption_justify = "left"
            return table

    def _shown(self) -> list[str]:
        if len(self._rows) <= _MOST_ROWS:
            return list(self._rows)
        latest = {row: max(cell.since for (each, _), cell in self._cells.items() if each == row) for row in self._rows}
        busy = sorted(self._rows, key=lambda row: -latest[row])[:_MOST_ROWS]
        return [row for row in self._rows if row in set(busy)]


_MOST_ROWS: Final = 16
_WIDEST: Final = 20
"""Characters of a branch's name that are shown however narrow the terminal is."""


@contextlib.contextmanager
def progress(printer: Printer) -> Iterator[Lines | Live]:
    """Who is told how a run goes: a live table where standard error is a terminal that can, plain lines otherwise."""
    if printer.quiet or not printer.err.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        yield Lines(printer)
        return
    from rich.console import Console
    from rich.live import Live as Screen

    console = Console(file=printer.err, no_color=not printer.color_err)
    live = Live(printer)
    with Screen(console=console, refresh_per_second=4, transient=True, get_renderable=live.__rich__):
        yield live


def tell_runs(printer: Printer, runs: Sequence[Written]) -> None:
    """Print the list of runs."""
    if printer.as_json:
        printer.json({"schema": LIST_SCHEMA, "runs": runs})
        return
    if not runs:
        printer.note("no run yet; start one: cosport pipeline run NAME (see: cosport pipeline list --files)")
        return
    rows: list[list[Text]] = [
        [run.id, Styled(run.state, _style(run.state)), _when(run.began), _lasted(run)] for run in runs
    ]
    printer.table(["run", "state", "began", "took"], rows)


def tell_run(
    printer: Printer, run: Written, entries: Sequence[Entry], attempts: Sequence[Attempt], folder: Run
) -> None:
    """Print one run: the table of branches by jobs, then what a person should know of single jobs."""
    if printer.as_json:
        printer.json(document(run, entries, attempts, folder))
        return
    printer.say(Styled(run.id, "bold"), f"  {run.state}, began {_when(run.began)}, took {_lasted(run)}")
    columns = tuple(dict.fromkeys(entry.job for entry in entries))
    rows = tuple(dict.fromkeys(entry.cell or _ALL for entry in entries))
    by_place = {(entry.cell or _ALL, entry.job): entry for entry in entries}
    if rows == (_ALL,):
        printer.table(["job", "state", "took"], [[each.job, _said(each), _seconds(each.seconds)] for each in entries])
    else:
        table = [[row, *(_said(by_place.get((row, column))) for column in columns)] for row in rows]
        printer.table(["", *columns], table)
    for entry in entries:
        _tell_job(printer, entry, folder)
    if any(entry.state.final and entry.state is not State.SKIPPED for entry in entries):
        printer.say("what each job said, and its files: ", str(folder.folder / "jobs"))
    for attempt in attempts:
        if attempt.end in ("lost", "stopped") or "again" in attempt.note:
            printer.note(f"{attempt.node}: attempt {attempt.number} on {attempt.worker or 'no worker'}: {attempt.note}")
    if hint := _next(run):
        printer.note(f"hint: {hint}")


def _tell_job(printer: Printer, entry: Entry, folder: Run) -> None:
    """What a person should know of one job: why it did not pass, and where its report is."""
    if entry.what and entry.state is not State.PASSED and entry.state is not State.SKIPPED:
        first, *more = entry.what.splitlines()
        printer.say(f"{entry.node}: ", first)
        for line in more:
            printer.say("    ", line)
    report = folder.job_folder(entry.node) / REPORT
    if entry.state.answered and report.is_file():
        printer.say(f"{entry.node}: report: ", str(report))


def _next(run: Written) -> str:
    """What a person does with a run that did not come to a good end."""
    if run.state in ("interrupted", "running"):
        return f"go on with it: cosport pipeline resume {run.id}"
    if run.state == State.FAILED:
        return "the same command asks again; the proofs that it has are not made anew"
    if run.state in (State.ERROR, State.TIMED_OUT, State.STOPPED):
        return f"mend that, then try again what has no answer: cosport pipeline resume {run.id}"
    return ""


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt at a job, as JSON has it; `end` is "" while it runs."""

    number: int
    began: float
    ended: float | None
    worker: str
    end: str
    note: str


@dataclass(frozen=True, slots=True)
class Job:
    """One job of a run, as JSON has it; `folder` is where its files are, `reused` the run whose answer it took."""

    name: str
    job: str
    cell: str
    state: State
    outputs: dict[str, str]
    what: str
    reused: str
    seconds: float
    folder: str
    attempts: tuple[Try, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A run, as JSON has it."""

    run: str
    pipeline: str
    state: str
    began: float
    ended: float | None
    jobs: tuple[Job, ...]
    schema: str = SCHEMA


def document(run: Written, entries: Sequence[Entry], attempts: Sequence[Attempt], folder: Run) -> Shown:
    """The same as the document `cosport.pipeline-show/1`."""
    tries: dict[str, list[Try]] = {}
    for each in attempts:
        one = Try(each.number, each.began, each.ended, each.worker, each.end, each.note)
        tries.setdefault(each.node, []).append(one)
    jobs = tuple(
        Job(
            each.node, each.job, each.cell, each.state, each.outputs, each.what, each.reused, each.seconds,
            str(folder.job_folder(each.node)), tuple(tries.get(each.node, ())),
        )
        for each in entries
    )  # fmt: skip
    return Shown(run.id, run.pipeline, run.state, run.began, run.ended, jobs)


def _said(entry: Entry | None) -> Text:
    if entry is None:
        return ""
    word = word_of(entry.outputs)
    text = f"{entry.state.value} ({word})" if word else entry.state.value
    return Styled(f"{text}, reused" if entry.reused else text, _STYLES[entry.state])


def _row(node: Node) -> str:
    return node.cell.label if node.cell is not None else _ALL


def _drawn(cell: _Cell | None, *, plain: bool) -> RichText:
    from rich.text import Text as RichText

    if cell is None:
        return RichText("")
    running = cell.state is State.RUNNING
    text = f"run {time.monotonic() - cell.since:.0f} s" if running else cell.word or cell.state.value
    return RichText(safe(text), style="" if plain else _STYLES[cell.state])


def _style(state: str) -> str:
    return _STYLES.get(State(state), "dim") if state in set(State) else "yellow"


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _lasted(run: Written) -> str:
    return _seconds(run.ended - run.began) if run.ended is not None else "..."


def _seconds(seconds: float) -> str:
    """A time as people say it: "12.3 s", "3 min 20 s", "2 h 05 min"."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 2:
        return f"{seconds:.1f} s"
    return f"{minutes} min {rest:02d} s" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"
