"""Runs a child process and says how long it took and how much memory it needed; draws the table of results."""

from __future__ import annotations

import contextlib
import os
import resource
import statistics
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_POLL: Final = 0.02
"""Seconds between two looks at a child's own peak memory."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a command.

    `seconds` is wall-clock time, start-up included; `cpu` the seconds that the process and its children computed.
    `own_mib` is the peak resident memory of the process itself, `peak_mib` the largest of it and of any single process
    that it waited for (git's, mostly).
    """

    seconds: float
    cpu: float
    own_mib: float
    peak_mib: float
    status: int
    stdout: Path


def run(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    stdin: Path | None = None,
    stdout: Path | None = None,
    ok: Iterable[int] = (0,),
) -> Run:
    """Run `argv` to its end. Its output goes to a file, so that nobody waits for a reader. Fails on a bad status."""
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(stdin.open("rb")) if stdin else subprocess.DEVNULL
        target = stdout or Path(os.devnull)
        out = stack.enter_context(target.open("wb"))
        err = stack.enter_context(tempfile.TemporaryFile())
        begin = time.perf_counter()
        child = subprocess.Popen(argv, cwd=cwd, stdin=source, stdout=out, stderr=err, env=_environment())
        watch = _Watch(child.pid)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - begin
        child.returncode = os.waitstatus_to_exitcode(status)  # so that Popen does not wait for it again
        watch.stop()
        if child.returncode not in tuple(ok):
            err.seek(0)
            raise SystemExit(
                f"{' '.join(argv)}: status {child.returncode}\n{err.read().decode(errors='replace')[-4000:]}"
            )
    cpu = usage.ru_utime + usage.ru_stime
    # Until it starts its program a child counts our own memory as its own, and the peak remembers that.
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak = max(watch.peak_mib, usage.ru_maxrss / 1024 if usage.ru_maxrss > ours else 0.0)
    return Run(seconds, cpu, watch.peak_mib, peak, child.returncode, target)


def _environment() -> dict[str, str]:
    """A user's: Python keeps its bytecode there. Without it each start compiles every module anew."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


class _Watch:
    """Reads VmHWM of one process again and again until it is gone: the peak of it alone, its children left out."""

    def __init__(self, pid: int) -> None:
        self.peak_mib = 0.0
        self._path = Path(f"/proc/{pid}/status")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._poll, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _poll(self) -> None:
        while not self._over.is_set():
            with contextlib.suppress(OSError):
                for line in self._path.read_text(encoding="ascii", errors="replace").splitlines():
                    if line.startswith("VmHWM:"):
                        self.peak_mib = max(self.peak_mib, int(line.split()[1]) / 1024)
            self._over.wait(_POLL)


def median(runs: Iterable[Run]) -> float:
    """The median of their seconds."""
    return statistics.median(run.seconds for run in runs)


def median_cpu(runs: Iterable[Run]) -> float:
    """The median of their seconds of computing: what a machine under load still measures rightly."""
    return statistics.median(run.cpu for run in runs)


def alternate(repeats: int, *sides: Callable[[int], Run]) -> tuple[tuple[Run, ...], ...]:
    """Call each side `repeats` times in turn (A B A B ...), so that the machine's moods hit all alike.

    A side gets the number of the repetition.
    """
    taken: tuple[list[Run], ...] = tuple([] for _ in sides)
    for number in range(repeats):
        for side, runs in zip(sides, taken, strict=True):
            runs.append(side(number))
    return tuple(tuple(runs) for runs in taken)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was measured, the value, the target (None: only told) and whether it was reached."""

    group: str
    what: str
    value: float
    unit: str
    target: str = ""
    reached: bool | None = None
    note: str = ""


@dataclass(slots=True)
class Report:
    """The rows in the order in which they were measured; `show` prints each at once."""

    rows: list[Row] = field(default_factory=list)

    def add(
        self,
        group: str,
        what: str,
        value: float,
        unit: str,
        *,
        at_most: float | None = None,
        at_least: float | None = None,
        note: str = "",
    ) -> None:
        """Keep a row and print it; `at_most` or `at_least` is its target."""
        target, reached = "", None
        if at_most is not None:
            target, reached = f"<= {at_most:g}", value <= at_most
        elif at_least is not None:
            target, reached = f">= {at_least:g}", value >= at_least
        self.rows.append(Row(group, what, value, unit, target, reached, note))
        verdict = {None: "", True: "ok", False: "MISSED"}[reached]
        text = f"{group:<9} {what:<66} {value:>12.6g} {unit:<6} {target:<9} {verdict:<7}{note}"
        print(text.rstrip(), flush=True)  # noqa: T201 - the bench's output

    @property
    def missed(self) -> tuple[Row, ...]:
        """The rows whose target was not reached."""
        return tuple(row for row in self.rows if row.reached is False)
