"""Follows origin lines: which commits carry an upstream commit, and which commits a backport says that it carries.

A pick of a pick names main's commit, which names upstream's: names are followed through all of them. A commit that
reverts something is never taken for a carrier of what it reverts, even where it quotes the message with its origin
line.
"""

from __future__ import annotations

from binascii import hexlify, unhexlify
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cosport.history.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cosport.history.index import History, Statement
    from cosport.model.commit import Sha

_AT_ONCE: Final = 500
"""Names looked up by one query."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """A commit that says that it carries another: its rank, the name that it states, and the form of the statement."""

    rank: int
    named: Sha
    form: str


def carriers(history: History, names: tuple[Sha, ...]) -> dict[int, Carrier]:
    """All indexed commits that say, directly or through other picks, that they carry the commit of these names."""
    found: dict[int, Carrier] = {}
    waiting = list(names)
    seen = set(names)
    while waiting:
        name = waiting.pop()
        for statement in history.naming(Kind.ORIGIN, name):
            rank = statement.rank
            if rank in found or not _carries(history, statement, name):
                continue
            sha = history.entry(rank).sha
            if sha in names:
                continue
            found[rank] = Carrier(rank, name, statement.detail)
            if sha not in seen:
                seen.add(sha)
                waiting.append(sha)
    return found


def origins(history: History, sha: Sha) -> tuple[Sha, ...]:
    """The indexed commits that `sha` is a pick of: its source, that one's source, and so on.

    Several origin lines are a chain where the last named commit itself names the others; else they are a squash, which
    is no pick of any single one, and leads nowhere.
    """
    found: list[Sha] = []
    rank = history.find(sha)
    while rank is not None:
        stated = [each.named for each in history.said_by(rank) if each.kind is Kind.ORIGIN]
        source = _source(history, stated, history.entry(rank).subject)
        if source is None or source == sha or source in found:
            break
        found.append(source)
        rank = history.find(source)
    return tuple(found)


def _source(history: History, stated: list[str], subject: str) -> Sha | None:
    if not stated:
        return None
    last = resolve(history, stated[-1], subject)
    if last is None:
        return None
    sha = history.entry(last).sha
    others = [each for each in stated if not sha.startswith(each)]
    if others:
        named = {each.named for each in history.said_by(last) if each.kind is Kind.ORIGIN}
        if not named.issuperset(others):
            return None
    return sha


def resolve(history: History, named: str, subject: str = "") -> int | None:
    """The one commit whose name starts with `named`; where several do, the only one of them with that subject."""
    ranks = history.starting(named)
    if len(ranks) > 1 and subject:
        ranks = [rank for rank in ranks if history.entry(rank).subject == subject]
    return ranks[0] if len(ranks) == 1 else None


def is_pick(history: History, rank: int) -> bool:
    """Whether a commit says that it comes from another commit that is indexed."""
    return any(
        each.kind is Kind.ORIGIN and resolve(history, each.named, history.entry(rank).subject) is not None
        for each in history.said_by(rank)
    )


def picks_among(history: History, ranks: Iterable[int]) -> set[int]:
    """Those of these commits that `is_pick` is true of, with a few queries for all."""
    asked = set(ranks)
    if not asked:
        return set()
    sql = "SELECT rank, named FROM statements WHERE rank BETWEEN ? AND ? AND kind = ?"
    rows = history.store.rows(sql, (min(asked), max(asked), int(Kind.ORIGIN)))
    stated = [(rank, named) for rank, named in rows if rank in asked]
    whole = {named for _, named in stated if len(named) == history.repository.hash_length}
    known = _known(history, [unhexlify(named) for named in whole])
    found = {rank for rank, named in stated if named in known}
    rest = {rank for rank, named in stated if named not in whole} - found
    return found | {rank for rank in rest if is_pick(history, rank)}


def _known(history: History, shas: Sequence[bytes]) -> set[bytes]:
    """The names, in hex, of those that are indexed."""
    found: set[bytes] = set()
    for first in range(0, len(shas), _AT_ONCE):
        some = shas[first : first + _AT_ONCE]
        marks = ",".join("?" * len(some))
        rows = history.store.rows(f"SELECT sha FROM commits WHERE sha IN ({marks})", some)  # noqa: S608 - marks alone
        found.update(hexlify(row[0]) for row in rows)
    return found


def reverted_names(history: History, rank: int) -> tuple[str, ...]:
    """The shas, as written, that a commit says it reverts."""
    return tuple(each.named for each in history.said_by(rank) if each.kind is Kind.REVERTS)


def _carries(history: History, statement: Statement, name: Sha) -> bool:
    """Whether a statement "comes from `name`" makes its commit a carrier."""
    rank = statement.rank
    source = history.find(name)
    if source is not None and resolve(history, statement.named, history.entry(rank).subject) != source:
        return False  # an abbreviation that fits several commits, and the subject does not tell which is meant
    said = history.said_by(rank)
    if any(each.kind in (Kind.REVERTS, Kind.REAPPLIES) and name.startswith(each.named) for each in said):
        return False
    if any(each.kind in (Kind.REVERTS, Kind.REVERTS_SUBJECT) for each in said) and source is not None:
        # A revert carries only an upstream revert. Quoting the message of what it takes back makes it no carrier of
        # that.
        return any(each.kind in (Kind.REVERTS, Kind.REVERTS_SUBJECT) for each in history.said_by(source))
    return True
