"""Dask on our terms: an answer that nobody has any more is lost, and nothing of a cluster listens that need not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil  # type: ignore[import-untyped]  # distributed brings it
import pytest

from cosport.pipeline import cluster
from cosport.pipeline.dask_lane import _answer
from cosport.pipeline.state import End

if TYPE_CHECKING:
    from cosport.pipeline.order import Answer


@dataclass
class Future:
    """A future whose answer is gone, or cannot be read, when it is asked for."""

    after: str
    status: str = "finished"

    def result(self, timeout: float) -> Answer:
        self.status = self.after
        raise TimeoutError(timeout)


@pytest.mark.parametrize(("after", "end", "deaths"), [("lost", End.LOST, 1), ("finished", End.BROKEN, 0)])
def test_an_answer_that_is_gone_is_told_from_one_that_is_broken(after: str, end: End, deaths: int) -> None:
    future: Any = Future(after)
    answer, counted = _answer(future)
    assert (answer.end, counted) == (end, deaths)


def test_nothing_listens_for_an_embedded_run() -> None:
    client = cluster.embedded(cluster.Machine(jobs=1, memory=1 << 30, qemu=0))
    try:
        assert client.submit(abs, -5).result(timeout=30) == 5
        assert [each.laddr for each in psutil.Process().net_connections("inet") if each.status == "LISTEN"] == []
    finally:
        cluster.leave(client)
