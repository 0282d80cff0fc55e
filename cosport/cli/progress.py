"""A bar of progress on a terminal that keeps out of the way: of short work, of what is printed, and of an editor.

It is drawn once the work has taken long enough to make a person wonder, and taken away before anything else is
written; Rich is imported only then, so that a command that is done in no time does not wait for it.
"""

from __future__ import annotations

import threading
from typing import IO, TYPE_CHECKING, Final

from cosport.cli.text import safe

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

PATIENCE: Final = 0.4
"""Seconds that work takes before its progress is drawn: what only flashes up tells nobody anything."""


class Bar:
    """The progress of one piece of work: `what` it is, and of how many steps where that is known.

    The bar is drawn by a thread of its own, hence the lock; `step`, `rest` and `end` are for the thread that works.
    """

    def __init__(self, stream: IO[str], what: str, total: int | None, *, no_color: bool) -> None:
        self._stream, self._what, self._total, self._no_color = stream, what, total, no_color
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._drawn: Progress | None = None
        self._done = 0

    def wait(self) -> None:
        """Draw the bar in a moment, if it is not drawn and the work is still under way then."""
        with self._lock:
            if self._timer is None and self._drawn is None:
                self._timer = threading.Timer(PATIENCE, self._draw)
                self._timer.daemon = True
                self._timer.start()

    def step(self, steps: int) -> None:
        """The work is so many steps further."""
        with self._lock:
            self._done += steps
            if self._drawn is not None:
                self._drawn.advance(self._drawn.task_ids[0], steps)

    def end(self) -> None:
        """Take the bar away, and leave the terminal as it was. `wait` may bring it back."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = None
            if self._drawn is not None:
                self._drawn.stop()
            self._drawn = None

    def rest(self) -> None:
        """Take the bar away for now, as something else is to be written."""
        self.end()
        self.wait()

    def _draw(self) -> None:
        from rich.console import Console
        from rich.progress import Progress

        with self._lock:
            if self._timer is not threading.current_thread():
                return  # it was cancelled too late
            self._timer = None
            console = Console(file=self._stream, no_color=self._no_color)
            drawn = Progress(*self._columns(), console=console, transient=True)
            drawn.add_task(safe(self._what), total=self._total, completed=self._done)
            drawn.start()
            self._drawn = drawn

    def _columns(self) -> tuple[ProgressColumn, ...]:
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn

        told = "{task.completed:,.0f}" if self._total is None else "{task.completed:,.0f} of {task.total:,.0f}"
        return (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn(told, markup=False),
            TimeElapsedColumn(),
        )
