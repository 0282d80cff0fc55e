"""Progress on a terminal of 50 columns, without colour, and where nobody looks: the same run, told as it fits."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from typing import TYPE_CHECKING

import pytest

from tests.docs import kernel
from tests.support import Git, cosport

if TYPE_CHECKING:
    from pathlib import Path

PIPELINE = """
pipeline: view
matrix: {}
jobs:
  pick: {run: [sleep, "0.5"]}
  presubmit: {run: ["true"], needs: [pick]}
  build: {run: ["true"], needs: [presubmit]}
  prove: {run: ["true"], needs: [presubmit]}
"""
COLUMNS = 50
MOVES = {b"\x1b[1A", b"\x1b[2K", b"\x1b[?25l", b"\x1b[?25h"}


@pytest.fixture
def repo(tmp_path: Path) -> Git:
    git = kernel.build(tmp_path / "kernel")
    cosport("init", cwd=git.path, check=0)
    (tmp_path / "view.yaml").write_text(PIPELINE, encoding="utf-8")
    return git


def on_terminal(git: Git, file: Path, **environment: str) -> bytes:
    """What a run writes on a terminal."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, COLUMNS, 0, 0))
    argv = [sys.executable, "-m", "cosport", "pipeline", "run", str(file)]
    child = subprocess.Popen(
        argv, cwd=git.path, stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs, env={**os.environ, **environment}
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            data = os.read(ours, 1 << 16)
        except OSError:  # the last who could write has gone
            break
        if not data:
            break
        written += data
    os.close(ours)
    assert child.wait() == 0
    return written


def test_a_narrow_terminal_without_colour(repo: Git, tmp_path: Path) -> None:
    written = on_terminal(repo, tmp_path / "view.yaml", NO_COLOR="1", TERM="xterm")
    codes = set(re.findall(rb"\x1b\[[0-9;?]*[A-Za-z]", written))
    assert b"\x1b[1A" in codes
    assert codes <= MOVES
    lines = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"\n", written).decode().replace("\r", "\n").split("\n")
    assert {line for line in lines if len(line) > COLUMNS} == set()
    assert any(line.startswith("release-R113  run 0 s") for line in lines)
    assert any(re.fullmatch(r"release-R113  passed +passed +passed +passed *", line) for line in lines)


def test_no_code_where_there_is_no_terminal_or_one_that_knows_none(repo: Git, tmp_path: Path) -> None:
    piped = cosport("pipeline", "run", str(tmp_path / "view.yaml"), cwd=repo.path, check=0)
    assert "\x1b" not in piped.out + piped.err
    written = on_terminal(repo, tmp_path / "view.yaml", NO_COLOR="1", TERM="dumb")
    assert b"\x1b" not in written
    assert b"view-2: 16 jobs" in written
