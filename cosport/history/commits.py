"""What the index holds of single commits: found by name, abbreviation or subject, and what their messages state."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cosport.history.schema import Kind
from cosport.model.commit import Sha, decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cosport.store import Store

_NAMES: Final = 65536
"""Object names and entries kept in memory."""

_AT_ONCE: Final = 500
"""Entries read by one query."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the index holds of one commit. Times are seconds since 1970."""

    rank: int
    sha: Sha
    subject: str
    author: str
    authored: int
    committed: int


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a commit's message on another commit: `rank` says `kind` of `named`."""

    rank: int
    kind: Kind
    named: str
    detail: str


class Commits:
    """The commits that are indexed; `hash_length` is that of a full name in hex."""

    def __init__(self, store: Store, hash_length: int) -> None:
        self.store = store
        self._hash_length = hash_length
        self._names: dict[Sha, int] = {}
        self._entries: dict[int, Entry] = {}

    def count(self) -> int:
        """How many commits are indexed."""
        row = self.store.one("SELECT count(*) FROM commits")
        assert row is not None
        return int(row[0])

    def find(self, sha: Sha) -> int | None:
        """The rank of a commit, or None where it is not indexed."""
        rank = self._names.get(sha)
        if rank is None:
            row = self.store.one("SELECT rank FROM commits WHERE sha=?", (bytes.fromhex(sha),))
            if row is None:
                return None
            if len(self._names) >= _NAMES:
                self._names.clear()
            rank = self._names[sha] = int(row[0])
        return rank

    def entry(self, rank: int) -> Entry:
        """What the index holds of the commit of that rank."""
        found = self._entries.get(rank)
        if found is None:
            row = self.store.one("SELECT sha, subject, author, authored, committed FROM commits WHERE rank=?", (rank,))
            assert row is not None
            found = self._remember(rank, row)
        return found

    def _remember(self, rank: int, row: Sequence[Any]) -> Entry:
        if len(self._entries) >= _NAMES:
            self._entries.clear()
        sha, subject, author, authored, committed = row
        found = Entry(rank, Sha(sha.hex()), decode(subject, None), decode(author, None), authored, committed)
        self._entries[rank] = found
        return found

    def load(self, wanted: Iterable[int]) -> None:
        """Read many entries at once, for `entry` to find: one by one takes five times as long."""
        todo = [rank for rank in wanted if rank not in self._entries]
        for first in range(0, min(len(todo), _NAMES // 2), _AT_ONCE):
            some = todo[first : first + _AT_ONCE]
            marks = ",".join("?" * len(some))
            sql = f"SELECT rank, sha, subject, author, authored, committed FROM commits WHERE rank IN ({marks})"  # noqa: S608 - marks alone
            for rank, *row in self.store.rows(sql, some):
                self._remember(rank, row)

    def starting(self, prefix: str) -> list[int]:
        """The ranks of all commits whose names start with `prefix` (hex, lower case)."""
        size = self._hash_length
        if len(prefix) == size:
            rank = self.find(Sha(prefix))
            return [] if rank is None else [rank]
        low, high = bytes.fromhex(prefix.ljust(size, "0")[:size]), bytes.fromhex(prefix.ljust(size, "f")[:size])
        return [row[0] for row in self.store.rows("SELECT rank FROM commits WHERE sha BETWEEN ? AND ?", (low, high))]

    def with_subject(self, text: str) -> list[int]:
        """The ranks of all commits of exactly that subject, oldest first."""
        found = []
        for wanted in _spellings(text):
            rows = self.store.rows("SELECT rank, subject FROM commits WHERE subject_key=?", (zlib.crc32(wanted),))
            found += [rank for rank, subject in rows if subject == wanted]
        return sorted(found)

    def said_by(self, rank: int) -> tuple[Statement, ...]:
        """All statements of one commit, in their order."""
        rows = self.store.rows("SELECT kind, named, detail FROM statements WHERE rank=? ORDER BY number", (rank,))
        return tuple(Statement(rank, Kind(kind), _text(named), _text(detail)) for kind, named, detail in rows)

    def naming(self, kind: Kind, sha: Sha) -> list[Statement]:
        """All statements of a kind whose sha, abbreviated or not, is the beginning of `sha`; lowest rank first."""
        low, high = sha[:7].encode(), sha[:6].encode() + bytes([ord(sha[6]) + 1])
        rows = self.store.rows(
            "SELECT rank, named, detail FROM statements WHERE named >= ? AND named < ? AND kind = ? AND kind < 8",
            (low, high, int(kind)),
        )
        found = [Statement(rank, kind, _text(named), _text(detail)) for rank, named, detail in rows]
        return sorted((each for each in found if sha.startswith(each.named)), key=lambda each: each.rank)

    def saying(self, kind: Kind, text: str) -> list[Statement]:
        """All statements of a kind that name exactly `text`: a Change-Id, a reverted subject."""
        sql = "SELECT rank, detail FROM statements WHERE named = ? AND kind = ? AND kind < 8"
        rows = [row for wanted in _spellings(text) for row in self.store.rows(sql, (wanted, int(kind)))]
        return [Statement(rank, kind, text, _text(detail)) for rank, detail in sorted(rows)]

    def fixing_subject(self, subject: str) -> list[Statement]:
        """All `Fixes:` tags that quote exactly this subject."""
        sql = "SELECT rank, named, detail FROM statements WHERE detail = ? AND kind = 2"
        rows = [row for wanted in _spellings(subject) for row in self.store.rows(sql, (wanted,))]
        return [Statement(rank, Kind.FIXES, _text(named), _text(detail)) for rank, named, detail in sorted(rows)]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _spellings(text: str) -> tuple[bytes, ...]:
    """What the index may hold of a text: its UTF-8, and the bytes that an `Entry` shows as this text.

    The two differ for old commits whose latin-1 subject came without an encoding header.
    """
    plain = text.encode("utf-8", "surrogateescape")
    if text.isascii():
        return (plain,)
    try:
        latin = text.encode("latin-1")
    except UnicodeEncodeError:
        return (plain,)
    return (plain, latin) if decode(latin, None) == text else (plain,)
