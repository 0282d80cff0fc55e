"""One cosport at a time for each branch: a lock that the kernel lets go when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

from cosport.errors import DiskError, LockedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cosport.git.repository import Repository


def slug(branch: str) -> str:
    """A branch's name as one file name that `unslug` reads back: percent-encoded (RFC 3986), byte by byte."""
    return quote(os.fsencode(branch), safe="")


def unslug(name: str) -> str:
    """The branch whose `slug` is `name`."""
    return os.fsdecode(unquote_to_bytes(name))


@contextmanager
def branch_lock(repository: Repository, branch: str) -> Iterator[Path]:
    """Hold the lock of a branch for the block.

    Raises LockedError where another process has it, DiskError where the file system refuses.
    """
    path = repository.state_dir / "locks" / f"{slug(branch)}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as exc:
        raise DiskError(
            f"cannot write to {path.parent}: {exc.strerror}",
            hint="make the repository writable, or look without writing: cosport plan",
        ) from exc
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            holder = os.pread(handle, 32, 0).decode("ascii", "replace").strip() or "unknown"
            raise LockedError(
                f"another cosport (process {holder}) works on {branch}",
                hint="wait until it has ended, then run this again",
            ) from exc
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode("ascii"), 0)
        yield path
    finally:
        os.close(handle)
