"""What a job found, as values: runs, arms, the machine, the verdict. `result.json` is a Result as it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cosport.model.regress import ArmName, Measure, RegressVerdict

SCHEMA: Final = "cosport.regress/1"


@dataclass(frozen=True, slots=True)
class Point:
    """The balloon at one moment: seconds since the first phase began, pages in it, and what was going on."""

    seconds: float
    pages: int
    phase: str


@dataclass(frozen=True, slots=True)
class Crash:
    """How a run ended without a measurement, or in the midst of one."""

    failure: str
    what: str
    tail: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """One boot, and what was measured in it. Pages are of 4 KiB.

    `seconds` is None where the target was not reached within `limit`: read it as "> limit". `inflated` and `deflated`
    are the guest's counters at the end of the inflation, `deflated_whole` after the deflate to zero. `kept` are the
    pages in the balloon `hold` seconds after the target was reached. `failed` names the checks that failed.
    """

    number: int
    arm: ArmName
    case: str
    target_pages: int
    limit: float
    reached: bool = False
    seconds: float | None = None
    stall: float = 0.0
    inflated: int = 0
    deflated: int = 0
    inflated_whole: int = 0
    deflated_whole: int = 0
    kept: int | None = None
    counters: dict[str, int] | None = None
    features: str = ""
    kernel: str = ""
    deflate_on_oom: bool = True
    failed: tuple[str, ...] = ()
    crash: Crash | None = None
    under_load: bool = False
    boot_seconds: float = 0.0
    guest_seconds: float = 0.0
    total_seconds: float = 0.0
    console: str = ""
    argv: tuple[str, ...] = ()

    @property
    def amplification(self) -> float:
        """Pages that went into the balloon for each page of the target; 1 is the best."""
        return self.inflated / self.target_pages if self.target_pages else 0.0

    @property
    def is_harness_error(self) -> bool:
        """Whether it says nothing of the fix: it died before anything was measured, or not by the guest's doing."""
        return self.crash is not None and not self.under_load

    @property
    def overhead_seconds(self) -> float:
        """What cosport and QEMU's start and end took beside the guest's own time."""
        return max(0.0, self.total_seconds - self.guest_seconds)

    def value(self, measure: Measure) -> float | None:
        """What the run is judged by; None is worse than any number."""
        if measure is Measure.FAILED:
            return 1.0 if self.failed or self.crash else 0.0
        if self.crash is not None or not self.reached:
            return None
        return {Measure.AMPLIFICATION: self.amplification, Measure.SECONDS: self.seconds, Measure.STALL: self.stall}[
            measure
        ]


@dataclass(frozen=True, slots=True)
class Arm:
    """One side of a job: what was booted, and where it came from. `artifact` is its SHA-256."""

    name: ArmName
    title: str
    version: str
    artifact: str
    file: str
    commit: str = ""
    build_seconds: float = 0.0
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Host:
    """Where the job ran. `accelerator_reason` says why it was that one."""

    accelerator: str
    accelerator_reason: str
    cpu_model: str
    qemu: str
    kernel: str
    cpus: int
    memory_mib: int
    python: str
    cosport: str


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Whether two arms are the same for a measure: the interval of their difference lies within the margin."""

    measure: Measure
    margin: float
    low: float | None
    high: float | None
    inside: bool


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict, and the statistics behind it.

    `p` is of the exact one-sided rank test that the arm `with` is better, `p_worse` that it is worse. `ranks` are the
    composite ranks in the order of the judged runs.
    """

    verdict: RegressVerdict
    reasons: tuple[str, ...]
    alpha: float
    p: float | None = None
    p_worse: float | None = None
    ranks: tuple[float, ...] = ()
    equivalence: tuple[Equivalence, ...] = ()
    flaky: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """The document of a job."""

    schema: str
    workload: str
    summary: str
    mode: str
    profile: str
    control: bool
    began: str
    seconds: float
    complete: bool
    command: tuple[str, ...]
    order: tuple[ArmName, ...]
    host: Host
    arms: tuple[Arm, ...]
    runs: tuple[Run, ...]
    judgement: Judgement
    notes: tuple[str, ...] = ()

    def label(self, name: ArmName) -> str:
        """How people call an arm of this job."""
        if self.control:
            return {ArmName.WITHOUT: "first", ArmName.WITH: "second"}[name]
        return f"{name} the fix"

    @property
    def exit_code(self) -> int:
        """The verdict's; for a control, that no difference was found is the good answer."""
        if self.control and self.judgement.verdict is RegressVerdict.NO_EFFECT:
            return 0
        return self.judgement.verdict.exit_code
