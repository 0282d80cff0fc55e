"""Runs child processes to their end, and talks to them: argv, environment, time limit and clean-up in one place.

No shell, ever: a command is a list of arguments. A child gets a session of its own. So a time-out or Ctrl-C ends it
with everything that it started, and nothing in it can ask on the user's terminal, where nobody would see why we wait.
What runs beside us for long (QEMU, a worker, a job) is started by `cosport.lasting`.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import select
import signal
import subprocess
from dataclasses import dataclass
from time import monotonic, sleep
from typing import IO, TYPE_CHECKING, Final, Self

from cosport.errors import DiskError, ProcessError, ProcessTimeout, ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

TAIL: Final = 4000
"""Characters of a failed command's standard error that an error carries."""

Child = subprocess.Popen[bytes]
"""A child that runs beside us (`cosport.lasting`); `end` ends it."""

_CHUNK: Final = 1 << 18

_NAP: Final = 0.002
"""Seconds in which git fills a good part of a chunk. It writes 4 KiB at a time; to wake for each costs both time."""


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
        return _text(self.stderr.strip() or self.stdout.strip())


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
    return Begun(argv, env=env, cwd=cwd).completed(stdin, timeout=timeout)


class Begun:
    """A child that was started ahead of the moment at which its answer is needed; `run` is one without that pause."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
    ) -> None:
        self._argv = tuple(argv)
        self._child = _spawn(argv, env=env, cwd=cwd, stdin=subprocess.PIPE)

    def completed(self, stdin: bytes, *, timeout: float) -> Completed:
        """Give it its input and wait for its end, as `run` does."""
        try:
            out, err = self._child.communicate(stdin, timeout=timeout)
        except subprocess.TimeoutExpired as exc:
            self.close()
            raise _too_slow(self._argv, f"did not end within {timeout:g} seconds") from exc
        except BaseException:
            self.close()
            raise
        return Completed(self._argv, self._child.returncode, out, err)

    def close(self) -> None:
        """End it where nobody asks for its answer."""
        end(self._child)


def run_keeping(argv: Sequence[str], *, most: int, env: Mapping[str, str] | None = None, timeout: float) -> Completed:
    """As `run`, for a program that may print without end: the last `most` bytes of its output are kept, at least.

    Its standard error is kept as far as errors tell it. It gets no input.
    """
    child = _spawn(argv, env=env, cwd=None, stdin=subprocess.DEVNULL)
    pipes = _Pipes(child, argv, timeout)
    deadline = monotonic() + timeout
    kept = bytearray()
    try:
        while data := pipes.read():
            kept += data
            if len(kept) > 2 * most:
                del kept[:-most]
            if monotonic() > deadline:
                end(child)
                raise _too_slow(argv, f"did not end within {timeout:g} seconds")
        status = pipes.reap()
    finally:
        end(child)
    return Completed(tuple(argv), status, bytes(kept), pipes.complaints)


def run_on_terminal(argv: Sequence[str], *, cwd: str | os.PathLike[str] | None = None) -> int:
    """Run a program that talks to the user (an editor) on our own terminal; its exit status."""
    try:
        return subprocess.run(argv, cwd=cwd, check=False).returncode
    except OSError as exc:
        raise ToolError(f"cannot start {argv[0]}: {exc.strerror}") from exc


def pieces(
    argv: Sequence[str],
    *,
    separator: bytes = b"\n",
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    timeout: float = 600.0,
) -> Iterator[list[bytes]]:
    """Run `argv` and yield its output cut at the one byte `separator`, many pieces at a time, in bounded memory.

    `timeout` is the longest silence, in seconds. Raises ProcessError at the end if the status is not 0.
    """
    child = _spawn(argv, env=env, cwd=cwd, stdin=subprocess.PIPE)
    pipes = _Pipes(child, argv, timeout)
    pipes.widen()
    pipes.send_all(stdin)
    held: list[bytes] = []  # what was read since the last cut
    size, long = 0, False
    try:
        while chunk := pipes.read():
            held.append(chunk)
            size += len(chunk)
            if size >= _CHUNK and separator in chunk:
                *cut, rest = b"".join(held).split(separator)
                yield cut
                held, size, long = [rest], 0, True
            elif long:
                sleep(_NAP)
        *cut, rest = b"".join(held).split(separator)
        if cut or rest:
            yield [*cut, rest] if rest else cut
        status = pipes.reap()
    finally:
        end(child)
    if status:
        raise pipes.failure(status)


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
        self._child = _spawn(argv, env=env, cwd=cwd, stdin=subprocess.PIPE)
        self._pipes = _Pipes(self._child, argv, timeout)
        self._buffer = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, data: bytes) -> None:
        """Queue a request; it is sent while reading, so that two full pipes cannot block each other."""
        self._pipes.pending += data

    def line(self, *, most: float = math.inf, within: float = math.inf) -> bytes:
        """The next line of the answer, without its newline. Raises ProcessError if the child ends instead.

        `most` bytes and `within` so many seconds are for a child that is not trusted: one that writes on and on without
        a newline, or a byte now and then. Raises ProcessError, ProcessTimeout for those.
        """
        start, deadline = 0, monotonic() + within
        while (stop := self._buffer.find(b"\n", start)) < 0:
            start = len(self._buffer)
            if start > most:
                raise ProcessError(f"{self.argv[0]}: a line of more than {most} bytes", argv=self.argv, status=0)
            if monotonic() > deadline:
                raise _too_slow(self.argv, f"gave no whole answer within {within:g} seconds")
            self._fill()
        return self._take(stop, 1)

    def exactly(self, size: int) -> bytes:
        """The next `size` bytes of the answer. Raises ProcessError if the child ends instead."""
        while len(self._buffer) < size:
            self._fill()
        return self._take(size, 0)

    def close(self) -> None:
        """End the child: it sees the end of its input; if that is not enough, it is killed."""
        if self._child.stdin is not None:
            with contextlib.suppress(OSError):
                self._child.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(timeout=2.0)
        end(self._child)

    def _fill(self) -> None:
        data = self._pipes.read()
        if not data:
            status = self._pipes.reap()
            end(self._child)
            raise self._pipes.failure(status, "ended too early with ")
        self._buffer += data

    def _take(self, size: int, more: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[: size + more]
        return taken


def end(child: subprocess.Popen[bytes]) -> None:
    """Kill a child's whole process group, unless the child was reaped already, and close its pipes."""
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
    for stream in (child.stdin, child.stdout, child.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    child.wait()


class _Pipes:
    """The pipes of a child: sends `pending`, reads its output, and keeps the end of its standard error.

    All three are served at once: a child blocks on whichever pipe nobody empties.
    """

    def __init__(self, child: subprocess.Popen[bytes], argv: Sequence[str], timeout: float) -> None:
        self.pending = bytearray()
        self._last = False
        self._child = child
        self._argv = tuple(argv)
        self._timeout = timeout
        self._complaints = b""
        assert child.stdout is not None
        assert child.stderr is not None
        self._out, self._err = child.stdout.fileno(), child.stderr.fileno()
        self._in = child.stdin.fileno() if child.stdin is not None else None
        self._poll = select.poll()
        self._poll.register(self._out, select.POLLIN)
        self._poll.register(self._err, select.POLLIN)
        for pipe in (self._in, self._err):
            if pipe is not None:
                os.set_blocking(pipe, False)

    def widen(self) -> None:
        """Let the child write far ahead: with the usual 64 KiB it waits for us as often as we for it."""
        with contextlib.suppress(OSError, AttributeError):  # more than the system allows; a system without it
            fcntl.fcntl(self._out, fcntl.F_SETPIPE_SZ, 4 * _CHUNK)

    def send_all(self, data: bytes) -> None:
        """Queue the whole of the child's input; it is sent while reading."""
        self.pending += data
        self._last = True
        self._end_input()

    def read(self) -> bytes:
        """What the child wrote next; b"" at the end of its output. Raises ProcessTimeout when it is silent too long."""
        deadline = monotonic() + self._timeout
        while True:
            if self._in is not None and self.pending:
                self._poll.register(self._in, select.POLLOUT)
            ready = [pipe for pipe, _ in self._poll.poll(max(0.0, deadline - monotonic()) * 1000)]
            if not ready:
                end(self._child)
                raise _too_slow(self._argv, f"gave no answer within {self._timeout:g} seconds")
            if self._in in ready:
                self._send()
            if self._err in ready:
                self._listen()
            if self._out in ready:
                return os.read(self._out, _CHUNK)

    def reap(self) -> int:
        """The child's exit status; one that has closed its output and does not end is killed."""
        try:
            status = self._child.wait(timeout=self._timeout)
        except subprocess.TimeoutExpired:
            end(self._child)
            status = self._child.returncode
        with contextlib.suppress(ValueError, OSError):  # closed already
            while self._listen():
                pass
        return status

    @property
    def complaints(self) -> bytes:
        """The end of what the child wrote to its standard error."""
        return self._complaints

    def failure(self, status: int, how: str = "") -> ProcessError:
        """The error for a child that ended with that status."""
        tail = _text(self._complaints.strip())
        what = f"{' '.join(self._argv)}: {how}status {status}: {tail or 'no message'}"
        return ProcessError(what, argv=self._argv, status=status, tail=tail)

    def _send(self) -> None:
        assert self._in is not None
        try:
            del self.pending[: os.write(self._in, self.pending[:_CHUNK])]
        except BlockingIOError:
            return
        except BrokenPipeError:  # it reads no more; what it has answered, and why it ended, is still to be read
            self.pending.clear()
            self._poll.unregister(self._in)
            self._in = None
            return
        if not self.pending:
            self._poll.unregister(self._in)
            self._end_input()

    def _end_input(self) -> None:
        """Close the child's input where all of it is sent."""
        if self._last and not self.pending and self._child.stdin is not None:
            self._child.stdin.close()
            self._in = None

    def _listen(self) -> bool:
        try:
            data = os.read(self._err, _CHUNK)
        except BlockingIOError:
            return False
        if not data:
            with contextlib.suppress(KeyError):
                self._poll.unregister(self._err)
        self._complaints = (self._complaints + data)[-4 * TAIL :]
        return bool(data)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")[-TAIL:]


def _too_slow(argv: Sequence[str], what: str) -> ProcessTimeout:
    return ProcessTimeout(
        f"{argv[0]} {what}: {' '.join(argv)}",
        argv=argv,
        status=-signal.SIGKILL,
        hint="look at the machine's load and disk, or raise the limit with COSPORT_TIMEOUT (seconds)",
    )


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
            start_new_session=True,
            bufsize=0 if stdin == subprocess.PIPE else -1,
        )
    except FileNotFoundError as exc:
        if cwd is not None and not os.path.isdir(cwd):  # noqa: PTH112 - cwd may be any path-like
            raise DiskError(f"the folder {os.fspath(cwd)} is not there") from exc
        raise not_installed(argv[0]) from exc
    except OSError as exc:
        raise ToolError(f"cannot start {argv[0]}: {exc.strerror}") from exc


def beside(
    argv: Sequence[str],
    *,
    stdout: IO[bytes],
    stderr: IO[bytes],
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
) -> Child:
    """Start a child that reads nothing and writes into files, and do not wait for it. Raises ToolError."""
    try:
        return subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=env, cwd=cwd, start_new_session=True
        )
    except OSError as exc:
        raise ToolError(f"cannot start {argv[0]}: {exc.strerror}") from exc


def not_installed(program: str) -> ToolError:
    """The error for a program that is not there."""
    return ToolError(f"{program} is not installed or not on PATH", hint=f"install {program}; see: cosport doctor")
