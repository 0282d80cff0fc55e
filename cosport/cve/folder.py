"""Finds the files of CVE records in a folder: the kernel CNA's repository, or any folder of records by CVE id.

A file counts where its name holds a CVE id and its ending is one that is read (`.json`, `.dyad`, `.sha1`). In the
kernel CNA's repository only `cve/published` and `cve/rejected` count: ids that are merely reserved say nothing.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cosport.errors import ConfigError, CveDataError

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDINGS: Final = frozenset({"json", "dyad", "sha1"})
REJECTED: Final = "rejected"

_NAMED: Final = re.compile(r"(?<![A-Za-z0-9])(CVE-\d{4}-\d{4,})(?:\.([a-z0-9]+))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class File:
    """One file: its path below the folder, whose CVE it is, its ending, and what changes when it is written anew."""

    path: str
    cve: str
    ending: str
    stamp: tuple[int, int, int]

    @property
    def is_rejected(self) -> bool:
        """Whether the kernel CNA keeps it among the rejected ones."""
        return self.path.startswith((f"cve/{REJECTED}/", f"{REJECTED}/"))


def files(folder: Path) -> Iterator[File]:
    """The files of records below `folder`, those that are not read among them: they tell of a half-written one.

    Raises ConfigError where there is no such folder, CveDataError where a file goes away meanwhile.
    """
    if not folder.is_dir():
        raise ConfigError(f"cve.data: {folder} is no folder", hint="clone the kernel CNA's vulns repository there")
    waiting = _roots(folder)
    while waiting:
        place = waiting.pop()
        with os.scandir(folder / place) as entries:
            for entry in entries:
                path = f"{place}/{entry.name}" if place else entry.name
                if entry.is_dir(follow_symlinks=False):
                    if not entry.name.startswith("."):
                        waiting.append(path)
                elif found := _NAMED.search(entry.name):
                    if found.end() != len(entry.name):
                        continue  # an editor's or a copy's leftover
                    try:
                        told = entry.stat()
                    except FileNotFoundError as exc:
                        raise CveDataError(
                            f"CVE data is half-written: {entry.path} went away meanwhile, or is a link to nothing",
                            hint="repair it, or wait for who writes it; then run the same command again",
                        ) from exc
                    stamp = (told.st_size, told.st_mtime_ns, told.st_ctime_ns)
                    yield File(path, found[1], found[2] or "", stamp)


def _roots(folder: Path) -> list[str]:
    for base in ("cve", ""):
        if Path(folder, base, "published").is_dir():
            names = [f"{base}/{name}".lstrip("/") for name in ("published", REJECTED)]
            return [name for name in names if (folder / name).is_dir()]
    return [""]
