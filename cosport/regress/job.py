"""Runs a job: prepares the arms, boots them in turn, writes each record as it becomes known, and judges at the end."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import platform
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from cosport import __version__
from cosport.model.regress import ArmName, RegressVerdict
from cosport.regress import accel, arms, command, sample, verdict
from cosport.regress.admission import admitted
from cosport.regress.result import SCHEMA, Host, Judgement, Result, Run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cosport.git.repository import Repository
    from cosport.kbuild.kernel import Configuration
    from cosport.regress.accel import Choice
    from cosport.regress.arms import Boot, Named, Prepared
    from cosport.regress.output import Output
    from cosport.regress.result import Point
    from cosport.regress.workload import Case, Profile, Workload


class Observer(Protocol):
    """Who is told how a job goes on."""

    def note(self, text: str) -> None:
        """A remark that the user should see: a fall-back, a wait, a build."""

    def run_begins(self, run: Run, total: int) -> None:
        """A guest is booted."""

    def balloon(self, point: Point) -> None:
        """The balloon was looked at."""

    def run_ended(self, run: Run) -> None:
        """A guest has ended."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for."""

    workload: Workload
    profile_name: str
    profile: Profile
    named: Named
    configuration: Configuration
    accelerator: str
    repeats: int
    command: tuple[str, ...]


def run(request: Request, output: Output, repository: Callable[[], Repository], observer: Observer) -> Result:
    """Do the job; the result, which `output` holds on disk already.

    Raises ToolError and UsageError for what keeps it from starting; what happens to a guest is part of the result.
    """
    began, clock = dt.datetime.now(tz=dt.UTC), monotonic()
    choice = accel.choose(request.accelerator)
    if choice.accelerator is accel.Accelerator.TCG:
        observer.note(f"no KVM, the guest is emulated (TCG): the same verdicts, many times slower; {choice.reason}")
    host = _host(choice)
    with admitted(request.profile.memory_mib, told=observer.note):
        pass  # a host that can never hold such a guest is told before minutes of building
    prepared = arms.prepare(request.named, request.workload, request.configuration, repository, observer.note)
    for note in prepared.notes:
        observer.note(note)
    blank = Result(
        schema=SCHEMA, workload=request.workload.name, summary=request.workload.summary, mode=prepared.mode,
        profile=request.profile_name, control=request.named.control, began=began.isoformat(timespec="seconds"),
        seconds=0.0, complete=False, command=request.command, order=(), host=host,
        arms=tuple(boot.arm for boot in prepared.boots), runs=(),
        judgement=Judgement(RegressVerdict.HARNESS_ERROR, ("the job has not ended",), request.workload.judge.alpha),
        notes=(*prepared.notes, *((choice.reason,) if choice.accelerator is accel.Accelerator.TCG else ())),
    )  # fmt: skip
    if prepared.not_applicable:
        judgement = Judgement(RegressVerdict.NOT_APPLICABLE, (prepared.not_applicable,), request.workload.judge.alpha)
        return output.finish(replace(blank, judgement=judgement, complete=True))
    result = replace(blank, order=order(request.repeats, tuple(boot.arm.name for boot in prepared.boots)))
    output.save(result)
    for each in _Bench(request, prepared, choice, output, observer).samples(result.order):
        result = replace(result, runs=(*result.runs, each), seconds=round(monotonic() - clock, 1))
        output.save(result)
        if each.is_harness_error:
            break  # the next one would most likely die the same way
    judgement = verdict.judge(result.runs, request.workload.judge, control=request.named.control)
    return output.finish(replace(result, judgement=judgement, complete=True))


def order(repeats: int, names: Sequence[ArmName]) -> tuple[ArmName, ...]:
    """Which arm is booted when: A B B A A B B A, so that a machine that warms up or gets busy hits both alike."""
    if len(names) == 1:
        return tuple(names) * repeats
    first, second = names
    return tuple(name for pair in range(repeats) for name in ((first, second) if pair % 2 == 0 else (second, first)))


@dataclass(frozen=True, slots=True)
class _Bench:
    """What the runs of one job share."""

    request: Request
    prepared: Prepared
    choice: Choice
    output: Output
    observer: Observer

    def samples(self, turns: Sequence[ArmName]) -> Iterator[Run]:
        """Each arm's turn: all cases of the workload, a boot each."""
        boots = {boot.arm.name: boot for boot in self.prepared.boots}
        cases = self.request.workload.cases
        total = len(turns) * len(cases)
        pairs = ((boots[name], case) for name in turns for case in cases)
        for number, (boot, case) in enumerate(pairs, start=1):
            done, series = self._one(boot, case, number, total)
            self.output.keep_series(done, series)
            self.observer.run_ended(done)
            yield done

    def _one(self, boot: Boot, case: Case, number: int, total: int) -> tuple[Run, tuple[Point, ...]]:
        """Boot one guest in a place that has the memory for it."""
        profile = self.request.profile
        with admitted(profile.memory_mib, told=self.observer.note) as place:
            begun = monotonic()
            console = self.output.console(number, boot.arm.name, case.name)
            initrd = place.folder / "initrd"
            initrd.write_bytes(boot.initrd)
            paths = command.Paths(boot.kernel, initrd, console, place.folder / "qmp", place.folder / "port")
            argv = command.argv(paths, profile, self.choice, deflate_on_oom=case.deflate_on_oom)
            run = Run(
                number, boot.arm.name, case.name, profile.target_pages, profile.limit,
                deflate_on_oom=case.deflate_on_oom, console=console.name, argv=argv,
            )  # fmt: skip
            self.observer.run_begins(run, total)
            done, series = asyncio.run(sample.take(run, case, profile, paths, place=place, told=self.observer.balloon))
        return replace(done, total_seconds=round(monotonic() - begun, 3)), series


def _host(choice: Choice) -> Host:
    return Host(
        accelerator=choice.accelerator,
        accelerator_reason=choice.reason,
        cpu_model=choice.cpu,
        qemu=accel.qemu_version(),
        kernel=platform.release(),
        cpus=len(os.sched_getaffinity(0)),
        memory_mib=(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")) >> 20,
        python=platform.python_version(),
        cosport=__version__,
    )
