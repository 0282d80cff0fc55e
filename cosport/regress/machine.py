"""One virtual machine from its start to its end: QEMU, its monitor (QMP), the guest's port, and three clocks.

Every wait here also watches QEMU itself: waiting on a socket of a machine that has panicked and gone would end only
with the clock. However a machine ends, what is raised tells how, with the end of its console.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from cosport import lasting, process
from cosport.errors import MachineError
from cosport.regress import console
from cosport.regress.console import Failure

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from cosport.regress.admission import Place
    from cosport.regress.command import Paths
    from cosport.regress.workload import Profile

_T = TypeVar("_T")

QMP_SECONDS: Final = 20.0
"""QEMU's monitor answers in milliseconds; under a load that starves the host, in seconds."""

MOST: Final = 1 << 20
"""Bytes that the guest may say before an answer is complete: its kernel may be anybody's, and our memory has an end."""

_LEAST_DISK: Final = 1 << 20

_WORDS: Final = {
    Failure.PANIC: "the guest's kernel panicked",
    Failure.OOPS: "the guest's kernel hit a bug of its own",
    Failure.OOM: "the guest ran out of memory and had nothing left to kill",
    Failure.HANG: "the guest hangs",
    Failure.BOOT: "the guest did not boot",
    Failure.TIMEOUT: "the run took too long",
    Failure.EXIT: "QEMU ended by itself",
    Failure.KILLED: "QEMU was killed",
    Failure.QMP: "QEMU's monitor does not answer",
    Failure.REFUSED: "QEMU does not start",
    Failure.DISK: "the disk is full",
}

_HINTS: Final = {
    Failure.HANG: "raise the profile's `idle` clock if this machine is only slow",
    Failure.BOOT: "is it an x86 kernel with virtio, initramfs and a serial console? The profile's `boot` is its clock",
    Failure.TIMEOUT: "raise the profile's `total` clock if this machine is only slow",
    Failure.KILLED: "a person, or the host's OOM killer: see dmesg",
    Failure.DISK: "free some space, then run the same command again",
}


class Machine:
    """A running machine. Use it as an async context manager: its end ends QEMU, whatever happened."""

    def __init__(self, argv: Sequence[str], paths: Paths, place: Place, profile: Profile) -> None:
        self._argv = tuple(argv)
        self._paths = paths
        self._place = place
        self._profile = profile
        self._child: process.Child | None = None
        self._client: Any = None
        self._shutdowns: Any = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._exited: asyncio.Future[None] | None = None
        self._asking = asyncio.Lock()
        self._number = 0
        self._deadline = float("inf")
        self.guest_begun = 0.0
        self.guest_ended = 0.0

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    @property
    def pid(self) -> int:
        """QEMU's process id."""
        assert self._child is not None
        return self._child.pid

    async def _start(self) -> None:
        self._child = lasting.start(self._argv, pidfile=self._place.pidfile, output=self._place.folder / "qemu.log")
        self._watch_exit()
        await self._connect()
        assert self._client is not None
        await self._within(self._client.execute("cont"), QMP_SECONDS, Failure.QMP)
        self.guest_begun = monotonic()
        self._deadline = self.guest_begun + self._profile.total

    def _watch_exit(self) -> None:
        """Have the loop tell when QEMU ends, by a descriptor of the process itself."""
        assert self._child is not None
        loop = asyncio.get_running_loop()
        exited = self._exited = loop.create_future()
        descriptor = os.pidfd_open(self._child.pid)

        def gone() -> None:
            loop.remove_reader(descriptor)
            os.close(descriptor)
            if not exited.done():
                exited.set_result(None)

        loop.add_reader(descriptor, gone)

    async def _connect(self) -> None:
        """Connect to the monitor and the guest's port as soon as QEMU has made them."""
        from qemu.qmp import EventListener, QMPClient

        log = logging.getLogger("qemu.qmp")
        log.addHandler(logging.NullHandler())  # it tells of lost connections; so do we, with the reason
        log.propagate = False
        client = self._client = QMPClient("cosport")
        self._shutdowns = EventListener(("SHUTDOWN",))
        client.register_listener(self._shutdowns)

        async def dial() -> None:
            while self._reader is None:
                try:
                    self._reader, self._writer = await asyncio.open_unix_connection(str(self._paths.result))
                except OSError:  # not made yet, or nobody listens yet
                    await asyncio.sleep(0.01)
            # QEMU makes its sockets in the order of the command line: the monitor's, which stands first, is there too.
            await client.connect(str(self._paths.qmp))

        await self._within(dial(), QMP_SECONDS, Failure.QMP)

    async def qmp(self, command: str, **arguments: object) -> Any:
        """Have the monitor do something; its answer. Raises MachineError where it does not answer."""
        return await self._within(self._client.execute(command, arguments), QMP_SECONDS, Failure.QMP)

    async def balloon_bytes(self) -> int:
        """What the guest has now, in bytes: the balloon's size is the rest of its memory."""
        answer = await self.qmp("query-balloon")
        return int(answer["actual"])

    async def ask(
        self, request: str, *, seconds: float | None = None, failure: Failure = Failure.HANG
    ) -> tuple[str, ...]:
        """Have the guest's agent do something; the lines of its answer.

        `seconds` is the silence that is too long (default: the idle clock). Raises MachineError.
        """
        return await self._within(self._ask(request), seconds or self._profile.idle, failure)

    async def _ask(self, request: str) -> tuple[str, ...]:
        assert self._reader is not None
        assert self._writer is not None
        async with self._asking:
            self._number += 1
            mark = str(self._number)
            self._writer.write(f"{mark} {request}\n".encode("ascii"))
            await self._writer.drain()
            lines: list[str] = []
            said = 0
            while True:
                try:
                    line = await self._reader.readline()
                except ValueError:  # asyncio's own limit for one line
                    said = MOST
                    line = b""
                said += len(line)
                if said >= MOST:
                    raise self._error(Failure.HANG, 0, f"{_WORDS[Failure.HANG]}: it answers {request!r} without end")
                if not line:
                    await asyncio.sleep(QMP_SECONDS)  # the port closes when QEMU ends: that is told by its exit
                number, _, text = line.decode("utf-8", "replace").rstrip("\n").partition(" ")
                if number != mark:
                    continue  # the rest of an answer that nobody waits for any more
                if text == ".":
                    return tuple(lines)
                lines.append(text)

    async def _within(self, work: Coroutine[Any, Any, _T], seconds: float, failure: Failure) -> _T:
        """The result of `work`, unless QEMU ends first, `seconds` pass (`failure`), or the total clock runs out."""
        assert self._exited is not None
        left = self._deadline - monotonic()
        task = asyncio.create_task(work)
        watched: set[asyncio.Future[Any]] = {task, self._exited}
        try:
            await asyncio.wait(watched, timeout=max(0.0, min(seconds, left)), return_when=asyncio.FIRST_COMPLETED)
            if task.done() and task.exception() is None:
                return task.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task})
        if not self._exited.done() and task.cancelled():
            raise self._error(failure, seconds) if seconds < left else self._error(Failure.TIMEOUT, self._profile.total)
        await self._settle()
        if self._exited.done():
            raise self._dead()
        raise self._failed(task.exception())

    async def _settle(self) -> None:
        """Give QEMU a moment to end: a broken connection is seen before the death that broke it."""
        assert self._exited is not None
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._exited), 2.0)

    def _failed(self, exc: BaseException | None) -> MachineError:
        """The error for an answer of the monitor that is one, or for a broken connection; a bug of ours is raised."""
        from qemu.qmp import QMPError

        if exc is not None and not isinstance(exc, (QMPError, OSError, EOFError)):
            raise exc
        error_class = getattr(exc, "error_class", "")
        if error_class == "DeviceNotActive":
            return self._error(Failure.DEVICE, 0, "the guest has no balloon: its kernel has no driver that probed")
        return self._error(Failure.QMP, 0, f"QEMU's monitor failed: {exc}")

    def _dead(self) -> MachineError:
        """The error for a QEMU that has ended: told by the console, else by its status, else by why it shut down."""
        assert self._child is not None
        self.guest_ended = monotonic()
        status = self._child.wait()
        seen = console.trouble(self.console())
        if seen is not None:
            return self._error(seen.failure, 0, f"{_WORDS[seen.failure]}: {seen.line}")
        said = self._said()
        if status < 0:
            return self._error(Failure.KILLED, 0, f"QEMU was killed by {signal.Signals(-status).name}{said}")
        if status:
            failure = Failure.EXIT if self.guest_begun else Failure.REFUSED
            return self._error(failure, 0, f"{_WORDS[failure]} (status {status}){said}")
        reasons = self._reasons()
        if "guest-reset" in reasons:
            return self._error(Failure.PANIC, 0, "the guest reset itself, as after a panic")
        why = ": the guest powered off" if "guest-shutdown" in reasons else said
        return self._error(Failure.EXIT, 0, f"{_WORDS[Failure.EXIT]}{why}")

    def _reasons(self) -> tuple[str, ...]:
        """Why QEMU says that the machine shut down; its exit status is 0 after a panic as well."""
        history = self._shutdowns.history if self._shutdowns is not None else ()
        return tuple(str(event["data"].get("reason", "")) for event in history)

    def _error(self, failure: Failure, seconds: float, what: str = "") -> MachineError:
        text = what or f"{_WORDS[failure]}: nothing for {seconds:g} seconds"
        if failure in {Failure.BOOT, Failure.HANG, Failure.TIMEOUT}:
            seen = console.trouble(self.console())
            text += f"; its console says: {seen.line}" if seen else ""
        if failure is not Failure.REFUSED and self._disk_is_full():
            text, failure = f"{text}; and the disk of {self._paths.console.parent} is full", Failure.DISK
        return MachineError(text, failure=failure, tail=console.tail(self.console()), hint=_HINTS.get(failure, ""))

    def _disk_is_full(self) -> bool:
        return shutil.disk_usage(self._paths.console.parent).free < _LEAST_DISK

    def _said(self) -> str:
        with contextlib.suppress(OSError):
            said = (self._place.folder / "qemu.log").read_text(encoding="utf-8", errors="replace").strip()
            return f": {said.splitlines()[-1]}" if said else ""
        return ""

    def console(self) -> str:
        """What the guest's console has said so far."""
        try:
            return self._paths.console.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    async def _stop(self) -> None:
        """End QEMU, and wait until it is gone."""
        if self._child is None:
            return
        if not self.guest_ended:
            self.guest_ended = monotonic()
        if self._writer is not None:
            self._writer.close()
        process.end(self._child)
        if self._client is not None:
            with contextlib.suppress(Exception):  # the connection is broken by now; what broke it has been told
                await asyncio.wait_for(self._client.disconnect(), 5.0)
        await self._settle()
