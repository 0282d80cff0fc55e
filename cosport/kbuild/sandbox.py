"""Runs a program of an untrusted tree where it can do no harm: no network, no home, nothing to write but one folder.

bubblewrap (bwrap, what Flatpak stands on) makes the namespaces. Whether it works here is tried, not guessed: containers
and hardened kernels forbid parts of it, and then nothing is run at all.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cosport import process
from cosport.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Sequence

_SYSTEM: Final = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_READ: Final = ("/usr", "/etc/alternatives", "/etc/ld.so.cache")
_PATH: Final = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


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
    """Run it there, and return what it said, whatever its status.

    Raises ToolError where there is no sandbox, ProcessTimeout where it takes too long: then all of it is killed.
    """
    require()
    return process.run(argv(command, mounts, cwd=cwd), env=_environment(), timeout=timeout)


def _environment() -> dict[str, str]:
    """Bwrap's own, which the program in it does not see: no token of ours even there."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
