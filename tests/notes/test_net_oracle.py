"""The net effect of random ranges agrees with what the trees at both ends say."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from cosport.git.repository import Repository
from cosport.history.index import History
from cosport.message.profile import load_profile
from cosport.model.commit import Sha
from cosport.notes.build import ordered
from cosport.notes.commits import read_range
from cosport.notes.fields import Keys
from cosport.notes.net import Effect, net_effect
from tests.cve import stories

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cosport.notes.commits import RangeCommit
    from cosport.notes.net import Change
    from tests.support import Git

SEEDS = range(200 if os.environ.get("COSPORT_SOAK") else 20)
BRANCHES = 12


@pytest.mark.soak
@pytest.mark.parametrize("seed", SEEDS)
def test_the_net_effect_is_what_the_trees_say(git: Git, seed: int) -> None:
    chance = random.Random(seed)
    writer = stories.Importer(git.path)
    story = stories.upstream(writer, chance, 6)
    branches = [stories.branch(writer, chance, story, f"b{number}", chance.randrange(14)) for number in range(BRANCHES)]
    writer.close()
    keys = Keys.of(load_profile("stable"))
    with History.open(Repository.open(git.path), upstream=Sha(git.sha("main"))) as history:
        for made in branches:
            (old, before), (new, after) = sorted(chance.choices(made.line, k=2), key=made.line.index)
            read = read_range(history.repository, Sha(old), Sha(new), keys)
            commits = ordered(history, Sha(new), read)
            net = net_effect(history, commits, Sha(old))
            found = {effect: sorted(_changes(history, story, commits, net.changes, effect)) for effect in Effect}
            shown = git("log", "--format=%h %s%n%b", f"{old}..{new}")
            assert found[Effect.REVERTED] == sorted(before - after), (shown, git("log", "--format=%h %s%n%b", old))
            assert sorted((*found[Effect.BROUGHT], *found[Effect.REAPPLIED])) == sorted(after - before), shown
            told = {number for change in net.changes for number in change.numbers}
            others = {account.number for account in net.accounts}
            assert not told & others
            assert told | others == set(range(len(commits)))


def _changes(
    history: History,
    story: stories.Upstream,
    commits: tuple[RangeCommit, ...],
    changes: tuple[Change, ...],
    effect: Effect,
) -> Iterator[int]:
    """The upstream changes that the net effect tells, each as often as it does."""
    for change in changes:
        if change.effect is not effect:
            continue
        if change.upstream:
            yield from (story.names.index(name) for name in change.upstream if name in story.names)
        subjects = [history.entry(history.rank(sha)).subject for sha in change.former]
        subjects = subjects or [commits[number].subject for number in change.numbers]
        unnamed = not any(name in story.names for name in change.upstream)
        known = {story.subject(number): number for number in range(len(story.names))}
        yield from {known[subject] for subject in subjects if unnamed and subject in known}
