"""The QEMU command line of a job as a value, recorded with each run: anybody can boot the same machine by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cosport.regress.accel import QEMU, Accelerator

if TYPE_CHECKING:
    from pathlib import Path

    from cosport.regress.accel import Choice
    from cosport.regress.workload import Profile

BALLOON: Final = "balloon0"
PORT: Final = "cosport.result"
KERNEL_ARGUMENTS: Final = ("console=ttyS0", "panic=-1", "oops=panic")
"""A panic resets at once, and -no-reboot turns the reset into QEMU's end; an oops is a panic, no limping on."""


@dataclass(frozen=True, slots=True)
class Paths:
    """Where the machine's files lie: what it boots, its console's log, and its two sockets."""

    kernel: Path
    initrd: Path
    console: Path
    qmp: Path
    result: Path


def argv(paths: Paths, profile: Profile, choice: Choice, *, deflate_on_oom: bool) -> tuple[str, ...]:
    """The command line. The machine starts paused, so that nothing of it is missed before we listen."""
    accelerator = "tcg,thread=multi" if choice.accelerator is Accelerator.TCG else "kvm"
    on = "on" if deflate_on_oom else "off"
    disk = profile.disk_mib << 20
    return (
        QEMU, "-S", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
        "-machine", "q35", "-accel", accelerator, "-cpu", choice.cpu,
        "-m", str(profile.memory_mib), "-smp", str(profile.cpus),
        "-kernel", str(paths.kernel), "-initrd", str(paths.initrd),
        "-append", " ".join((*KERNEL_ARGUMENTS, *profile.kernel_arguments)),
        # A file and no pty: a pty that nobody reads stops the guest when it is full.
        "-chardev", f"file,id=con,path={_escaped(paths.console)}", "-serial", "chardev:con",
        "-qmp", f"unix:{_escaped(paths.qmp)},server=on,wait=off",
        "-device", f"virtio-balloon-pci,id={BALLOON},deflate-on-oom={on}",
        # A disk larger than the memory, without a file: reads give zeroes at the speed of memory.
        "-blockdev", f"null-co,node-name=d0,size={disk},read-zeroes=on", "-device", "virtio-blk-pci,drive=d0",
        "-device", "virtio-serial-pci", "-chardev", f"socket,id=res,path={_escaped(paths.result)},server=on,wait=off",
        "-device", f"virtserialport,chardev=res,name={PORT}",
    )  # fmt: skip


def _escaped(path: Path) -> str:
    """A path as a value of a QEMU option: a comma is written twice (qemu(1))."""
    return str(path).replace(",", ",,")
