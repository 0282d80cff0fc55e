"""What the reverts of a range take back: commits of the range, and commits that the release before it holds.

The rules are those of `cosport.history.reverts`: a revert that names a commit takes back that one and all that came
before it of the same fix; in doubt it counts.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cosport.history.picks import resolve
from cosport.history.schema import Kind
from cosport.model.commit import Sha
from cosport.notes.identity import upstream_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cosport.history.index import History, Reach
    from cosport.notes.commits import RangeCommit
    from cosport.notes.identity import Families


@dataclass(frozen=True, slots=True)
class Taking:
    """What one commit takes back: numbers of commits of the range, ranks of commits that the release before holds."""

    inside: frozenset[int] = frozenset()
    outside: tuple[int, ...] = ()


NOTHING: Final = Taking()


class Takings:
    """Looks up what reverts mean. `before` is what the release before reaches, None where there is none."""

    def __init__(
        self, history: History, commits: Sequence[RangeCommit], families: Families, before: Reach | None
    ) -> None:
        self._history = history
        self._commits = commits
        self._families = families
        self._before = before
        self._numbers = {commit.sha: number for number, commit in enumerate(commits)}
        self._members: dict[int, list[int]] = defaultdict(list)
        self._carriers: dict[str, list[int]] = defaultdict(list)
        self._subjects: dict[str, list[int]] = defaultdict(list)
        for number, commit in enumerate(commits):
            self._members[families.of(number)].append(number)
            self._subjects[commit.subject].append(number)
            for name in families.carried[number]:
                self._carriers[name].append(number)

    def of(self, number: int) -> Taking:
        """What the commit takes back."""
        said = self._commits[number].said
        if not said.reverts and not said.reverted_subject:
            return NOTHING
        inside: set[int] = set()
        outside: dict[int, None] = {}
        for name in said.reverts:
            rank = resolve(self._history, name, said.reverted_subject)
            if rank is not None:
                self._indexed(rank, number, inside, outside)
            else:
                self._unknown(name, number, inside, outside)
        if not inside and not outside and said.reverted_subject:
            self._by_subject(said.reverted_subject, number, inside, outside)
        return Taking(frozenset(inside), tuple(outside))

    def _indexed(self, rank: int, number: int, inside: set[int], outside: dict[int, None]) -> None:
        """A revert of a commit that the repository has: of this branch, of upstream, or of another branch."""
        sha = self._history.entry(rank).sha
        own = self._numbers.get(sha)
        if own is not None:
            inside.update(self._earlier(self._members[self._families.of(own)], number))
            inside.add(own)
        for name in dict.fromkeys((sha, upstream_of(self._history, sha))):
            inside.update(self._earlier(self._carriers.get(name, ()), number))
            outside.update(dict.fromkeys(self._released(name)))

    def _unknown(self, name: str, number: int, inside: set[int], outside: dict[int, None]) -> None:
        """A revert of a commit that the repository lacks, and that other messages may name."""
        for carried, numbers in self._carriers.items():
            if carried.startswith(name) or name.startswith(carried):
                inside.update(self._earlier(numbers, number))
                outside.update(dict.fromkeys(self._released(carried)))
        if len(name) == self._history.repository.hash_length:
            outside.update(dict.fromkeys(self._released(name)))

    def _by_subject(self, subject: str, number: int, inside: set[int], outside: dict[int, None]) -> None:
        earlier = list(self._earlier(self._subjects.get(subject, ()), number))
        if earlier:
            inside.update(self._earlier(self._members[self._families.of(earlier[-1])], number))
            return
        held = [rank for rank in self._history.with_subject(subject) if self._holds(rank)]
        outside.update(dict.fromkeys(held[-1:]))

    def _earlier(self, numbers: Sequence[int], number: int) -> Iterator[int]:
        return (each for each in numbers if each < number)

    def _released(self, name: str) -> Iterator[int]:
        """The commits that the release before holds and that are, or say that they carry, the commit `name`."""
        history = self._history
        for rank in history.starting(name):
            if self._holds(rank):
                yield rank
        for statement in history.naming(Kind.ORIGIN, Sha(name)):
            kinds = {each.kind for each in history.said_by(statement.rank)}
            if self._holds(statement.rank) and not kinds & {Kind.REVERTS, Kind.REVERTS_SUBJECT}:
                yield statement.rank

    def _holds(self, rank: int) -> bool:
        return self._before is not None and self._before.holds(rank)
