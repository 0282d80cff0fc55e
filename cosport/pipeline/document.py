"""A pipeline file as a value: what it may say, and the schema that `cosport schema pipeline` prints.

Types are all that is checked here. `reading` brings a file into this form and names the place of each fault; `check`
finds what types cannot tell (cycles, unknown stages, references that lead nowhere).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

FORMAT: Final = "cosport.pipeline/1"

Scalar = str | int | bool
Name = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]
Duration = Annotated[str, Meta(pattern=r"^[1-9][0-9]* *(s|min|h)$", description='such as "90 s", "30 min", "2 h"')]
Size = Annotated[str, Meta(pattern=r"^[1-9][0-9]* *(MiB|GiB)$", description='such as "512 MiB", "2 GiB"')]

_SECONDS: Final = {"s": 1, "min": 60, "h": 3600}
_BYTES: Final = {"MiB": 1 << 20, "GiB": 1 << 30}


class After(StrEnum):
    """When the jobs that one needs let it start."""

    PASSED = "passed"  # all of them said yes
    ENDED = "ended"  # all of them ended, whatever they said: reports


class Place(StrEnum):
    """Where a job runs."""

    HERE = "here"  # in the process that was started by the user: it holds the repository and the token
    WORKER = "worker"  # on any worker with the resources; without a cluster, a thread of the same process


class Input(Struct, frozen=True, forbid_unknown_fields=True):
    """What the user gives: `--set NAME=VALUE`. Without a default it must be given.

    `path`: it is a path, which counts from the folder in which the user gives the command. An input that begins an
    argument of a stage which is a path is one without being told.
    """

    help: str = ""
    default: str | None = None
    path: bool = False


class Resources(Struct, frozen=True, forbid_unknown_fields=True):
    """What a job holds while it runs. A worker announces what it has, and never runs more than fits."""

    memory: Size = "1 MiB"
    qemu: Annotated[int, Meta(ge=0, le=1024)] = 0


class Matrix(Struct, frozen=True, forbid_unknown_fields=True):
    """What the jobs are repeated over: branches (none: all configured), or each fix that a branch misses.

    `missing`: how many missing fixes of each branch to take, the worst first; 0 takes branches alone.
    """

    branches: tuple[str, ...] = ()
    missing: Annotated[int, Meta(ge=0, le=1000)] = 0


class Job(Struct, frozen=True, forbid_unknown_fields=True):
    """One job: a stage of cosport's with its arguments, or (`run`) a command as a list of arguments.

    `when` names outputs of needed jobs and the values that let this one run. `once` is for jobs that stand outside of
    the matrix: they need the jobs of all cells. `stdout` is the file for a command's output. `retries` counts failures
    of machines, not of what is tested.
    """

    stage: str = ""
    run: tuple[str, ...] = ()
    stdout: Annotated[str, Meta(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]*)?$")] = ""
    args: dict[str, Scalar | tuple[str, ...]] = msgspec.field(default_factory=dict, name="with")
    needs: tuple[str, ...] = ()
    after: After = After.PASSED
    when: dict[str, tuple[str, ...]] = {}
    once: bool = False
    where: Place | None = None
    resources: Resources = Resources()
    time: Duration = "1 h"
    retries: Annotated[int, Meta(ge=0, le=10)] = 2
    reuse: bool | None = None


class Document(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file. Jobs stand in the order in which people read them."""

    pipeline: Name
    help: str = ""
    inputs: dict[Name, Input] = {}
    matrix: Matrix | None = None
    jobs: Annotated[dict[Name, Job], Meta(min_length=1)] = {}


def seconds(text: Duration) -> float:
    """A duration in seconds."""
    number, unit = _divided(text)
    return float(number * _SECONDS[unit])


def size(text: Size) -> int:
    """A size in bytes."""
    number, unit = _divided(text)
    return number * _BYTES[unit]


def _divided(text: str) -> tuple[int, str]:
    digits = text.rstrip("abcdefghijklmnopqrstuvwxyzBGM ")
    return int(digits), text[len(digits) :].strip()


def schema() -> dict[str, Any]:
    """The JSON Schema of a pipeline file."""
    built = msgspec.json.schema(Document)
    definition = built["$defs"].pop("Document")
    return {**definition, "$defs": built["$defs"]}
