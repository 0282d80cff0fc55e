"""Reads a guest's console: what went wrong in it, told from text alone. Opens nothing, so recorded consoles test it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

TAIL_LINES: Final = 40


class Failure(StrEnum):
    """How a virtual machine failed to give a measurement."""

    PANIC = "panic"
    OOPS = "oops"
    OOM = "oom"  # the guest ran out of memory and had nothing left to kill
    HANG = "hang"  # it is silent: the idle clock
    BOOT = "boot"  # it said no word: the boot clock
    TIMEOUT = "timeout"  # the total clock
    EXIT = "exit"  # QEMU ended by itself
    KILLED = "killed"  # QEMU was ended by a signal: a person, or the host's OOM killer
    QMP = "qmp"  # QEMU lives and its monitor does not answer
    REFUSED = "refused"  # QEMU would not start with these options
    DEVICE = "device"  # the guest has no balloon, or did not negotiate what the job is about
    DISK = "disk"  # the host's disk is full


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a console tells: the kind, and the line that says it."""

    failure: Failure
    line: str


_STAMP: Final = re.compile(r"^(?:<\d+>)?\[\s*\d+\.\d+\](?:\[[^\]]*\])? ?")
_SIGNS: Final = (
    # In the order of what says most: a panic's first line names its cause, an oops comes before the panic it leads to.
    (Failure.OOM, re.compile(r"Kernel panic - not syncing: .*(?:deadlocked on memory|[Oo]ut of memory)")),
    (
        Failure.OOPS,
        re.compile(
            r"(?:(?<!watchdog: )BUG: (?!workqueue)|Oops: |general protection fault|kernel BUG at|divide error: )"
        ),
    ),
    (Failure.PANIC, re.compile(r"Kernel panic - not syncing")),
    (Failure.HANG, re.compile(r"(?:watchdog: BUG: soft lockup|rcu: INFO: .*stall|blocked for more than \d+ seconds)")),
)


def trouble(console: str) -> Trouble | None:
    """What went wrong according to the console, or None."""
    lines = [_STAMP.sub("", line.rstrip("\r")) for line in console.splitlines()]
    for failure, sign in _SIGNS:
        for line in lines:
            if sign.search(line):
                return Trouble(failure, line.strip())
    return None


def tail(console: str, lines: int = TAIL_LINES) -> str:
    """The console's last lines."""
    return "\n".join(line.rstrip("\r") for line in console.splitlines()[-lines:])
