"""Builds the site in a folder: all of it beside the old one first, then in its place. Nobody ever sees half of it."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cosport.errors import DiskError, UsageError
from cosport.site.pages import Writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from cosport.site.model import Site

MARK: Final = ".cosport-site"
"""The file by which a folder is known to be a site of ours, which may be made anew."""


def check(folder: Path) -> None:
    """Raise UsageError for a folder that holds anything else than such a site."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is no folder", hint="name one that is empty or not there")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MARK).is_file():
        raise UsageError(
            f"{folder} is not empty and holds no site of cosport", hint="name a folder that is empty or not there"
        )


def build(site: Site, folder: Path, step: Callable[[int], None] = lambda _: None) -> int:
    """Write the site to `folder`, in place of the one that stood there; how many files it has.

    Raises UsageError where something else stands there, DiskError where nothing can be written.
    """
    check(folder)
    folder = folder.resolve()  # what a link leads to is replaced, and not the link
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as exc:
        raise DiskError(
            f"cannot write {folder}: {exc.strerror}", hint="name a folder whose parent can be written"
        ) from exc
    try:
        fresh.chmod(0o755)
        (fresh / MARK).touch()
        files = Writer(site, fresh, step).write()
        old = fresh.with_name(f"{fresh.name}-old")
        if folder.exists():
            os.rename(folder, old)  # noqa: PTH104
        os.rename(fresh, folder)  # noqa: PTH104
        shutil.rmtree(old, ignore_errors=True)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    return files
