"""Writes what the bot says on a change: a short summary, and comments on the lines that findings point at.

Gerrit renders remarks as Markdown, links what looks like a link, and takes `@name` for a call to that person. Commits
hold anything, so foreign text stands in code spans on one line, without any sign that could end one or call anybody.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

import msgspec

from cosport import resources
from cosport.gerrit.model import Comment
from cosport.model.text import safe
from cosport.presubmit.check import State
from cosport.presubmit.finding import GRADES, PlaceKind, Severity
from cosport.presubmit.formats import gerrit as format_gerrit
from cosport.presubmit.report import Verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from cosport.presubmit.finding import Finding, Place
    from cosport.presubmit.report import Report

LABELS: Final = ("Verified", "Main-Branch-Verified")
"""The labels that cosport votes on, and no other."""

VALUES: Final = {Verdict.PASS: 1, Verdict.FAIL: -1, Verdict.INCOMPLETE: 0}

_SHOWN: Final = 20
"""Findings in a summary; all of them stand in the record."""
_LONGEST: Final = 300
"""Characters of one foreign text."""
_MARKER: Final = re.compile(r"\(verdict ([0-9a-f]{16}), record ([0-9a-f]{32})\)")


def code(text: str) -> str:
    """Foreign text as a Markdown code span: one line, with an end, and nothing in it that Gerrit acts upon."""
    shown = safe(text[:_LONGEST]).replace("`", "'").replace("@", "(at)").strip()
    return f"`{shown or ' '}{'...' if len(text) > _LONGEST else ''}`"


def votes(report: Report, labels: Collection[str]) -> dict[str, int]:
    """The vote on each of our labels that the change has; 0 where there is nothing to vote for."""
    found = report.labels
    return {name: VALUES[found[name]] if name in found else 0 for name in LABELS if name in labels}


def said(report: Report, wanted: Mapping[str, int]) -> str:
    """A name for what a review would say: where it is the same as what was said before, nothing needs saying."""
    parts = [(each.check, each.state, each.reason, each.findings) for each in report.checks]
    return hashlib.sha256(msgspec.json.encode([sorted(wanted.items()), parts])).hexdigest()[:16]


def marker(said_as: str, record: str) -> str:
    """The last line of a review: by it the bot knows its own, and a person finds the record."""
    return f"(verdict {said_as}, record {record})"


def marked(text: str) -> tuple[str, str] | None:
    """What `marker` was given, from a remark as Gerrit has it; None where its last line is no such mark.

    Only the last line counts: the same words further up may have come out of a commit.
    """
    found = _MARKER.fullmatch(text.rstrip("\n").rpartition("\n")[2])
    return (found[1], found[2]) if found is not None else None


def summary(report: Report, wanted: Mapping[str, int], mark: str) -> str:
    """The remark on the change as a whole."""
    import jinja2

    found = sorted(report.findings, key=lambda each: -GRADES[each.severity])
    env = jinja2.Environment(  # noqa: S701 - it is no HTML; `code` does what its reader needs
        loader=jinja2.FileSystemLoader(resources.path("templates", "review")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["code"] = code
    text = env.get_template("summary.j2").render(
        headline=_headline(report, found, wanted),
        waits=_waits(report),
        findings=[
            {"severity": each.severity.value, "check": f"{each.check}/{each.rule}", "place": _place(each.place),
             "message": each.message}
            for each in found[:_SHOWN]
        ],
        more=max(0, len(found) - _SHOWN),
        unanswered=[each for each in report.checks if each.verdict is Verdict.INCOMPLETE],
        skipped=[each for each in report.checks if each.state is State.SKIPPED],
        marker=mark,
    )  # fmt: skip
    return text.strip()


def _headline(report: Report, found: list[Finding], wanted: Mapping[str, int]) -> str:
    cast = ", ".join(f"{name} {value:+d}" for name, value in wanted.items() if value) or "no vote"
    blocking = sum(each.severity is Severity.BLOCK for each in found)
    what = {
        Verdict.PASS: "nothing blocks",
        Verdict.FAIL: f"{blocking} finding{'s' if blocking != 1 else ''} block{'s' if blocking == 1 else ''}",
        Verdict.INCOMPLETE: "not all checks had an answer",
    }[report.verdict]
    return f"{what}; {cast} ({report.kind.value}: {report.how})"


def _waits(report: Report) -> str:
    """What happens next by itself."""
    if report.labels.get("Main-Branch-Verified") is Verdict.FAIL:
        return "Main-Branch-Verified is renewed by itself as soon as the main branch has the change."
    if report.verdict is Verdict.INCOMPLETE:
        return "It is tried again by itself."
    return ""


def _place(place: Place) -> str:
    if place.kind is PlaceKind.MESSAGE:
        return f"line {place.line} of the message" if place.line else "the message"
    if place.kind is PlaceKind.FILE:
        return f"{place.path}:{place.line}" if place.line else place.path
    return ""


def comments(report: Report, files: Collection[str]) -> dict[str, tuple[Comment, ...]]:
    """Comments on lines, by path. `files` are those that Gerrit has of the patch set: it takes comments on no other.

    They are resolved ones: the label blocks already, and where it is renewed nobody should have to tick them off.
    """
    found = format_gerrit.review(report)["comments"]
    return {
        path: tuple(Comment(each["message"], each.get("line", 0), unresolved=False) for each in some)
        for path, some in found.items()
        if path == format_gerrit.MESSAGE or path in files
    }
