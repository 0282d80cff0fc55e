"""What is said of one commit: the result of each check, and all that the judgement depended on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from cosport.model.commit import Sha  # noqa: TC001 - msgspec reads the fields' types when it decodes a report
from cosport.presubmit.check import State
from cosport.presubmit.finding import Finding, Severity
from cosport.presubmit.kind import Kind  # noqa: TC001 - the same

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SCHEMA: Final = "cosport.presubmit/1"


class Verdict(StrEnum):
    """The sum of a report. Only `pass` is good; `incomplete` is no judgement on the commit."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"  # something blocks
    INCOMPLETE = "incomplete"  # nothing blocks, but a check that could block had no answer


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check said. `reason` tells why it has no findings to give, or who skipped it and why.

    `severity` is how grave it can be; `label` is the one that it speaks for; `seconds` how long it took.
    """

    check: str
    state: State
    severity: Severity
    label: str
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    seconds: float = 0.0

    @property
    def verdict(self) -> Verdict:
        """What this check alone amounts to."""
        if any(finding.severity is Severity.BLOCK for finding in self.findings):
            return Verdict.FAIL
        if self.state is State.COULD_NOT_RUN and self.severity is Severity.BLOCK:
            return Verdict.INCOMPLETE
        return Verdict.PASS


@dataclass(frozen=True, slots=True)
class Input:
    """Something that a judgement depended on besides the commit: `kind` as in Reads, or "config" or "software".

    `name` is what it is called (a ref, a folder), `value` what it was: a commit, a revision, a version; "" for absent.
    """

    kind: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Report:
    """The judgement on one commit for one branch.

    `change_id` is "" where it has none; `how` tells how the kind is known; `verdict` is the sum of all checks.
    """

    commit: Sha
    parents: tuple[Sha, ...]
    subject: str
    change_id: str
    branch: str
    kind: Kind
    how: str
    profile: str
    verdict: Verdict
    checks: tuple[CheckResult, ...]
    inputs: tuple[Input, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, in the order of the checks."""
        return tuple(finding for result in self.checks for finding in result.findings)

    @property
    def labels(self) -> dict[str, Verdict]:
        """The verdict for each label that a check of this report speaks for.

        A label is left out where none of its checks had anything to judge: then there is nothing to vote on.
        """
        found: dict[str, list[CheckResult]] = {}
        for result in self.checks:
            found.setdefault(result.label, []).append(result)
        return {
            label: verdict_of(results)
            for label, results in found.items()
            if any(result.state not in (State.NOT_APPLICABLE, State.NOT_ASKED) for result in results)
        }


@dataclass(frozen=True, slots=True)
class Document:
    """What `cosport presubmit --json` prints."""

    schema: str
    reports: tuple[Report, ...]


def document(reports: Sequence[Report]) -> Document:
    """The document of some reports."""
    return Document(SCHEMA, tuple(reports))


def verdict_of(results: Iterable[CheckResult]) -> Verdict:
    """The sum of some results: what fails beats what is not known, and that what passes."""
    verdicts = {result.verdict for result in results}
    return next((each for each in (Verdict.FAIL, Verdict.INCOMPLETE) if each in verdicts), Verdict.PASS)
