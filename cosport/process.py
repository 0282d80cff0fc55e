"""Runs every child process (git, an editor, make, ...), so that argv, environment, time limit and clean-up are decided in one place.

No shell, ever: a command is a list of arguments. A child gets a process group of its own, so that a time-out or Ctrl-C
ends it with everything that it started.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cosport.errors import DiskError, ProcessError, ProcessTimeout, ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

TAIL: Final = 4000
"""Characters of a failed command's standard error that an error carries."""


@dataclass(frozen=True, slots=True)
class Completed:
    """A child process that has ended: its status and what it wrote."""

    argv: tuple[str, ...]
    status: int
    stdout: bytes
    stderr: bytes

    @property
    def tail(self) -> str:
        """The end of its standard error, or of its output where that is empty, as text."""
        return (self.stderr.strip() or self.stdout.strip()).decode("utf-8", "replace")[-TAIL:]


def run(
    argv: Sequence[str],
    *,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    timeout: float = 600.0,
) -> Completed:
    """Run `argv` to its end and return what it wrote, whatever its status.

    `timeout` is in seconds; when it passes, the process group is killed and ProcessTimeout raised. Raises ToolError if
    the program cannot be started.
    """
    child = _spawn(argv, env=env, cwd=cwd, stdin=subprocess.PIPE)
    try:
        out, err = child.communicate(stdin, timeout=timeout)
    except subprocess.TimeoutExpired as exc:
        end(child)
        raise ProcessTimeout(
            f"{argv[0]} did not end within {timeout:g} seconds: {' '.join(argv)}",
            argv=argv,
            status=-signal.SIGKILL,
            hint="look at the machine's load and disk, or raise the limit with COSPORT_TIMEOUT (seconds)",
        ) from exc
    except BaseException:
        end(child)
        raise
    return Completed(tuple(argv), child.returncode, out, err)


def run_on_terminal(argv: Sequence[str], *, cwd: str | os.PathLike[str] | None = None) -> int:
    """Run a program that talks to the user (an editor) on our own terminal; its exit status."""
    try:
        return subprocess.run(argv, cwd=cwd, check=False).returncode
    except OSError as exc:
        raise ToolError(f"cannot start {argv[0]}: {exc.strerror}") from exc


def end(child: subprocess.Popen[bytes]) -> None:
    """Kill a child's whole process group and reap the child."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    for stream in (child.stdin, child.stdout, child.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    child.wait()


class Conversation:
    """A child that answers requests over its pipes for as long as it is needed (`git cat-file --batch`).

    Reads have a time limit, so a hung child is an error and not a hang. Use it as a context manager.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        timeout: float = 600.0,
    ) -> None:
        self.argv = tuple(argv)
        self._timeout = timeout
        self._child = _spawn(argv, env=env, cwd=cwd, stdin=subprocess.PIPE)
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        assert self._child.stderr is not None
        self._in = self._child.stdin.fileno()
        self._out = self._child.stdout.fileno()
        self._err = self._child.stderr.fileno()
        for stream in (self._in, self._err):
            os.set_blocking(stream, False)
        self._buffer = bytearray()
        self._pending = b""

    def __enter__(self) -> Conversation:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, data: bytes) -> None:
        """Queue a request; it is sent while reading, so that two full pipes cannot block each other."""
        self._pending += data

    def line(self) -> bytes:
        """The next line of the answer, without its newline."""
        start = 0
        while (stop := self._buffer.find(b"\n", start)) < 0:
            start = len(self._buffer)
            self._fill()
        return self._take(stop, 1)

    def exactly(self, size: int) -> bytes:
        """The next `size` bytes of the answer."""
        while len(self._buffer) < size:
            self._fill()
        return self._take(size, 0)

    def _take(self, size: int, more: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[: size + more]
        return taken

    def _fill(self) -> None:
        poll = select.poll()
        poll.register(self._out, select.POLLIN | select.POLLHUP)
        deadline = time.monotonic() + self._timeout
        while True:
            if self._pending:
                poll.register(self._in, select.POLLOUT)
            ready = dict(poll.poll(max(0.0, deadline - time.monotonic()) * 1000))
            if not ready:
                end(self._child)
                raise ProcessTimeout(
                    f"{self.argv[0]} gave no answer within {self._timeout:g} seconds: {' '.join(self.argv)}",
                    argv=self.argv,
                    status=-signal.SIGKILL,
                    hint="look at the machine's load and disk, or raise the limit with COSPORT_TIMEOUT (seconds)",
                )
            if self._in in ready:
                self._send()
                if not self._pending:
                    poll.unregister(self._in)
            if self._out in ready:
                data = os.read(self._out, 1 << 18)
                if not data:
                    self._died()
                self._buffer += data
                return

    def _send(self) -> None:
        try:
            sent = os.write(self._in, self._pending)
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._died()
        self._pending = self._pending[sent:]

    def _died(self) -> None:
        status = self._child.wait()
        tail = b""
        with contextlib.suppress(OSError):
            tail = os.read(self._err, 1 << 16)
        text = tail.decode("utf-8", "replace").strip()[-TAIL:]
        raise ProcessError(
            f"{' '.join(self.argv)} ended too early with status {status}: {text or 'no message'}",
            argv=self.argv,
            status=status,
            tail=text,
        )

    def close(self) -> None:
        """End the child: it sees the end of its input; if that is not enough, it is killed."""
        for stream in (self._child.stdin, self._child.stdout, self._child.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        try:
            self._child.wait(timeout=2.0)
        except subprocess.TimeoutExpired:
            end(self._child)


def lines(
    argv: Sequence[str],
    *,
    separator: bytes = b"\n",
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
) -> Iterator[bytes]:
    """Run `argv` and yield its output piece by piece, cut at `separator`, in bounded memory.

    Raises ProcessError at the end if its status is not 0.
    """
    child = _spawn(argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL)
    assert child.stdout is not None
    assert child.stderr is not None
    os.set_blocking(child.stderr.fileno(), False)
    rest = b""
    try:
        while chunk := os.read(child.stdout.fileno(), 1 << 18):
            pieces = (rest + chunk).split(separator)
            rest = pieces.pop()
            yield from pieces
        if rest:
            yield rest
        tail = (child.stderr.read() or b"").decode("utf-8", "replace").strip()[-TAIL:]
        status = child.wait()
    finally:
        if child.returncode is None:
            end(child)
        child.stdout.close()
        child.stderr.close()
    if status:
        raise ProcessError(f"{' '.join(argv)}: status {status}: {tail}", argv=argv, status=status, tail=tail)


def _spawn(
    argv: Sequence[str], *, env: Mapping[str, str] | None, cwd: str | os.PathLike[str] | None, stdin: int
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            argv,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            cwd=cwd,
            process_group=0,
            bufsize=0 if stdin == subprocess.PIPE else -1,
        )
    except FileNotFoundError as exc:
        if cwd is not None and not os.path.isdir(cwd):  # noqa: PTH112 - cwd may be any path-like
            raise DiskError(f"the folder {os.fspath(cwd)} is not there") from exc
        raise ToolError(f"{argv[0]} is not installed or not on PATH", hint=f"install {argv[0]}; see: cosport doctor") from exc
    except OSError as exc:
        raise ToolError(f"cannot start {argv[0]}: {exc.strerror}") from exc
