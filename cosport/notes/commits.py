"""Reads the commits of a range in one streaming `git log`, with what their messages say, oldest first.

Nothing is taken from refs or versions here: what a release contains are the commits that it reaches and the one before
it does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final

from cosport.message.provenance import scan, subject
from cosport.model.commit import Sha, decode
from cosport.notes.fields import NO_FIELDS, Fields, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cosport.git.repository import Repository
    from cosport.model.provenance import Provenance
    from cosport.notes.fields import Keys

_FORMAT: Final = "--format=%H %P%n%at %ct %an%n%B"


@dataclass(frozen=True, slots=True)
class RangeCommit:
    """One commit of the range. Times are seconds since 1970; `said` and `fields` are what its message states."""

    sha: Sha
    parents: tuple[Sha, ...]
    subject: str
    author: str
    authored: int
    committed: int
    said: Provenance
    fields: Fields

    @property
    def is_merge(self) -> bool:
        """Whether it has more than one parent."""
        return len(self.parents) > 1


def read_range(repository: Repository, old: Sha | None, new: Sha, keys: Keys) -> Iterator[RangeCommit]:
    """The commits that `new` reaches and `old` (None: nothing) does not, ancestors first.

    Raises ProcessError where git fails, MissingObjectError where an object is not here.
    """
    excluded = ["--not", old] if old is not None else []
    batches = repository.pieces(
        "log", "--reverse", "--topo-order", "-z", "--encoding=UTF-8", "--no-show-signature", "--no-patch", _FORMAT,
        new, *excluded, "--", separator=b"\0",
    )  # fmt: skip
    for record in chain.from_iterable(batches):
        names, about, message = record.split(b"\n", 2)
        sha, *parents = names.decode("ascii").split(" ")
        authored, committed, author = about.split(b" ", 2)
        yield RangeCommit(
            Sha(sha),
            tuple(Sha(parent) for parent in parents if parent),
            decode(subject(message), None),
            decode(author, None),
            int(authored or 0),
            int(committed or 0),
            scan(message),
            read(message, keys) if keys.in_any(message) else NO_FIELDS,
        )
