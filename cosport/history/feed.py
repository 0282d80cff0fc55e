"""Fills the index from one streaming `git log`: each commit once, ancestors first, in transactions.

The history is read as it is: replace refs and grafts, which change what one clone shows, are left out, because what a
branch holds is what a push of it would give to others. Messages come re-encoded to UTF-8 where their header names
another encoding, so that a subject equals its pick's whatever each was written in.
"""

from __future__ import annotations

import zlib
from array import array
from binascii import unhexlify
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice, pairwise
from typing import TYPE_CHECKING, Any, Final

from cosport.history.schema import INDEXES, REAL_HISTORY, Kind
from cosport.message.provenance import scan, subject
from cosport.model.commit import Sha

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cosport.git.repository import Repository
    from cosport.model.provenance import Provenance
    from cosport.store import Store

_SEGMENT: Final = 65536
"""Commits a transaction: a killed first filling goes on from its last segment."""

_ROWS: Final = 4096
"""Rows held in memory."""

_TIPS_AT_ONCE: Final = 2000
"""Tips that fit on one command line."""

_EXCLUDED: Final = 20_000
"""Tips that git is told to leave out; what it prints of the others' commits is dropped here."""

_MANY_TIPS: Final = 24
"""From so many tips on their order is worth a look."""

_FORMAT: Final = "--format=%H %P%n%at %ct %an%n%B"


def fill(
    repository: Repository, store: Store, tips: Sequence[Sha], *, progress: Callable[[int], None] | None = None
) -> int:
    """Index all commits reachable from `tips` that are not there yet; how many there were.

    Call it holding the index's lock. Raises ProcessError where git fails (an object is missing, ...).
    """
    fresh = store.one("SELECT 1 FROM commits LIMIT 1") is None
    if not fresh:
        _finish(store)
    heads = "SELECT sha FROM tips JOIN commits USING (rank) ORDER BY rank DESC LIMIT ?"
    known = [Sha(row[0].hex()) for row in store.rows(heads, (_EXCLUDED,))]
    batches = _batches(repository, tips, split=fresh)
    filler = _Filler(store, fresh=fresh)
    added = 0
    for records in _ahead(_log(repository, batch, [*known, *before]) for batch, before in batches):
        while (count := filler.take(records)) >= 0:
            added += count
            if progress is not None:
                progress(count)
    _finish(store)
    return added


def _batches(repository: Repository, tips: Sequence[Sha], *, split: bool) -> Iterator[tuple[list[Sha], list[Sha]]]:
    """The tips in the order of their dates, a batch at a time, each with the tips before it.

    git prints nothing until it has walked all of a history. Where there are many tips (a kernel has a tag every week),
    the oldest ones are printed while the walk of the later ones goes on.
    """
    if len(tips) < _MANY_TIPS:
        yield list(tips), []
        return
    asked = "".join(f"{tip}\n" for tip in tips).encode("ascii")
    listed = repository.with_environment(REAL_HISTORY).run("rev-list", "--no-walk=sorted", "--stdin", stdin=asked)
    ordered = [Sha(name.decode("ascii")) for name in reversed(listed.split())]
    size = len(ordered)
    cuts = [0, size // 6, size // 2, size] if split else [0, size]
    cuts = sorted({*cuts, *range(0, size, _TIPS_AT_ONCE)})
    for begin, end in pairwise(cuts):
        yield ordered[begin:end], ordered[max(0, begin - _TIPS_AT_ONCE) : begin]


def _log(repository: Repository, tips: Sequence[Sha], known: Sequence[Sha]) -> Iterator[bytes]:
    # `--ignore-missing`: a tip that was rewritten and pruned since excludes nothing; the filler knows its commits.
    excluded = ["--ignore-missing", "--not", *known] if known else []
    return repository.with_environment(REAL_HISTORY).lines(
        "log", "--reverse", "--topo-order", "-z", "--encoding=UTF-8", "--no-show-signature", "--no-patch", _FORMAT,
        *tips, *excluded, "--", separator=b"\0",
    )  # fmt: skip


def _ahead(streams: Iterator[Iterator[bytes]]) -> Iterator[Iterator[bytes]]:
    """The streams in their order, the next two of them already started while one is read."""
    with ThreadPoolExecutor(3) as pool:
        started = deque((pool.submit(next, stream, None), stream) for stream in islice(streams, 3))
        while started:
            start, stream = started.popleft()
            first = start.result()
            if first is not None:
                yield chain((first,), stream)
            started.extend((pool.submit(next, more, None), more) for more in islice(streams, 1))


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
            if sha in ranks or (not fresh and self._known(sha) is not None):
                continue  # reachable from a tip of an earlier batch, or of a ref that was rewritten since
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
