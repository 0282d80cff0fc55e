"""Says why a job did not pass, and what a person does now: a few lines, out of the document that its stage answered.

They are for people alone. Other jobs may refer to outputs, which hold no text of a commit; these lines may.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SHOWN: Final = 5
"""Findings that are told here; the rest is in the job's folder."""


def of(stage: str, document: bytes, *, here: bool) -> str:
    """Why a stage that answered so did not pass, "" where nothing is to be said. `here`: it ran in this repository."""
    tell = _REASONS.get(stage)
    if tell is None:
        return ""
    try:
        return "\n".join(tell(msgspec.json.decode(document), here))
    except (msgspec.DecodeError, LookupError, TypeError, AttributeError):
        return ""  # that the document is not what it should be is told by whoever reads its outputs


def _backport(document: Any, here: bool) -> Iterator[str]:
    for result in document["results"]:
        tell = _OUTCOMES.get(result["outcome"])
        if tell is not None:
            yield from tell(result, here)
        review = result["review"] or {}
        if review.get("state") in ("refused", "failed"):
            yield f"review {review['state']}: {review['why']}"


def _conflict(result: Any, here: bool) -> Iterator[str]:
    upstream, branch = result["upstream"][:12], shlex.quote(result["branch"])
    yield f"conflicts in {', '.join(each['path'] for each in result['conflicts'])}"
    if result["prerequisites"]:
        names = ", ".join(each["sha"][:12] for each in result["prerequisites"])
        yield f"merges cleanly after {names}: cosport backport {upstream} --to {branch} --with-prereqs"
    place = next((each["worktree"] for each in result["conflicts"] if each["worktree"]), "")
    if place and here:
        yield f"or resolve it in {shlex.quote(place)}, then: cosport backport --continue --branch {branch}"
    elif not result["prerequisites"] or not here:
        yield f"resolve it where you work: cosport backport {upstream} --to {branch}"


def _resolved(result: Any, _: bool) -> Iterator[str]:
    branch = shlex.quote(result["branch"])
    rules = ", ".join(f"{each['path']}:{each['line']} by rule {each['rule']}" for each in result["rules"][:_SHOWN])
    yield f"a conflict was resolved: {rules}"
    show = f"cosport backport --show --branch {branch}"
    if result["ref"]:  # a trial leaves nothing to look at
        yield f"look at it: {show}; then take it over: cosport backport --accept --branch {branch}"


def _evidence(result: Any, _: bool) -> Iterator[str]:
    yield from (each["detail"] for each in result["evidence"][-1:])


def _error(result: Any, _: bool) -> Iterator[str]:
    yield result["error"]["what"]
    if result["error"]["hint"]:
        yield f"hint: {result['error']['hint']}"


_OUTCOMES: Final[dict[str, Callable[[Any, bool], Iterator[str]]]] = {
    "conflict": _conflict,
    "resolved": _resolved,
    "reverted-upstream": _evidence,
    "error": _error,
}


def _presubmit(document: Any, _: bool) -> Iterator[str]:
    """What blocks, and what could not run; warnings alone do not fail a check."""
    lines = []
    for report in document["reports"]:
        head = f"{report['commit'][:12]}: " if len(document["reports"]) > 1 else ""
        for check in report["checks"]:
            if check["state"] == "could-not-run":
                lines.append(f"{head}{check['check']} could not run: {check['reason']}")
            lines += [
                f"{head}{found['message']} [{check['check']}/{found['rule']}]"
                for found in check["findings"]
                if found["severity"] == "block" or report["verdict"] != "fail"
            ]
    yield from lines[:_SHOWN]
    if len(lines) > _SHOWN:
        yield f"and {len(lines) - _SHOWN} more: see its document.json"


def _regress(document: Any, _: bool) -> Iterator[str]:
    yield from document["judgement"]["reasons"]


_REASONS: Final[dict[str, Callable[[Any, bool], Iterator[str]]]] = {
    "backport": _backport,
    "push": _backport,
    "presubmit": _presubmit,
    "build": _presubmit,
    "regress": _regress,
}
