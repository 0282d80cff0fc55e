"""What passes between the bot and its tester: one JSON line each way. The bot believes nothing else of a tester.

The tester works on commits that anybody may have uploaded, so its answers are read as strictly as a stranger's.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from cosport.errors import ToolError
from cosport.presubmit.report import Input, Report

if TYPE_CHECKING:
    from cosport.model.commit import Sha

LONGEST: Final = 4 << 20
"""Bytes of an answer: a report of a huge commit stays far below it."""


class Waiver(Struct, frozen=True):
    """A check that somebody who may has put aside for this patch set."""

    check: str
    reason: str
    who: str


class Job(Struct, frozen=True):
    """A patch set to judge. Where `before` is given and none of these inputs has changed, no judgement is needed."""

    change: int
    revision: str
    branch: str
    waivers: tuple[Waiver, ...] = ()
    before: tuple[Input, ...] = ()


class Answer(Struct, frozen=True, forbid_unknown_fields=True):
    """What came of a job: a report, or `unchanged`, or why there is no answer."""

    change: int
    revision: str
    report: Report | None = None
    unchanged: bool = False
    trouble: str = ""


class UntrustedAnswerError(ToolError):
    """A tester's line is no answer to what it was asked."""


def read_answer(line: bytes, job: Job) -> Answer:
    """The answer in a tester's line. Raises UntrustedAnswerError unless it is one, and one to this very job."""
    try:
        answer = msgspec.json.decode(line, type=Answer, strict=True)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise UntrustedAnswerError(f"the tester's answer is not of its schema: {exc}") from exc
    said = (answer.report is not None) + answer.unchanged + bool(answer.trouble)
    if (answer.change, answer.revision) != (job.change, job.revision) or said != 1:
        raise UntrustedAnswerError("the tester answers something else than it was asked")
    report = answer.report
    if report is not None and (report.commit, report.branch) != (job.revision, job.branch):
        raise UntrustedAnswerError("the tester's report is on another commit or branch")
    return answer


def key_of(revision: str | Sha, report: Report, waivers: tuple[Waiver, ...]) -> str:
    """A name for a judgement: the patch set, what it depended on, what was put aside."""
    data = msgspec.json.encode([revision, report.branch, report.inputs, waivers])
    return hashlib.sha256(data).hexdigest()[:16]
