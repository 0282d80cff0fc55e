"""Runs a graph: starts what is ready, writes down what ended, until all jobs are over. The journal leads, this follows.

One thread decides; who performs the jobs tells it through a queue of events. So there is one order of things, which is
that of the journal, and a death at any moment leaves a journal that `resume` can go on from.
"""

from __future__ import annotations

import contextlib
import heapq
import queue
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from cosport.errors import StoreError, ToolError
from cosport.pipeline import reasons
from cosport.pipeline.check import place_of
from cosport.pipeline.document import After, Place
from cosport.pipeline.journal import Outcome
from cosport.pipeline.lane import Begun
from cosport.pipeline.plan import Absent, key, reusable
from cosport.pipeline.reference import DashError
from cosport.pipeline.stages import outputs_from, undecided, word_of
from cosport.pipeline.state import End, State, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cosport.pipeline.graph import Node
    from cosport.pipeline.journal import Entry, Journal
    from cosport.pipeline.lane import Ended, Event, Events, Lane
    from cosport.pipeline.order import Answer, Order
    from cosport.pipeline.plan import Orders

DEATHS: Final = 3
"""Workers that may die under a job before it is stopped."""

_PATIENCE: Final = 15.0
"""Seconds for which an interrupted run waits for its jobs to stop."""

_LONGEST_PAUSE: Final = 60.0
"""Seconds between two tries, at most."""


class Listener(Protocol):
    """Who is told how a run goes."""

    def changed(self, node: Node, state: State, note: str, word: str = "") -> None:
        """Tell that a job stands elsewhere now.

        `note` says where or why, `word` what an answer is in a word; "" for nothing to add.
        """


class Home(Protocol):
    """The run's own folder, and the repository: where answers are brought home to."""

    def bring(self, node: Node, answer: Answer) -> str:
        """Keep the files and commits that an answer brings; what there is to say of it. Raises ToolError."""

    def reuse(self, node: Node, run: str) -> bool:
        """Take over the files of another run's same job; False where they are gone."""


@dataclass
class _Tally:
    """What went wrong with a job so far, since this process works on the run."""

    errors: int = 0
    deaths: tuple[str, ...] = ()


class Engine:
    """One run at work."""

    def __init__(
        self,
        run: str,
        nodes: Mapping[str, Node],
        *,
        journal: Journal,
        orders: Orders,
        lanes: Mapping[Place, Lane],
        events: Events,
        home: Home,
        listener: Listener,
        fresh: bool = False,
        away: bool = False,
        pause: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._run = run
        self._nodes = nodes
        self._journal = journal
        self._orders = orders
        self._lanes = lanes
        self._events = events
        self._home = home
        self._listener = listener
        self._fresh = fresh
        self._away = away  # workers have repositories of their own
        self._pause = pause
        self._clock = clock
        self._states: dict[str, State] = {}
        self._outputs: dict[str, dict[str, str]] = {}
        self._open: dict[str, int] = {}  # the attempt that is being made at each running job
        self._tallies: dict[str, _Tally] = {}
        self._places: dict[str, str] = {}  # who began to perform a job last
        self._ready: deque[str] = deque()
        self._later: list[tuple[float, str]] = []  # when to try again
        self._waits: dict[str, int] = {}  # how many of its needs are not over yet
        self._dependents: dict[str, list[str]] = {name: [] for name in nodes}

    def work(self) -> State:
        """Go on until all jobs are over; the worst state among them.

        On Ctrl-C the jobs are stopped, the journal says so, and the interrupt goes on to the caller.
        """
        self._load()
        try:
            while self._ready or self._open or self._later:
                while self._ready:
                    self._start(self._nodes[self._ready.popleft()])
                event = self._next_event()
                if event is not None:
                    self._take(event)
        except BaseException:
            self._wind_up()
            raise
        worst = max(self._states.values(), key=lambda state: (state.exit_code, state is not State.SKIPPED))
        self._journal.end_run(self._run, worst)
        return worst

    def _load(self) -> None:
        """Take over what the journal says is done, and count what each other job still waits for."""
        for entry in self._journal.entries(self._run):
            self._states[entry.node] = entry.state
            if entry.state.final:
                self._outputs[entry.node] = {**entry.outputs, "state": entry.state}
        for name, node in self._nodes.items():
            if self._states[name].final:
                continue
            for need in node.needs:
                self._dependents[need].append(name)
            self._waits[name] = sum(not self._states[need].final for need in node.needs)
            if not self._waits[name]:
                self._ready.append(name)

    def _next_event(self) -> Event | None:
        """The next event; None where it is time to try a job again, or nothing is under way."""
        now = self._clock()
        while self._later and self._later[0][0] <= now:
            self._ready.append(heapq.heappop(self._later)[1])
        if self._ready or not (self._open or self._later):
            return None
        try:
            return self._events.get(timeout=self._later[0][0] - now if self._later else None)
        except queue.Empty:
            return None

    def _start(self, node: Node) -> None:
        """Start a job whose needs are over: or skip it, or find that it was answered before."""
        if why := self._reason_to_skip(node):
            self._settle(node, "", Outcome(State.SKIPPED, {}, why))
            return
        try:
            order = self._orders.order(node, self._outputs)
        except Absent as exc:
            self._settle(node, "", Outcome(State.SKIPPED, {}, str(exc)))
            return
        except DashError as exc:
            self._settle(node, "", Outcome(State.ERROR, {}, str(exc)))
            return
        name = key(order, node)
        if reusable(node) and not self._fresh and (found := self._journal.answered(name)) is not None:
            run, entry = found
            if word := undecided(node.job.stage, entry.outputs):
                self._tell(node, State.WAITING, f"{word} in {run}: done again")
            elif self._home.reuse(node, run):
                self._settle(node, name, _same(entry, run))
                return
        self._submit(node, order, name)

    def _submit(self, node: Node, order: Order, name: str) -> None:
        attempt = self._journal.start(self._run, node.name, name)
        self._open[node.name] = attempt
        self._tell(node, State.RUNNING, "")
        alone = bool(self._tallies.get(node.name, _Tally()).deaths)
        self._lanes[place_of(node.job)].submit(msgspec.structs.replace(order, attempt=attempt, alone=alone))

    def _reason_to_skip(self, node: Node) -> str:
        if node.job.after is After.PASSED:
            for need in node.needs:
                if self._states[need] is not State.PASSED and not _asked_for(node, self._nodes[need], "state"):
                    return f"{need} {self._states[need].value}"
        for wanted, values in node.job.when.items():
            job, _, output = wanted.partition(".")
            found = [self._outputs[need].get(output, "") for need in node.needs if self._nodes[need].job_name == job]
            if not any(each in values for each in found):
                return f"{wanted} is {', '.join(each or 'nothing' for each in found)}"
        return ""

    def _take(self, event: Event) -> None:
        """Write down what an event says. One of an attempt that is not open any more is late, and says nothing."""
        if self._open.get(event.node) != event.attempt:
            return
        node = self._nodes[event.node]
        if isinstance(event, Begun):
            first = self._journal.seen(self._run, event.node, event.attempt, event.worker)
            self._places[node.name] = event.worker
            self._tell(node, State.RUNNING, f"on {event.worker}{'' if first else ', begun again'}")
            return
        del self._open[event.node]
        tally = self._tallies.setdefault(event.node, _Tally())
        if event.answer.end is End.LOST:
            self._lost(node, event, tally)
        else:
            self._answered(node, event, tally)

    def _lost(self, node: Node, event: Ended, tally: _Tally) -> None:
        """An attempt of which nobody knows the end: made again, unless the job seems to kill its workers."""
        answer = event.answer
        tally.deaths += (self._places.get(node.name, "one"),) * event.deaths
        if len(tally.deaths) < DEATHS:
            self._journal.again(self._run, node.name, event.attempt, End.LOST, answer.what)
            self._tell(node, State.WAITING, f"{answer.what}; once more")
            self._ready.append(node.name)
            return
        what = f"{len(tally.deaths)} workers died under it, it is not tried again: {', '.join(tally.deaths)}"
        self._finish(node, event, Outcome(State.STOPPED, {}, what))

    def _answered(self, node: Node, event: Ended, tally: _Tally) -> None:
        answer = event.answer
        answer = msgspec.structs.replace(answer, what=self._reason(node, answer) or answer.what)
        judged = judge(answer, is_stage=bool(node.job.stage))
        outputs, what = {}, judged.what
        if judged.state.answered:
            try:
                brought = self._home.bring(node, answer)
                outputs = outputs_from(node.job.stage, answer)
                what = brought if judged.state is State.PASSED else what or answer.what
            except (ToolError, OSError, ValueError) as exc:
                judged = msgspec.structs.replace(judged, state=State.ERROR, again=True)
                what = f"its answer could not be taken over: {exc}"
        if judged.state is State.ERROR and judged.again and tally.errors < node.job.retries:
            tally.errors += 1
            self._journal.again(self._run, node.name, event.attempt, answer.end, what)
            pause = min(_LONGEST_PAUSE, self._pause * 4 ** (tally.errors - 1))
            self._tell(node, State.WAITING, f"{what}; retry {tally.errors} of {node.job.retries} in {pause:g} s")
            heapq.heappush(self._later, (self._clock() + pause, node.name))
            return
        self._finish(node, event, Outcome(judged.state, outputs, what, answer.seconds))

    def _reason(self, node: Node, answer: Answer) -> str:
        here = not self._away or place_of(node.job) is Place.HERE
        return reasons.of(node.job.stage, answer.document, here=here)

    def _finish(self, node: Node, event: Ended, outcome: Outcome) -> None:
        self._journal.finish(self._run, node.name, event.attempt, event.answer.end, outcome)
        self._over(node, outcome)

    def _settle(self, node: Node, name: str, outcome: Outcome) -> None:
        self._journal.settle(self._run, node.name, name, outcome)
        self._over(node, outcome)

    def _over(self, node: Node, outcome: Outcome) -> None:
        self._outputs[node.name] = {**outcome.outputs, "state": outcome.state}
        note = f"as in {outcome.reused}" if outcome.reused else outcome.what
        self._tell(node, outcome.state, note, word_of(outcome.outputs))
        for name in self._dependents[node.name]:
            self._waits[name] -= 1
            if not self._waits[name]:
                self._ready.append(name)

    def _tell(self, node: Node, state: State, note: str, word: str = "") -> None:
        self._states[node.name] = state
        self._listener.changed(node, state, note, word)

    def _wind_up(self) -> None:
        """Stop what runs, and write down that it was stopped. Answers that come in meanwhile are kept."""
        for lane in self._lanes.values():
            lane.stop(self._run)
        with contextlib.suppress(StoreError):  # where the journal itself is the trouble, that is told
            self._write_off()

    def _write_off(self) -> None:
        deadline = self._clock() + _PATIENCE
        while self._open and (left := deadline - self._clock()) > 0:
            try:
                event = self._events.get(timeout=left)
            except queue.Empty:
                break
            if not isinstance(event, Begun) and self._open.get(event.node) == event.attempt:
                node = self._nodes[event.node]
                if judge(event.answer, is_stage=bool(node.job.stage)).state.answered:
                    self._take(event)
                else:
                    del self._open[event.node]
                    self._journal.again(self._run, event.node, event.attempt, End.STOPPED, "stopped with its run")
        for name, attempt in self._open.items():
            self._journal.again(
                self._run, name, attempt, End.LOST, "its run was stopped, and it did not say how it ended"
            )
        self._journal.end_run(self._run, "interrupted")


def _same(entry: Entry, run: str) -> Outcome:
    return Outcome(entry.state, entry.outputs, entry.what, entry.seconds, reused=run)


def _asked_for(node: Node, need: Node, output: str) -> bool:
    """Whether the condition of a job itself names that output of a needed one: then it decides, and not `after`."""
    return f"{need.job_name}.{output}" in node.job.when
