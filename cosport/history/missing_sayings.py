"""What the messages of all commits say that bears on what a branch holds and lacks, read in one pass.

There are hundreds of thousands of such statements, and few end up in an answer: they stay in the bytes that the index
holds, and the commits that they name are looked up all at once.
"""

from __future__ import annotations

from binascii import unhexlify
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

from cosport.history.picks import resolve
from cosport.history.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cosport.history.index import History, Reach
    from cosport.model.commit import Sha

_ROWS: Final = 65536
"""Ranks whose statements are in memory at a time."""

_BEGIN: Final = 7
"""The shortest name of a commit that a statement holds, in digits."""

_READ: Final = (
    Kind.ORIGIN,
    Kind.FIXES,
    Kind.REVERTS,
    Kind.REAPPLIES,
    Kind.REVERTS_SUBJECT,
    Kind.CC_STABLE,
    Kind.BLAMES,
)

_KINDS: Final = {int(kind): kind for kind in Kind}
"""By code: an enum's own look-up takes several times as long."""

_NAMED: Final = """
WITH RECURSIVE names (number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM names WHERE number + 1 < ?1)
SELECT names.number, commits.rank FROM names CROSS JOIN commits ON commits.sha
BETWEEN substr(?3, names.number * ?2 + 1, ?2) AND substr(?4, names.number * ?2 + 1, ?2)
"""
"""Names come as two strings with a range of shas for each: rows of a table would take longer than the look-ups."""


class Saying(NamedTuple):
    """One statement as the index holds it. Few of them are ever shown: what it names stays in bytes until then."""

    rank: int
    kind: Kind
    name: bytes
    quoted: bytes

    @property
    def named(self) -> str:
        """As in `cosport.history.schema.Kind`."""
        return self.name.decode("utf-8", "surrogateescape")

    @property
    def detail(self) -> str:
        """As in `cosport.history.schema.Kind`."""
        return self.quoted.decode("utf-8", "surrogateescape")


@dataclass(slots=True)
class Sayings:
    """The statements that bear on what a branch holds and lacks, sorted by who makes them."""

    candidates: dict[int, list[Saying]] = field(default_factory=lambda: defaultdict(list))
    """What upstream's commits that the branch does not reach say that they fix or revert, by rank."""
    reverts: list[Saying] = field(default_factory=list)
    """Everybody's reverts."""
    origins: list[Saying] = field(default_factory=list)
    """The origins of the branch's commits."""
    reapplied: list[Saying] = field(default_factory=list)
    """What the branch's commits say that they bring back."""
    stable: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    """The versions for which upstream's commits ask the stable trees to take them, by rank."""
    picks: bytearray = field(default_factory=bytearray)
    """By rank: whether a commit states an origin."""
    begins: set[bytes] = field(default_factory=set)
    """The first digits of all origins."""

    def may_be_picked(self, sha: Sha) -> bool:
        """Whether some commit may say that it comes from that one: to ask the index takes longer."""
        return sha[:_BEGIN].encode("ascii") in self.begins


def collect(history: History, upstream: Reach, branch: Reach) -> Sayings:
    """Read all statements once, oldest first, in bounded memory."""
    found = Sayings(picks=bytearray(len(history.graph.first)))
    candidates, picks = found.candidates, found.picks
    origin, reapplies, stable = int(Kind.ORIGIN), int(Kind.REAPPLIES), int(Kind.CC_STABLE)
    fixes = (int(Kind.FIXES), int(Kind.BLAMES))
    # `Reach.holds`, spelt out: it is asked half a million times.
    entries, position, size = branch.chain.entries, branch.position, len(branch.chain.entries)
    others, limit, bound = upstream.chain.entries, upstream.position, len(upstream.chain.entries)
    for rank, code, name, quoted in _rows(history):
        here = rank < size and entries[rank] <= position
        candidate = not here and rank < bound and others[rank] <= limit
        if code in fixes:
            if candidate:
                candidates[rank].append(Saying(rank, _KINDS[code], name, quoted))
        elif code == stable:
            if not here:
                found.stable[rank].append(quoted.decode("utf-8", "surrogateescape"))
        elif code == origin:
            picks[rank] = 1
            found.begins.add(name[:_BEGIN])
            if here:
                found.origins.append(Saying(rank, _KINDS[code], name, quoted))
        elif code == reapplies:
            if here:
                found.reapplied.append(Saying(rank, _KINDS[code], name, quoted))
        else:
            saying = Saying(rank, _KINDS[code], name, quoted)
            if candidate:
                candidates[rank].append(saying)
            found.reverts.append(saying)
    return found


def _rows(history: History) -> Iterator[tuple[int, int, bytes, bytes]]:
    kinds = ",".join(str(int(kind)) for kind in _READ)
    sql = f"SELECT rank, kind, named, detail FROM statements WHERE rank >= ? AND rank < ? AND kind IN ({kinds})"  # noqa: S608 - numbers
    for first in range(0, len(history.graph.first), _ROWS):
        yield from history.store.rows(sql, (first, first + _ROWS))


class Names:
    """The commits that abbreviated names may mean, looked up all at once: one by one takes ten times as long."""

    def __init__(self, history: History, sayings: Sayings) -> None:
        self._history = history
        said = chain(sayings.origins, sayings.reverts, chain.from_iterable(sayings.candidates.values()))
        # Sorted, they are found side by side in SQLite's pages.
        names = sorted({each.name for each in said if each.kind is not Kind.REVERTS_SUBJECT})
        self.sole: dict[bytes, int] = {}
        """The rank of each name that fits one commit."""
        self._others: dict[bytes, list[int]] = {}
        for number, rank in self._found(names):
            name = names[number]
            if name in self._others:
                self._others[name].append(rank)
            elif name in self.sole:
                self._others[name] = [self.sole.pop(name), rank]
            else:
                self.sole[name] = rank
        for name in names:
            if name not in self.sole:
                self._others.setdefault(name, [])

    def starting(self, said: Saying) -> list[int]:
        """What a statement names, as `History.starting`."""
        if (rank := self.sole.get(said.name)) is not None:
            return [rank]
        found = self._others.get(said.name)
        return self._history.starting(said.named) if found is None else found

    def resolve(self, said: Saying) -> int | None:
        """What a statement names, as `cosport.history.picks.resolve`."""
        ranks = self.starting(said)
        if len(ranks) > 1:
            return resolve(self._history, said.named, said.detail)
        return ranks[0] if ranks else None

    def _found(self, names: Sequence[bytes]) -> list[tuple[int, int]]:
        """Pairs of a name's number and the rank of a commit that it fits."""
        size = self._history.repository.hash_length
        low = unhexlify(b"".join([name.ljust(size, b"0")[:size] for name in names]))
        high = unhexlify(b"".join([name.ljust(size, b"f")[:size] for name in names]))
        return self._history.store.rows(_NAMED, (len(names), size // 2, low, high)) if names else []
