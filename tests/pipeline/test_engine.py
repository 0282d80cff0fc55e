"""The engine and its journal against a lane that breaks on purpose: no endless retries, and nothing is forgotten."""

from __future__ import annotations

from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from cosport.errors import LockedError
from cosport.pipeline.document import Place
from cosport.pipeline.engine import Engine
from cosport.pipeline.graph import build
from cosport.pipeline.journal import Attempt, Entry, Journal, Outcome
from cosport.pipeline.lane import Begun, Ended
from cosport.pipeline.order import Answer, Order
from cosport.pipeline.plan import key
from cosport.pipeline.reading import parse
from cosport.pipeline.state import End, State

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cosport.pipeline.graph import Node
    from cosport.pipeline.lane import Events

TEXT = "pipeline: p\njobs:\n  a: {run: ['true'], retries: 2}\n  b: {run: ['true'], needs: [a]}\n"
GOOD = Ended("", 0, Answer(end=End.EXITED))
DEAD = Ended("", 0, Answer(end=End.LOST, what="its worker died"), 1)
GONE = Ended("", 0, Answer(end=End.LOST, what="the scheduler went away"))
BROKEN = Ended("", 0, Answer(end=End.BROKEN, what="its disk is full"))


class Lane:
    """Answers each order with the next of a script; the last one again and again."""

    def __init__(self, events: Events, script: Sequence[Ended]) -> None:
        self.events = events
        self.script = list(script)
        self.alone: list[bool] = []

    def submit(self, order: Order) -> None:
        self.alone.append(order.alone)
        ended = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        self.events.put(Begun(order.node, order.attempt, f"w{len(self.alone)}"))
        self.events.put(Ended(order.node, order.attempt, ended.answer, ended.deaths))

    def stop(self, run: str) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """Nothing is held."""


class Orders:
    def order(self, node: Node, outputs: Any) -> Order:
        del outputs
        return Order(
            run="p-1", node=node.name, attempt=0, argv=("true",), is_stage=False, stdout="", seconds=9, memory=1, qemu=0
        )


class Home:
    def bring(self, node: Node, answer: Answer) -> str:
        del node, answer
        return ""

    def reuse(self, node: Node, run: str) -> bool:
        del node, run
        return False


class Listener:
    def changed(self, node: Node, state: State, note: str, word: str = "") -> None:
        """Nobody listens."""


def work(folder: Path, *script: Ended) -> tuple[State, dict[str, Entry], tuple[Attempt, ...], Lane]:
    nodes = build(parse(TEXT, "f").document, ())
    events: Events = SimpleQueue()
    lane = Lane(events, script)
    with Journal.open(folder) as journal:
        journal.new_run("p-1", "p", nodes.values())
        orders: Any = Orders()
        engine = Engine("p-1", nodes, journal=journal, orders=orders, lanes={Place.WORKER: lane}, events=events,
                        home=Home(), listener=Listener(), pause=0.0)  # fmt: skip
        worst = engine.work()
        return worst, {each.node: each for each in journal.entries("p-1")}, journal.attempts("p-1"), lane


def test_a_broken_worker_is_tried_again_so_often_and_no_more(tmp_path: Path) -> None:
    worst, entries, attempts, _ = work(tmp_path, BROKEN)
    assert (worst, entries["a"].state, entries["b"].state) == (State.ERROR, State.ERROR, State.SKIPPED)
    assert [each.end for each in attempts] == ["broken"] * 3


def test_the_third_death_is_the_last_and_the_second_try_is_alone(tmp_path: Path) -> None:
    worst, entries, attempts, lane = work(tmp_path, DEAD)
    assert (worst, entries["a"].state) == (State.STOPPED, State.STOPPED)
    assert entries["a"].what == "3 workers died under it, it is not tried again: w1, w2, w3"
    assert [each.end for each in attempts] == ["lost"] * 3
    assert lane.alone == [False, True, True]


def test_a_scheduler_that_goes_away_is_held_against_no_job(tmp_path: Path) -> None:
    worst, entries, attempts, _ = work(tmp_path, *[GONE] * 7, GOOD)
    assert (worst, entries["a"].state, entries["b"].state) == (State.PASSED, State.PASSED, State.PASSED)
    assert [each.end for each in attempts if each.node == "a"] == ["lost"] * 7 + ["exited"]


class Asked(Orders):
    """An order of whose inputs an earlier run has an answer."""

    def order(self, node: Node, outputs: Any) -> Order:
        return msgspec.structs.replace(super().order(node, outputs), run="p-2", is_stage=True)


class Told(Listener):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def changed(self, node: Node, state: State, note: str, word: str = "") -> None:
        self.lines.append(f"{node.name} {state.value}: {note}{word and f' ({word})'}")


@pytest.mark.parametrize(("verdict", "runs"), [("inconclusive", True), ("no-effect", False)])
def test_a_verdict_that_decides_nothing_is_asked_for_again(tmp_path: Path, verdict: str, runs: bool) -> None:
    nodes = build(parse("pipeline: p\njobs:\n  a: {stage: regress, with: {workload: balloon}}\n", "f").document, ())
    events: Events = SimpleQueue()
    document = b'{"judgement": {"verdict": "fixes", "p": 0.01, "reasons": []}, "host": {"accelerator": "tcg"}}'
    lane = Lane(events, [Ended("", 0, Answer(end=End.EXITED, document=document))])
    told, orders, home = Told(), Asked(), Home()
    home.reuse = lambda node, run: True  # type: ignore[method-assign]
    with Journal.open(tmp_path) as journal:
        journal.new_run("p-1", "p", nodes.values())
        inputs = key(orders.order(nodes["a"], {}), nodes["a"])
        journal.start("p-1", "a", inputs)
        journal.finish("p-1", "a", 1, End.EXITED, Outcome(State.FAILED, {"verdict": verdict}))
        journal.new_run("p-2", "p", nodes.values())
        Engine("p-2", nodes, journal=journal, orders=orders, lanes={Place.WORKER: lane},  # type: ignore[arg-type]
               events=events, home=home, listener=told).work()  # fmt: skip
        (entry,) = journal.entries("p-2")
    assert bool(lane.alone) is runs
    assert entry.outputs["verdict"] == ("fixes" if runs else verdict)
    assert told.lines[0] == (f"a waiting: {verdict} in p-1: done again" if runs else f"a failed: as in p-1 ({verdict})")


def test_a_job_starts_once_and_ends_once(tmp_path: Path) -> None:
    nodes = build(parse(TEXT, "f").document, ())
    with Journal.open(tmp_path) as journal:
        journal.new_run("p-1", "p", nodes.values())
        assert journal.start("p-1", "a", "k") == 1
        with pytest.raises(LockedError):
            journal.start("p-1", "a", "k")
        assert journal.seen("p-1", "a", 1, "w1")
        assert not journal.seen("p-1", "a", 1, "w2")
        journal.finish("p-1", "a", 1, End.EXITED, Outcome(State.PASSED, {"status": "0"}))
        with pytest.raises(LockedError):
            journal.finish("p-1", "a", 1, End.EXITED, Outcome(State.FAILED, {}))
        (attempt,) = journal.attempts("p-1")
        assert "it may have run twice" in attempt.note
        found = journal.answered("k")
        assert found is not None
        assert found[0] == "p-1"
