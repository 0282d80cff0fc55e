"""The journal's second copy: in the folder of each run a file of all that was written down of it, a JSON line each.

SQLite's file may be damaged, or deleted by somebody who clears up. What has an answer took hours, and an attempt that
began may have done its work: neither may be forgotten. So each change goes to this file too, and a journal that lacks
a run is told all of it again.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE: Final = "ledger.jsonl"


class Line(Struct, frozen=True):
    """One change: when, by which of the journal's methods, and what that was given besides the run."""

    at: float
    does: str
    given: tuple[Any, ...]


def add(folder: Path, line: Line) -> None:
    """Write a line down. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / FILE).open("ab", buffering=0) as file:
        file.write(b"\n" + msgspec.json.encode(line))  # so that a line which a kill cut short spoils no other


def read(folder: Path) -> Iterator[Line]:
    """The lines of a run's folder; those that are damaged are left out."""
    try:
        data = (folder / FILE).read_bytes()
    except OSError:
        return
    for line in data.splitlines():
        with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
            yield msgspec.json.decode(line, type=Line)


def runs(folder: Path) -> dict[str, Path]:
    """The folders of all runs that have such a file, by the runs' names."""
    return {file.parent.name: file.parent for file in sorted(folder.glob(f"*/{FILE}"))}
