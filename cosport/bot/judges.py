"""Runs testers: hands them jobs, reads their answers strictly, and starts another where one dies or gets stuck.

A job that kills its tester is that job's trouble; the next one gets a fresh process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cosport.bot.protocol import LONGEST, Answer, UntrustedAnswerError, read_answer
from cosport.errors import ProcessError
from cosport.process import Conversation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from cosport.bot.confine import Hold
    from cosport.bot.protocol import Job


def judge(hold: Hold, config: Path | None, jobs: Sequence[Job], *, patience: float) -> Iterator[tuple[Job, Answer]]:
    """The answer to each job, in order; where there is none, why not. `patience` is the seconds that one may take."""
    child: Conversation | None = None
    try:
        for job in jobs:
            if child is None:
                child = Conversation(hold.argv(config), env=hold.environment(), cwd=hold.clone, timeout=patience)
            try:
                child.write(msgspec.json.encode(job) + b"\n")
                yield job, read_answer(child.line(most=LONGEST, within=patience), job)
            except (ProcessError, UntrustedAnswerError) as error:
                child.close()
                child = None
                yield job, Answer(job.change, job.revision, trouble=error.what)
    finally:
        if child is not None:
            child.close()
