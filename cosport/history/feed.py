"""Fills the index from one streaming `git log`: each commit once, ancestors first, in transactions that a kill cannot split.

The history is read as it is: replace refs and grafts, which change what one clone shows, are left out, because what a
branch holds is what a push of it would give to others. Messages come re-encoded to UTF-8 where their header names another
encoding, so that a subject equals its pick's whatever each was written in.
"""

from __future__ import annotations

import zlib
from array import array
from binascii import unhexlify
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

_TIPS_AT_ONCE: Final = 2000
"""Tips that fit on one command line."""

_FORMAT: Final = "--format=%H %P%n%at %ct %an%n%B"

Progress = "Callable[[int], None]"


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
        for segment in _segments(records):
            added += filler.add(segment)
            if progress is not None:
                progress(added)
        _finish(store)
    return added


def _finish(store: Store) -> None:
    for sql in INDEXES:
        store.write(sql)


def _segments(records: Iterator[bytes]) -> Iterator[list[bytes]]:
    segment: list[bytes] = []
    for record in records:
        segment.append(record)
        if len(segment) == _SEGMENT:
            yield segment
            segment = []
    if segment:
        yield segment


class _Filler:
    """Turns records of `git log` into rows, a segment at a time."""

    def __init__(self, store: Store, *, fresh: bool) -> None:
        self._store = store
        self._fresh = fresh
        self._ranks: dict[bytes, int] = {}
        row = store.one("SELECT max(rank) FROM commits")
        self._next = row[0] + 1 if row and row[0] is not None else 0

    def add(self, segment: list[bytes]) -> int:
        """Write one segment; the number of commits that were new."""
        commits: list[tuple[Any, ...]] = []
        statements: list[tuple[Any, ...]] = []
        first, merges = array("i"), array("i")
        begin = self._next
        with self._store.transaction():
            for record in segment:
                names, _, rest = record.partition(b"\n")
                about, _, message = rest.partition(b"\n")
                sha, *parents = [unhexlify(name) for name in names.split()]
                if not self._fresh and self._known(sha) is not None:
                    continue
                rank = self._next
                self._next += 1
                self._ranks[sha] = rank
                found = [self._rank(parent) for parent in parents]
                first.append(found[0] if found else -1)
                for other in found[1:]:
                    merges.append(rank)
                    merges.append(other)
                authored, committed, author = about.split(b" ", 2)
                text = subject(message)
                commits.append((rank, sha, text, zlib.crc32(text), author, _time(authored), _time(committed)))
                provenance = scan(message)
                if provenance is not NOTHING:
                    statements += _statements(rank, provenance)
            self._write(begin, commits, statements, first, merges)
        return len(commits)

    def _write(
        self, begin: int, commits: list[tuple[Any, ...]], statements: list[tuple[Any, ...]],
        first: array[int], merges: array[int],
    ) -> None:  # fmt: skip
        if not commits:
            return
        self._store.many("INSERT INTO commits VALUES (?,?,?,?,?,?,?)", commits)
        self._store.many("INSERT INTO statements VALUES (?,?,?,?,?)", statements)
        self._store.write("INSERT INTO segments VALUES (?,?,?)", (begin, first.tobytes(), merges.tobytes()))
        parents = {*first, *merges[1::2]}
        self._store.many("DELETE FROM tips WHERE rank=?", [(rank,) for rank in parents if rank < begin])
        self._store.many("INSERT INTO tips VALUES (?)", [(row[0],) for row in commits if row[0] not in parents])

    def _known(self, sha: bytes) -> int | None:
        rank = self._ranks.get(sha)
        if rank is None and not self._fresh:
            row = self._store.one("SELECT rank FROM commits WHERE sha=?", (sha,))
            if row is not None:
                rank = self._ranks[sha] = row[0]
        return rank

    def _rank(self, parent: bytes) -> int:
        rank = self._known(parent)
        assert rank is not None, f"git log gave a commit before its parent {parent.hex()}"
        return rank


NOTHING: Final = scan(b"")


def _time(seconds: bytes) -> int:
    try:
        return min(max(int(seconds), -(1 << 62)), 1 << 62)
    except ValueError:
        return 0  # git prints nothing for a date that it cannot read


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
