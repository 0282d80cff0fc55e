"""Probes of the machine for `cosport doctor`: each tries the thing, because a file or a version proves little."""

from __future__ import annotations

import shutil
import sys
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from cosport import process
from cosport.errors import CosportError, ToolError
from cosport.kbuild import distribution
from cosport.model.elf import is_static
from cosport.regress import accel


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
    if shutil.which(accel.QEMU) is None:
        return Check("qemu", State.MISSING, f"{accel.QEMU} is not installed", costs)
    trouble = accel.run_rom("tcg", accel.CPU[accel.Accelerator.TCG])
    if trouble:
        return Check("qemu", State.BROKEN, trouble, costs)
    return Check("qemu", State.OK, accel.qemu_version())


def kvm() -> Check:
    """Whether KVM is usable: the ROM reaches 32-bit mode and ends.

    A device file proves nothing, nor does a virtual machine that only starts: some nested KVMs abort or hang there.
    """
    costs = "regression jobs run under emulation (TCG): the same verdicts, many times slower"
    if not accel.KVM.exists():
        return Check("kvm", State.MISSING, f"there is no {accel.KVM}", costs)
    if shutil.which(accel.QEMU) is None:
        return Check("kvm", State.MISSING, f"cannot be tried: {accel.QEMU} is not installed", costs)
    trouble = accel.run_rom("kvm", accel.CPU[accel.Accelerator.KVM])
    if trouble:
        return Check("kvm", State.BROKEN, f"not usable: {trouble}", costs)
    return Check("kvm", State.OK, "usable: a virtual machine ran")


def guest_kernel() -> Check:
    """Whether a kernel with its modules and headers is installed: what jobs boot that differ by one module."""
    costs = "regression jobs build whole kernels: minutes more for the first"
    try:
        found = distribution.find()
    except ToolError as exc:
        return Check("guest kernel", State.MISSING, exc.what, f"{costs}; {exc.hint}")
    return Check("guest kernel", State.OK, f"{found.release} (Linux {found.version}), with headers")


def sandbox() -> Check:
    """Whether an untrusted tree can be built where it does no harm: a sandbox is made."""
    from cosport.kbuild.sandbox import require

    costs = "presubmit checks cannot compile the objects that a commit touches"
    try:
        require()
    except ToolError as exc:
        return Check("sandbox", State.MISSING, exc.what, costs)
    return Check("sandbox", State.OK, "bubblewrap makes one")


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
