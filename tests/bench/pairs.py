"""Real backports of a repository's history: which commit says that it is a backport of which other.

Read here by a few plain patterns of its own, so that what cosport reads out of the same messages can be judged by them.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

LINUX_REVS: Final = ("stable", "v2.6.34.6", "v2.6.35.4")
"""What the joined Linux repository calls the ends of its stable branches."""

_SHA = r"([0-9a-f]{40})"
_FORMS: Final = tuple(
    re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    for pattern in (
        rf"^(?:[\[(] ?)?commit:?\s+(?:commit\s+)?{_SHA}\s+upstream\b",  # indented, it is a revert's quotation
        rf"\[ ?upstream commit:? {_SHA}",
        rf"\(cherry[ -]picked from (?:commit )?{_SHA}",
    )
)


@dataclass(frozen=True, slots=True)
class Pair:
    """A backport: the commit `stable` on top of `parent`, made from `upstream`; `tree` is what people committed."""

    upstream: str
    parent: str
    stable: str
    tree: str


def extract(repository: Path, revisions: Sequence[str]) -> list[Pair]:
    """Every non-merge commit reachable from `revisions` whose message names a present commit that it came from."""
    present = set(_git(repository, "rev-list", "--all").split())
    return [pair for pair in _named(repository, revisions) if pair.upstream in present and pair.upstream != pair.stable]


def _named(repository: Path, revisions: Sequence[str]) -> Iterator[Pair]:
    log = _git(repository, "log", "--no-merges", "--format=%H %P %T%x00%B%x01", *revisions)
    for record in log.split("\x01"):
        head, _, message = record.lstrip("\n").partition("\0")
        names = head.split()
        found = next((match for form in _FORMS if (match := form.search(message))), None)
        if found and len(names) == 3:  # neither a merge nor a root
            yield Pair(found[1].lower(), names[1], names[0], names[2])


def write(pairs: Sequence[Pair], path: Path, *, times: int = 1) -> None:
    """Write them as `cosport plan --stdin` reads them: lines `UPSTREAM TARGET`; `times` times over."""
    text = "".join(f"{pair.upstream} {pair.parent}\n" for pair in pairs)
    with path.open("w", encoding="ascii") as file:
        for _ in range(times):
            file.write(text)


def _git(repository: Path, *args: str) -> str:
    done = subprocess.run(["git", "-C", str(repository), *args], stdout=subprocess.PIPE, check=True)
    return done.stdout.decode("latin-1")
