"""Keeps a worker process alive, and cleans up behind one that died: no QEMU of a dead worker goes on.

The worker is a child that dies with this process. What its jobs started carries the worker's folder in its environment,
and is found by it, whatever became of its parents.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cosport import lasting, process

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_PAUSE: Final = 0.5
"""Seconds before a new worker takes the place of a dead one."""

_LOCK: Final = "lock"
LOG: Final = "worker.log"


def keep(home: Path, argv: Callable[[Path], Sequence[str]], say: Callable[[str], None]) -> None:
    """Run a worker in a folder below `home` for ever, a new one where it ends. Ctrl-C and SIGTERM end it."""
    home.mkdir(parents=True, exist_ok=True)
    _sweep(home)
    folder = Path(tempfile.mkdtemp(prefix="worker-", dir=home))
    lock = _locked(folder)
    assert lock is not None
    try:
        while True:
            child = lasting.start(argv(folder), pidfile=folder / "pid", output=folder / LOG)
            say(f"worker {child.pid} in {folder}")
            try:
                status = lasting.wait(child, timeout=float("inf"))
            finally:
                process.end(child)
                _clean(folder)
            say(f"worker {child.pid} ended with {status}; another takes its place")
            time.sleep(_PAUSE)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _clean(folder: Path) -> None:
    lasting.kill_marked("COSPORT_FOLDER", f"{folder}{os.sep}")
    shutil.rmtree(folder / "jobs", ignore_errors=True)


def _sweep(home: Path) -> None:
    """Clean up behind supervisors that were killed: their folders have no owner any more."""
    for folder in home.glob("worker-*"):
        lock = _locked(folder)
        if lock is not None:
            _clean(folder)
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _locked(folder: Path) -> int | None:
    """The folder's lock, or None where a living process has it."""
    try:
        handle = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle
