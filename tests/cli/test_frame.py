from __future__ import annotations

import inspect
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NoReturn

import pytest

from cosport import errors
from cosport.cli import frame
from tests.support import ROOT, cosport, invoke

if TYPE_CHECKING:
    from pathlib import Path

CODES = {
    "CosportError": 3, "UsageError": 2, "ConfigError": 2, "RevisionError": 2, "ToolError": 3, "ProcessError": 3,
    "GitError": 3, "ProcessTimeout": 3, "MissingObjectError": 3, "RefMovedError": 3, "LockedError": 3, "StoreError": 3,
    "DiskError": 3, "GerritError": 3, "GerritUnreachable": 3, "PipelineError": 2, "CveDataError": 3, "BuildError": 3,
    "NoRoomError": 3, "MachineError": 3, "Interrupted": 130,
}  # fmt: skip
CLASSES = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, Exception)]


def fail(exc: BaseException) -> NoReturn:
    raise exc


def made(cls: type[Exception]) -> Exception:
    if issubclass(cls, errors.ProcessError):
        return cls("it failed", argv=("git", "status"), status=128, hint="try this")
    if issubclass(cls, errors.GerritError):
        return cls("it failed", status=500, hint="try this")
    if issubclass(cls, errors.MachineError):
        return cls("it failed", failure="panic", hint="try this")
    assert issubclass(cls, errors.CosportError)
    return cls("it failed", hint="try this")


def run_python(code: str) -> subprocess.Popen[bytes]:
    text = f"from cosport.cli import frame\nimport sys, time\n{code}"
    return subprocess.Popen([sys.executable, "-c", text], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_error_of_the_tree_has_its_code(cls: type[Exception], capsys: pytest.CaptureFixture[str]) -> None:
    assert frame.guard(lambda: fail(made(cls))) == CODES[cls.__name__]
    assert capsys.readouterr().err == "cosport: it failed\nhint: try this\n"


def test_the_drawn_tree_is_the_tree() -> None:
    assert {each.__name__ for each in CLASSES} == CODES.keys()
    drawn = [line for line in (errors.__doc__ or "").splitlines() if "──" in line or "CosportError" in line]
    for name, code in CODES.items():
        words = [line.replace("├──", " ").replace("└──", " ").replace("│", " ").split() for line in drawn]
        assert any(name in line and (name == "CosportError" or str(code) in line) for line in words), name


@pytest.mark.parametrize(
    ("exc", "what"),
    [
        (OSError(28, "No space left on device", "/x/objects"), "/x/objects: No space left on device"),
        (PermissionError(13, "Permission denied", b"/x"), "/x: Permission denied"),
        (OSError(30, "Read-only file system"), "Read-only file system"),
        (MemoryError(), "out of memory"),
    ],
)
def test_what_the_system_refuses_is_told_without_a_traceback(
    exc: Exception, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert frame.guard(lambda: fail(exc)) == 3
    told = capsys.readouterr().err
    assert told.startswith(f"cosport: {what}\n")
    assert "hint: " in told


def test_a_bug_shows_a_traceback_and_where_to_report(capsys: pytest.CaptureFixture[str]) -> None:
    assert frame.guard(lambda: fail(KeyError("oops"))) == 70
    told = capsys.readouterr().err
    assert "Traceback" in told
    assert "KeyError: 'oops'" in told
    assert "cosport: this is a bug in cosport" in told
    assert "hint: report it" in told


def test_an_error_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    frame.guard(lambda: fail(errors.RevisionError("no branch \x1b]0;owned\x07\u202e")))
    assert capsys.readouterr().err == "cosport: no branch \\x1b]0;owned\\x07\\u202e\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_with_130(number: signal.Signals) -> None:
    child = run_python("print('go', flush=True)\nframe.end(frame.guard(lambda: time.sleep(60)))")
    assert child.stdout is not None
    assert child.stdout.readline() == b"go\n"
    for _ in range(100):  # until the handler stands
        mask = next(line for line in _status(child.pid) if line.startswith("SigCgt:")).split()[1]
        if int(mask, 16) & (1 << (signal.SIGTERM - 1)):
            break
        time.sleep(0.02)
    child.send_signal(number)
    _, err = child.communicate(timeout=20)
    assert child.returncode == 130
    assert err.decode() == "cosport: interrupted\nhint: run the same command again to finish the work\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_was_heeded_inside_a_text_is_forgotten(tmp_path: Path, number: signal.Signals) -> None:
    """As a service does that is told to stop while it imports a module: each dataclass in it is an `exec` of a text.

    Python remembers a KeyboardInterrupt that left such a text, and `python -m` then ends by SIGINT.
    """
    (tmp_path / "service.py").write_text(
        f"""
from cosport.cli import frame
def work():
    try:
        exec("import os, time; os.kill(os.getpid(), {int(number)}); time.sleep(30)")
    except KeyboardInterrupt:
        return 7
frame.main(work)
"""
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "service"], cwd=tmp_path, env=env, capture_output=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (7, b"")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "late",
    [
        "atexit.register(kill)",
        "threading.Thread(target=lambda: [time.sleep(0.2), kill()]).start()",
        "threading.Thread(target=lambda: [time.sleep(0.2), kill(), time.sleep(30)]).start()",
    ],
    ids=["at exit", "while a thread is waited for", "with a thread that does not end"],
)
def test_a_signal_after_the_work_changes_nothing(number: signal.Signals, late: str) -> None:
    code = f"""
import atexit, os, threading
def kill():
    os.kill(os.getpid(), {int(number)})
def work():
    {late}
    return 7
frame.main(work)
"""
    child = run_python(code)
    _, said = child.communicate(timeout=20)
    assert (child.returncode, said) == (7, b"")


def test_a_signal_at_any_moment_leaves_no_traceback_and_a_code_of_ours() -> None:
    begun = time.monotonic()
    run_python("frame.main(lambda: 0)").communicate(timeout=60)
    whole = time.monotonic() - begun
    for step in range(40):
        child = run_python("frame.main(lambda: 0)")
        time.sleep(whole * step / 32)
        child.send_signal(signal.SIGTERM)
        _, said = child.communicate(timeout=60)
        assert child.returncode in (0, 130, -signal.SIGTERM)  # the last: before we were there to hear it
        assert b"Traceback" not in said
        assert b"Exception" not in said


def test_who_ignores_ctrl_c_goes_on_doing_so() -> None:
    code = "import os, signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    child = run_python(code + "frame.main(lambda: os.kill(os.getpid(), signal.SIGINT) or 5)")
    child.communicate(timeout=60)
    assert child.returncode == 5


def _status(pid: int) -> list[str]:
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:  # noqa: PTH123
        return file.read().splitlines()


def test_a_reader_that_goes_away_is_no_news() -> None:
    child = run_python("frame.end(frame.guard(lambda: [print('y' * 1000) for _ in range(10**5)] and 0))")
    assert child.stdout is not None
    child.stdout.read(10)
    child.stdout.close()
    assert child.stderr is not None
    with child.stderr:
        assert child.stderr.read() == b""
    assert child.wait(timeout=20) == 141


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110
def test_a_full_disk_under_standard_output_is_an_error() -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-m", "cosport", "--version"], stdout=full, stderr=subprocess.PIPE, cwd=ROOT, check=False
        )
    assert done.returncode == 3
    assert done.stderr.startswith(b"cosport: No space left on device\nhint: ")


def test_closed_streams_are_no_bug() -> None:
    done = subprocess.run(["sh", "-c", f"exec {sys.executable} -m cosport --version >&- 2>&-"], cwd=ROOT, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("args", "what"),
    [
        (["nonsense"], "no such command 'nonsense'"),
        (["docter"], "Did you mean 'doctor'?"),
        (["doctor", "--nonsense"], "no such option: --nonsense"),
        (["doctor", "--repo"], "--repo"),
        ([], "missing command"),
    ],
)
def test_wrong_usage_is_told_in_the_same_form(args: list[str], what: str, tmp_path: Path) -> None:
    answer = invoke(*args, cwd=tmp_path, check=2)
    assert answer.err.startswith("cosport: ")
    assert what in answer.err
    assert "\nhint: " in answer.err
    assert answer.out == ""


def test_a_repository_that_is_none_is_wrong_usage(tmp_path: Path) -> None:
    answer = cosport("init", "--repo", str(tmp_path), cwd=tmp_path, check=2)
    assert "is not in a git repository" in answer.err
