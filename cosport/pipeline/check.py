"""Finds what is wrong with a pipeline beyond its types, before anything runs: each fault by its job and key."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from cosport.pipeline import reference
from cosport.pipeline.document import Place
from cosport.pipeline.reference import Kind
from cosport.pipeline.stages import STAGES, outputs_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cosport.pipeline.document import Document, Job
    from cosport.pipeline.reading import Source, Where


def check(source: Source) -> None:
    """Raise PipelineError for the first fault of the pipeline, if it has one."""
    for where, what, hint in _faults(source.document):
        raise source.wrong(where, what, hint)


def place_of(job: Job) -> Place:
    """Where a job runs: where its file says, else where its stage belongs."""
    if job.where is not None:
        return job.where
    return STAGES[job.stage].where if job.stage else Place.WORKER


def ancestors(document: Document, name: str) -> set[str]:
    """All jobs that a job needs, directly or through others."""
    found: set[str] = set()
    waiting = list(document.jobs[name].needs)
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += document.jobs[each].needs
    return found


Fault = tuple["Where", str, str]


def _faults(document: Document) -> Iterator[Fault]:
    for name, given in document.inputs.items():
        if given.default is not None and any(reference.written(given.default)):
            yield ("inputs", name, "default"), "references are filled in jobs only", "put the reference there"
    for name, job in document.jobs.items():
        yield from _stage_faults(name, job)
        yield from _need_faults(document, name, job)
    yield from _cycle(document)
    for name, job in document.jobs.items():
        yield from _when_faults(document, name, job)
        yield from _reference_faults(document, name, job)


def _stage_faults(name: str, job: Job) -> Iterator[Fault]:
    at = ("jobs", name)
    if bool(job.stage) == bool(job.run):
        yield at, "expected either stage: or run:", "stage: backport, or run: [make, -j4]"
        return
    if job.run and not job.run[0]:
        yield (*at, "run", 0), "expected a program", ""
    for where, text in _texts(name, job):
        if "\0" in text:
            yield where, "a NUL: no argument of a program can hold that", ""
    if job.stage and job.stdout:
        yield (*at, "stdout"), "only a command's output can go to a file; a stage's document is kept as it is", ""
    if job.run and job.args:
        yield (*at, "with"), "a command takes its arguments in run:", ""
    if job.stage and job.stage not in STAGES:
        near = get_close_matches(job.stage, STAGES, 1)
        hint = f"did you mean {near[0]}?" if near else ""
        yield (*at, "stage"), f"no stage is called {job.stage!r}; there are: {', '.join(STAGES)}", hint
        return
    if job.stage:
        yield from _argument_faults(name, job)
        if STAGES[job.stage].holds_token and job.where is Place.WORKER:
            yield (*at, "where"), f"{job.stage} runs only in the process that holds the token, never on a worker", ""
    if place_of(job) is Place.HERE and job.resources.qemu:
        yield (*at, "resources", "qemu"), "only a job on a worker can hold a QEMU slot", "where: worker"


def _argument_faults(name: str, job: Job) -> Iterator[Fault]:
    known = STAGES[job.stage].parameters
    for key, value in job.args.items():
        at = ("jobs", name, "with", key)
        if key not in known:
            near = get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]}?" if near else ""
            yield at, f"{job.stage} takes no such argument; it takes: {', '.join(known)}", hint
        elif known[key].flag != isinstance(value, bool):
            yield at, "expected true or false" if known[key].flag else "expected a text", ""
        elif isinstance(value, tuple) and not known[key].many:
            yield at, "expected one value", ""
    for key, parameter in known.items():
        if parameter.required and key not in job.args:
            yield ("jobs", name, "with"), f"{job.stage} needs the argument {key!r}", ""


def _need_faults(document: Document, name: str, job: Job) -> Iterator[Fault]:
    for place, need in enumerate(job.needs):
        at = ("jobs", name, "needs", place)
        if need not in document.jobs:
            near = get_close_matches(need, document.jobs, 1)
            yield at, f"no job is called {need!r}", f"did you mean {near[0]}?" if near else ""
        elif need in job.needs[:place]:
            yield at, f"{need!r} stands here twice", ""


def _cycle(document: Document) -> Iterator[Fault]:
    """The first circle of needs: jobs that wait for each other for ever."""
    done: set[str] = set()
    for start in document.jobs:
        way: list[str] = []
        stack: list[tuple[str, bool]] = [(start, True)]
        while stack:
            name, entering = stack.pop()
            if not entering:
                way.pop()
                done.add(name)
            elif name in way:
                circle = [*way[way.index(name) :], name]
                yield ("jobs", name, "needs"), f"a circle: {' -> '.join(circle)}", "take one of these needs out"
                return
            elif name not in done:
                way.append(name)
                stack.append((name, False))
                stack += [(need, True) for need in document.jobs[name].needs]


def _when_faults(document: Document, name: str, job: Job) -> Iterator[Fault]:
    for key, values in job.when.items():
        at = ("jobs", name, "when", key)
        needed, dot, output = key.partition(".")
        if not dot or needed not in job.needs:
            yield at, "expected JOB.OUTPUT of a job that this one needs", f"needed: {', '.join(job.needs) or 'none'}"
        elif output not in outputs_of(document.jobs[needed].stage):
            known = ", ".join(outputs_of(document.jobs[needed].stage))
            yield at, f"{needed} has no output {output!r}; it has: {known}", ""
        elif _many_for_one(document, needed, name):
            yield at, f"{needed} runs once for each cell of the matrix, {name} once for all", ""
        elif not values:
            yield at, "expected at least one value", ""


def _reference_faults(document: Document, name: str, job: Job) -> Iterator[Fault]:
    in_cell = document.matrix is not None and not job.once
    reachable = ancestors(document, name)
    for where, text in _texts(name, job):
        for written in reference.written(text):
            found = reference.parse(written)
            if found is None:
                known = "inputs.NAME, jobs.NAME.OUTPUT, branch, fix, tip, folder, repo"
                yield where, f"${{{written}}} is no reference; expected one of: {known}", "write $${ for a plain ${"
            elif found.kind is Kind.INPUT and found.name not in document.inputs:
                yield where, f"no input is called {found.name!r}", f"there are: {', '.join(document.inputs) or 'none'}"
            elif found.kind in (Kind.BRANCH, Kind.TIP) and not in_cell:
                yield where, f"${{{written}}} stands for a cell of the matrix, and this job is in none", ""
            elif found.kind is Kind.FIX and not (in_cell and document.matrix is not None and document.matrix.missing):
                yield where, "${fix} stands for a cell of a matrix with missing:, and this job is in none", ""
            elif found.kind is Kind.OUTPUT:
                if found.name not in reachable:
                    yield where, f"this job does not need {found.name!r}", f"add {found.name} to its needs"
                elif found.output not in outputs_of(document.jobs[found.name].stage):
                    known = ", ".join(outputs_of(document.jobs[found.name].stage))
                    yield where, f"{found.name} has no output {found.output!r}; it has: {known}", ""
                elif _many_for_one(document, found.name, name):
                    yield where, f"{found.name} runs once for each cell of the matrix, {name} once for all", ""


def _many_for_one(document: Document, needed: str, name: str) -> bool:
    return document.matrix is not None and document.jobs[name].once and not document.jobs[needed].once


def _texts(name: str, job: Job) -> Iterable[tuple[Where, str]]:
    for place, text in enumerate(job.run):
        yield ("jobs", name, "run", place), text
    for key, value in job.args.items():
        at = ("jobs", name, "with", key)
        if isinstance(value, tuple):
            yield from (((*at, place), text) for place, text in enumerate(value))
        elif isinstance(value, str):
            yield at, value
