"""The lane of a Dask cluster, embedded or grown: orders become tasks, their ends events, and no rerun goes unseen.

Dask carries orders to workers and says when one dies; it decides nothing. Which worker gets an order is settled here,
by what each announced and holds already: left to itself, Dask hands all waiting tasks out at once, and one worker's
death would be held against every job in its queue. Nor does it keep a state that we rely on: an order that was open
when its worker or the scheduler died comes back as lost, and the engine, which has the journal, goes on from there.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cosport.errors import CosportError
from cosport.pipeline import parcel, perform, worker
from cosport.pipeline.cluster import MEMORY, QEMU, leave, machines
from cosport.pipeline.lane import Begun, Ended
from cosport.pipeline.order import Answer
from cosport.pipeline.state import End

if TYPE_CHECKING:
    from collections.abc import Callable

    from distributed import Client, Future

    from cosport.git.repository import Repository
    from cosport.pipeline.cluster import Machine
    from cosport.pipeline.lane import Events
    from cosport.pipeline.order import Order

Task = tuple["Callable[..., Answer]", tuple[Any, ...]]
"""What a worker calls with an order, and what it gets besides."""

_GONE: Final = "the scheduler went away"
_LEFT: Final = "its worker left"

_LOOK: Final = 1.0
"""Seconds between two looks at who is there."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """An order that a worker has, by its address; `bundled` once it was sent the commits that it lacked."""

    order: Order
    worker: str
    future: Future[Answer]
    bundled: bool


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
        self._name = name
        self._lock = threading.RLock()
        self._backlog: deque[Order] = deque()
        self._open: dict[str, _Sent] = {}
        self._workers: dict[str, Machine] = {}
        self._client = self._greeted(client)
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look, name="cosport-watch", daemon=True)
        self._watch.start()

    def submit(self, order: Order) -> None:
        """Have it performed where its resources are free. Raises ToolError where no scheduler can be reached."""
        if self._client.status != "running":
            self._lost(_GONE)
            leave(self._client)
            self._client = self._greeted(self._connect())
        with self._lock:
            self._backlog.append(order)
        self._hand_out()

    def stop(self, run: str) -> None:
        """Take back what waits, stop what runs; their ends come as events."""
        with self._lock:
            waiting, self._backlog = self._backlog, deque()
            futures = [sent.future for sent in self._open.values()]
        for order in waiting:
            self._events.put(Ended(order.node, order.attempt, Answer(end=End.STOPPED, what="it was stopped")))
        if self._client.status == "running":
            with contextlib.suppress(OSError):  # it goes away just now
                self._client.run(perform.stop, run, "nobody", on_error="ignore")
                self._client.cancel(futures)
                return
        self._lost(_GONE)

    def close(self) -> None:
        """End the watch, and let go of the cluster; an embedded one ends."""
        self._over.set()
        self._watch.join()
        leave(self._client)

    def _greeted(self, client: Client) -> Client:
        """A client that hears what workers say; what an earlier client left running of this run is stopped."""
        client.run(perform.stop, self._run, self._name, on_error="ignore")
        client.subscribe_topic(worker.TOPIC, self._begun)
        self._workers = machines(client)
        return client

    def _hand_out(self) -> None:
        """Give each waiting order to a worker with room for it, if there is one."""
        with self._lock:
            for order in list(self._backlog):
                address = self._with_room(order)
                if address:
                    self._backlog.remove(order)
                    self._send(order, address, *self._task(order), bundled=False)

    def _with_room(self, order: Order) -> str:
        """The worker that has most room for an order; "" where none has enough."""
        best, most = "", 0
        for address, machine in self._workers.items():
            held = [sent.order for sent in self._open.values() if sent.worker == address]
            if held and (order.alone or any(each.alone for each in held)):
                continue
            jobs = machine.jobs - len(held)
            memory = machine.memory - sum(each.memory for each in held)
            qemu = machine.qemu - sum(each.qemu for each in held)
            if jobs > most and memory >= order.memory and qemu >= order.qemu:
                best, most = address, jobs
        return best

    def _send(
        self, order: Order, address: str, function: Callable[..., Answer], args: tuple[Any, ...], *, bundled: bool
    ) -> None:
        future = self._client.submit(
            function,
            order,
            *args,
            key=f"{order.name}/{self._name}/{bundled:d}",
            pure=False,
            workers=[address],
            allow_other_workers=False,
            resources={MEMORY: order.memory, QEMU: order.qemu},  # others may use the same workers
            retries=0,
        )
        sent = _Sent(order, address, future, bundled)
        with self._lock:
            self._open[order.name] = sent
        future.add_done_callback(lambda _: self._done(sent))

    def _begun(self, event: tuple[float, dict[str, Any]]) -> None:
        said = event[1]
        if said["run"] == self._run:
            self._events.put(Begun(said["node"], said["attempt"], said["place"]))

    def _done(self, sent: _Sent) -> None:
        """Called by Dask, on a thread of its own, when a task is over in whatever way."""
        order = sent.order
        with self._lock:
            if self._open.get(order.name) is not sent:
                return
            del self._open[order.name]
        if sent.future.status == "finished" and not order.alone and (sent.bundled or not order.tips):
            self._hand_out()  # its worker has done it: the next need not wait until the answer is here
        answer, deaths = _answer(sent.future)
        if deaths:
            self._workers.pop(sent.worker, None)
        sent.future.release()  # a result that nobody holds is not computed again when its worker dies
        if answer.end is End.LACKS and not sent.bundled:
            try:
                bundle = parcel.bundle(self._repository, [tip.sha for tip in order.tips], answer.has)
                self._send(order, sent.worker, worker.work, (bundle,), bundled=True)
            except (CosportError, OSError) as exc:
                answer = Answer(end=End.NOT_STARTED, what=f"its commits cannot be sent: {exc}")
            else:
                return
        self._events.put(Ended(order.node, order.attempt, answer, deaths))
        self._hand_out()

    def _look(self) -> None:
        """See who is there: workers come and go, and Dask would wait for a scheduler that is gone, and for ever."""
        while not self._over.wait(_LOOK):
            client = self._client
            if client.status != "running":
                self._lost(_GONE)
                continue
            try:
                found = machines(client)
            except OSError:  # it goes away just now
                continue
            with self._lock:
                left = [each for each in self._open.values() if each.worker not in self._workers | found]
                self._workers = found
            for sent in left:
                self._drop(sent, _LEFT)
            self._hand_out()

    def _drop(self, sent: _Sent, why: str) -> None:
        with self._lock:
            if self._open.get(sent.order.name) is not sent:
                return
            del self._open[sent.order.name]
        self._events.put(Ended(sent.order.node, sent.order.attempt, Answer(end=End.LOST, what=why)))

    def _lost(self, why: str) -> None:
        """All that was handed out, or waited to be, comes back."""
        with self._lock:
            orders = [*(sent.order for sent in self._open.values()), *self._backlog]
            self._open, self._backlog = {}, deque()
        for order in orders:
            self._events.put(Ended(order.node, order.attempt, Answer(end=End.LOST, what=why)))


def _answer(future: Future[Answer]) -> tuple[Answer, int]:
    """What a finished future says, and how many workers died under it."""
    from distributed import KilledWorker

    if future.status == "finished":
        try:
            answer: Answer = future.result(timeout=60)
        except Exception as exc:
            if _is_gone(future):
                return Answer(end=End.LOST, what="its worker died before its answer was here"), 1
            return Answer(end=End.BROKEN, what=f"its answer was lost on the way: {exc!r}"), 0
        return answer, 0
    if future.status != "error":
        return Answer(end=End.LOST, what=_GONE), 0
    error: object = future.exception()
    if isinstance(error, KilledWorker):
        return Answer(end=End.LOST, what="its worker died"), error.allowed_failures + 1
    return Answer(end=End.BROKEN, what=f"the worker could not do it: {error!r}"), 0


def _is_gone(future: Future[Answer]) -> bool:
    """Whether Dask has noticed, since it said that a future is finished, that nobody has its answer any more."""
    return future.status != "finished"


def perform_here(order: Order, folder: str, repo: str, config: str) -> Answer:
    """What a thread of an embedded cluster does with an order: perform it on the repository itself."""
    worker.say_begun(order)
    return perform.perform(order, Path(folder), Path(repo), Path(config) if config else None)
