"""The lane of a Dask cluster, embedded or grown: orders become tasks, their ends events, and no rerun goes unseen.

Dask keeps no state that we rely on. Its scheduler may forget everything and its workers may die: each order that was
open then comes back as lost, and the engine, which has the journal, decides.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cosport.errors import CosportError
from cosport.pipeline import parcel, perform, worker
from cosport.pipeline.cluster import MEMORY, QEMU, leave
from cosport.pipeline.lane import Begun, Ended
from cosport.pipeline.order import Answer
from cosport.pipeline.state import End

if TYPE_CHECKING:
    from collections.abc import Callable

    from distributed import Client, Future

    from cosport.git.repository import Repository
    from cosport.pipeline.lane import Events
    from cosport.pipeline.order import Order

Task = tuple["Callable[..., Answer]", tuple[Any, ...]]
"""What a worker calls with an order, and what it gets besides."""

_ROUNDS: Final = 8
"""How often a worker may say that it lacks commits: it may be another worker each time."""

_GONE: Final = "the scheduler went away"

_LOOK: Final = 1.0
"""Seconds between two looks at whether the scheduler is still there."""


class DaskLane:
    """Performs orders on the workers that `client` leads to; `connect` makes another where its scheduler died.

    `name` is that of this process in its orders, `task` says what is called there for an order, and `repository` is
    where workers' missing commits are taken from.
    """

    def __init__(
        self,
        events: Events,
        run: str,
        client: Client,
        *,
        name: str,
        connect: Callable[[], Client],
        task: Callable[[Order], Task],
        repository: Repository,
    ) -> None:
        self._events = events
        self._run = run
        self._connect = connect
        self._task = task
        self._repository = repository
        self._lock = threading.RLock()
        self._open: dict[str, tuple[Order, Future[Answer]]] = {}
        self._over = threading.Event()
        self._name = name
        self._client = self._greeted(client)
        self._watch = threading.Thread(target=self._look, name="cosport-watch", daemon=True)
        self._watch.start()

    def submit(self, order: Order) -> None:
        """Have it performed where its resources are free. Raises ToolError where no scheduler can be reached."""
        function, args = self._task(order)
        self._send(order, function, args, round_=0)

    def stop(self, run: str) -> None:
        """Take back what waits, stop what runs; ends of what runs come as events."""
        if self._client.status == "running":
            with self._lock:
                futures = [future for _, future in self._open.values()]
            self._client.run(perform.stop, run, "nobody", on_error="ignore")
            self._client.cancel(futures)
        else:
            self._lost(_GONE)

    def close(self) -> None:
        """End the watch, and let go of a client that was made here."""
        self._over.set()
        self._watch.join()
        leave(self._client)

    def _greeted(self, client: Client) -> Client:
        """A client that hears what workers say; what an earlier client left running of this run is stopped."""
        client.run(perform.stop, self._run, self._name, on_error="ignore")
        client.subscribe_topic(worker.TOPIC, self._begun)
        return client

    def _connected(self) -> Client:
        if self._client.status != "running":
            self._lost(_GONE)
            leave(self._client)
            self._client = self._greeted(self._connect())
        return self._client

    def _send(self, order: Order, function: Callable[..., Answer], args: tuple[Any, ...], round_: int) -> None:
        future = self._connected().submit(
            function,
            order,
            *args,
            key=f"{order.name}/{round_}",
            pure=False,
            resources={MEMORY: order.memory, QEMU: order.qemu},
            retries=0,
        )
        with self._lock:
            self._open[order.name] = (order, future)
        future.add_done_callback(lambda ended: self._done(order, ended, round_))

    def _begun(self, event: tuple[float, dict[str, Any]]) -> None:
        said = event[1]
        if said["run"] == self._run:
            self._events.put(Begun(said["node"], said["attempt"], said["place"]))

    def _done(self, order: Order, future: Future[Answer], round_: int) -> None:
        """Called by Dask, on a thread of its own, when a task is over in whatever way."""
        with self._lock:
            if self._open.get(order.name, (None, None))[1] is not future:
                return
            del self._open[order.name]
        answer, deaths = _answer(future)
        future.release()  # a result that nobody holds is not computed again when its worker dies
        if answer.end is End.LACKS and round_ < _ROUNDS:
            try:
                tips = [tip.sha for tip in order.tips]
                sent = parcel.bundle(self._repository, tips, answer.has)
                self._send(order, worker.work, (sent,), round_ + 1)
            except (CosportError, OSError) as exc:
                answer = Answer(end=End.NOT_STARTED, what=f"its commits cannot be sent: {exc}")
            else:
                return
        self._events.put(Ended(order.node, order.attempt, answer, deaths))

    def _look(self) -> None:
        """Notice that the scheduler is gone: Dask would wait for it, and its futures with it."""
        while not self._over.wait(_LOOK):
            if self._client.status != "running":
                self._lost(_GONE)

    def _lost(self, why: str) -> None:
        with self._lock:
            lost, self._open = self._open, {}
        for order, _ in lost.values():
            self._events.put(Ended(order.node, order.attempt, Answer(end=End.LOST, what=why)))


def _answer(future: Future[Answer]) -> tuple[Answer, int]:
    """What a finished future says, and how many workers died under it."""
    from distributed import KilledWorker

    if future.status == "finished":
        try:
            answer: Answer = future.result(timeout=60)
        except Exception as exc:
            return Answer(end=End.LOST, what=f"its answer was lost on the way: {exc!r}"), 0
        return answer, 0
    if future.status != "error":
        return Answer(end=End.LOST, what=_GONE), 0
    error: object = future.exception()
    if isinstance(error, KilledWorker):
        return Answer(end=End.LOST, what="its worker died"), error.allowed_failures + 1
    return Answer(end=End.LOST, what=f"the worker could not do it: {error!r}"), 0


def perform_here(order: Order, folder: str, repo: str, config: str) -> Answer:
    """What a thread of an embedded cluster does with an order: perform it on the repository itself."""
    worker.say_begun(order)
    return perform.perform(order, Path(folder), Path(repo), Path(config) if config else None)
