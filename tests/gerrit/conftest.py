"""One Gerrit for the whole run: the first worker that needs it starts it, and the last one ends it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import time
from typing import TYPE_CHECKING

import pytest

from tests.gerrit.server import GerritServer
from tests.gerrit.team import Team

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / "gerrit.lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _users(folder: Path, change: int) -> int:
    file = folder / "gerrit.users"
    count = (int(file.read_text()) if file.exists() else 0) + change
    file.write_text(str(count))
    return count


@pytest.fixture(scope="session")
def gerrit(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[GerritServer]:
    """A running Gerrit. Tests make projects and accounts of their own in it."""
    base = tmp_path_factory.getbasetemp()
    folder = base if worker_id == "master" else base.parent  # what all workers of one run share
    told = folder / "gerrit.json"
    ours: GerritServer | None = None
    with _alone(folder):
        _users(folder, 1)
        if told.exists():
            said = json.loads(told.read_text())
            server = GerritServer(folder / "gerrit")
            server.port, server.ssh_port = said["port"], said["ssh_port"]
            server.url = f"http://127.0.0.1:{server.port}"
        else:
            server = ours = GerritServer.make(folder / "gerrit")
            server.start()
            told.write_text(json.dumps({"port": server.port, "ssh_port": server.ssh_port}))
    yield server
    left = _users_left(folder)
    if ours is not None:
        while left:  # the process is our child: it stays until the other workers are through
            time.sleep(0.2)
            with _alone(folder):
                left = _users(folder, 0)
        ours.stop()


def _users_left(folder: Path) -> int:
    with _alone(folder):
        return _users(folder, -1)


@pytest.fixture
def team(gerrit: GerritServer, tmp_path: Path) -> Iterator[Team]:
    """A team with a project of its own."""
    made = Team.build(gerrit, tmp_path)
    yield made
    made.admin.close()
