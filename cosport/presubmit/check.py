"""A check as a value: what it judges, what it reads, and its answer. Teams add their own through entry points."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from cosport.presubmit.finding import Finding, Rule, Severity, gravest

if TYPE_CHECKING:
    from collections.abc import Callable

    from cosport.config import Presubmit as Settings
    from cosport.presubmit.change import Change
    from cosport.presubmit.kind import Kind

VERIFIED: Final = "Verified"
"""The label that a check speaks for unless it says otherwise."""


class Reads(StrEnum):
    """What a check looks at besides the commit, its parents and the configuration: its answer may change with it."""

    TARGET = "target"  # the tip of the branch that it is for
    MAIN = "main"  # the tip of that branch's main branch
    UPSTREAM = "upstream"  # upstream's tip
    BRANCHES = "branches"  # the tips of all other branches
    CVE = "cve"  # the CVE data, where some is configured
    DECLINES = "declines"  # what the team has decided not to take, as far as that holds today
    RECORDS = "records"  # what earlier stages wrote down about commits


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """There is nothing to judge, and why; `always` where that is by the commit alone, whatever else changes."""

    reason: str
    always: bool = False


@dataclass(frozen=True, slots=True)
class CouldNotRun:
    """The check has no answer, and why: never a pass."""

    reason: str


Answer = tuple[Finding, ...] | NotApplicable | CouldNotRun
"""What a check says: its findings (none: passed), or why it has none to give."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `judge` answers for a change of one of `kinds`.

    `label` is the Gerrit label that it speaks for; `repair` gives a message without those of its findings that have a
    fix; a costly one runs only where the user names it or `asked` says that the configuration asks for it.
    """

    id: str
    title: str
    kinds: frozenset[Kind]
    rules: tuple[Rule, ...]
    judge: Callable[[Change], Answer]
    reads: frozenset[Reads] = frozenset()
    label: str = VERIFIED
    repair: Callable[[Change, str], str] | None = None
    asked: Callable[[Settings], bool] | None = None

    @property
    def severity(self) -> Severity:
        """How grave its gravest finding is."""
        return gravest(rule.severity for rule in self.rules)


class State(StrEnum):
    """What came of a check."""

    PASSED = "passed"
    FINDINGS = "findings"
    NOT_APPLICABLE = "not-applicable"
    NOT_ASKED = "not-asked"  # a costly one, which neither the configuration nor the user asked for
    SKIPPED = "skipped"  # waived by somebody who may, with a reason
    COULD_NOT_RUN = "could-not-run"
