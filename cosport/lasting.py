"""Children that run beside us for long (QEMU, a worker, a job): they die with us, however we die, and leave a mark.

`start` ties a child to us by PDEATHSIG, `wait` waits for its end; what survives even so is found by its pidfile or by
a mark in its environment, and killed by whoever comes next.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import sys
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final

from cosport.process import beside, end, not_installed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cosport.process import Child

_STUB: Final = """
import ctypes, os, signal, sys
parent, pidfile, argv = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
if ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0) or os.getppid() != parent:
    os._exit(126)
with open("/proc/self/stat", encoding="ascii", errors="replace") as stat:
    begun = stat.read().rpartition(")")[2].split()[19]
with open(pidfile, "w", encoding="ascii") as file:
    file.write(f"{os.getpid()} {begun}\\n")
os.execv(argv[0], argv)
"""
"""Asks for SIGKILL at the death of whoever started it (PR_SET_PDEATHSIG is 1), writes the pidfile, becomes the program.

A stub and no preexec_fn: code between fork and exec is unsafe beside threads, and would cost the quick vfork of every
Popen. And not setpriv(1): it cannot tell that we had died before its prctl took hold, nor write the pidfile.
"""


def start(
    argv: Sequence[str],
    *,
    pidfile: Path,
    output: Path,
    errors: Path | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
) -> Child:
    """Start a child that runs beside us for long (QEMU), in a process group of its own; `output` takes what it prints.

    Its standard error goes there too, or to `errors`.

    It dies with us however we die: by PDEATHSIG, which the kernel ties to the *thread* that called this, so call it
    from one that lives as long as the child is wanted; and `kill_leftover` ends what a pidfile still names. Raises
    ToolError if the program cannot be started. End it with `end`.
    """
    program = shutil.which(argv[0])
    if program is None:
        raise not_installed(argv[0])
    stub = [sys.executable, "-I", "-S", "-c", _STUB, str(os.getpid()), str(pidfile), program, *argv[1:]]
    with output.open("ab") as file, (errors or output).open("ab") as err:
        return beside(stub, stdout=file, stderr=err, env=env, cwd=cwd)


def wait(child: Child, *, timeout: float, stop: Callable[[], bool] = lambda: False) -> int | None:
    """The exit status of such a child; None where it was killed, after `timeout` seconds or because `stop` said so.

    `stop` is asked a few times a second. What the child leaves running in its group when it ends is killed too.
    """
    deadline = monotonic() + timeout
    poll = select.poll()
    handle = os.pidfd_open(child.pid)
    try:
        poll.register(handle, select.POLLIN)
        while not poll.poll(max(0.0, min(0.2, deadline - monotonic())) * 1000):
            if monotonic() > deadline or stop():
                end(child)
                return None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)  # before it is reaped: its number is still its own
        return child.wait()
    finally:
        os.close(handle)


def kill_leftover(pidfile: Path) -> bool:
    """Kill the process group that a pidfile of a dead cosport names; whether there was one.

    A number that was given to another process since is told by its start time, and left alone.
    """
    try:
        pid, begun = (int(word) for word in pidfile.read_text(encoding="ascii").split())
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (OSError, ValueError):
        return False
    if int(stat.rpartition(")")[2].split()[19]) != begun:
        return False
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    return True


def kill_marked(variable: str, prefix: str) -> int:
    """Kill all processes of this machine in whose environment `variable` begins with `prefix`; how many there were.

    A mark in the environment is inherited and survives whatever a job does to its group and its parent; a process that
    wipes its environment, or that is another user's, is not seen.
    """
    mark = os.fsencode(f"{variable}={prefix}")
    killed = 0
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            variables = Path(entry.path, "environ").read_bytes().split(b"\0")
            if any(each.startswith(mark) for each in variables):
                os.kill(int(entry.name), signal.SIGKILL)
                killed += 1
        except OSError:  # it ended meanwhile, or is not ours
            continue
    return killed
