"""The bench of prerequisites builds its cases from a history as people made it, and asks its peers the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.backport.house import FILE, LINES, edit
from tests.bench import prerequisites
from tests.bench.measure import Report

if TYPE_CHECKING:
    from tests.support import Git


def test_what_people_brought_first_is_found_and_scored(git: Git) -> None:
    git.commit({FILE: LINES}, "mm: start", branch="master")
    git.branch("stable", "master")
    git.commit({FILE: edit(LINES, l35="noise")}, "mm: noise", branch="master")
    first = git.commit({FILE: edit(LINES, l35="noise", l20="first")}, "mm: first", branch="master")
    fix = git.commit({FILE: edit(LINES, l35="noise", l20="fixed")}, "mm: fix", branch="master")
    for number in range(12):
        git.commit({f"{number}.c": "more\n"}, f"stable: {number}", branch="stable")
    git.commit({FILE: edit(LINES, l20="first")}, f"mm: first\n\ncommit {first} upstream.\n", branch="stable")
    git.commit({"last.c": "more\n"}, "stable: last", branch="stable")
    git.commit({FILE: edit(LINES, l20="fixed")}, f"mm: fix\n\ncommit {fix} upstream.\n", branch="stable")
    report = Report()
    prerequisites.bench(report, "small", git.path / ".git", ("stable",), mainline="master", limit=5)
    told = {row.what: row.value for row in report.rows}
    assert told["cases"] == 1
    for who in ("series", "upstream", "upstream, proven alone", "peer: blame or log -L", "peer: the same, asked again"):
        assert (told[f"{who}: found"], told[f"{who}: precision"]) == (100, 100), who
