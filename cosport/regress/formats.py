"""A result as other programs read it: JUnit for CI, KCIDB for kernel CI databases, CSV for spreadsheets."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import quoteattr

from cosport.model.regress import RegressVerdict

if TYPE_CHECKING:
    from cosport.regress.result import Arm, Point, Result, Run

SERIES_HEAD: Final = "run,seconds,pages,phase\n"
_ORIGIN: Final = "cosport"
_EXCERPT: Final = 16384
"""Characters of a log that KCIDB takes."""

_CONTROL: Final = {code: f"\\x{code:02x}" for code in range(32) if code not in {9, 10, 13}} | {0xFFFE: "?", 0xFFFF: "?"}


def series_row(number: int, point: Point) -> str:
    """One line of series.csv; no field can hold a comma."""
    return f"{number},{point.seconds:.3f},{point.pages},{point.phase}\n"


def junit(result: Result) -> str:
    """JUnit XML: a case for each run, and one for the verdict, which fails where a person must look."""
    judgement, code = result.judgement, result.exit_code
    text = "\n".join(judgement.reasons)
    skipped = judgement.verdict is RegressVerdict.NOT_APPLICABLE
    inner = f"<skipped message={_quoted(text)}/>" if skipped else ""
    if code:
        inner = _element("failure" if code == 1 else "error", judgement.verdict, text)
    cases = [_junit_run(result, run) for run in result.runs]
    cases.append(_testcase(result, "verdict", result.seconds, inner))
    counts = {
        "tests": len(cases),
        "failures": sum(case.count("<failure ") for case in cases),
        "errors": sum(case.count("<error ") for case in cases),
        "skipped": int(skipped),
        "time": f"{result.seconds:.1f}",
    }
    head = " ".join(f'{name}="{value}"' for name, value in counts.items())
    suite = f"<testsuite name={_quoted(result.workload)} {head}>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{suite}\n{"".join(cases)}</testsuite>\n'


def _junit_run(result: Result, run: Run) -> str:
    name = f"run {run.number} {run.arm}{f' {run.case}' if run.case else ''}"
    inner = ""
    if run.crash is not None:
        inner = _element("error" if run.is_harness_error else "failure", run.crash.what, run.crash.tail)
    elif run.failed:
        inner = _element("failure", run.failed[0], "\n".join(run.failed))
    return _testcase(result, name, run.total_seconds, inner)


def _testcase(result: Result, name: str, seconds: float, inner: str) -> str:
    where = f"classname={_quoted(f'cosport.regress.{result.workload}')} name={_quoted(name)}"
    return f'<testcase {where} time="{seconds:.1f}">{inner}</testcase>\n'


def _element(tag: str, message: str, text: str) -> str:
    return f"<{tag} message={_quoted(message)}>{_escaped(text)}</{tag}>"


def _quoted(text: str) -> str:
    return quoteattr(_clean(text))


def _escaped(text: str) -> str:
    return _clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clean(text: str) -> str:
    """Text without what XML 1.0 cannot hold: a console may print anything."""
    return text.encode("utf-8", "replace").decode("utf-8").translate(_CONTROL)


def kcidb(result: Result) -> dict[str, Any]:
    """A KCIDB report, version 5.3: a checkout and a build for each arm, a test for each run and each figure of it."""
    stamp = result.began
    checkouts = [_checkout(result, arm, stamp) for arm in result.arms]
    builds = [_build(result, arm, stamp) for arm in result.arms]
    tests = [test for run in result.runs for test in _tests(result, run)]
    return {"version": {"major": 5, "minor": 3}, "checkouts": checkouts, "builds": builds, "tests": tests}


def _id(result: Result, *parts: str) -> str:
    """An id in our name space: one that another job of any machine will not make."""
    text = "\0".join((result.began, result.host.kernel, *(arm.artifact for arm in result.arms), *parts))
    return f"{_ORIGIN}:{hashlib.sha256(text.encode()).hexdigest()[:24]}"


def _checkout(result: Result, arm: Arm, stamp: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": _id(result, "checkout", arm.name), "origin": _ORIGIN, "start_time": stamp, "valid": True,
        "comment": arm.title,
    }  # fmt: skip
    if len(arm.commit) == 40:
        found["git_commit_hash"] = arm.commit
    return found


def _build(result: Result, arm: Arm, stamp: str) -> dict[str, Any]:
    return {
        "id": _id(result, "build", arm.name), "checkout_id": _id(result, "checkout", arm.name), "origin": _ORIGIN,
        "start_time": stamp, "duration": arm.build_seconds, "architecture": "x86_64", "status": "PASS",
        "comment": f"{result.mode}: {arm.title}", "misc": {"artifact_sha256": arm.artifact, "arm": arm.name},
    }  # fmt: skip


def _tests(result: Result, run: Run) -> list[dict[str, Any]]:
    """The run itself, then its figures. A harness that failed is a MISS: it says nothing of the kernel."""
    path = f"cosport.{result.workload.replace('-', '_')}"
    base = {
        "build_id": _id(result, "build", run.arm), "origin": _ORIGIN, "start_time": result.began,
        "environment": {"comment": f"{result.host.qemu}, {result.host.accelerator}"},
    }  # fmt: skip
    whole: dict[str, Any] = {
        **base,
        "id": _id(result, "run", str(run.number)),
        "path": path,
        "status": _status(run),
        "duration": run.total_seconds,
    }
    if run.crash is not None and run.crash.tail:
        whole["log_excerpt"] = _clean(run.crash.tail)[-_EXCERPT:]
    if run.crash is not None:
        return [whole]
    figures = [
        ("amplification", round(run.amplification, 4), "1", bool(run.inflated)),
        ("seconds", run.seconds, "s", run.seconds is not None),
        ("stall", run.stall, "s", bool(run.inflated)),
        ("balloon_inflate", run.inflated, "pages", bool(run.inflated)),
        ("balloon_deflate", run.deflated, "pages", bool(run.inflated)),
    ]
    return [whole] + [
        {
            **base, "id": _id(result, "run", str(run.number), name), "path": f"{path}.{name}", "status": "DONE",
            "number": {"value": value, "unit": unit},
        }
        for name, value, unit, known in figures if known
    ]  # fmt: skip


def _status(run: Run) -> str:
    if run.is_harness_error:
        return "MISS"
    if run.crash is not None:
        return "ERROR"
    return "FAIL" if run.failed or (run.inflated and not run.reached) else "PASS"
