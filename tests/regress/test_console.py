from __future__ import annotations

from pathlib import Path

import pytest

from cosport.regress import console
from cosport.regress.console import Failure

RECORDED = Path(__file__).parent.parent / "data/regress"


@pytest.mark.parametrize(
    ("name", "failure", "says"),
    [
        ("crash", Failure.PANIC, "Kernel panic - not syncing: sysrq triggered crash"),
        ("no-init", Failure.PANIC, "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)"),
        ("init-died", Failure.PANIC, "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000000"),
    ],
)
def test_recorded_consoles_tell_how_the_guest_died(name: str, failure: Failure, says: str) -> None:
    found = console.trouble((RECORDED / f"console-{name}.log").read_text(encoding="utf-8"))
    assert found == console.Trouble(failure, says)


@pytest.mark.parametrize(
    ("text", "failure"),
    [
        (
            "[    9.1] BUG: kernel NULL pointer dereference\r\n[    9.2] Kernel panic - not syncing: Fatal\r\n",
            Failure.OOPS,
        ),
        ("[    9.1] kernel BUG at mm/balloon_compaction.c:42!\n", Failure.OOPS),
        ("[    9.1][    T1] general protection fault, probably for non-canonical address: 0000 [#1]\n", Failure.OOPS),
        (
            "[   40.0] Out of memory: 7\n[   41.0] Kernel panic - not syncing: System is deadlocked on memory\n",
            Failure.OOM,
        ),
        ("[   40.0] watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [kworker/0:1:13]\n", Failure.HANG),
        ("[  300.0] INFO: task cat:81 blocked for more than 120 seconds.\n", Failure.HANG),
        ("[   60.0] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\n", Failure.HANG),
    ],
)  # fmt: skip
def test_each_kind_of_trouble_is_told_from_the_others(text: str, failure: Failure) -> None:
    found = console.trouble(text)
    assert found is not None
    assert found.failure is failure
    assert not found.line.startswith("[")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[    0.0] Linux version 6.1.0\n[    1.0] virtio_balloon: loading out-of-tree module taints kernel.\n",
        "[   40.0] Out of memory: Killed process 77 (awk)\n",  # what balloon-oom wants to see
        "[    2.0] BUG: workqueue lockup - pool cpus=0\n",  # a busy host under emulation
    ],
)
def test_what_a_healthy_guest_says_is_no_trouble(text: str) -> None:
    assert console.trouble(text) is None


def test_the_tail_is_the_end_without_carriage_returns() -> None:
    text = "".join(f"line {number}\r\n" for number in range(100))
    assert console.tail(text, 2) == "line 98\nline 99"
