"""The folder of a result: what a job writes there, each file whole, the record of each run as soon as it is known."""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import TYPE_CHECKING, Final

import msgspec

from cosport.config import expanded
from cosport.errors import DiskError, UsageError
from cosport.kbuild.cache import publish
from cosport.regress import formats
from cosport.regress.result import SCHEMA, Result

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cosport.model.regress import ArmName
    from cosport.regress.result import Point, Run
    from cosport.regress.workload import Workload

RESULT: Final = "result.json"
SERIES: Final = "series.csv"
_NEEDED: Final = 64 << 20
"""Bytes that must be free: consoles and reports are far smaller, and a full disk is better told before than after."""


class Output:
    """The files of one job."""

    def __init__(self, folder: Path, workload: Workload) -> None:
        self.folder = folder
        self._workload = workload
        self._series: dict[int, tuple[Point, ...]] = {}

    @classmethod
    def make(cls, folder: Path, workload: Workload) -> Output:
        """Make the folder, before anything is built. Raises DiskError where it cannot be written or is full.

        What an earlier job left in it is replaced; a folder with other things in it is refused.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()) and not (folder / RESULT).is_file():
                raise UsageError(f"{folder} holds other things than a result", hint="name a new folder with --out")
            with tempfile.TemporaryFile(dir=folder) as probe:
                probe.write(b"probe")
            if shutil.disk_usage(folder).free < _NEEDED:
                raise DiskError(
                    f"less than {_NEEDED >> 20} MiB are free in {folder}", hint="free some space, or name another --out"
                )
            for old in folder.glob("console-*.log"):
                old.unlink()
        except OSError as exc:
            raise DiskError(f"{folder}: {exc.strerror}", hint="name a folder that can be written with --out") from exc
        return cls(folder.resolve(), workload)

    def console(self, number: int, arm: ArmName, case: str) -> Path:
        """The file of one run's console, empty."""
        name = f"console-{number:02d}-{arm}{f'-{case}' if case else ''}.log"
        path = self.folder / name
        path.write_bytes(b"")
        return path

    def keep_series(self, run: Run, series: Sequence[Point]) -> None:
        """Keep the balloon over time of one run for the plots, and write it. Raises DiskError."""
        self._series[run.number] = tuple(series)
        rows = [formats.series_row(number, point) for number, points in self._series.items() for point in points]
        self._put(SERIES, (formats.SERIES_HEAD + "".join(rows)).encode())

    def save(self, result: Result) -> None:
        """Write the record as it stands. Raises DiskError."""
        self._put(RESULT, _json(result))

    def finish(self, result: Result) -> Result:
        """Write the record and all that is made of it. Raises DiskError."""
        from cosport.regress import report

        self.save(result)
        self._put("junit.xml", formats.junit(result).encode())
        self._put("kcidb.json", _json(formats.kcidb(result)))
        self._put("report.html", report.page(result, self._series, self._workload).encode())
        return result

    def _put(self, name: str, data: bytes) -> None:
        try:
            publish(self.folder / name, data)
        except OSError as exc:
            raise DiskError(
                f"{self.folder / name}: {exc.strerror}", hint="free some space, then run the same command again"
            ) from exc


def _json(document: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def read(place: Path) -> Result:
    """The result in a folder, or in a result.json. Raises UsageError where there is none."""
    file = place / RESULT if place.is_dir() else place
    try:
        data = file.read_bytes()
    except OSError as exc:
        raise UsageError(f"no result in {place}: {exc.strerror}", hint="name the folder that --out named") from exc
    try:
        found = msgspec.json.decode(data, type=Result)
    except msgspec.DecodeError as exc:
        raise UsageError(f"{file} is no result of a regression job: {exc}", hint="name another one") from exc
    if found.schema != SCHEMA:
        raise UsageError(f"{file} is a {found.schema!r}, not a {SCHEMA!r}", hint="name another one")
    return found


def default_folder(workload: str, stamp: str) -> Path:
    """Where results go that the user gave no place: among the user's data, never in a checkout."""
    return results_folder() / f"{workload}-{stamp}"


def results_folder() -> Path:
    """The folder of all such results: $XDG_DATA_HOME/cosport/regress."""
    base = os.environ.get("XDG_DATA_HOME")
    return expanded(base or "~/.local/share") / "cosport" / "regress"


def latest() -> Path:
    """The newest result there. Raises UsageError where there is none."""
    found = sorted(results_folder().glob(f"*/{RESULT}"), key=lambda file: file.stat().st_mtime)
    if not found:
        raise UsageError(f"no result in {results_folder()}", hint="run one: cosport regress run balloon")
    return found[-1].parent
