"""Works out, when new commits have come, what the first question would otherwise wait for: where the branches stand.

For a million commits this is half a second for the first branch and a tenth of it for each further one; with upstream
known, a fifth of a millisecond more for each commit that a branch made itself without saying where it comes from.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from cosport.errors import MissingObjectError, ProcessError
from cosport.history.samepatch import prepare

if TYPE_CHECKING:
    from cosport.history.index import History

_BRANCHES: Final = 6
"""Ends of history that are looked at, the newest first; of others the first question does it."""


def work_out(history: History) -> None:
    """Make and keep the chains of the branches; and what `samepatch` asks of them, where upstream is known."""
    ends = {row[0] for row in history.store.rows("SELECT rank FROM tips")}
    branches = [history.reach(history.entry(tip).sha) for tip in history.tips[:_BRANCHES] if tip in ends]
    if history.upstream is None:
        return
    boundary = history.reach(history.entry(history.upstream).sha)
    with contextlib.suppress(
        ProcessError, MissingObjectError
    ):  # trees that are missing here: who asks for them is told
        for each in branches:
            if each.target != history.upstream:
                prepare(history, each.chain, boundary)
