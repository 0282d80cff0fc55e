"""Performs an order on this machine: one process in a folder of its own, with a time limit, that dies with us."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from typing import TYPE_CHECKING, Final

from cosport import lasting
from cosport.errors import ToolError
from cosport.gerrit import credentials
from cosport.git.repository import environment
from cosport.pipeline.order import FOLDER, REPO, Answer
from cosport.pipeline.stages import COSPORT
from cosport.pipeline.state import End

if TYPE_CHECKING:
    from pathlib import Path

    from cosport.pipeline.order import Order

DOCUMENT: Final = "document.json"
LOG: Final = "log.txt"
PID: Final = "pid"

_ERROR: Final = "cosport: "
"""How a stage's error begins, as `cosport.cli.frame` writes it."""

_LARGEST_DOCUMENT: Final = 64 << 20
_TAIL: Final = 4096
"""Bytes at the end of a log in which the reason of a bad end is looked for."""

_RUNNING: Final[dict[str, tuple[Order, threading.Event]]] = {}
"""The orders that this process performs now, each with the flag that stops it."""

_CLIENTS: Final[dict[str, str]] = {}
"""The one client of a run whose orders are performed, where another one's were stopped."""


def stop(run: str, client: str = "") -> None:
    """Stop all orders of a run, and refuse those still on their way, but for those of `client`, the one from now on."""
    _CLIENTS[run] = client
    for order, flag in list(_RUNNING.values()):
        if order.run == run and order.client != client:
            flag.set()


def perform(order: Order, folder: Path, repo: Path, config: Path | None) -> Answer:
    """Run the order's command in `folder`, which is emptied first, and wait for its end."""
    flag = threading.Event()
    begun = time.monotonic()
    _RUNNING[order.name] = (order, flag)
    try:
        if _CLIENTS.get(order.run, order.client) != order.client:
            return Answer(end=End.STOPPED, worker=where(), what="its run goes on without it")
        _empty(folder)
        output = folder / (DOCUMENT if order.is_stage else order.stdout or LOG)
        child = lasting.start(
            _argv(order, folder, repo, config),
            pidfile=folder / PID,
            output=output,
            errors=folder / LOG,
            env=_environment(order, folder),
            cwd=folder,
        )
        status = lasting.wait(child, timeout=order.seconds, stop=flag.is_set)
    except (ToolError, OSError) as exc:
        return Answer(end=End.NOT_STARTED, what=str(exc), worker=where())
    finally:
        _RUNNING.pop(order.name, None)
    seconds = time.monotonic() - begun
    (folder / PID).unlink(missing_ok=True)
    if status is None and flag.is_set():
        return Answer(end=End.STOPPED, seconds=seconds, worker=where(), what="it was stopped")
    if status is None:
        return Answer(
            end=End.TIMED_OUT, seconds=seconds, worker=where(), what=f"its limit of {order.seconds:g} seconds passed"
        )
    document = output.read_bytes() if order.is_stage and output.stat().st_size <= _LARGEST_DOCUMENT else b""
    said = _last_words(folder / LOG, is_stage=order.is_stage) if status else ""
    return Answer(end=End.EXITED, status=status, seconds=seconds, worker=where(), what=said, document=document)


def _last_words(log: Path, *, is_stage: bool) -> str:
    """What a process said last: of a stage its error and hint, of a command its last line; "" for nothing."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL))
            lines = [line for line in file.read().decode("utf-8", "replace").splitlines() if line.strip()]
    except OSError:
        return ""
    if not is_stage:
        return lines[-1].strip() if lines else ""
    begin = next((at for at in reversed(range(len(lines))) if lines[at].startswith(_ERROR)), len(lines))
    return "\n".join(lines[begin:]).removeprefix(_ERROR)


def where() -> str:
    """This process's name in journals: host and process."""
    return f"{os.uname().nodename}/{os.getpid()}"


def _empty(folder: Path) -> None:
    """An empty folder; what an attempt before left running is ended."""
    lasting.kill_leftover(folder / PID)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _environment(order: Order, folder: Path) -> dict[str, str]:
    """The environment of a job. The mark tells whose it is; the token stays with those that are to use it."""
    env = environment({"COSPORT_FOLDER": str(folder)})
    return env if order.holds_token else {name: env[name] for name in env if name not in credentials.VARIABLES}


def _argv(order: Order, folder: Path, repo: Path, config: Path | None) -> list[str]:
    argv = [part.replace(FOLDER, str(folder)).replace(REPO, str(repo)) for part in order.argv]
    if argv[0] != COSPORT:
        return argv
    if order.is_stage:
        end = argv.index("--")  # options stand before it, words after it
        own = any(each.startswith("--config=") for each in argv[:end])
        argv[end:end] = [f"--repo={repo}", *([f"--config={config}"] if config is not None and not own else [])]
    return [sys.executable, "-P", "-m", "cosport", *argv[1:]]
