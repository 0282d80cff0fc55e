"""Puts a file in place whole or not at all: after a kill or a power cut too, a reader sees the old or the new one.

The new contents are written beside the file, under a hidden name, and take its name in one step.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def replace(file: Path, data: bytes, *, mode: int | None = None, lasting: bool = True) -> None:
    """Make `data` the contents of `file`; a link is replaced, not followed. Raises OSError.

    `mode` are its permissions (default: those that it has, else rw-r--r--). What can be made anew need not be
    `lasting`: then a power cut may take it away, and nobody waits for the disk.
    """
    if mode is None:
        mode = file.stat().st_mode & 0o7777 if file.exists() else 0o644
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.", delete=False) as draft:
        new = Path(draft.name)
        try:
            draft.write(data)
            draft.flush()
            os.fchmod(draft.fileno(), mode)
            if lasting:
                os.fsync(draft.fileno())
            new.replace(file)
        except BaseException:
            new.unlink(missing_ok=True)
            raise
    if lasting:
        _settle(file.parent)


def _settle(folder: Path) -> None:
    """Make a new name in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
