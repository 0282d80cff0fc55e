"""What a job can come to, and what the end of a process means for it: an answer, or that there is none."""

from __future__ import annotations

import signal
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from cosport.pipeline.order import Answer


class State(StrEnum):
    """Where a job of a run stands."""

    WAITING = "waiting"
    RUNNING = "running"
    PASSED = "passed"  # the answer is good
    FAILED = "failed"  # the answer is no: a result like any other
    SKIPPED = "skipped"  # what it needs did not pass, or its condition does not hold
    ERROR = "error"  # no answer, after all retries
    TIMED_OUT = "timed-out"  # its time limit passed; a second try would take as long
    STOPPED = "stopped"  # its workers died under it

    @property
    def final(self) -> bool:
        """Whether the job is over, in this run."""
        return self not in (State.WAITING, State.RUNNING)

    @property
    def answered(self) -> bool:
        """Whether it is an answer, which the same inputs would give again."""
        return self in (State.PASSED, State.FAILED)

    @property
    def exit_code(self) -> int:
        """The exit code that this state stands for."""
        if self is State.FAILED:
            return 1
        return 0 if self in (State.PASSED, State.SKIPPED) else 3


class End(StrEnum):
    """How the process of a job ended."""

    EXITED = "exited"
    NOT_STARTED = "not-started"
    TIMED_OUT = "timed-out"
    STOPPED = "stopped"  # by us: Ctrl-C, or its run goes on without it
    BROKEN = "broken"  # the worker could not do its part: its disk is full, ...
    LACKS = "lacks"  # a worker lacks objects: nothing was started
    LOST = "lost"  # its worker, the scheduler or the client died; it may have run to its end unseen


class Judgement(Struct, frozen=True):
    """What an answer means: the state, whether another try may help, and a sentence where there is no answer."""

    state: State
    again: bool = False
    what: str = ""


TEMPORARY: Final = 75
"""EX_TEMPFAIL of sysexits.h: how a command says that the failure is the machine's, and another try may help."""


_KILLED: Final = "it was killed (out of memory?)"


def judge(answer: Answer, *, is_stage: bool) -> Judgement:
    """What the end of a job means. Exit codes are cosport's own for a stage, and Unix's for a command."""
    if answer.end is End.TIMED_OUT:
        return Judgement(State.TIMED_OUT, what=answer.what)
    if answer.end is not End.EXITED:
        return Judgement(State.ERROR, again=answer.end is not End.NOT_STARTED, what=answer.what)
    status = answer.status
    if status == 0:
        return Judgement(State.PASSED)
    what = f"it ended with {status}: {answer.what or 'see its log'}"
    if status in (-signal.SIGKILL, TEMPORARY if not is_stage else 3):
        return Judgement(State.ERROR, again=True, what=_KILLED if status < 0 else answer.what or what)
    if status == 1 or not is_stage:
        return Judgement(State.FAILED, what="" if is_stage else what)
    return Judgement(State.ERROR, what=answer.what or what)
