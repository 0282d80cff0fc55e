"""Machines on a real QEMU that have no kernel: they start in a moment, and end in all the ways that a machine can."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec
import pytest

from cosport.errors import MachineError
from cosport.regress import admission, machine
from cosport.regress.accel import QEMU
from cosport.regress.command import Paths
from cosport.regress.console import Failure
from cosport.regress.machine import Machine
from cosport.regress.workload import Profile
from tests.test_process import gone

if TYPE_CHECKING:
    from pathlib import Path

Work = Callable[[Machine], Awaitable[object]]

PROFILE = Profile(memory_mib=64, target_mib=1, disk_mib=1, boot=1.0, idle=1.0, total=60.0)


def ended(tmp_path: Path, work: Work, *extra: str, profile: Profile = PROFILE, console: str = "") -> MachineError:
    """Start a machine, have `work` done with it; the error that came of it. QEMU is gone afterwards."""

    async def run(place: admission.Place) -> None:
        folder = place.folder
        paths = Paths(folder / "k", folder / "i", tmp_path / "console.log", folder / "qmp", folder / "port")
        paths.console.write_text(console, encoding="utf-8")
        argv = [QEMU, "-S", "-nodefaults", "-display", "none", "-machine", "q35", "-accel", "tcg", "-m", "64", *extra]
        argv += ["-qmp", f"unix:{paths.qmp},server=on,wait=off", "-device", "virtio-serial-pci"]
        argv += ["-chardev", f"socket,id=res,path={paths.result},server=on,wait=off"]
        argv += ["-device", "virtserialport,chardev=res,name=cosport.result"]
        async with Machine(argv, paths, place, profile) as each:
            pids.append(each.pid)
            await work(each)

    pids: list[int] = []
    with admission.admitted(64) as place, pytest.raises(MachineError) as caught:
        asyncio.run(run(place))
    assert all(gone(pid) for pid in pids)
    assert not place.folder.exists()
    return caught.value


def test_a_guest_that_says_nothing_did_not_boot(tmp_path: Path) -> None:
    found = ended(
        tmp_path, lambda each: each.ask("hello", seconds=0.5, failure=Failure.BOOT), console="[ 1.0] last words\n"
    )
    assert found.failure == Failure.BOOT
    assert "nothing for 0.5 seconds" in found.what
    assert found.tail == "[ 1.0] last words"
    assert found.exit_code == 3


def test_the_total_clock_ends_what_the_idle_clock_would_let_go_on(tmp_path: Path) -> None:
    profile = msgspec.structs.replace(PROFILE, idle=50.0, total=1.0)
    found = ended(tmp_path, lambda each: each.ask("hello"), profile=profile)
    assert found.failure == Failure.TIMEOUT


def test_a_silent_guest_hangs_and_the_console_says_why(tmp_path: Path) -> None:
    console = "[   40.0] watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [cat:81]\n"
    found = ended(tmp_path, lambda each: each.ask("counters"), console=console)
    assert found.failure == Failure.HANG
    assert "soft lockup" in found.what


@pytest.mark.parametrize("flood", [b"x" * 200_000, b"7 nobody asked\n" * 100_000, b"1 so it goes\n" * 100_000])
def test_a_guest_that_answers_without_end_is_cut_off(tmp_path: Path, flood: bytes) -> None:
    async def ask(each: Machine) -> object:
        each._reader = asyncio.StreamReader()
        each._reader.feed_data(flood)
        return await each.ask("hello", seconds=30.0)

    found = ended(tmp_path, ask)
    assert found.failure == Failure.HANG
    assert "it answers 'hello' without end" in found.what


def test_qemu_that_is_killed_is_noticed_at_once(tmp_path: Path) -> None:
    async def work(each: Machine) -> None:
        asyncio.get_running_loop().call_later(0.2, os.kill, each.pid, signal.SIGKILL)
        await each.ask("hello", seconds=50.0)

    found = ended(tmp_path, work)
    assert found.failure == Failure.KILLED
    assert "SIGKILL" in found.what


def test_a_monitor_that_stalls_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(each: Machine) -> None:
        monkeypatch.setattr(machine, "QMP_SECONDS", 0.5)
        os.kill(each.pid, signal.SIGSTOP)
        await each.qmp("query-status")

    assert ended(tmp_path, work).failure == Failure.QMP


def test_a_machine_that_powers_off_or_resets_is_told_apart(tmp_path: Path) -> None:
    async def leave(each: Machine) -> None:
        await each.qmp("quit")
        await each.ask("hello", seconds=50.0)

    async def reset(each: Machine) -> None:
        await each.qmp("system_reset")
        await each.ask("hello", seconds=50.0)

    assert ended(tmp_path, leave).failure == Failure.EXIT
    assert ended(tmp_path, reset, "-no-reboot").failure in {Failure.EXIT, Failure.PANIC}


def test_a_panic_is_known_by_the_console_though_qemu_ends_well(tmp_path: Path) -> None:
    async def work(each: Machine) -> None:
        await each.qmp("quit")
        await each.ask("hello", seconds=50.0)

    found = ended(tmp_path, work, console="[ 5.1] Kernel panic - not syncing: Fatal exception\n")
    assert found.failure == Failure.PANIC
    assert "Fatal exception" in found.what


def test_options_that_qemu_refuses_are_told_with_its_words(tmp_path: Path) -> None:
    found = ended(tmp_path, lambda each: each.ask("hello"), "-device", "no-such-device")
    assert found.failure == Failure.REFUSED
    assert "no-such-device" in found.what


def test_a_machine_without_a_balloon_is_told(tmp_path: Path) -> None:
    found = ended(tmp_path, lambda each: each.balloon_bytes())
    assert found.failure == Failure.DEVICE


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_LEAST_DISK", 1 << 62)
    found = ended(tmp_path, lambda each: each.ask("hello", seconds=0.5, failure=Failure.BOOT))
    assert found.failure == Failure.DISK
    assert "is full" in found.what
