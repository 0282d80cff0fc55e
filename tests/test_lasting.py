"""Children that run beside us: they die with us, and what is left of them is found."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from cosport import lasting, process
from cosport.errors import ToolError
from tests.test_process import gone, python


def test_a_lasting_child_dies_with_us_however_we_die(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from cosport import lasting;"
        f"child = lasting.start(['sleep', '600'], pidfile=Path({str(tmp_path / 'pid')!r}),"
        f" output=Path({str(tmp_path / 'log')!r})); print(child.pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(python(code), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        while Path(f"/proc/{pid}/comm").read_text() != "sleep\n":
            time.sleep(0.01)
        assert (tmp_path / "pid").read_text().split()[0] == str(pid)
        parent.kill()
    assert gone(pid)


def test_a_lasting_child_has_a_process_group_and_leaves_what_it_says(tmp_path: Path) -> None:
    argv = ["sh", "-c", "echo said; sleep 600 & wait"]
    child = lasting.start(argv, pidfile=tmp_path / "pid", output=tmp_path / "log")
    while (tmp_path / "log").stat().st_size == 0:
        time.sleep(0.01)
    assert (tmp_path / "log").read_bytes() == b"said\n"
    assert (tmp_path / "pid").read_text().split()[0] == str(child.pid)
    assert os.getpgid(child.pid) == child.pid
    process.end(child)
    assert gone(child.pid)


def test_a_leftover_is_killed_by_its_pidfile_and_nobody_else_is(tmp_path: Path) -> None:
    child = lasting.start(["sleep", "600"], pidfile=tmp_path / "pid", output=tmp_path / "log")
    while not (tmp_path / "pid").exists():
        time.sleep(0.01)
    pid, begun = (tmp_path / "pid").read_text().split()
    (tmp_path / "other").write_text(f"{pid} {int(begun) + 1}\n")
    assert not lasting.kill_leftover(tmp_path / "other")
    assert child.poll() is None
    assert lasting.kill_leftover(tmp_path / "pid")
    assert child.wait() == -signal.SIGKILL
    assert not lasting.kill_leftover(tmp_path / "pid")
    assert not lasting.kill_leftover(tmp_path / "nothing")


def test_a_lasting_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="no-such-program is not installed"):
        lasting.start(["no-such-program"], pidfile=tmp_path / "pid", output=tmp_path / "log")
