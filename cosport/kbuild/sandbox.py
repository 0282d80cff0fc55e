"""Runs a program of an untrusted tree where it can do no harm: no network, no home, nothing to write but one folder.

bubblewrap (bwrap, what Flatpak stands on) makes the namespaces. Whether it works here is tried, not guessed: containers
and hardened kernels forbid parts of it, and then nothing is run at all.

What a build leaves behind is as foreign as its tree: a later build would link an object that an earlier one planted. So
what a foreign tree's build writes goes into a copy, which is thrown away, and is read without following its links.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cosport import process
from cosport.errors import BuildError, ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SYSTEM: Final = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_READ: Final = ("/usr", "/etc/alternatives", "/etc/ld.so.cache")
_PATH: Final = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


_MOST: Final = 1 << 20
"""Bytes of what a program there says that are kept: a foreign Makefile may print without end."""

_LARGEST: Final = 1 << 30
"""Bytes of one file that a build gave."""


class Trust(Enum):
    """Whose a tree is that is built."""

    OWN = "own"  # the user's own: no sandbox
    LANDED = "landed"  # a branch's: in a sandbox, and what it leaves serves later builds
    FOREIGN = "foreign"  # anybody's: in a sandbox, and what it leaves is thrown away


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder of this machine, and where the program sees it; it may write there only if `writable`."""

    folder: Path
    at: str
    writable: bool = False


def require() -> None:
    """Raise ToolError, with the reason, where a sandbox cannot be made here."""
    if (trouble := _trouble()) != "":
        raise ToolError(
            f"nothing can be built in a sandbox here: {trouble}",
            hint="install bubblewrap, and see that user namespaces are allowed (kernel.unprivileged_userns_clone)",
        )


@cache
def _trouble() -> str:
    if shutil.which("bwrap") is None:
        return "bubblewrap (bwrap) is not installed"
    done = process.run(argv(["true"], ()), env=_environment(), timeout=30.0)
    return "" if done.status == 0 else done.tail.splitlines()[-1] if done.tail else f"bwrap ended with {done.status}"


def argv(command: Sequence[str], mounts: Sequence[Mount], *, cwd: str = "/") -> list[str]:
    """The command line that runs `command` in a sandbox that sees the system's programs and `mounts`."""
    line = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"]
    for place in _READ:
        if Path(place).exists():
            line += ["--ro-bind", place, place]
    for place in _SYSTEM:
        if Path(place).is_symlink():
            line += ["--symlink", str(Path(place).readlink()), place]
        elif Path(place).is_dir():
            line += ["--ro-bind", place, place]
    line += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/nobody"]  # noqa: S108 - inside of it
    for mount in mounts:
        line += ["--bind" if mount.writable else "--ro-bind", str(mount.folder), mount.at]
    for name, value in (("PATH", _PATH), ("HOME", "/nobody"), ("LC_ALL", "C"), ("TMPDIR", "/tmp")):  # noqa: S108 - the same
        line += ["--setenv", name, value]
    return [*line, "--chdir", cwd, "--", *command]


def run(command: Sequence[str], mounts: Sequence[Mount], *, cwd: str = "/", timeout: float) -> process.Completed:
    """Run it there, and return the end of what it said, whatever its status.

    Raises ToolError where there is no sandbox, ProcessTimeout where it takes too long: then all of it is killed.
    """
    require()
    return process.run_keeping(argv(command, mounts, cwd=cwd), most=_MOST, env=_environment(), timeout=timeout)


@contextlib.contextmanager
def output(folder: Path, trust: Trust) -> Iterator[Path]:
    """The folder that a build may write to: `folder` itself, or of a foreign tree's build a copy for this once."""
    if trust is not Trust.FOREIGN:
        yield folder
        return
    copy = folder.with_name(f"{folder.name}.foreign")
    shutil.rmtree(copy, ignore_errors=True)  # of one that was killed
    try:
        shutil.copytree(folder, copy, symlinks=True)
        yield copy
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def read(folder: Path, name: str) -> bytes:
    """A file that a build left in `folder`. Raises BuildError where it is none, or a link leads out of there."""
    file = folder / name
    try:
        if not file.resolve(strict=True).is_relative_to(folder.resolve()):
            raise BuildError(f"the build left {name} as a link that leads elsewhere")
        with open(os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as opened:  # noqa: PTH123 - not a pipe that nobody fills
            found = os.fstat(opened.fileno())
            if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST:
                raise BuildError(f"the build left {name} as something else than a file")
            return opened.read(_LARGEST)
    except OSError as exc:
        raise BuildError(f"the build left no {name}: {exc.strerror}") from exc


def _environment() -> dict[str, str]:
    """Bwrap's own, which the program in it does not see: no token of ours even there."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
