"""Runs on disk: `cosport/pipelines/` in git's common directory holds the journal, and a folder for each run.

A run's folder holds `run.json` (the plan), `ledger.jsonl` (what the journal says of it) and `jobs/<job>/` with what
each job left: `log.txt`, `document.json` of a stage, and the files that it made. A lock in it keeps two processes from
working on one run.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import msgspec

from cosport import lasting
from cosport.errors import DiskError, LockedError, StoreError, UsageError
from cosport.pipeline import parcel
from cosport.pipeline.journal import LOCK
from cosport.pipeline.plan import Plan
from cosport.store import lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cosport.git.repository import Repository
    from cosport.pipeline.graph import Node
    from cosport.pipeline.order import Answer

PLAN: Final = "run.json"


def folder_of(repository: Repository) -> Path:
    """Where the pipelines of a repository keep their things."""
    return repository.state_dir / "pipelines"


class Run:
    """The folder of one run, and the way of answers into it and into the repository."""

    def __init__(self, repository: Repository, name: str) -> None:
        self.repository = repository
        self.name = name
        self.folder = folder_of(repository) / "runs" / name

    @classmethod
    def create(cls, repository: Repository, pipeline: str, plan: Plan) -> Run:
        """A folder for a new run, named after its pipeline with a number; its plan is in it. Raises DiskError."""
        number = 1
        while True:
            run = cls(repository, f"{pipeline}-{number}")
            try:
                run.folder.parent.mkdir(parents=True, exist_ok=True)
                run.folder.mkdir()
            except FileExistsError:
                number += 1
                continue
            except OSError as exc:
                raise DiskError(f"{run.folder}: {exc.strerror}", hint="a run needs its folder and journal") from exc
            (run.folder / PLAN).write_bytes(msgspec.json.format(msgspec.json.encode(plan), indent=1))
            return run

    def plan(self) -> Plan:
        """The plan that it was started with. Raises UsageError where there is none, StoreError where it is damaged."""
        try:
            return msgspec.json.decode((self.folder / PLAN).read_bytes(), type=Plan)
        except FileNotFoundError as exc:
            raise UsageError(f"no run is called {self.name!r}", hint="see: cosport pipeline list") from exc
        except msgspec.MsgspecError as exc:
            raise StoreError(f"{self.folder / PLAN} is damaged: {exc}", hint="start the pipeline anew") from exc

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep others from working on it. Raises LockedError where another process does."""
        try:
            with lock(self.folder / LOCK, wait=0.0):
                yield
        except LockedError as exc:
            if str(self.folder) not in exc.what:
                raise
            raise LockedError(
                f"another cosport works on {self.name}", hint=f"look at it: cosport pipeline show {self.name}"
            ) from exc

    def job_folder(self, node: str) -> Path:
        """Where a job leaves its files."""
        return self.folder / "jobs" / quote(node, safe="@: +,=")

    def end_leftovers(self) -> int:
        """Kill what jobs of a dead client left running on this machine; how many processes there were."""
        return lasting.kill_marked("COSPORT_FOLDER", f"{self.folder}{os.sep}")

    def bring(self, node: Node, answer: Answer) -> str:
        """Keep the files and commits that an answer brings; what there is to say of it.

        Raises GitError and RefMovedError where its refs cannot be taken over, DiskError for files.
        """
        if answer.files:
            parcel.unpack(answer.files, self.job_folder(node.name))
        return parcel.take_refs(self.repository, answer) if answer.refs else ""

    def reuse(self, node: Node, run: str) -> bool:
        """Take over the files of another run's same job, by hard links; False where they are gone."""
        source = Run(self.repository, run).job_folder(node.name)
        target = self.job_folder(node.name)
        if source == target or not source.is_dir():
            return False
        shutil.rmtree(target, ignore_errors=True)
        try:
            shutil.copytree(source, target, copy_function=os.link, symlinks=True)
        except (OSError, shutil.Error):
            shutil.rmtree(target, ignore_errors=True)
            return False
        return True
