"""Records a job's verdict beside the commit that it proves: later stages read it there, and guess nothing."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from cosport.model.commit import Sha
from cosport.model.regress import ArmName, RegressVerdict
from cosport.records import notes
from cosport.records.record import Kind, record

if TYPE_CHECKING:
    from cosport.git.objects import ObjectReader
    from cosport.regress.result import Result


def commit_of(result: Result) -> Sha | None:
    """The commit that the arm with the fix is made of; None where the result says nothing of one."""
    if result.control or result.judgement.verdict is RegressVerdict.HARNESS_ERROR:
        return None
    return next((Sha(arm.commit) for arm in result.arms if arm.name is ArmName.WITH and arm.commit), None)


def record_verdict(reader: ObjectReader, commit: Sha, result: Result) -> None:
    """Record the verdict on that commit. Raises what `cosport.records.notes.append` raises."""
    notes.append(reader, {commit: [record(Kind.REGRESS, _data(result), at=dt.datetime.now(tz=dt.UTC))]})


def _data(result: Result) -> dict[str, Any]:
    judgement = result.judgement
    return {
        "workload": result.workload,
        "verdict": judgement.verdict.value,
        "p": judgement.p,
        "reasons": list(judgement.reasons),
        "mode": result.mode,
        "profile": result.profile,
        "accelerator": result.host.accelerator,
        "qemu": result.host.qemu,
        "began": result.began,
        "arms": {
            arm.name.value: {"title": arm.title, "commit": arm.commit, "sha256": arm.artifact} for arm in result.arms
        },
        "runs": [
            {
                "arm": run.arm.value,
                "case": run.case,
                "amplification": round(run.amplification, 3),
                "seconds": run.seconds,
                "stall": run.stall,
                "reached": run.reached,
                "failed": [*run.failed, *((run.crash.what,) if run.crash else ())],
            }
            for run in result.runs
        ],
    }
