"""Patches between trees by one standing `git diff-tree --stdin`, in git's plain form whatever the user's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosport.model.commit import Sha

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.git.repository import Repository

_OPTIONS = (
    "-r", "-p", "--full-index", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color",
    "--unified=3", "--diff-algorithm=myers", "--src-prefix=a/", "--dst-prefix=b/", "--ignore-submodules=none",
)  # fmt: skip


def patches(repository: Repository, pairs: Sequence[tuple[Sha, Sha]]) -> list[bytes]:
    """The patch from the first to the second tree of each pair, as bytes, in order; b"" where they are the same.

    One process for all. Renames are not looked for: two patches are to be compared line by line. A pair's patch
    follows the line "<tree> <tree>" that git echoes; lines of a patch never look like it, each having a mark in front.
    """
    different = [pair for pair in pairs if pair[0] != pair[1]]
    if not different:
        return [b""] * len(pairs)
    stdin = "".join(f"{old} {new}\n" for old, new in different).encode()
    out = repository.run("diff-tree", "--stdin", *_OPTIONS, stdin=stdin)
    found: dict[tuple[Sha, Sha], bytes] = {}
    at = 0
    for index, pair in enumerate(different):
        head = f"{pair[0]} {pair[1]}\n".encode()
        start = at + len(head)
        stop = len(out)
        if index + 1 < len(different):
            following = f"\n{different[index + 1][0]} {different[index + 1][1]}\n".encode()
            cut = out.find(following, start - 1)
            stop = cut + 1 if cut >= 0 else len(out)
        found[pair] = out[start:stop]
        at = stop
    return [found.get(pair, b"") for pair in pairs]


def new_objects(repository: Repository, old: Sha, new: Sha) -> list[Sha]:
    """The trees and blobs that tree `new` has at places where tree `old` has others, `new` itself included."""
    out = repository.run("diff-tree", "-r", "-t", "-z", "--raw", "--no-renames", "--no-abbrev", old, new)
    fields = out.split(b"\0")  # ":<mode> <mode> <old> <new> <status>", then the path
    return [new, *(Sha(head.split(b" ")[3].decode("ascii")) for head in fields[0:-1:2])]
