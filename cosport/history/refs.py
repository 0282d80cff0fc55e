"""Where refs lead: the commits that the index is brought up to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cosport.git.repository import Repository

_OPEN_PICKS: Final = b"refs/heads/backport/"
"""Where cosport.backport puts picks."""


QUESTION: Final = ("for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/remotes", "refs/tags")
"""What git is asked for the tips, for those who begin it early."""


def list_refs(repository: Repository) -> bytes:
    """The branches, remote branches and tags, one a line: the object's name and the ref's.

    Picks that are not landed yet are no history: without them, one backport does not make the next one index its picks.
    """
    listed = repository.run(*QUESTION)
    return b"".join(line for line in listed.splitlines(keepends=True) if _OPEN_PICKS not in line)


def peel(repository: Repository, listed: bytes) -> bytes:
    """The commit that each listed ref leads to and its full name, one ref a line; refs to others are left out."""
    names = [line.partition(b" ")[2] for line in listed.splitlines()]
    asked = b"".join(name + b"^{commit}\n" for name in names)
    told = repository.run("cat-file", "--batch-check=%(objectname)", stdin=asked).splitlines()
    # What leads to no commit is answered by its name, a space and a word.
    return b"".join(sha + b" " + name + b"\n" for sha, name in zip(told, names, strict=True) if b" " not in sha)
