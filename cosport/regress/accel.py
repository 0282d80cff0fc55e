"""Chooses the accelerator: KVM where a virtual machine really runs in it, else TCG, said aloud.

A device file proves nothing, nor does a machine that starts: some nested KVMs abort at the first MSR, some hang when
Linux boots, and QEMU's own `accel=kvm:tcg` then does not fall back. So a ROM is run that switches to 32-bit mode and
ends QEMU.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from cosport import process
from cosport.errors import ProcessTimeout, ToolError
from cosport.kbuild.cache import cache_folder, publish

QEMU: Final = "qemu-system-x86_64"
KVM: Final = Path("/dev/kvm")
ROM_SECONDS: Final = 5.0
"""The ROM below ends within 0.6 s under TCG on a slow machine; a KVM that cannot run it hangs for ever."""

_ROM_CODE: Final = bytes.fromhex(
    "fa"  # cli                          16-bit real mode, cs base 0xf0000
    "2e660f01165000"  # lgdt cs:[0x50]
    "0f20c06683c8010f22c0"  # cr0 |= 1   protected mode
    "66ea1a000f000800"  # jmp 0x08:0xf001a
    "b810000000"  # mov eax, 0x10        32-bit from here
    "8ed88ec08ed0"  # ds = es = ss = 0x10
    "b01066baf400ee"  # out 0xf4, 0x10   isa-debug-exit: QEMU ends with (0x10 << 1) | 1
    "f4ebfd90"  # hlt, for ever
    "0000000000000000"  # GDT: null,
    "ffff0000009acf00"  # flat 32-bit code,
    "ffff00000092cf00"  # flat data,
    "ffff0000009aaf00"  # flat 64-bit code
    "1f0030000f00"  # at 0x50, for lgdt: limit 0x1f, base 0xf0030
)
_ROM_STATUS: Final = (0x10 << 1) | 1
_ROM_SIZE: Final = 65536
_JUMP_TO_START: Final = b"\xe9\x0d\x00"  # at the reset vector, 0xfff0: jmp 0


class Accelerator(StrEnum):
    """What runs the guest's instructions."""

    KVM = "kvm"
    TCG = "tcg"


CPU: Final = {Accelerator.KVM: "host", Accelerator.TCG: "max"}
"""The CPU model of a job, and so of the probe: a probe with another one would prove another thing."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The accelerator of a job, and how that was decided."""

    accelerator: Accelerator
    reason: str

    @property
    def cpu(self) -> str:
        """The CPU model that goes with it."""
        return CPU[self.accelerator]


def choose(wanted: str, device: Path = KVM) -> Choice:
    """The accelerator for "auto", "kvm" or "tcg". Raises ToolError where KVM is demanded and does not work."""
    if wanted == Accelerator.TCG:
        return Choice(Accelerator.TCG, "asked for")
    trouble = kvm_trouble(device)
    if not trouble:
        return Choice(Accelerator.KVM, "usable: a virtual machine ran")
    if wanted == Accelerator.KVM:
        raise ToolError(
            f"KVM does not work here: {trouble}", hint="leave --accel out: TCG gives the same verdicts, slower"
        )
    return Choice(Accelerator.TCG, f"KVM does not work here: {trouble}")


def kvm_trouble(device: Path = KVM) -> str:
    """Why KVM is not usable, or "". What a probe found is kept until the host boots again: a hang takes 5 seconds."""
    if not device.exists():
        return f"there is no {device}"
    if not os.access(device, os.R_OK | os.W_OK):
        return f"{device} may not be opened by this user (group kvm)"
    kept = _kept()
    with contextlib.suppress(OSError, msgspec.DecodeError):
        return msgspec.json.decode(kept.read_bytes(), type=str)
    trouble = run_rom(Accelerator.KVM, CPU[Accelerator.KVM])
    with contextlib.suppress(OSError):  # a cache that cannot be written costs the next run a probe
        publish(kept, msgspec.json.encode(trouble))
    return trouble


def _kept() -> Path:
    """The file for this boot of the host, this QEMU and this CPU model."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    version = qemu_version().split()
    number = next((word for word in version if word[:1].isdigit()), "unknown")
    return cache_folder() / "kvm" / f"{boot}-{number}-{CPU[Accelerator.KVM]}.json"


def qemu_version() -> str:
    """The first line of QEMU's --version. Raises ToolError where it is not installed."""
    return process.run([QEMU, "--version"], timeout=30.0).stdout.decode("utf-8", "replace").partition("\n")[0]


def run_rom(accelerator: str, cpu: str) -> str:
    """Run the ROM in QEMU; what went wrong, or ""."""
    image = bytearray(_ROM_SIZE)
    image[: len(_ROM_CODE)] = _ROM_CODE
    image[0xFFF0 : 0xFFF0 + len(_JUMP_TO_START)] = _JUMP_TO_START
    settle = ["-nodefaults", "-display", "none", "-no-reboot"]
    with tempfile.TemporaryDirectory(prefix="cosport-rom-") as folder:
        rom = Path(folder, "probe.rom")
        rom.write_bytes(image)
        argv = [QEMU, "-machine", "pc", "-accel", accelerator, "-cpu", cpu, "-m", "16", *settle]
        argv += ["-bios", str(rom), "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
        try:
            done = process.run(argv, timeout=ROM_SECONDS)
        except ProcessTimeout:
            return f"a virtual machine hung for {ROM_SECONDS:g} seconds"
        except ToolError as exc:
            return exc.what
    if done.status == _ROM_STATUS:
        return ""
    return f"QEMU ended with status {done.status}: {done.tail.splitlines()[0] if done.tail else 'no message'}"
