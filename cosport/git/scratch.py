"""A folder in memory for trials of which nothing is kept: on a disk, their many small files cost as much as the merges.

A killed process cannot remove its folder, and nobody sweeps memory as `git gc` sweeps a repository. So the owner of a
folder holds a lock on a file in it, which the kernel lets go of when the owner ends, and the next one removes what has
no owner.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - folders in it are made by mkdtemp, for us alone
ROOM: Final = 1 << 30
"""Bytes that must be free there; a batch of trials takes some ten MiB."""

_YOUNG: Final = 60.0
"""Seconds for which a folder without a lock is left alone: its owner may be about to take it."""


@contextmanager
def in_memory() -> Iterator[Path | None]:
    """A folder of our own in memory, gone at the end of the block; None where there is no room for one."""
    folder, lock = _make()
    try:
        yield folder
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _make() -> tuple[Path | None, int]:
    try:
        here = os.statvfs(MEMORY)
        if here.f_bavail * here.f_frsize < ROOM:
            return None, -1
        prefix = f"cosport-objects-{os.getuid()}-"
        _sweep(prefix)
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=MEMORY))
        lock = os.open(folder / "lock", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError:
        return None, -1
    return folder, lock


def _sweep(prefix: str) -> None:
    for folder in MEMORY.glob(prefix + "*"):
        try:
            if time.time() - folder.stat().st_mtime < _YOUNG:
                continue
            lock = os.open(folder / "lock", os.O_WRONLY | os.O_CLOEXEC)
        except OSError:  # gone meanwhile
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # its owner is alive
            continue
        finally:
            os.close(lock)
