"""What a command costs before it does anything: `cosport --version` and `cosport show` against Python's own start."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from tests.bench import measure
from tests.bench.tool import COSPORT, warm

if TYPE_CHECKING:
    from tests.bench.generate import Made

REPEATS: Final = 21
"""More than elsewhere: each takes a few dozen milliseconds."""


def bench(report: measure.Report, made: Made, repeats: int) -> None:
    """Measure both, alternating with `python -c pass`."""
    warm(made.git_dir)
    commands = (
        [sys.executable, "-c", "pass"],
        [*COSPORT, "--version"],
        [*COSPORT, "show", made.fixes[0], "--repo", str(made.git_dir)],
    )
    python, version, show = measure.alternate(
        max(REPEATS, repeats), *(lambda _, argv=argv: measure.run(argv) for argv in commands)
    )
    pause = measure.median(python)
    report.add("startup", "python -c pass", pause * 1000, "ms")
    for what, runs, limit in (("cosport --version", version, 4), ("cosport show, warm index", show, 8)):
        report.add("startup", what, measure.median(runs) * 1000, "ms")
        report.add("startup", f"{what} / python -c pass", measure.median(runs) / pause, "x", at_most=limit)
