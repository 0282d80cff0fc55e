"""Runs and results to judge and to write, as a job makes them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cosport.model.regress import ArmName
from cosport.regress import verdict, workload
from cosport.regress.result import SCHEMA, Arm, Crash, Host, Judgement, Result, Run

if TYPE_CHECKING:
    from collections.abc import Sequence

TARGET = 97280
HOST = Host("tcg", "asked for", "max", "QEMU emulator version 7.2.22", "6.1.0", 2, 4096, "3.11.2", "0.1.0")


def run(
    number: int, arm: ArmName, amplification: float = 1.0, seconds: float | None = 3.0, stall: float = 0.2, *,
    crash: Crash | None = None, under_load: bool = False, failed: tuple[str, ...] = (),
) -> Run:  # fmt: skip
    pages = round(amplification * TARGET)
    return Run(
        number, arm, "", TARGET, 45.0, reached=seconds is not None, seconds=seconds, stall=stall, inflated=pages,
        deflated=pages - TARGET if seconds is not None else pages // 2, inflated_whole=pages, deflated_whole=pages,
        kept=TARGET if seconds is not None else None, counters={"balloon_inflate": pages, "oom_kill": 0, "MemFree": 9},
        features="011" + "0" * 61, kernel="6.1.0", crash=crash, under_load=under_load, failed=failed, boot_seconds=4.0,
        guest_seconds=20.0, total_seconds=20.5, console=f"console-{number:02d}-{arm}.log",
        argv=("qemu-system-x86_64", "-append", "console=ttyS0 panic=-1"),
    )  # fmt: skip


def good(number: int, arm: ArmName = ArmName.WITH) -> Run:
    return run(number, arm, 1.0, 2.7 + number * 0.13, 0.2)


def bad(number: int, arm: ArmName = ArmName.WITHOUT) -> Run:
    return run(number, arm, 14.0 + number * 0.3, None, 17.0 + number)


def panic(number: int, arm: ArmName, *, under_load: bool) -> Run:
    crash = Crash(
        "panic", "the guest's kernel panicked: <b>&\x1b[31m", "[ 1.0] Kernel panic - not syncing: \x00\x1b]<x>"
    )
    return replace(run(number, arm, seconds=None, crash=crash, under_load=under_load), inflated=0)


def sample(without: int = 4, with_: int = 4) -> tuple[Run, ...]:
    """As many bad runs without the fix, and good ones with it."""
    runs = [bad(number) for number in range(1, without + 1)]
    return (*runs, *(good(number) for number in range(without + 1, without + with_ + 1)))


def result(runs: Sequence[Run], *, control: bool = False, judgement: Judgement | None = None) -> Result:
    rules = workload.find("balloon").judge
    names = [name for name in ArmName if any(each.arm is name for each in runs)]
    arms = tuple(Arm(name, f"linux-source, {name} <fix>", "6.1.192", f"{place}" * 64, "/x.ko", commit="c" * 40)
                 for place, name in enumerate(names))  # fmt: skip
    found = judgement or verdict.judge(runs, rules, control=control)
    return Result(
        SCHEMA, "balloon", "inflate", "module", "small", control=control, began="2024-11-24T14:00:00+00:00", seconds=9,
        complete=True, command=("cosport", "regress", "run", "balloon; rm -rf"), order=tuple(each.arm for each in runs),
        host=HOST, arms=arms, runs=tuple(runs), judgement=found,
    )  # fmt: skip
