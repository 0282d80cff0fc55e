"""Boots a kernel once, and says whether it reaches user space: the smallest of all regression jobs.

The kernel may be anybody's. What it can reach is what QEMU gives it: memory, a console, a port; no network and no disk
of the host's.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final

from cosport.errors import MachineError
from cosport.regress import accel, command
from cosport.regress.admission import admitted
from cosport.regress.console import Failure, tail
from cosport.regress.machine import Machine
from cosport.regress.workload import Profile

if TYPE_CHECKING:
    from collections.abc import Sequence

MACHINE: Final = Profile(memory_mib=256, target_mib=64, disk_mib=16)
"""A small machine; a kernel that says nothing for the profile's `boot` seconds does not boot."""

LOADED: Final = 60.0
"""Seconds that the modules of a guest may take to load before it answers that all of them are."""

_KERNELS: Final = frozenset({Failure.PANIC, Failure.OOPS, Failure.OOM, Failure.HANG, Failure.BOOT, Failure.EXIT})
"""What a kernel can do to a machine; everything else is the host's trouble, and says nothing of it."""


@dataclass(frozen=True, slots=True)
class Smoke:
    """What came of a boot. `trouble` is "" where user space answered, `console` the end of what the kernel said."""

    kernel: str
    seconds: float
    trouble: str = ""
    console: str = ""


def boot(kernel: Path, initrd: bytes, loaded: Sequence[str] = ()) -> Smoke:
    """Boot `kernel`; in the guest all modules named in `loaded` must be there. Raises ToolError for trouble of ours."""
    choice = accel.choose("auto")
    with admitted(MACHINE.memory_mib) as place, tempfile.TemporaryDirectory(prefix="cosport-boot-") as folder:
        image = place.folder / "initrd"
        image.write_bytes(initrd)
        console = Path(folder) / "console"
        paths = command.Paths(kernel, image, console, place.folder / "qmp", place.folder / "port")
        argv = command.argv(paths, MACHINE, choice, deflate_on_oom=True)
        return asyncio.run(_greet(Machine(argv, paths, place, MACHINE), loaded))


async def _greet(machine: Machine, loaded: Sequence[str]) -> Smoke:
    """Wait for the guest's first word, and look whether its modules are in."""
    begun = monotonic()
    kernel = ""
    try:
        async with machine:
            (kernel, *_) = await machine.ask("hello", seconds=MACHINE.boot, failure=Failure.BOOT) or ("",)
            held = await machine.ask("modules", seconds=LOADED)
            absent = [name for name in loaded if name not in held]
            said = machine.console()
    except MachineError as exc:
        if exc.failure not in _KERNELS:
            raise
        return Smoke(kernel, round(monotonic() - begun, 3), exc.what, exc.tail)
    trouble = f"the guest could not load {', '.join(absent)}" if absent else ""
    return Smoke(kernel, round(monotonic() - begun, 3), trouble, tail(said))
