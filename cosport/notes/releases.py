"""Finds the range of a release: its own tag, and the release before it, by what is reachable and never by dates.

The release before is the nearest tag of the pattern that the new one reaches: on its own first-parent line if there is
one, else among all that it reaches. Tags of sibling branches are not reachable; release candidates count for other
candidates only, so that a final release tells all that its candidates brought.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from cosport.errors import UsageError

if TYPE_CHECKING:
    from cosport.git.objects import ObjectReader
    from cosport.history.index import History
    from cosport.model.commit import Sha

_TAGS: Final = "refs/tags/"
_CANDIDATE: Final = re.compile(r"[-_.]?rc[-_.]?\d+$", re.IGNORECASE)
_PREFIX: Final = re.compile(r"[^0-9]*")


@dataclass(frozen=True, slots=True)
class Range:
    """From a release (None, "": from the beginning of history) to another, by name and commit."""

    old: Sha | None
    old_name: str
    new: Sha
    new_name: str


def given(reader: ObjectReader, text: str) -> Range:
    """The range `FROM..TO` as written. Raises UsageError where it is none, RevisionError where an end is no commit."""
    old, dots, new = text.partition("..")
    if not dots or not old or not new or new.startswith(".") or "..." in text:
        raise UsageError(f"{text!r} is no range", hint="write FROM..TO, such as v6.6.113..v6.6.114; or --release NAME")
    return Range(reader.resolve(old).sha, old, reader.resolve(new).sha, new)


def of_release(history: History, reader: ObjectReader, name: str, pattern: str) -> Range:
    """The range of the release `name`, from the nearest one before it. Raises RevisionError where it is no commit."""
    new = reader.resolve(f"{_TAGS}{name}" if f"{_TAGS}{name}" in history.refs else name).sha
    if found := _before(history, name, new, pattern or _shape(name)):
        return Range(found[1], found[0], new, name)
    return Range(None, "", new, name)


def tags_of(history: History, pattern: str) -> tuple[tuple[str, Sha], ...]:
    """All release tags, by name and commit; without a pattern all tags. Candidates are left out."""
    found = ((ref.removeprefix(_TAGS), sha) for ref, sha in history.refs.items() if ref.startswith(_TAGS))
    return tuple((name, sha) for name, sha in found if fnmatchcase(name, pattern or "*") and not is_candidate(name))


def is_candidate(name: str) -> bool:
    """Whether a tag is a release candidate's: `v6.7-rc3`."""
    return _CANDIDATE.search(name) is not None


def _shape(name: str) -> str:
    """The pattern of tags that begin as `name` does, up to its first digit."""
    found = _PREFIX.match(name)
    assert found is not None
    return "".join(f"[{char}]" if char in "*?[" else char for char in found[0]) + "*"


def _before(history: History, name: str, new: Sha, pattern: str) -> tuple[str, Sha] | None:
    reach = history.reach(new)
    best: tuple[bool, tuple[int, int], str, Sha] | None = None
    for ref, sha in history.refs.items():
        tag = ref.removeprefix(_TAGS)
        if not ref.startswith(_TAGS) or sha == new or not fnmatchcase(tag, pattern):
            continue
        if is_candidate(tag) and not is_candidate(name):
            continue
        rank = history.find(sha)
        if rank is None or not reach.holds(rank):
            continue
        candidate = (reach.chain.position(rank) >= 0, reach.order(rank), tag, sha)
        if best is None or candidate > best:
            best = candidate
    return (best[2], best[3]) if best is not None else None
