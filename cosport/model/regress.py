"""The nouns of regression jobs that other rooms speak of too: measures, arms, verdicts."""

from __future__ import annotations

from enum import StrEnum


class Measure(StrEnum):
    """What a run is judged by; of each, less is better."""

    AMPLIFICATION = "amplification"  # pages that went into the balloon, for each page of the target
    SECONDS = "seconds"  # to the target
    STALL = "stall"  # longest seconds without net progress
    FAILED = "failed"  # 1 where a check of the run failed, else 0


class ArmName(StrEnum):
    """The two sides of a job."""

    WITHOUT = "without"
    WITH = "with"


class RegressVerdict(StrEnum):
    """What a job found. The last two are for jobs with one arm, which can compare with nothing."""

    FIXES = "fixes"
    NO_EFFECT = "no-effect"
    REGRESSES = "regresses"
    NOT_REPRODUCED = "not-reproduced"
    NOT_APPLICABLE = "not-applicable"
    INCONCLUSIVE = "inconclusive"
    HARNESS_ERROR = "harness-error"
    HOLDS = "holds"
    FAILS = "fails"

    @property
    def exit_code(self) -> int:
        """0: done and good, 1: done and a person must look, 3: QEMU or the machine failed."""
        if self is RegressVerdict.HARNESS_ERROR:
            return 3
        good = (RegressVerdict.FIXES, RegressVerdict.NOT_APPLICABLE, RegressVerdict.HOLDS)
        return 0 if self in good else 1
