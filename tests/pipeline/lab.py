"""A lab for tests: a scheduler and workers in processes of their own, and a client; any of them may be killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from cosport.lasting import kill_marked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

COSPORT = [sys.executable, "-m", "cosport"]


@dataclass
class Lab:
    """One scheduler and its workers, all on this machine."""

    folder: Path
    tls: Path | None = None
    address: str = ""
    scheduler: subprocess.Popen[bytes] | None = None
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start_scheduler(self) -> None:
        """Start a scheduler; a second one takes the address of the first."""
        protocol = "tls" if self.tls else "tcp"
        listen = self.address or f"{protocol}://127.0.0.1:0"
        argv = [*COSPORT, "pipeline", "scheduler", "--listen", listen, *self.security]
        deadline = time.monotonic() + 60
        while True:
            with self._log("scheduler") as log:
                child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=log, cwd=self.folder)
            assert child.stdout is not None
            line = child.stdout.readline().decode()
            if line.startswith("scheduler at "):
                self.scheduler, self.address = child, line.split()[-1]
                return
            child.wait()  # the port of the one before may take a moment to be free
            child.stdout.close()
            assert time.monotonic() < deadline, (self.folder / "scheduler.log").read_text(encoding="utf-8")
            time.sleep(0.2)

    def kill_scheduler(self) -> None:
        """End the scheduler as a power cut would."""
        assert self.scheduler is not None
        assert self.scheduler.stdout is not None
        self.scheduler.kill()
        self.scheduler.wait()
        self.scheduler.stdout.close()

    def start_worker(self, *options: str) -> subprocess.Popen[bytes]:
        """Start a worker with its supervisor."""
        name = f"worker-{len(self.workers)}"
        argv = [
            *COSPORT,
            "pipeline",
            "worker",
            self.address,
            "--folder",
            str(self.folder / "w"),
            *self.security,
            *options,
        ]
        with self._log(name) as log:
            child = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=log, cwd=self.folder)
        self.workers.append(child)
        return child

    @property
    def security(self) -> list[str]:
        """The options of TLS."""
        return ["--tls", str(self.tls)] if self.tls else []

    def worker_pids(self) -> list[int]:
        """The worker processes themselves, as their supervisors wrote them down."""
        found = []
        for file in (self.folder / "w").glob("worker-*/pid"):
            with contextlib.suppress(OSError, ValueError, IndexError):
                pid = int(file.read_text(encoding="ascii").split()[0])
                os.kill(pid, 0)
                found.append(pid)
        return found

    def command(self, *args: str) -> list[str]:
        """A command of the client that uses this cluster."""
        return [*COSPORT, "pipeline", *args, "--scheduler", self.address, *self.security]

    def marked(self) -> list[int]:
        """Processes that jobs of this lab started."""
        mark = f"COSPORT_FOLDER={self.folder}{os.sep}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and any(
                    each.startswith(mark) for each in (entry / "environ").read_bytes().split(b"\0")
                ):
                    found.append(int(entry.name))
        return found

    def close(self) -> None:
        """End everything."""
        for child in [*self.workers, *([self.scheduler] if self.scheduler else [])]:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        for child in [*self.workers, *([self.scheduler] if self.scheduler else [])]:
            try:
                child.wait(timeout=20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        kill_marked("COSPORT_FOLDER", f"{self.folder}{os.sep}")
        if self.scheduler is not None and self.scheduler.stdout is not None:
            self.scheduler.stdout.close()

    def _log(self, name: str) -> IO[bytes]:
        return (self.folder / f"{name}.log").open("ab")


@contextlib.contextmanager
def lab(folder: Path, workers: Sequence[Sequence[str]] = (), tls: Path | None = None) -> Iterator[Lab]:
    """A lab with a scheduler and workers with these options."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Lab(folder, tls)
    try:
        made.start_scheduler()
        for options in workers:
            made.start_worker(*options)
        yield made
    finally:
        made.close()
