"""A CVE record as a value: which commits brought the bug, and which ones fix it. Versions are never looked at."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cosport.model.severity import Severity

START: Final = ""
"""As what introduced a bug: it was there from the beginning of the history."""

UNFIXED: Final = ""
"""As what fixes it: nothing does yet."""

_ID: Final = re.compile(r"CVE-(\d{4})-(\d{4,})", re.ASCII)
_NAME: Final = re.compile(r"[0-9a-f]{7,64}", re.ASCII)


class Status(StrEnum):
    """What became of the record itself."""

    PUBLISHED = "published"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Pair:
    """One line of a record: a bug came with the commit `introduced` (START) and is fixed by `fixed` (UNFIXED).

    Names are lower-case hex of 7 digits or more, as written: older records have 12.
    """

    introduced: str
    fixed: str


@dataclass(frozen=True, slots=True)
class Record:
    """One CVE. `mainline` are the upstream commits that together fix it, where the record tells which of all they are.

    `published` and `updated` are dates as the record writes them (RFC 3339), "" where it does not.
    """

    id: str
    status: Status
    title: str = ""
    severity: Severity = Severity.UNKNOWN
    score: float | None = None
    published: str = ""
    updated: str = ""
    pairs: tuple[Pair, ...] = ()
    mainline: tuple[str, ...] = ()

    @property
    def fixes(self) -> tuple[str, ...]:
        """All commits that fix it, on any branch."""
        return tuple(dict.fromkeys([*self.mainline, *(pair.fixed for pair in self.pairs if pair.fixed != UNFIXED)]))

    @property
    def introductions(self) -> tuple[str, ...]:
        """All commits that brought it, on any branch; START is left out."""
        return tuple(dict.fromkeys(pair.introduced for pair in self.pairs if pair.introduced != START))


def is_id(text: str) -> bool:
    """Whether `text` is a CVE id: `CVE-2024-26581`."""
    return _ID.fullmatch(text) is not None


def id_order(cve: str) -> tuple[int, int]:
    """For sorting: by year, then by number, as numbers."""
    found = _ID.fullmatch(cve)
    assert found is not None, cve
    return int(found[1]), int(found[2])


def is_name(text: str) -> bool:
    """Whether `text` can name a commit in a record: 7 to 64 hex digits in lower case."""
    return _NAME.fullmatch(text) is not None


def same_commit(one: str, other: str) -> bool:
    """Whether two names, abbreviated or not, can name the same commit."""
    return one.startswith(other) or other.startswith(one)


def merged(pairs: tuple[Pair, ...]) -> tuple[Pair, ...]:
    """The pairs without those that say the same as another one with more digits."""
    kept: list[Pair] = []
    for pair in sorted(dict.fromkeys(pairs), key=lambda each: -len(each.introduced) - len(each.fixed)):
        if not any(_says_the_same(pair, each) for each in kept):
            kept.append(pair)
    order = {pair: number for number, pair in enumerate(pairs)}
    return tuple(sorted(kept, key=order.__getitem__))


def _says_the_same(one: Pair, other: Pair) -> bool:
    ends = ((one.introduced, other.introduced), (one.fixed, other.fixed))
    return all(a == b or (bool(a) and bool(b) and same_commit(a, b)) for a, b in ends)
