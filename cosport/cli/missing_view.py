"""How `cosport missing` looks: its document `cosport.missing/1`, and its table."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cosport.cli.output import Styled
from cosport.history.missing import How, Missing, Reason, Word
from cosport.history.missing_trials import Applies, Tried
from cosport.kbuild.built import UNMARKED, Mark
from cosport.model.commit import Sha  # noqa: TC001 - the same
from cosport.model.evidence import Evidence  # noqa: TC001 - the same
from cosport.model.severity import Severity  # noqa: TC001 - msgspec reads the fields' types for the schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.backport.target import Target
    from cosport.cli.output import Printer, Text
    from cosport.errors import CosportError
    from cosport.history.declined import Decision

SCHEMA: Final = "cosport.missing/1"
PRESENT: Final = "ok-commit-present"
DECLINED: Final = "declined"

_DAY: Final = 86400
_PATHS: Final = 2
"""So many files in conflict are named in a cell; JSON has them all."""
_STYLES: Final = {Word.MISSING.value: "red", Word.MAYBE.value: "yellow", PRESENT: "green", DECLINED: "dim"}


@dataclass(frozen=True, slots=True)
class Line:
    """A missing commit on one branch: what is known, what the team says, how it applies (None: not tried yet).

    `mark` names the files that no configuration of the branch builds, `cves` what the commit fixes by the CVE data.
    """

    missing: Missing
    severity: Severity
    decision: Decision | None
    tried: Tried | None = None
    mark: Mark = UNMARKED
    cves: tuple[str, ...] = ()

    @property
    def sha(self) -> Sha:
        """The commit."""
        return self.missing.commit.sha

    @property
    def word(self) -> str:
        """The verdict, with what a trial adds: a pick that changes nothing is there, whatever messages say."""
        if self.tried is not None and self.tried.outcome is Applies.NOTHING:
            return PRESENT
        if self.decision is not None and not self.decision.back:
            return DECLINED
        return self.missing.verdict.value


@dataclass(frozen=True, slots=True)
class Found:
    """What one branch lacks, the worst and oldest first, and what of it was put aside.

    `remark` says why it is not known which files the branch builds, though it names its configurations.
    """

    target: Target
    missing: tuple[Line, ...]
    declined: tuple[Line, ...]
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Upstream:
    """Upstream's branch and where it stands."""

    ref: str
    commit: Sha


@dataclass(frozen=True, slots=True)
class Declined:
    """What the team decided: `back` says why that holds no longer, null while it does."""

    commit: str
    reason: str
    by: str
    date: str | None
    until: str | None
    back: str | None


@dataclass(frozen=True, slots=True)
class Commit:
    """A missing commit. Times are seconds since 1970; `cves` the ids that it fixes by the CVE data; `verdict` is
    missing-commit, maybe-missing-commit, ok-commit-present or declined; `stable` the versions of the stable trees that
    upstream asked to take it.
    """  # noqa: D205 - one sentence

    sha: Sha
    subject: str
    author: str
    authored: int
    committed: int
    severity: Severity
    cves: tuple[str, ...]
    verdict: str
    stable: tuple[str, ...]
    reasons: tuple[Reason, ...]
    evidence: tuple[Evidence, ...]
    trial: Tried | None
    decline: Declined | None
    relevance: Mark


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no answer for a branch."""

    what: str
    hint: str


@dataclass(frozen=True, slots=True)
class Branch:
    """One branch; `tip` and the lists are null and empty where `error` says why there is no answer.

    `remark` says why no file is marked as not built, "" where that is known or no defconfig is configured.
    """

    branch: str
    tip: Sha | None
    missing: tuple[Commit, ...]
    declined: tuple[Commit, ...]
    error: Trouble | None
    remark: str


@dataclass(frozen=True, slots=True)
class Document:
    """The whole answer."""

    schema: str
    upstream: Upstream
    branches: tuple[Branch, ...]


def document(upstream: Upstream, found: Sequence[Found], absent: Sequence[tuple[str, CosportError]]) -> Document:
    """The answer for machines."""
    here = [
        Branch(
            each.target.name,
            each.target.tip,
            tuple(_commit(line) for line in each.missing),
            tuple(_commit(line) for line in each.declined),
            None,
            each.remark,
        )
        for each in found
    ]
    others = [Branch(name, None, (), (), Trouble(error.what, error.hint), "") for name, error in absent]
    return Document(SCHEMA, upstream, (*here, *others))


def _commit(line: Line) -> Commit:
    entry, missing = line.missing.commit, line.missing
    return Commit(
        entry.sha,
        entry.subject,
        entry.author,
        entry.authored,
        entry.committed,
        line.severity,
        line.cves,
        line.word,
        missing.stable,
        missing.reasons,
        missing.evidence,
        line.tried,
        _declined(line.decision) if line.decision is not None else None,
        line.mark,
    )


def _declined(decision: Decision) -> Declined:
    known = decision.decline
    return Declined(
        known.commit,
        known.reason,
        known.by,
        known.date.isoformat() if known.date else None,
        known.until.isoformat() if known.until else None,
        decision.back or None,
    )


def tell(printer: Printer, found: Found) -> None:
    """Print what a branch lacks."""
    aside = f" ({len(found.declined)} put aside)" if found.declined else ""
    if not found.missing:
        printer.say(f"{found.target.name}: nothing is missing{aside}")
        return
    printer.say(f"{found.target.name} lacks {_count(len(found.missing), 'fix', 'fixes')}{aside}")
    headings = ("upstream", "age", "severity", "verdict", "applies", "subject", "why")
    printer.table(headings, [_row(line) for line in found.missing])
    if found.remark:
        printer.note(f"{found.target.name}: {found.remark}")
    for line in found.missing:
        if line.mark.not_built:
            printer.note(f"{line.sha[:12]}: {not_built(line.mark)}")
        for each in line.missing.evidence:
            printer.note(f"{line.sha[:12]}: {each.kind.value}: {each.detail}")
        if line.decision is not None:
            printer.note(f"{line.sha[:12]} is back: {line.decision.back}")
            printer.note(f"    it was declined because: {line.decision.decline.reason}")


def tell_declined(printer: Printer, found: Found) -> None:
    """Print what was put aside for a branch."""
    if not found.declined:
        printer.say(f"{found.target.name}: nothing was put aside")
        return
    printer.say(f"{found.target.name}: {len(found.declined)} put aside")
    rows: list[tuple[Text, ...]] = []
    for line in found.declined:
        assert line.decision is not None
        known = line.decision.decline
        own = line.sha.startswith(known.commit.lower())
        reason = known.reason if own else f"it fixes only {known.commit[:12]}, which is declined"
        until = known.until.isoformat() if known.until else ""
        rows.append((line.sha[:12], line.missing.commit.subject, known.by, until, reason))
    printer.table(("upstream", "subject", "by", "until", "reason"), rows)


def not_built(mark: Mark) -> str:
    """What a mark says, in a few words."""
    return ("touches only what is not built here: " if mark.every else "not built here: ") + ", ".join(mark.not_built)


def applies(tried: Tried) -> Text:
    """How a trial went, in a few words."""
    if tried.outcome is Applies.CONFLICT:
        # Some fixes conflict in thirty files, and each line of the table is as wide as the widest.
        paths = [each.path for each in tried.conflicts]
        more = f" and {len(paths) - _PATHS} more" if len(paths) > _PATHS else ""
        return Styled("conflict: " + ", ".join(paths[:_PATHS]) + more, "red")
    if tried.outcome is Applies.ERROR:
        return Styled(f"error: {tried.error}", "red")
    if tried.outcome is Applies.NOTHING:
        return Styled("changes nothing: it is there already", "green")
    return Styled("clean", "green")


def _row(line: Line) -> tuple[Text, ...]:
    entry, word = line.missing.commit, line.word
    return (
        entry.sha[:12],
        _age(entry.committed),
        " ".join((line.severity.value, *line.cves)),
        Styled(word, _STYLES[word]),
        applies(line.tried) if line.tried is not None else Styled("not tried", "dim"),
        entry.subject,
        "; ".join(_because(each) for each in line.missing.reasons),
    )


def _because(reason: Reason) -> str:
    text = f"{reason.kind} {reason.sha[:12]}"
    if reason.how is How.SUBJECT:
        text += " (by its subject" + (f": {reason.named[:12]} leads nowhere)" if reason.named else ")")
    elif reason.how is How.SENTENCE:
        text += " (by a sentence of its message)"
    elif reason.how is How.BACKPORT:
        text += f" (named by its backport {reason.named[:12]})"
    if not reason.held:
        text += ", missing too"
    elif reason.held[0].kind.value != "ancestor":
        text += f", held: {reason.held[0].detail}"
    if reason.reverted_by is not None:
        text += f", which upstream reverted by {reason.reverted_by[:12]}"
    return text


def _age(committed: int) -> str:
    """How long upstream has had it, in the largest unit that fits."""
    days = max(0, int(time.time()) - committed) // _DAY
    if days >= 730:
        return f"{days // 365} years"
    return f"{days // 30} months" if days >= 60 else _count(days, "day", "days")


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
