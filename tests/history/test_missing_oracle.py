"""What a branch lacks against a model that knows the whole story: who fixes, reverts, picks and un-picks what."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from cosport.git.repository import Repository
from cosport.history.applied import applied
from cosport.history.index import History
from cosport.history.missing import missing
from cosport.history.missing_holding import Holding
from cosport.history.missing_sayings import Names, collect
from cosport.model.commit import Sha

if TYPE_CHECKING:
    from tests.support import Git

SEEDS = range(300 if os.environ.get("COSPORT_SOAK") else 12)


@dataclass
class Story:
    """Upstream's commits by number, and which of them stand: upstream, and on the branch."""

    names: list[str] = field(default_factory=list)
    subjects: list[str] = field(default_factory=list)
    fixes: dict[int, list[int]] = field(default_factory=dict)
    reverts: dict[int, int] = field(default_factory=dict)

    def take(self, standing: dict[int, bool], number: int, *, on: bool = True) -> None:
        """Turn a commit on or off; a revert that comes turns off what it reverts, and one that goes turns it on."""
        standing[number] = on
        if number in self.reverts:
            self.take(standing, self.reverts[number], on=not on)

    def lacking(self, here: dict[int, bool], upstream: dict[int, bool], ancestors: int) -> set[int]:
        """The definition, by iteration until nothing changes."""
        found, coming, restored = set[int](), set[int](), set[int]()
        while True:
            before = len(found)
            for number in range(ancestors, len(self.names)):
                if here.get(number) or not upstream[number]:
                    continue
                undone = [self.reverts[number]] if number in self.reverts else []
                if any(here.get(aim) or aim in coming for aim in (*self.fixes.get(number, []), *undone)):
                    found.add(number)
                    coming.add(number)
                back = [self.reverts[aim] for aim in undone if aim >= ancestors and aim in self.reverts]
                if number in found and back and (here.get(undone[0]) or undone[0] in coming):
                    coming.update(back)
                    restored.update(back if here.get(undone[0]) else ())
            if len(found) == before:
                return found - restored


def write(git: Git, chance: random.Random, story: Story, picks: list[str]) -> None:
    """One more upstream commit."""
    number = len(story.names)
    subject, words = f"part{number}: change", []
    kind = chance.choice(["plain", "fix", "fix", "fix", "revert"]) if number > 2 else "plain"
    aims = chance.sample(range(max(0, number - 8), number), k=chance.choice([1, 1, 2])) if kind == "fix" else []
    if kind == "revert":
        aim = chance.randrange(max(0, number - 6), number)
        subject = f'Revert "{story.subjects[aim]}"'
        if subject in story.subjects:
            kind, subject = "plain", f"part{number}: change"
        else:
            story.reverts[number] = aim
            if chance.random() < 0.7:
                words.append(f"This reverts commit {story.names[aim]}.")
    for aim in aims:
        named = chance.choice([story.names[aim][:12], story.names[aim], f"{chance.getrandbits(160):040x}"[:12]])
        words.append(f'Fixes: {named} ("{story.subjects[aim]}")')
    if aims:
        story.fixes[number] = aims
    story.subjects.append(subject)
    message = subject + "\n\nWords.\n\n" + "\n".join(words) + "\n"
    story.names.append(git.commit({f"f{number}": f"{number}\n"}, message))
    picks.append("")


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_missing_is_what_the_story_says(git: Git, seed: int) -> None:
    chance = random.Random(seed)
    story, brought = Story(), list[str]()
    for _ in range(chance.randrange(4, 12)):
        write(git, chance, story, brought)
    ancestors = len(story.names)
    git.branch("stable")
    here: dict[int, bool] = {}
    for number in range(ancestors):
        story.take(here, number)
    for _ in range(16):
        write(git, chance, story, brought)
    upstream: dict[int, bool] = {}
    for number in range(len(story.names)):
        story.take(upstream, number)
    for _ in range(chance.randrange(14)):
        on_branch(git, chance, story, here, brought)
    expected = story.lacking(here, upstream, ancestors)
    tip, top = Sha(git.sha("stable")), Sha(git.sha("main"))
    with History.open(Repository.open(git.path)) as history:
        found = {story.names.index(each.commit.sha) for each in missing(history, top, tip)}
        assert found == expected, git("log", "--all", "--graph", "--format=%h %s%n%b")
        reaches = history.reach(top), history.reach(tip)
        sayings = collect(history, *reaches)
        holding = Holding(history, reaches[1], reaches[0], sayings, Names(history, sayings))
        for name in reversed(git("rev-list", "--all").split()):
            answer = applied(history, Sha(name), tip)
            assert holding.holds(history.rank(Sha(name))) == answer.applied, (name, answer)
            assert {each.kind for each in holding.evidence(history.rank(Sha(name)))} <= {
                each.kind for each in answer.evidence
            }


def on_branch(git: Git, chance: random.Random, story: Story, here: dict[int, bool], brought: list[str]) -> None:
    """Something happens on the branch: a pick, a pick taken back, or work of its own."""
    step = int(git("rev-list", "--count", "stable"))
    ancestors = int(git("rev-list", "--count", git("merge-base", "stable", "main")))
    absent = [
        number
        for number in range(ancestors, len(story.names))
        if not here.get(number) and (number not in story.reverts or here.get(story.reverts[number]))
    ]
    present = [
        number for number in range(len(story.names)) if here.get(number) and (brought[number] or number < ancestors)
    ]
    kind = chance.choice(["pick", "pick", "pick", "revert", "work"])
    if kind == "pick" and absent:
        number = chance.choice(absent)
        body = git("log", "-1", "--format=%b", story.names[number])
        form = chance.choice(
            [f"(cherry picked from commit {story.names[number]})", f"[ Upstream commit {story.names[number]} ]"]
        )
        message = f"{story.subjects[number]}\n\n{body}\n\n{form}\n"
        brought[number] = git.commit({f"s{step}": "s\n"}, message, branch="stable")
        story.take(here, number)
    elif kind == "revert" and present:
        number = chance.choice(present)
        named = brought[number] or story.names[number]
        message = f'Revert "{story.subjects[number]}"\n\nThis reverts commit {named}.\n'
        git.commit({f"s{step}": "s\n"}, message, branch="stable")
        story.take(here, number, on=False)
    else:
        git.commit({f"s{step}": "s\n"}, f"own work {step}", branch="stable")
