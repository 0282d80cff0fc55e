"""Where orders go to be performed, and what comes back: events in one queue, whoever performs them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final, Protocol

from msgspec import Struct

from cosport.pipeline.order import Answer, Order
from cosport.pipeline.perform import perform, stop, where

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Begun(Struct, frozen=True):
    """Somebody began to perform an attempt."""

    node: str
    attempt: int
    worker: str


class Ended(Struct, frozen=True):
    """An attempt is over. `deaths`: how many workers died under it."""

    node: str
    attempt: int
    answer: Answer
    deaths: int = 0


Event = Begun | Ended
Events = SimpleQueue[Event]


class Lane(Protocol):
    """One way to have orders performed."""

    def submit(self, order: Order) -> None:
        """Have the order performed; its end comes as an event. Raises ToolError where nobody can be reached."""

    def stop(self, run: str) -> None:
        """Stop all orders of a run, those of an earlier client too; their ends come as events where they are ours."""

    def close(self) -> None:
        """Let go of everything."""


_THREADS: Final = 4
"""Jobs of this process at once: they are short, and most of them wait for git."""


class Here:
    """Performs orders on threads of this process, which holds the repository and the token."""

    def __init__(self, events: Events, repo: Path, config: Path | None, folder: Callable[[str], Path]) -> None:
        self._events = events
        self._repo = repo
        self._config = config
        self._folder = folder
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="cosport-here")

    def submit(self, order: Order) -> None:
        """Have it performed by the next free thread."""
        self._pool.submit(self._perform, order)

    def stop(self, run: str) -> None:
        """Stop what runs; what waits for a thread is dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        stop(run, "nobody")

    def close(self) -> None:
        """End the threads; they have nothing to do any more."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _perform(self, order: Order) -> None:
        self._events.put(Begun(order.node, order.attempt, where()))
        answer = perform(order, self._folder(order.node), self._repo, self._config)
        self._events.put(Ended(order.node, order.attempt, answer))
