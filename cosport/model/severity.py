"""How bad a bug is: what a team says, and what CVE records say."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """How bad the bug is that a commit fixes, the worst first: the levels of CVSS (https://www.first.org/cvss/)."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    UNKNOWN = "unknown"

    @property
    def order(self) -> int:
        """For sorting. What is not known comes after what is known to be bad, and before what is known to be small."""
        return (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.UNKNOWN, Severity.LOW).index(self)

    @classmethod
    def of_score(cls, score: float) -> Severity:
        """The level of a CVSS score (section 5, "Qualitative Severity Rating Scale"); 0 is none, and told as low."""
        return next(
            level
            for least, level in ((9.0, cls.CRITICAL), (7.0, cls.HIGH), (4.0, cls.MEDIUM), (0, cls.LOW))
            if score >= least
        )
