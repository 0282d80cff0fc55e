"""Probes of the machine for `cosport doctor`: each tries the thing, because a file or a version proves little."""

from __future__ import annotations

import shutil
import struct
import sys
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from cosport import process
from cosport.errors import CosportError, ProcessTimeout, ToolError


class State(StrEnum):
    """How a part stands."""

    OK = "ok"
    MISSING = "missing"  # not there
    BROKEN = "broken"  # there, and it does not work


@dataclass(frozen=True, slots=True)
class Check:
    """One part: how it stands, the evidence, what lacking it costs ("" where ok), and whether backports need it."""

    name: str
    state: State
    detail: str
    costs: str = ""
    needed: bool = False


KVM: Final = "/dev/kvm"
QEMU: Final = "qemu-system-x86_64"
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


def python() -> Check:
    """The interpreter that runs cosport; pip has seen to it that it is new enough."""
    return Check("python", State.OK, f"{sys.version.split()[0]} at {sys.executable}")


def git() -> Check:
    """The version of git, and a merge made without a work tree: it is what every pick is."""
    from cosport.git.repository import MINIMUM, version

    costs = "no backport can be made"
    try:
        found = version()
        text = ".".join(str(part) for part in found)
        if found < MINIMUM:
            least = ".".join(str(part) for part in MINIMUM)
            return Check("git", State.BROKEN, f"{text} is too old: {least} or newer is needed", costs, needed=True)
        with tempfile.TemporaryDirectory(prefix="cosport-doctor-") as folder:
            trouble = _try_merge(Path(folder))
    except CosportError as exc:
        state = State.MISSING if shutil.which("git") is None else State.BROKEN
        return Check("git", state, exc.what, costs, needed=True)
    if trouble:
        return Check("git", State.BROKEN, f"{text}: {trouble}", costs, needed=True)
    return Check("git", State.OK, f"{text}; merges without a work tree", needed=True)


def _try_merge(folder: Path) -> str:
    """Merge two commits in a scratch repository in memory; what went wrong, or ""."""
    from cosport.git.repository import Repository, environment

    process.run(["git", "init", "-q", "--bare", str(folder)], env=environment(), timeout=30.0)
    scratch = Repository.open(folder)
    blob = scratch.text("hash-object", "-w", "--stdin", stdin=b"probe\n")
    who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in _NOBODY}

    def commit(names: tuple[str, ...], *parents: str) -> str:
        tree = scratch.text("mktree", stdin="".join(f"100644 blob {blob}\t{name}\n" for name in names).encode())
        flags = [flag for parent in parents for flag in ("-p", parent)]
        return scratch.text("commit-tree", tree, *flags, stdin=b"probe\n", env=who)

    base = commit(("a",))
    ours, theirs = commit(("a", "b"), base), commit(("a", "c"), base)
    want = scratch.text("rev-parse", f"{commit(('a', 'b', 'c'))}^{{tree}}")
    done = scratch.attempt("merge-tree", "--write-tree", "--stdin", stdin=f"{ours} {theirs}\n".encode())
    if done.status or want.encode() not in done.stdout:
        return f"merge-tree gave a wrong answer (status {done.status}: {done.tail})"
    return ""


_NOBODY: Final = (("NAME", "probe"), ("EMAIL", "probe@localhost"), ("DATE", "@1 +0000"))


def compiler() -> Check:
    """Whether a kernel file could be compiled: gcc makes an object, and make is there."""
    costs = "no kernel or module can be built to prove a fix"
    lacking = [tool for tool in ("gcc", "make") if shutil.which(tool) is None]
    if lacking:
        return Check("compiler", State.MISSING, f"not installed: {', '.join(lacking)}", costs)
    with tempfile.TemporaryDirectory(prefix="cosport-doctor-") as folder:
        argv = ["gcc", "-x", "c", "-c", "-o", str(Path(folder, "probe.o")), "-"]
        try:
            done = process.run(argv, stdin=b"int probe;\n", timeout=30.0)
        except ToolError as exc:
            return Check("compiler", State.BROKEN, exc.what, costs)
    if done.status:
        return Check("compiler", State.BROKEN, f"gcc compiles nothing: {done.tail}", costs)
    first = process.run(["gcc", "--version"], timeout=30.0).stdout.decode("utf-8", "replace").partition("\n")[0]
    return Check("compiler", State.OK, f"{first}; make")


def qemu() -> Check:
    """Whether QEMU emulates: a small ROM runs in it under TCG."""
    costs = "no regression job can run"
    if shutil.which(QEMU) is None:
        return Check("qemu", State.MISSING, f"{QEMU} is not installed", costs)
    trouble = run_rom("tcg", "qemu64")
    if trouble:
        return Check("qemu", State.BROKEN, trouble, costs)
    first = process.run([QEMU, "--version"], timeout=30.0).stdout.decode("utf-8", "replace").partition("\n")[0]
    return Check("qemu", State.OK, first)


def kvm() -> Check:
    """Whether KVM is usable: the ROM reaches 32-bit mode and ends.

    A device file proves nothing, nor does a virtual machine that only starts: some nested KVMs abort or hang there.
    """
    costs = "regression jobs run under emulation (TCG): the same verdicts, many times slower"
    if not Path(KVM).exists():
        return Check("kvm", State.MISSING, f"there is no {KVM}", costs)
    if shutil.which(QEMU) is None:
        return Check("kvm", State.MISSING, f"cannot be tried: {QEMU} is not installed", costs)
    trouble = run_rom("kvm", "host")
    if trouble:
        return Check("kvm", State.BROKEN, f"not usable: {trouble}", costs)
    return Check("kvm", State.OK, "usable: a virtual machine ran")


def run_rom(accelerator: str, cpu: str) -> str:
    """Run the ROM in QEMU; what went wrong, or ""."""
    image = bytearray(_ROM_SIZE)
    image[: len(_ROM_CODE)] = _ROM_CODE
    image[0xFFF0 : 0xFFF0 + len(_JUMP_TO_START)] = _JUMP_TO_START
    settle = ["-nodefaults", "-display", "none", "-no-reboot"]
    with tempfile.TemporaryDirectory(prefix="cosport-doctor-") as folder:
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


def busybox() -> Check:
    """Whether there is a static busybox: a guest's whole user space."""
    costs = "no guest image can be made, so no regression job can run"
    found = shutil.which("busybox")
    if found is None:
        return Check("busybox", State.MISSING, "not installed (Debian: busybox-static)", costs)
    try:
        static = is_static(Path(found).read_bytes())
    except OSError as exc:
        return Check("busybox", State.BROKEN, f"{found}: {exc.strerror}", costs)
    if not static:
        return Check("busybox", State.BROKEN, f"{found} is not static (Debian: busybox-static)", costs)
    return Check("busybox", State.OK, f"{found}, static")


def is_static(binary: bytes) -> bool:
    """Whether an ELF file asks for no interpreter: no program header is PT_INTERP, 3 (elf(5))."""
    if binary[:4] != b"\x7fELF" or binary[4:5] not in {b"\1", b"\2"}:
        return False
    order = "<" if binary[5:6] == b"\1" else ">"
    at, size, count = ("Q", 32, 54) if binary[4] == 2 else ("I", 28, 42)
    try:
        (table,) = struct.unpack_from(order + at, binary, size)
        entry, number = struct.unpack_from(order + "HH", binary, count)
        kinds = [struct.unpack_from(order + "I", binary, table + entry * index)[0] for index in range(number)]
    except struct.error:
        return False
    return number > 0 and 3 not in kinds
