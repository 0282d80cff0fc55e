"""Workloads as data: what a job does in the guest, in which machine, and by which thresholds it is judged.

They are YAML files in pipelines/workloads/, or files of the user's own. A step is one of a few fixed kinds, so a file
can describe any order of them and can start nothing else: no text of it reaches a shell, in the guest or here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, TypeVar

import msgspec

from cosport import resources
from cosport.errors import ConfigError, UsageError
from cosport.model.regress import Measure

FOLDER: Final = ("pipelines", "workloads")

_T = TypeVar("_T")

Mib = Annotated[int, msgspec.Meta(ge=1, le=1 << 24)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=86400)]
Count = Annotated[int, msgspec.Meta(ge=1, le=10000)]
Word = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
Name = Annotated[str, msgspec.Meta(pattern=r"^([a-z0-9][a-z0-9_.-]{0,63})?$")]
Argument = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.,:/=+-]{1,128}$")]


class _Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What all parts share: immutable, and an unknown key is an error."""


class Profile(_Data, frozen=True):
    """The machine and the sizes: one workload fits a laptop under emulation and a large server alike.

    `boot`, `idle` and `total` are the three clocks: to the guest's first word, of silence, and of the whole run.
    `limit` is no clock: a balloon that takes longer is recorded as "> limit".
    """

    memory_mib: Mib
    target_mib: Mib
    disk_mib: Mib
    cpus: Annotated[int, msgspec.Meta(ge=1, le=255)] = 2
    limit: Seconds = 45.0
    boot: Seconds = 90.0
    idle: Seconds = 90.0
    total: Seconds = 400.0
    kernel_arguments: tuple[Argument, ...] = ()

    @property
    def target_pages(self) -> int:
        """The target in pages of 4 KiB, which is what the device counts in."""
        return self.target_mib * 256


class PageCache(_Data, frozen=True, tag_field="do", tag="page-cache"):
    """Start readers that fill the page cache from the disk again and again, and wait until no memory is left free.

    Pressure that is not there yet shows no bug: on a busy host a fixed pause would be a matter of luck. `limit` is how
    long that may take; else the run's check fails.
    """

    readers: Count = 1
    limit: Seconds = 60.0


class Hog(_Data, frozen=True, tag_field="do", tag="hog"):
    """Take anonymous memory, as much as the profile's memory less its target plus `above_mib`, and hold it.

    `expect`: "survives" or "killed", and "" where nothing is demanded of it.
    """

    above_mib: Annotated[int, msgspec.Meta(ge=-(1 << 20), le=1 << 20)] = 0
    expect: str = ""
    limit: Seconds = 60.0


class Wait(_Data, frozen=True, tag_field="do", tag="wait"):
    """Let time pass."""

    seconds: Seconds


class Inflate(_Data, frozen=True, tag_field="do", tag="inflate"):
    """Inflate the balloon to the profile's target; measured. `hold` looks for that long what it keeps.

    `required`: a target that is not reached fails the run's check, besides being measured.
    """

    hold: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 2.0
    required: bool = False


class Stop(_Data, frozen=True, tag_field="do", tag="stop"):
    """End all readers and hogs."""


class Deflate(_Data, frozen=True, tag_field="do", tag="deflate"):
    """Deflate the balloon to zero. Pages that do not come back fail the run's check."""

    limit: Seconds = 60.0


class Cycle(_Data, frozen=True, tag_field="do", tag="cycle"):
    """Set random targets between zero and the profile's, `seconds` each; `seed` makes a run repeatable."""

    targets: Count = 1000
    seconds: Seconds = 0.2
    seed: int = 1


class Crash(_Data, frozen=True, tag_field="do", tag="crash"):
    """Crash the guest's kernel: shows what a job tells of a panic."""


Step = PageCache | Hog | Wait | Inflate | Stop | Deflate | Cycle | Crash


class Case(_Data, frozen=True):
    """One way to run: each sample of an arm runs all cases, each in a boot of its own."""

    steps: Annotated[tuple[Step, ...], msgspec.Meta(min_length=1)]
    name: Name = ""
    deflate_on_oom: bool = True


class Module(_Data, frozen=True):
    """The module that the arms differ by in mode `module`, and the file of the kernel that it is made of."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_]{1,64}$")]
    source: Argument


class Fix(_Data, frozen=True):
    """The upstream fix that the workload was made for, what it fixes, and the folder in patches/ that takes it out.

    `marker` is a text that the module's source holds if the tree ever had the bug (or has the fix for it).
    """

    commit: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{12,64}$")]
    subject: str
    fixes: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{12,64}$")]
    patches: Word
    marker: str


class Threshold(_Data, frozen=True):
    """For one measure: an arm is good while all its runs stay within `good`, bad once its median reaches `bad`.

    A run that does not reach the target is never good and always counts as bad; where `good` and `bad` are left out,
    that alone counts. `margin` is the difference within which two arms count as equivalent; of times it is a part of
    the profile's limit.
    """

    good: float | None = None
    bad: float | None = None
    margin: Annotated[float, msgspec.Meta(gt=0)] | None = None


class Judge(_Data, frozen=True):
    """How a verdict is found: the measures, declared beforehand, and the level of the test."""

    measures: dict[Measure, Threshold]
    alpha: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.02


class Reference(_Data, frozen=True):
    """What upstream's commit message claims, to stand beside our figures."""

    source: str
    seconds: dict[str, float]
    pages: dict[str, int]
    target_pages: int
    reached: tuple[str, str]
    note: str = ""


class Workload(_Data, frozen=True):
    """One workload file."""

    name: Word
    summary: str
    about: str
    arms: Annotated[int, msgspec.Meta(ge=1, le=2)]
    repeats: Count
    module: Module
    fix: Fix
    cases: Annotated[tuple[Case, ...], msgspec.Meta(min_length=1)]
    judge: Judge
    profiles: Annotated[dict[str, Profile], msgspec.Meta(min_length=1)]
    reference: Reference | None = None

    def profile(self, name: str) -> Profile:
        """The profile of that name, or of the YAML file of that name. Raises UsageError, ConfigError."""
        if name in self.profiles:
            return checked(self.profiles[name], self.name)
        path = Path(name)
        if path.suffix in {".yaml", ".yml"} or path.is_file():
            return checked(_decoded(_read(path), Profile, name), name)
        raise UsageError(
            f"workload {self.name} has no profile {name!r}",
            hint=f"there are: {', '.join(self.profiles)}; or name a YAML file with one",
        )


def checked(profile: Profile, source: str) -> Profile:
    """The profile, if a balloon of its target leaves the guest something to live on."""
    if profile.target_mib > profile.memory_mib - 64:
        raise ConfigError(
            f"{source}: a target of {profile.target_mib} MiB leaves a guest of {profile.memory_mib} MiB no room",
            hint="keep target_mib at least 64 below memory_mib; an unreachable target makes every kernel look bad",
        )
    return profile


def find(name: str) -> Workload:
    """The workload of that name, or in that file. Raises UsageError where there is none, ConfigError where wrong."""
    path = Path(name)
    if path.suffix in {".yaml", ".yml"}:
        return parse(_read(path), name)
    known = {each.name: each for each in all_shipped()}
    if name not in known:
        raise UsageError(f"no workload is called {name!r}", hint=f"there are: {', '.join(known)}; or name a YAML file")
    return known[name]


def all_shipped() -> tuple[Workload, ...]:
    """The workloads that ship with cosport, by name."""
    found = [parse(file.read_bytes(), file.name) for file in resources.path(*FOLDER).glob("*.yaml")]
    return tuple(sorted(found, key=lambda each: each.name))


def parse(data: bytes, source: str) -> Workload:
    """A workload file's contents as a value. Raises ConfigError that names the file, the key and what was expected."""
    workload = _decoded(data, Workload, source)
    for case in workload.cases:
        for step in case.steps:
            if isinstance(step, Hog) and step.expect not in {"", "survives", "killed"}:
                raise ConfigError(f"{source}: a hog's `expect` is 'survives', 'killed' or '', not {step.expect!r}")
    return workload


def _decoded(data: bytes, kind: type[_T], source: str) -> _T:
    import yaml

    try:
        return msgspec.yaml.decode(data, type=kind)
    except msgspec.ValidationError as exc:
        raise ConfigError(f"{source}: {exc}", hint="see: docs/regression-jobs.md") from exc
    except (msgspec.DecodeError, yaml.YAMLError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{source} is no YAML: {exc}", hint="see: docs/regression-jobs.md") from exc


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise UsageError(f"cannot read {path}: {exc.strerror}", hint="see: cosport regress list") from exc
