"""Where builds are kept between runs, how they are named, and how one is put in place whole."""

from __future__ import annotations

import contextlib
import hashlib
import os
from typing import TYPE_CHECKING

from cosport import files, store
from cosport.config import expanded
from cosport.errors import DiskError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def cache_folder() -> Path:
    """The folder of cosport among the user's caches: $XDG_CACHE_HOME/cosport, else ~/.cache/cosport."""
    base = os.environ.get("XDG_CACHE_HOME")
    return expanded(base or "~/.cache") / "cosport"


def key(*parts: str | bytes) -> str:
    """A name for what is made of these parts: a hash in which no two lists of parts run into each other."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part
        digest.update(b"%d:" % len(data))
        digest.update(data)
    return digest.hexdigest()[:32]


def publish(file: Path, data: bytes) -> None:
    """Put `data` at `file` in one step: a reader sees all of it or what was there before."""
    file.parent.mkdir(parents=True, exist_ok=True)
    files.replace(file, data, mode=0o644, lasting=False)


@contextlib.contextmanager
def held(folder: Path) -> Iterator[Path]:
    """Make a folder of the cache and hold it alone, for as long as a build in it may take."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with store.lock(folder.with_name(f"{folder.name}.lock"), wait=3600.0):
            yield folder
    except PermissionError as exc:
        raise DiskError(f"{folder}: {exc.strerror}", hint="set XDG_CACHE_HOME to a folder that can be written") from exc
