"""The state of CVEs in branches agrees with a brute-force oracle that knows the whole story of each history."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from cosport.cve.state import judge
from cosport.git.repository import Repository
from cosport.history.cves import BranchHistory
from cosport.history.index import History
from cosport.model.commit import Sha
from tests.cve import stories

if TYPE_CHECKING:
    from tests.support import Git

BRANCHES = 20
"""Histories in one repository."""

SEEDS = range(500 if os.environ.get("COSPORT_SOAK") else 50)


@pytest.mark.soak
@pytest.mark.parametrize("seed", SEEDS)
def test_the_state_is_what_the_story_says(git: Git, seed: int) -> None:
    chance = random.Random(seed)
    writer = stories.Importer(git.path)
    story = stories.upstream(writer, chance, 8)
    branches = [stories.branch(writer, chance, story, f"b{number}", chance.randrange(9)) for number in range(BRANCHES)]
    writer.close()
    marked = seed % 2 == 0
    cases = [stories.case(chance, story, branches, number, marked=marked) for number in range(4)]
    upstream = Sha(git.sha("main"))
    with History.open(Repository.open(git.path), upstream=upstream) as history:
        for made in branches:
            held = BranchHistory(history, Sha(made.tip))
            for case in cases:
                found = judge(case.record, held)
                wanted = stories.expected(case, made.here, made.ever)
                assert found.state.value == wanted, (case, found, git("log", "--format=%h %s%n%b", made.tip))
