"""What a round of the bot did, as values for the log and for `--json`."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Line:
    """What a round did about one change: `outcome` is one of Voted, "failed" (no vote) or "trouble" (no judgement)."""

    change: int
    revision: str
    outcome: str
    labels: dict[str, int] = field(default_factory=dict)
    why: str = ""


@dataclass(slots=True)
class Tally:
    """What a round did, for the log and `--json`."""

    open: int = 0
    judged: int = 0
    posted: int = 0
    lines: list[Line] = field(default_factory=list)
