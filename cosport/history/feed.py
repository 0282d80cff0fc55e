"""Fills the index from one streaming `git log`: each commit once, all in one transaction.

The history is read as it is: replace refs and grafts, which change what one clone shows, are left out, because what a
branch holds is what a push of it would give to others. Messages come re-encoded to UTF-8 where their header names
another encoding, so that a subject equals its pick's whatever each was written in.

git and this process work at the same time, so the time is git's own and what it takes to write the rows at the end. To
keep it so, fields are handled a column at a time, in loops that Python runs in C; and what has been read is held as one
string a column, a hundred bytes a commit, until the ranks are known.
"""

from __future__ import annotations

import zlib
from array import array
from binascii import hexlify, unhexlify
from itertools import compress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cosport.git.repository import FRUGAL
from cosport.history.order import Order
from cosport.history.schema import INDEXES, REAL_HISTORY, Kind
from cosport.message.provenance import scan_many
from cosport.model.commit import Sha
from cosport.store import sealed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cosport.git.repository import Repository
    from cosport.history.order import Ranked
    from cosport.model.provenance import Provenance
    from cosport.store import Store

FIELDS: Final = ("%H", "%P", "%at", "%ct", "%an", "%s", "%B")
"""What is asked of git for each commit. No field holds a NUL: git takes a message for ended there."""

_NUL: Final = b"\0"

_ENVIRONMENT: Final = {**REAL_HISTORY, "GIT_FLUSH": "0"}
"""git writes whole blocks; else it makes a system call for each commit."""


def fill(
    repository: Repository, store: Store, tips: Sequence[Sha], *, progress: Callable[[int], None] | None = None
) -> int:
    """Index all commits reachable from `tips` that are not there yet; how many there were.

    Call it holding the index's lock. Raises ProcessError where git fails (an object is missing, ...).
    """
    fresh = store.one("SELECT 1 FROM commits LIMIT 1") is None
    if not fresh:
        _finish(store)  # an earlier filling was killed before its end
    filler = _Filler(store, repository.hash_length // 2, fresh=fresh)
    for fields in _log(repository, tips, [] if fresh else _heads(store)):
        count = filler.take(fields)
        if progress is not None:
            progress(count)
    filler.write()
    _finish(store)
    return filler.count


def _finish(store: Store) -> None:
    for definition in INDEXES.values():
        store.write(f"CREATE {definition}")


def _heads(store: Store) -> list[Sha]:
    return [Sha(row[0].hex()) for row in store.rows("SELECT sha FROM tips JOIN commits USING (rank)")]


def _log(repository: Repository, tips: Sequence[Sha], known: Sequence[Sha]) -> Iterator[list[bytes]]:
    """The fields of the commits, newest first, many whole commits at a time."""
    # `--ignore-missing`: a tip that was rewritten and pruned since excludes nothing; the filler knows its commits.
    options = ["--ignore-missing"] if known else []
    asked = "".join([*(f"{tip}\n" for tip in tips), *(f"^{tip}\n" for tip in known)]).encode("ascii")
    held: list[bytes] = []
    for some in repository.with_environment(_ENVIRONMENT).pieces(
        *FRUGAL, "log", *options, "--stdin", "-z", "--encoding=UTF-8", "--no-show-signature", "--no-patch",
        "--format=" + "%x00".join(FIELDS), separator=_NUL, stdin=asked,
    ):  # fmt: skip
        held += some
        whole = len(held) - len(held) % len(FIELDS)
        yield held[:whole]
        del held[:whole]


class _Said(NamedTuple):
    """The statements of a batch, one string a column; `arrivals`, `numbers` and `kinds` have one element for each."""

    arrivals: array[int]
    numbers: array[int]
    kinds: array[int]
    named: bytes
    details: bytes


class _Batch(NamedTuple):
    """Some commits as they came, from that arrival on, one string or array a column."""

    begin: int
    shas: bytes
    subjects: bytes
    keys: array[int]
    authors: bytes
    authored: array[int]
    committed: array[int]
    said: _Said


class _Filler:
    """Holds what git printed until all of it is there, then writes it, ancestors first."""

    def __init__(self, store: Store, size: int, *, fresh: bool) -> None:
        self._store = store
        self._size = size
        self._fresh = fresh
        self._order = Order()
        self._batches: list[_Batch] = []

    @property
    def count(self) -> int:
        """How many commits were new."""
        return len(self._order)

    def take(self, fields: list[bytes]) -> int:
        """Read the fields of some commits; the number of those that were new."""
        columns = [fields[number :: len(FIELDS)] for number in range(len(FIELDS))]
        if not self._fresh:
            # A tip that was rewritten is not excluded for ever: git's objects go, and their rows here stay.
            new = [self._rank(unhexlify(name)) is None for name in columns[0]]
            columns = [list(compress(column, new)) for column in columns]
        names, parents, authored, committed, authors, titles, messages = columns
        if not names:
            return 0
        begin = len(self._order)
        self._order.take(names, parents)
        subjects = [title.strip() for title in titles]
        self._batches.append(
            _Batch(
                begin,
                unhexlify(b"".join(names)),
                _NUL.join(subjects),
                array("I", map(zlib.crc32, subjects)),
                _NUL.join(authors),
                _times(authored),
                _times(committed),
                _said(begin, messages),
            )
        )
        return len(names)

    def write(self) -> None:
        """Write all that was read, in one transaction."""
        row = self._store.one("SELECT max(rank) FROM commits")
        begin = row[0] + 1 if row and row[0] is not None else 0
        ranked = self._order.settle(begin, self._arrived(), self._indexed)
        if not self._batches:
            return
        with self._store.transaction():
            while self._batches:
                batch = self._batches.pop()
                self._store.add("commits", self._commits(batch, ranked))
                self._store.add("statements", _statements(batch.said, ranked))
            values = (begin, sealed(ranked.first.tobytes()), sealed(ranked.merges.tobytes()))
            self._store.write("INSERT INTO segments VALUES (?,?,?)", values)
            self._store.many("DELETE FROM tips WHERE rank=?", [(rank,) for rank in ranked.indexed])
            self._store.many("INSERT INTO tips VALUES (?)", [(rank,) for rank in ranked.leaves])

    def _commits(self, batch: _Batch, ranked: Ranked) -> Iterator[tuple[Any, ...]]:
        count, size = len(batch.keys), self._size
        return zip(
            ranked.of[batch.begin : batch.begin + count][::-1],
            [batch.shas[at : at + size] for at in range((count - 1) * size, -1, -size)],
            reversed(batch.subjects.split(_NUL)),
            reversed(batch.keys),
            reversed(batch.authors.split(_NUL)),
            reversed(batch.authored),
            reversed(batch.committed),
            strict=True,
        )

    def _arrived(self) -> dict[bytes, int]:
        """The arrivals of the parents that came before their children: a wrong clock's, a handful mostly."""
        wanted = set(map(unhexlify, self._order.waited_for))
        if not self._fresh:
            wanted = {sha for sha in wanted if self._rank(sha) is None}
        found: dict[bytes, int] = {}
        for batch in self._batches if wanted else ():
            shas = (batch.shas[at : at + self._size] for at in range(0, len(batch.shas), self._size))
            found.update((hexlify(sha), at) for at, sha in enumerate(shas, batch.begin) if sha in wanted)
        return found

    def _rank(self, sha: bytes) -> int | None:
        row = self._store.one("SELECT rank FROM commits WHERE sha=?", (sha,))
        return row[0] if row is not None else None

    def _indexed(self, name: bytes) -> int:
        rank = self._rank(unhexlify(name))
        assert rank is not None, f"git log left out the parent {name!r}"
        return rank


def _times(seconds: list[bytes]) -> array[int]:
    try:
        return array("q", map(int, seconds))
    except (ValueError, OverflowError):
        # git prints nothing for a date that it cannot read, and SQLite holds 64 bits.
        return array("q", [int(each) if each and len(each) < 18 else 0 for each in seconds])


def _said(begin: int, messages: list[bytes]) -> _Said:
    found = scan_many(messages)
    rows = [(begin + at, number, *row) for at, said in found for number, row in enumerate(_rows(said))]
    arrivals, numbers, kinds, named, details = zip(*rows, strict=True) if rows else ((), (), (), (), ())
    texts = (_bytes("\0".join(column)) for column in (named, details))
    return _Said(array("i", arrivals), array("i", numbers), array("b", kinds), *texts)


def _rows(said: Provenance) -> Iterator[tuple[int, str, str]]:
    for origin in said.origins:
        yield int(Kind.ORIGIN), origin.sha, origin.form.value
    for tag in said.fixes:
        yield int(Kind.FIXES), tag.sha, tag.subject
    for sha in said.reverts:
        yield int(Kind.REVERTS), sha, ""
    for sha in said.reapplies:
        yield int(Kind.REAPPLIES), sha, ""
    if said.reverted_subject:
        yield int(Kind.REVERTS_SUBJECT), said.reverted_subject, ""
    if said.change_id:
        yield int(Kind.CHANGE_ID), said.change_id, ""
    for sha in said.stable_dep_of:
        yield int(Kind.DEP_OF), sha, ""
    for text in said.cc_stable:
        yield int(Kind.CC_STABLE), "", text
    for sha in said.blames:
        yield int(Kind.BLAMES), sha, ""


def _statements(said: _Said, ranked: Ranked) -> Iterator[tuple[Any, ...]]:
    if not said.arrivals:
        return iter(())
    columns = zip(
        [ranked.of[at] for at in said.arrivals],
        said.numbers,
        said.kinds,
        said.named.split(_NUL),
        said.details.split(_NUL),
        strict=True,
    )
    return reversed(list(columns))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
