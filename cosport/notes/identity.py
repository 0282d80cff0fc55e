"""Tells which commits are the same fix: by the upstream commits that they carry, then Change-Id, then patch-id.

A fix comes to a branch several times (picked twice, reverted and picked again), and to several branches. Its text may
differ each time, so texts tell nothing here.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

from cosport.history.picks import origins, resolve
from cosport.history.samepatch import patch_ids_of
from cosport.history.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cosport.history.index import History
    from cosport.model.commit import Sha
    from cosport.notes.commits import RangeCommit


def carried(history: History, commit: RangeCommit) -> tuple[str, ...]:
    """The upstream commits that `commit` says it carries, each followed to the last one that a message names.

    A squash carries several. A revert carries none, unless it reverts nothing by itself: messages of reverts quote the
    origin of what they take back.
    """
    said = commit.said
    if said.reverts or said.reverted_subject:
        return ()
    if not said.origins:
        return tuple(dict.fromkeys(_followed(history, name) for name in said.reapplies))
    if len(said.origins) > 1 and (chain := origins(history, commit.sha)):
        return (_beyond(history, chain[-1]),)
    stated = (_written(history, origin.sha, commit.subject) for origin in said.origins)
    return tuple(dict.fromkeys(_followed(history, name) for name in stated))


def upstream_of(history: History, sha: Sha) -> str:
    """The upstream commit that an indexed commit carries by a chain of single picks; itself where it is no pick."""
    chain = origins(history, sha)
    return _beyond(history, chain[-1] if chain else sha)


def _written(history: History, named: str, subject: str) -> str:
    rank = resolve(history, named, subject)
    return history.entry(rank).sha if rank is not None else named


def _followed(history: History, name: str) -> str:
    rank = resolve(history, name)
    return upstream_of(history, history.entry(rank).sha) if rank is not None else name


def _beyond(history: History, sha: Sha) -> str:
    """What `sha` itself names as its only origin where that is not in the repository; else `sha`."""
    stated = {each.named for each in history.said_by(history.rank(sha)) if each.kind is Kind.ORIGIN}
    if len(stated) == 1:
        (name,) = stated
        if not history.starting(name):
            return name
    return sha


class Families:
    """The commits of a range sorted into families, each one fix, known by the number of its first commit."""

    def __init__(self, history: History, commits: Sequence[RangeCommit]) -> None:
        self._parent = list(range(len(commits)))
        self._history = history
        self._commits = commits
        self.carried = [carried(history, commit) for commit in commits]
        self._join_by_upstream()
        self._join_by_change_id()
        self._join_by_patch()

    def of(self, number: int) -> int:
        """The family of a commit."""
        while self._parent[number] != number:
            self._parent[number] = self._parent[self._parent[number]]
            number = self._parent[number]
        return number

    def upstream(self, family: int, numbers: Iterable[int]) -> tuple[str, ...]:
        """The upstream commits that the commits `numbers` of a family carry, without repetition."""
        assert all(self.of(number) == family for number in numbers)
        return tuple(dict.fromkeys(name for number in numbers for name in self.carried[number]))

    def _join(self, one: int, other: int) -> None:
        first, second = sorted((self.of(one), self.of(other)))
        self._parent[second] = first

    def _join_by_upstream(self) -> None:
        holders: dict[str, int] = {}
        for number, names in enumerate(self.carried):
            for name in names:
                self._join(holders.setdefault(name, number), number)
        for short, longer in pairwise(sorted(holders)):
            if longer.startswith(short):  # neither is in the repository
                self._join(holders[short], holders[longer])

    def _join_by_change_id(self) -> None:
        """Commits of one Change-Id are one fix, unless they say that they carry different upstream commits."""
        sharing: dict[str, list[int]] = defaultdict(list)
        for number, commit in enumerate(self._commits):
            if commit.said.change_id and not _reverts(commit):
                sharing[commit.said.change_id].append(number)
        for numbers in sharing.values():
            silent = [number for number in numbers if not self.carried[number]]
            named = {self.of(number) for number in numbers if self.carried[number]}
            for number in silent:
                self._join(silent[0], number)
            if len(named) == 1 and silent:
                self._join(named.pop(), silent[0])

    def _join_by_patch(self) -> None:
        """Commits that say nothing of themselves, and have the same subject, are compared by their patches."""
        alike: dict[str, list[int]] = defaultdict(list)
        for number, commit in enumerate(self._commits):
            if not commit.is_merge and not _reverts(commit):
                alike[commit.subject].append(number)
        for numbers in alike.values():
            silent = [each for each in numbers if not self.carried[each] and not self._commits[each].said.change_id]
            if not silent or len(numbers) < 2:
                continue
            ranks = {number: self._history.rank(self._commits[number].sha) for number in numbers}
            patches = patch_ids_of(self._history, ranks.values())
            for number in silent:
                own = patches.get(ranks[number])
                other = next((each for each in numbers if each != number and patches.get(ranks[each]) == own), None)
                if own and other is not None:
                    self._join(number, other)


def _reverts(commit: RangeCommit) -> bool:
    return bool(commit.said.reverts or commit.said.reverted_subject)
