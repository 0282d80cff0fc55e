"""One sample: boots a fresh guest, does a case's steps in it, and gives what was measured.

A fresh boot each time: the counters are cumulative, and several measurements of one boot would not be independent.
Time is the host's: the guest's own clock cannot be trusted under emulation.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import TYPE_CHECKING, Final

from cosport.errors import MachineError
from cosport.regress import workload as data
from cosport.regress.console import Failure
from cosport.regress.machine import Machine
from cosport.regress.result import Crash, Point, Run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cosport.regress.admission import Place
    from cosport.regress.command import Paths
    from cosport.regress.workload import Case, Profile, Step

POLL: Final = 0.1
"""Seconds between two looks at the balloon: QEMU's own events come at most once a second, too coarse for a stall."""

_FREE: Final = 0.1
"""The part of the guest's memory below which it counts as filled: reclaim begins at a few percent."""

_DEFLATE_ON_OOM: Final = 2
"""VIRTIO_BALLOON_F_DEFLATE_ON_OOM: its place in the guest's features file."""

_GUESTS_DOING: Final = frozenset({Failure.PANIC, Failure.OOPS, Failure.OOM, Failure.HANG, Failure.EXIT})


@dataclass(slots=True)
class Sample:
    """What is measured while a run goes on; `run` grows with each step, `series` and `told` follow the balloon."""

    machine: Machine
    profile: Profile
    run: Run
    told: Callable[[Point], None]
    series: list[Point] = field(default_factory=list)
    zero: float = 0.0
    phase: str = "boot"

    @property
    def memory(self) -> int:
        """The guest's whole memory in bytes."""
        return self.profile.memory_mib << 20

    def enter(self, phase: str) -> float:
        """Begin a phase; the seconds since the first one, which is where the series begins."""
        if self.phase == "boot":
            self.zero = monotonic()
        self.phase = phase
        return monotonic() - self.zero

    async def pages(self) -> int:
        """The balloon's size now; kept in the series."""
        found = (self.memory - await self.machine.balloon_bytes()) >> 12
        point = Point(round(monotonic() - self.zero, 3), found, self.phase)
        self.series.append(point)
        self.told(point)
        return found

    async def counters(self) -> dict[str, int]:
        """The guest's counters of memory management."""
        return parse_counters(await self.machine.ask("counters"))

    def note(self, **changes: object) -> None:
        """Put what was measured into the run."""
        self.run = replace(self.run, **changes)  # type: ignore[arg-type]

    def fail(self, what: str) -> None:
        """Note a check that failed."""
        self.note(failed=(*self.run.failed, what))


async def take(
    run: Run, case: Case, profile: Profile, paths: Paths, *, place: Place, told: Callable[[Point], None]
) -> tuple[Run, tuple[Point, ...]]:
    """Boot the machine of `run.argv`, do the steps of `case`, end the machine; the run, and the balloon over time.

    Never raises MachineError: how a machine ended is part of the run.
    """
    begun = monotonic()
    machine = Machine(run.argv, paths, place, profile)
    sample = Sample(machine, profile, run, told)
    try:
        async with machine:
            await _greet(sample)
            for step in case.steps:
                await _do(sample, step)
    except MachineError as exc:
        under_load = sample.phase != "boot" and exc.failure in _GUESTS_DOING
        crash = Crash(exc.failure, exc.what, exc.tail, exc.hint)
        sample.note(crash=crash, under_load=under_load)
    guest = max(0.0, machine.guest_ended - machine.guest_begun) if machine.guest_begun else 0.0
    sample.note(guest_seconds=round(guest, 3), total_seconds=round(monotonic() - begun, 3))
    return sample.run, tuple(sample.series)


async def _greet(sample: Sample) -> None:
    """Wait for the guest's first word, and see that its balloon negotiated what the case is about.

    A target that is set before the driver has probed would be applied when it does, and the timing be wrong.
    """
    machine, profile = sample.machine, sample.profile
    hello = await machine.ask("hello", seconds=profile.boot, failure=Failure.BOOT)
    sample.note(kernel=hello[0] if hello else "", boot_seconds=round(monotonic() - machine.guest_begun, 3))
    features = ""
    with _deadline(10.0) as left:
        while not features and left():
            features = "".join(await machine.ask("features"))
            if not features:
                await asyncio.sleep(POLL)
    sample.note(features=features)
    if len(features) <= _DEFLATE_ON_OOM:
        raise _device(machine, "the guest has no virtio balloon: no driver, or it did not probe")
    if (features[_DEFLATE_ON_OOM] == "1") is not sample.run.deflate_on_oom:
        wanted = "on" if sample.run.deflate_on_oom else "off"
        raise _device(machine, f"the guest did not negotiate deflate-on-oom={wanted} (features {features})")


def _device(machine: Machine, what: str) -> MachineError:
    from cosport.regress import console

    hint = "the kernel needs CONFIG_VIRTIO_BALLOON"
    return MachineError(what, failure=Failure.DEVICE, tail=console.tail(machine.console()), hint=hint)


async def _do(sample: Sample, step: Step) -> None:
    """Do one step of a case."""
    match step:
        case data.PageCache():
            await _fill(sample, step)
        case data.Hog():
            await _hog(sample, step)
        case data.Wait():
            await asyncio.sleep(step.seconds)
        case data.Inflate():
            await _inflate(sample, step)
        case data.Stop():
            await sample.machine.ask("stop")
        case data.Deflate():
            await _deflate(sample, step)
        case data.Cycle():
            await _cycle(sample, step)
        case data.Crash():
            sample.enter("crash")
            await sample.machine.ask("crash", seconds=20.0)


async def _fill(sample: Sample, step: data.PageCache) -> None:
    """Have readers fill the memory with page cache; go on when little of it is free."""
    for _ in range(step.readers):
        await sample.machine.ask("read")
    with _deadline(step.limit) as left:
        while True:
            counters = await sample.counters()
            if counters.get("MemFree", 0) < counters.get("MemTotal", 0) * _FREE:
                return
            if not left():
                free = counters.get("MemFree", 0) // 1024
                sample.fail(f"the page cache left {free} MiB free for {step.limit:g} seconds")
                return
            await asyncio.sleep(POLL)


async def _inflate(sample: Sample, step: data.Inflate) -> None:
    """Inflate to the target; measure until it is reached or the limit has passed."""
    target, limit = sample.run.target_pages, sample.profile.limit
    before = await sample.counters()
    began = sample.enter("inflate")
    await sample.machine.qmp("balloon", value=sample.memory - (target << 12))
    reached = await _until(sample, lambda pages: pages >= target, limit)
    seconds = round(sample.enter("inflate") - began, 3)
    counters = await sample.counters()
    sample.note(
        reached=reached,
        seconds=seconds if reached else None,
        stall=round(longest_stall(sample.series, began), 3),
        inflated=counters.get("balloon_inflate", 0) - before.get("balloon_inflate", 0),
        deflated=counters.get("balloon_deflate", 0) - before.get("balloon_deflate", 0),
        counters=counters,
    )
    if step.required and not reached:
        sample.fail(f"the target was not reached within {limit:g} seconds")
    if reached and step.hold:
        sample.enter("hold")
        await _until(sample, lambda _: False, step.hold)
        sample.note(kept=await sample.pages())


async def _deflate(sample: Sample, step: data.Deflate) -> None:
    """Deflate to zero, and see that all pages come back."""
    sample.enter("deflate")
    await sample.machine.qmp("balloon", value=sample.memory)
    if not await _until(sample, lambda pages: pages <= 0, step.limit):
        sample.fail(f"{sample.series[-1].pages} pages had not come back {step.limit:g} seconds after the deflate")
    counters = await sample.counters()
    inflated, deflated = counters.get("balloon_inflate", 0), counters.get("balloon_deflate", 0)
    sample.note(inflated_whole=inflated, deflated_whole=deflated)


async def _cycle(sample: Sample, step: data.Cycle) -> None:
    """Set random targets one after the other, whether the last one was reached or not."""
    chance = random.Random(step.seed)  # noqa: S311 - a sequence to repeat, no secret
    for number in range(step.targets):
        sample.enter(f"cycle {number + 1}/{step.targets}")
        target = chance.randrange(sample.run.target_pages + 1)
        await sample.machine.qmp("balloon", value=sample.memory - (target << 12))
        await _until(sample, lambda pages, target=target: pages == target, step.seconds)  # type: ignore[misc]
    sample.note(counters=await sample.counters())


async def _hog(sample: Sample, step: data.Hog) -> None:
    """Take anonymous memory, and wait until all is taken or the process is gone."""
    sample.enter("hog")
    mib = max(1, sample.profile.memory_mib - sample.profile.target_mib + step.above_mib)
    await sample.machine.ask(f"hog {mib}")
    fate = ""
    with _deadline(step.limit) as left:
        while not fate and left():
            await asyncio.sleep(POLL)
            await sample.pages()
            state, *said = await sample.machine.ask("hogged")
            fate = "killed" if state == "dead" else "survives" if said and said[0] == "whole" else ""
    counters = await sample.counters()
    sample.note(counters=counters)
    if not step.expect or fate == step.expect:
        return
    what = {"killed": "the OOM killer ended it", "survives": "it got all that it asked for", "": "neither came true"}[
        fate
    ]
    sample.fail(f"a process that takes {mib} MiB: expected {step.expect!r}, but {what} within {step.limit:g} seconds")


async def _until(sample: Sample, done: Callable[[int], bool], limit: float) -> bool:
    """Look at the balloon every POLL seconds until `done` says so; False after `limit` seconds."""
    with _deadline(limit) as left:
        while True:
            looked = monotonic()
            if done(await sample.pages()):
                return True
            if not left():
                return False
            await asyncio.sleep(max(0.0, looked + POLL - monotonic()))


@contextlib.contextmanager
def _deadline(seconds: float) -> Iterator[Callable[[], bool]]:
    """Give a function that says whether there is time left."""
    end = monotonic() + seconds
    yield lambda: monotonic() < end


def longest_stall(series: list[Point], began: float = 0.0) -> float:
    """The longest time of the inflation, which `began` then, in which the balloon did not outgrow its best so far."""
    best, since, longest = 0, began, 0.0
    for point in series:
        if point.phase != "inflate":
            continue
        longest = max(longest, point.seconds - since)
        if point.pages > best:
            best, since = point.pages, point.seconds
    return longest


def parse_counters(lines: tuple[str, ...]) -> dict[str, int]:
    """Counters and sizes of /proc/vmstat and /proc/meminfo, by name; sizes in KiB, as they stand there."""
    found: dict[str, int] = {}
    for line in lines:
        words = line.replace(":", " ").split()
        if len(words) >= 2 and words[1].lstrip("-").isdigit():
            found[words[0]] = int(words[1])
    return found
