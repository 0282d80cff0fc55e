"""`cosport plan --missing`: all missing fixes by all branches, a row as soon as it is known."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cosport.backport.document import plain
from cosport.backport.matrix import matrix
from cosport.cli.missing import look, read_team, upstream_of
from cosport.cli.missing_view import not_built
from cosport.cli.output import Styled
from cosport.cli.working import targets_of, working
from cosport.kbuild.built import Mark
from cosport.model.result import Outcome, Result
from cosport.model.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.backport.request import Request
    from cosport.backport.target import Target
    from cosport.cli.missing_view import Found, Line
    from cosport.cli.output import Printer, Text
    from cosport.cli.session import Session
    from cosport.history.index import Entry
    from cosport.model.commit import Sha

SCHEMA: Final = "cosport.plan-missing/1"

_WORDS: Final = {
    Outcome.PICKED: Styled("clean", "green"),
    Outcome.RESOLVED: Styled("resolved", "yellow"),
    Outcome.CONFLICT: Styled("conflict", "red"),
    Outcome.ALREADY_APPLIED: Styled("applied", "dim"),
    Outcome.NOT_AFFECTED: Styled("not affected", "dim"),
    Outcome.DECLINED: Styled("declined", "dim"),
    Outcome.WAITS_FOR_MAIN: Styled("waits", "dim"),
    Outcome.REVERTED_UPSTREAM: Styled("reverted", "dim"),
    Outcome.ERROR: Styled("error", "red"),
}

_LETTERS: Final = {
    Outcome.PICKED: "+",
    Outcome.CONFLICT: "C",
    Outcome.RESOLVED: "R",
    Outcome.ALREADY_APPLIED: "=",
    Outcome.NOT_AFFECTED: ".",
    Outcome.DECLINED: "d",
    Outcome.WAITS_FOR_MAIN: "w",
    Outcome.REVERTED_UPSTREAM: "r",
    Outcome.ERROR: "E",
}
"""The same where there is no room for words."""

_BESIDE: Final = 54
"""Columns of a row for all that is no branch: the sha, the severity, and the beginning of a subject."""


@dataclass(frozen=True, slots=True)
class Marked:
    """The files of a fix that none of a branch's configurations builds; `every` tells that it touches no other."""

    branch: str
    not_built: tuple[str, ...]
    every: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One missing fix, its CVEs, and what would become of it on each branch. Times are seconds since 1970."""

    schema: str
    upstream: str
    subject: str
    committed: int
    severity: Severity
    cves: tuple[str, ...]
    results: tuple[Result, ...]
    relevance: tuple[Marked, ...]


def run(session: Session, request: Request, names: Sequence[str]) -> int:
    """Print the matrix, the worst first, then the oldest; the exit code."""
    code = 0
    with working(session) as context:
        upstream = upstream_of(context)
        says = read_team(session, context.reader)
        targets, absent = targets_of(context, names, every=not names)
        found = [look(context, says, target, upstream) for target in targets]
        lines = {line.sha: line for each in found for line in each.missing}
        order = sorted(lines.values(), key=lambda line: (line.severity.order, line.missing.commit.committed))
        needed = {each.target.name: {line.sha for line in each.missing} for each in found}
        shas = [line.sha for line in order]
        marks = _marks(found)
        table = _Table(session.printer, targets)
        if not shas and not session.json:
            session.printer.say("nothing is missing")
        for line, results in zip(order, matrix(context, request, shas, targets, needed), strict=True):
            code = max(code, *(result.outcome.exit_code for result in results))
            if session.json:
                session.printer.line(_plain(line, results, marks.get(line.sha, ())))
            else:
                table.row(line.missing.commit, line.severity, results, marks.get(line.sha, ()))
        for each in found:
            if each.remark:
                session.printer.note(f"{each.target.name}: {each.remark}")
        for name, error in absent:
            session.printer.note(f"{name}: {error.what}")
    return max([code, *(error.exit_code for _, error in absent)])


def _marks(found: Sequence[Found]) -> dict[Sha, tuple[Marked, ...]]:
    """The marks of each fix, branch by branch."""
    marks: dict[Sha, tuple[Marked, ...]] = {}
    for each in found:
        for line in each.missing:
            if line.mark.not_built:
                said = Marked(each.target.name, line.mark.not_built, line.mark.every)
                marks[line.sha] = (*marks.get(line.sha, ()), said)
    return marks


def _plain(line: Line, results: Sequence[Result], marks: Sequence[Marked]) -> dict[str, Any]:
    entry = line.missing.commit
    return {
        "schema": SCHEMA,
        "upstream": entry.sha,
        "subject": entry.subject,
        "committed": entry.committed,
        "severity": line.severity.value,
        "cves": list(line.cves),
        "results": [plain(result) for result in results],
        "relevance": [
            {"branch": each.branch, "not_built": list(each.not_built), "every": each.every} for each in marks
        ],
    }


def _legend() -> list[Text]:
    parts: list[Text] = []
    for outcome, letter in _LETTERS.items():
        parts += [Styled(letter, _WORDS[outcome].style), f" {_WORDS[outcome].text}   "]
    return [*parts, "(in words: | less -S)"]


class _Table:
    """Rows of fixed widths, so that each can be printed before the next is known.

    Where all branches side by side are too wide for the terminal, they get numbers, and the outcomes a letter each.
    """

    def __init__(self, printer: Printer, targets: Sequence[Target]) -> None:
        self._printer = printer
        self._names = [target.name for target in targets]
        longest = max(len(word.text) for word in _WORDS.values())
        self._widths = [max(longest, len(name)) for name in self._names]
        room = shutil.get_terminal_size().columns - _BESIDE
        self._short = printer.out.isatty() and sum(self._widths) + 2 * len(self._widths) > room
        if self._short:
            self._widths = [len(str(len(self._names)))] * len(self._names)
        self._begun = False

    def _begin(self) -> None:
        self._begun = True
        heads = self._names
        if self._short:
            for number, name in enumerate(self._names, 1):
                self._printer.say(f"{number:>3} {name}")
            self._printer.say("  ", *_legend())
            heads = [str(number) for number in range(1, len(self._names) + 1)]
        named = (head.ljust(width) for head, width in zip(heads, self._widths, strict=True))
        self._printer.say("upstream      ", "  ".join(named), "  severity  subject")

    def row(self, entry: Entry, severity: Severity, results: Sequence[Result], marks: Sequence[Marked]) -> None:
        """Print one fix, and below it the files in conflict."""
        if not self._begun:
            self._begin()
        cells: list[Text] = []
        for result, width in zip(results, self._widths, strict=True):
            word = _WORDS[result.outcome]
            if self._short:
                word = Styled(_LETTERS[result.outcome], word.style)
            cells += [word, " " * (width - len(word.text) + 2)]
        shown = "" if severity is Severity.UNKNOWN else severity.value
        self._printer.say(f"{entry.sha[:12]}  ", *cells, f"{shown:8}  {entry.subject}")
        for result in results:
            self._explain(result)
        for mark in marks:
            said = not_built(Mark(mark.not_built, every=mark.every))
            self._printer.say(f"              {mark.branch}: {said}")
        self._printer.out.flush()

    def _explain(self, result: Result) -> None:
        head = f"              {result.branch}: "
        if result.conflicts:
            self._printer.say(head, ", ".join(f"{each.path} ({each.kind.value})" for each in result.conflicts))
        if result.outcome is Outcome.RESOLVED:
            how = "not measured" if result.confidence is None else f"{result.confidence:g}"
            rules = ", ".join(dict.fromkeys(each.rule for each in result.rules))
            self._printer.say(head, f"resolved by rule {rules} (confidence {how}): a person accepts it")
        if result.error:
            self._printer.say(head, result.error)
        for note in result.notes:
            self._printer.note(head, note)
