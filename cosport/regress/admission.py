"""Lets a virtual machine start only where the host has the memory for it, and leaves nothing of a dead one behind.

A place is a folder under /tmp or $XDG_RUNTIME_DIR with the machine's sockets, its pidfile and what it may use of the
host's memory. Its owner holds a lock on it; a place whose lock is free has lost its owner: what still runs there is
killed, and the place removed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cosport import lasting, store
from cosport.errors import DiskError, NoRoomError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OVERHEAD_MIB: Final = 150
"""What QEMU itself needs beside the guest's memory: 137 MiB were measured for a guest of 512 MiB."""

SHARE: Final = 0.8
"""The part of the free memory that guests may take; the rest is the builds' and the page cache's."""

WAIT: Final = 900.0
"""Seconds to wait for other jobs to end where the memory would be enough without them."""


_LONGEST: Final = 60
"""Characters of $XDG_RUNTIME_DIR: a socket's whole path has room for 107 (unix(7))."""


@dataclass(frozen=True, slots=True)
class Place:
    """A folder where one virtual machine runs."""

    folder: Path

    @property
    def pidfile(self) -> Path:
        """Process id and start time of the machine's QEMU."""
        return self.folder / "pid"


def free_mib(root: Path = Path("/")) -> int:
    """MiB that a new process could use: what the kernel says is available, or less where a cgroup sets a limit."""
    free = [_field(root / "proc/meminfo", "MemAvailable:") // 1024]
    with contextlib.suppress(OSError, ValueError):
        free += _cgroups(root)
    return max(0, min(free))


def _cgroups(root: Path) -> Iterator[int]:
    """MiB left in our cgroup and in each above it; version 2, and version 1's memory controller."""
    for line in (root / "proc/self/cgroup").read_text(encoding="ascii").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        base = root / "sys/fs/cgroup" / ("memory" if controllers else "")
        limit, used = (
            ("memory.limit_in_bytes", "memory.usage_in_bytes") if controllers else ("memory.max", "memory.current")
        )
        place = base / path.lstrip("/")
        while place != base.parent:
            with contextlib.suppress(OSError, ValueError):  # "max" is no number: no limit there
                top, now = (int((place / name).read_text(encoding="ascii")) for name in (limit, used))
                with contextlib.suppress(OSError):
                    now -= _field(place / "memory.stat", "inactive_file")  # the kernel gives it back when asked
                yield (top - now) >> 20
            place = place.parent


def _field(file: Path, name: str) -> int:
    for line in file.read_text(encoding="ascii").splitlines():
        words = line.split()
        if words[0] == name:
            return int(words[1])
    raise ValueError(f"{file} has no {name}")


@contextlib.contextmanager
def admitted(
    mib: int, *, free: Callable[[], int] | None = None, wait: float = WAIT, told: Callable[[str], None] | None = None
) -> Iterator[Place]:
    """A place for a machine with `mib` of memory. Waits while other jobs hold what it needs.

    Raises NoRoomError where the host never has that much.
    """
    need = mib + OVERHEAD_MIB
    base = _base()
    deadline = time.monotonic() + wait
    said = False
    while True:
        with store.lock(base / "lock", wait=60.0):
            others = _sweep(base)
            room = int((free or free_mib)() * SHARE) - others
            if need <= room:
                folder = Path(tempfile.mkdtemp(prefix="run-", dir=base))
                handle = os.open(folder / "owner", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                fcntl.flock(handle, fcntl.LOCK_EX)
                (folder / "mib").write_text(str(need), encoding="ascii")
                break
        if not others or time.monotonic() > deadline:
            raise NoRoomError(
                f"a guest of {mib} MiB needs {need} MiB, and {max(0, room)} MiB may be used here "
                f"({SHARE:.0%} of what is free{', less what other jobs hold' if others else ''})",
                hint="free some memory, or take a smaller profile (see: cosport regress list)",
            )
        if told is not None and not said:
            told(f"waiting for other jobs: {need} MiB are needed, {max(0, room)} are free")
            said = True
        time.sleep(0.5)
    try:
        yield Place(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def _base() -> Path:
    """The folder of all places of this user. Raises DiskError where it is somebody else's."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    parent = Path(runtime) if runtime and len(runtime) <= _LONGEST and Path(runtime).is_dir() else Path("/tmp")  # noqa: S108 - made 0700, and checked
    base = parent / f"cosport-{os.geteuid()}"
    try:
        base.mkdir(mode=0o700, exist_ok=True)
        stat = base.lstat()
    except OSError as exc:
        raise DiskError(f"{base}: {exc.strerror}", hint="set XDG_RUNTIME_DIR to a folder of yours") from exc
    if stat.st_uid != os.geteuid() or not base.is_dir() or base.is_symlink() or stat.st_mode & 0o077:
        raise DiskError(
            f"{base} is not this user's alone", hint="remove it, or set XDG_RUNTIME_DIR to a folder of yours"
        )
    return base


def _sweep(base: Path) -> int:
    """End what dead owners left; MiB that the machines of living ones were promised and do not use yet."""
    promised = 0
    for folder in base.glob("run-*"):
        place = Place(folder)
        try:
            handle = os.open(folder / "owner", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)  # its owner died, or left, half-way
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with contextlib.suppress(OSError, ValueError):
                promised += max(0, int((folder / "mib").read_text(encoding="ascii")) - _resident_mib(place))
            continue
        finally:
            os.close(handle)
        lasting.kill_leftover(place.pidfile)
        shutil.rmtree(folder, ignore_errors=True)
    return promised


def _resident_mib(place: Place) -> int:
    """MiB that the machine of a place has taken already, and the kernel counts as used."""
    with contextlib.suppress(OSError, ValueError):
        pid = int(place.pidfile.read_text(encoding="ascii").split()[0])
        return _field(Path(f"/proc/{pid}/status"), "VmRSS:") // 1024
    return 0
