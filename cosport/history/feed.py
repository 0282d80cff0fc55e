"""Fills the index from one streaming `git log`: each commit once, ancestors first, in transactions.

The history is read as it is: replace refs and grafts, which change what one clone shows, are left out, because what a
branch holds is what a push of it would give to others. Messages come re-encoded to UTF-8 where their header names
another encoding, so that a subject equals its pick's whatever each was written in.
"""

from __future__ import annotations

import zlib
from array import array
from binascii import unhexlify
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

from cosport.history.schema import INDEXES, Kind
from cosport.message.provenance import scan, subject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cosport.git.repository import Repository
    from cosport.model.commit import Sha
    from cosport.model.provenance import Provenance
    from cosport.store import Store

REAL_HISTORY: Final = {"GIT_NO_REPLACE_OBJECTS": "1", "GIT_GRAFT_FILE": "/dev/null"}
"""What makes git show the commits as they are stored. The shallow boundary stays: nothing lies behind it."""

_SEGMENT: Final = 65536
"""Commits a transaction: a killed first filling goes on from its last segment."""

_ROWS: Final = 4096
"""Rows held in memory."""

_TIPS_AT_ONCE: Final = 2000
"""Tips that fit on one command line."""

_FORMAT: Final = "--format=%H %P%n%at %ct %an%n%B"


def fill(
    repository: Repository, store: Store, tips: Sequence[Sha], *, progress: Callable[[int], None] | None = None
) -> int:
    """Index all commits reachable from `tips` that are not there yet; how many there were.

    Call it holding the index's lock. Raises ProcessError where git fails (an object is missing, ...).
    """
    added = 0
    fresh = store.one("SELECT 1 FROM commits LIMIT 1") is None
    if not fresh:
        _finish(store)
    for start in range(0, len(tips), _TIPS_AT_ONCE):
        known = [row[0].hex() for row in store.rows("SELECT sha FROM tips JOIN commits USING (rank)")]
        # `--ignore-missing`: a tip that was rewritten and pruned since excludes nothing; its commits are told below.
        excluded = ["--ignore-missing", "--not", *known] if known else []
        records = repository.with_environment(REAL_HISTORY).lines(
            "log", "--reverse", "--topo-order", "-z", "--encoding=UTF-8", "--no-show-signature", "--no-patch", _FORMAT,
            *tips[start : start + _TIPS_AT_ONCE], *excluded, "--", separator=b"\0",
        )  # fmt: skip
        filler = _Filler(store, fresh=fresh and start == 0)
        while (count := filler.take(records)) >= 0:
            added += count
            if progress is not None:
                progress(count)
        _finish(store)
    return added


def _finish(store: Store) -> None:
    for sql in INDEXES:
        store.write(sql)


class _Filler:
    """Turns records of `git log` into rows as they come, so that git and this process work at the same time."""

    def __init__(self, store: Store, *, fresh: bool) -> None:
        self._store = store
        self._fresh = fresh
        self._ranks: dict[bytes, int] = {}
        row = store.one("SELECT max(rank) FROM commits")
        self._next = row[0] + 1 if row and row[0] is not None else 0

    def take(self, records: Iterator[bytes]) -> int:
        """Write one segment in one transaction; the number of commits that were new, -1 at the end of the records."""
        first = next(records, None)
        if first is None:
            return -1
        begin = self._next
        parents, merges = array("i"), array("i")
        leaves: set[int] = set()
        segment = chain((first,), islice(records, _SEGMENT - 1))
        with self._store.transaction():
            while some := list(islice(self._rows(segment, parents, merges, leaves), _ROWS)):
                self._store.many("INSERT INTO commits VALUES (?,?,?,?,?,?,?)", [row for row, _ in some])
                said = [statement for row, stated in some if stated for statement in _statements(row[0], stated)]
                self._store.many("INSERT INTO statements VALUES (?,?,?,?,?)", said)
            if self._next > begin:
                values = (begin, parents.tobytes(), merges.tobytes())
                self._store.write("INSERT INTO segments VALUES (?,?,?)", values)
            older = {rank for rank in (*parents, *merges[1::2]) if rank < begin}
            self._store.many("DELETE FROM tips WHERE rank=?", [(rank,) for rank in older])
            self._store.many("INSERT INTO tips VALUES (?)", [(rank,) for rank in leaves])
        return self._next - begin

    def _rows(
        self, segment: Iterator[bytes], first: array[int], merges: array[int], leaves: set[int]
    ) -> Iterator[tuple[tuple[Any, ...], Provenance | None]]:
        """A row for `commits` and what the message states, for each record; fills in the parents and the childless."""
        ranks, fresh, unhex, crc = self._ranks, self._fresh, unhexlify, zlib.crc32
        for record in segment:
            names, about, message = record.split(b"\n", 2)
            sha = unhex(names[: names.find(b" ")])
            if not fresh and self._known(sha) is not None:
                continue
            rank = self._next
            self._next = rank + 1
            parents = names.split(b" ")[1:]
            one = self._parent(parents[0]) if parents[0] else -1
            first.append(one)
            leaves.discard(one)
            for other in parents[1:]:
                merges.append(rank)
                merges.append(self._parent(other))
                leaves.discard(merges[-1])
            leaves.add(rank)
            ranks[sha] = rank
            authored, committed, author = about.split(b" ", 2)
            text = subject(message)
            said = scan(message)
            row = (rank, sha, text, crc(text), author, _time(authored), _time(committed))
            yield row, None if said is NOTHING else said

    def _parent(self, name: bytes) -> int:
        sha = unhexlify(name)
        rank = self._ranks.get(sha)
        if rank is None:
            rank = self._known(sha)
            assert rank is not None, f"git log gave a commit before its parent {name!r}"
        return rank

    def _known(self, sha: bytes) -> int | None:
        rank = self._ranks.get(sha)
        if rank is None and not self._fresh:
            row = self._store.one("SELECT rank FROM commits WHERE sha=?", (sha,))
            if row is not None:
                rank = self._ranks[sha] = row[0]
        return rank


NOTHING: Final = scan(b"")


def _time(seconds: bytes) -> int:
    # git prints nothing for a date that it cannot read, and SQLite holds 64 bits.
    return int(seconds) if seconds and len(seconds) < 18 else 0


def _statements(rank: int, said: Provenance) -> Iterator[tuple[Any, ...]]:
    rows: list[tuple[Kind, str, str]] = [(Kind.ORIGIN, origin.sha, origin.form.value) for origin in said.origins]
    rows += [(Kind.FIXES, tag.sha, tag.subject) for tag in said.fixes]
    rows += [(Kind.REVERTS, sha, "") for sha in said.reverts]
    rows += [(Kind.REAPPLIES, sha, "") for sha in said.reapplies]
    rows += [(Kind.REVERTS_SUBJECT, said.reverted_subject, "")] if said.reverted_subject else []
    rows += [(Kind.CHANGE_ID, said.change_id, "")] if said.change_id else []
    rows += [(Kind.DEP_OF, sha, "") for sha in said.stable_dep_of]
    rows += [(Kind.CC_STABLE, "", text) for text in said.cc_stable]
    for number, (kind, named, detail) in enumerate(rows):
        yield (rank, number, int(kind), _bytes(named), _bytes(detail))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
