"""How long the bot takes for many open changes: polled, judged and voted on, on a real Gerrit beside it."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.gerrit.server import GerritServer
from tests.gerrit.team import SAID, UPSTREAM, Team
from tests.support import cosport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench import measure

CHANGES: Final = 1000
LIMIT: Final = 600.0
"""Seconds in which a thousand open changes are to be polled and judged."""


def bench(report: measure.Report, count: int = CHANGES) -> None:
    """A first round over open picks, one in which nothing is new, and one after main has moved."""
    with _team() as team:
        fixes = [
            team.git.commit(
                {f"drivers/d{number // 50}/f{number}.c": f"int fixed_{number};\n"},
                f"drivers: fix {number}\n\nIt hung.\n\nSigned-off-by: Up Stream <up@example.org>", branch=UPSTREAM,
            )
            for number in range(count)
        ]  # fmt: skip
        cosport("backport", *fixes, "--to", "cos-5.4", "--push", *SAID, cwd=team.git.path, check=0, timeout=3600)
        team.push(f"+{UPSTREAM}:refs/heads/upstream")
        limit = LIMIT * count / CHANGES
        report.add("gerrit", f"{count} open changes polled, judged, voted on", _round(team, count), "s", at_most=limit)
        report.add("gerrit", "the same, nothing new", _round(team, 0), "s")
        team.push_on_top("cos-5.4", {"other.c": "int x;\n"})
        report.add("gerrit", "the same, main has moved: all judged anew", _round(team, count), "s", at_most=limit)


def _round(team: Team, judged: int) -> float:
    begin = time.perf_counter()
    argv = ["bot", "once", "--config", str(team.bot_config), "--dir", str(team.bot_dir), "--json"]
    answer = cosport(*argv, cwd=team.folder, check=0, timeout=3600)
    seconds = time.perf_counter() - begin
    assert answer.json()["judged"] == judged, (answer.json()["judged"], judged)
    return seconds


@contextmanager
def _team() -> Iterator[Team]:
    folder = Path(tempfile.mkdtemp(prefix="cosport-bench-gerrit-"))
    config = folder / "gitconfig"
    config.write_text("[user]\n\tname = Kernel Engineer\n\temail = engineer@example.com\n", encoding="utf-8")
    os.environ["GIT_CONFIG_GLOBAL"] = str(config)
    server = GerritServer.make(folder / "gerrit")
    server.start()
    try:
        team = Team.build(server, folder)
        team.init_bot()
        yield team
        team.admin.close()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
