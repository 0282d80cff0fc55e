"""The kernel with the commit boots, as it does without it. What fails is tried again before anybody is blamed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cosport.config import Boot
from cosport.message.finding import Severity
from cosport.presubmit.check import Answer, Check, CouldNotRun, NotApplicable
from cosport.presubmit.finding import Rule
from cosport.presubmit.kind import EVERY

if TYPE_CHECKING:
    from cosport.presubmit.booted import Booted
    from cosport.presubmit.change import Change

FAILED: Final = Rule(
    "boot-failed", Severity.BLOCK,
    "The kernel reaches user space without this commit, and twice not with it. Its console tells where it stopped.",
)  # fmt: skip
BEFORE: Final = Rule(
    "boot-broken-before", Severity.WARN,
    "The kernel does not boot without this commit either: the branch is broken, or this machine does not suit it.",
)  # fmt: skip
UNSTEADY: Final = Rule(
    "boot-unsteady", Severity.WARN, "It failed to boot once, and booted when that was tried again. Is there a race?"
)

_TALE: Final = 5
"""Lines of the console in a finding."""


def judge(change: Change) -> Answer:
    """Boot it; where that fails, what it stands on, and itself once more."""
    boots, parent = change.context.boots, change.parent
    if boots is None:
        return CouldNotRun("kernels are not booted here: ask cosport presubmit, or the bot")
    if all(entry.path.startswith(b"Documentation/") for entry in change.entries):
        return NotApplicable("it touches documentation alone", always=True)
    if parent is None:
        return CouldNotRun("it stands on no commit to compare it with")
    after = boots(change, change.commit)
    if not after.trouble:
        return ()
    before = boots(change, parent)
    if before.trouble:
        return (BEFORE.finding(f"{before.what}: {_told(before)}"),)
    again = boots(change, change.commit)
    rule = FAILED if again.trouble else UNSTEADY
    return (rule.finding(f"{after.what}: {_told(after)}"),)


def _told(booted: Booted) -> str:
    lines = [line.strip() for line in booted.console.splitlines() if line.strip()]
    return " / ".join((booted.trouble, *lines[-_TALE:]))


CHECK: Final = Check(
    "boot", "The kernel boots with it, as without it, in QEMU (needs presubmit.boot or --only boot).",
    EVERY, (FAILED, BEFORE, UNSTEADY), judge, asked=lambda settings: settings.boot is not Boot.OFF,
)  # fmt: skip
