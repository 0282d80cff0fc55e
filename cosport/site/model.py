"""What the site shows, as values: fixes by branches, what is known of each pair. Pages read this and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from cosport.model.result import Difference


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture that a job made: the file, and what it shows."""

    file: Path
    caption: str


@dataclass(frozen=True, slots=True)
class JobResult:
    """What a pipeline's job said of a fix on a branch; `facts` are its outputs, `plots` its pictures."""

    run: str
    job: str
    state: str
    facts: tuple[tuple[str, str], ...] = ()
    plots: tuple[Plot, ...] = ()
    report: Path | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One thing on record of a pick: when, what, by whom, and what it says."""

    at: str
    kind: str
    by: str
    says: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One fix on one branch. `outcome` is one word; the others are "" where nothing is known.

    `why` says how it is known; `note` is the release note; `conflicts` are paths with what was done about them.
    """

    branch: str
    outcome: str
    commit: str = ""
    fidelity: str = ""
    review: str = ""
    verdict: str = ""
    release: str = ""
    why: str = ""
    note: str = ""
    conflicts: tuple[tuple[str, str], ...] = ()
    adapted: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    events: tuple[Event, ...] = ()
    jobs: tuple[JobResult, ...] = ()


@dataclass(frozen=True, slots=True)
class Fix:
    """One upstream commit, and where it stands. `date` is when it was committed upstream, as YYYY-MM-DD."""

    sha: str
    subject: str
    author: str
    date: str
    message: str
    cells: dict[str, Cell]
    fixes: tuple[tuple[str, str], ...] = ()
    cves: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Missing:
    """A fix that a branch lacks: how sure that is, how bad, and what it would fix there."""

    sha: str
    subject: str
    date: str
    verdict: str
    severity: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cve:
    """A CVE, the fixes that close it, and its state on each branch."""

    id: str
    title: str
    severity: str
    fixes: tuple[str, ...]
    states: dict[str, str]


@dataclass(frozen=True, slots=True)
class Notes:
    """The release notes of one range: a whole page and a feed, as the notes' own renderers made them."""

    span: str
    release: str
    date: str
    html: str
    atom: str


@dataclass(frozen=True, slots=True)
class Site:
    """All of it. `branches` are names in the order of the configuration, `upstream` and `made` are for the footer."""

    title: str
    upstream: str
    made: str
    branches: tuple[tuple[str, str], ...]
    fixes: tuple[Fix, ...]
    missing: dict[str, tuple[Missing, ...]] = field(default_factory=dict)
    cves: tuple[Cve, ...] = ()
    notes: tuple[Notes, ...] = ()
