"""The index against brute force: git's own walks, and the state of a file that picks and reverts switch on and off."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from cosport.git.repository import Repository
from cosport.history.applied import applied
from cosport.history.index import History
from cosport.model.commit import Sha

if TYPE_CHECKING:
    from tests.support import Git

SEEDS = range(200 if os.environ.get("COSPORT_SOAK") else 5)


@pytest.mark.parametrize("seed", SEEDS)
def test_ancestry_is_what_git_says_for_every_pair(git: Git, seed: int) -> None:
    chance = random.Random(seed)
    made: list[str] = []
    for number in range(36):
        parents = chance.sample(made[-8:], k=min(len(made[-8:]), chance.choice([0, 1, 1, 1, 1, 2, 2, 3])))
        # Dates go up and down, so nothing can rest on them.
        date = f"{1_600_000_000 + chance.randrange(-1000, 1000)} +0000"
        made.append(git.commit({f"f{number}": "x"}, f"c{number}", parents=parents, branch=f"b{number}", date=date))
        if number in (12, 24):  # indexed in three steps, with an arbitrary choice of tips
            tips = [Sha(sha) for sha in chance.sample(made, k=3)]
            with History.open(Repository.open(git.path), tips) as history:
                for tip in tips:
                    history.reach(tip)
    ancestors = {sha: set(git("rev-list", sha).split()) for sha in made}
    targets = [*made, *chance.sample(made, k=len(made))]
    with History.open(Repository.open(git.path), [Sha(sha) for sha in made[-4:]]) as history:
        for target in targets:
            for commit in made:
                assert history.contains(Sha(commit), Sha(target)) == (commit in ancestors[target])


@pytest.mark.parametrize("seed", SEEDS)
def test_whether_a_fix_stands_is_what_the_file_says(git: Git, seed: int) -> None:
    chance = random.Random(seed)
    git.commit({"a.c": "broken\n", "b.c": "0\n"}, "start")
    git.branch("stable")
    fix = git.commit({"a.c": "fixed\n"}, "a: fix it")
    states: list[tuple[str, bool]] = [(git.sha("stable"), False)]
    brought = taken = ""
    for number in range(14):
        here = states[-1][1]
        step = chance.choice(["work", "switch", "switch"])
        if step == "work":
            sha = git.commit({"b.c": f"{number}\n"}, f"b: work {number}\n\nSee commit {fix}.\n", branch="stable")
        elif here:
            named = chance.choice([brought, fix])
            taken = sha = _revert(git, named, "broken\n")
        elif taken and chance.random() < 0.5:
            brought = sha = _revert(git, taken, "fixed\n")
        else:
            form = chance.choice(
                [f"(cherry picked from commit {fix})", f"[ Upstream commit {fix} ]", "no trailer at all"]
            )
            brought = sha = git.commit({"a.c": "fixed\n"}, f"a: fix it\n\n{form}\n", branch="stable")
        states.append((sha, here if step == "work" else not here))
    chance.shuffle(states)
    with History.open(Repository.open(git.path)) as history:
        for target, expected in states:
            answer = applied(history, Sha(fix), Sha(target))
            assert answer.applied == expected, (git("log", "--format=%h %s %b", target), answer)
            assert (git.read(target, "a.c") == b"fixed\n") == expected


def _revert(git: Git, sha: str, text: str) -> str:
    subject = git("log", "-1", "--format=%s", sha)
    return git.commit({"a.c": text}, f'Revert "{subject}"\n\nThis reverts commit {sha}.\n', branch="stable")
