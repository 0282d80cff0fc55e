"""Patches between trees by one standing `git diff-tree --stdin`, in git's plain form whatever the user's settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cosport.errors import ToolError
from cosport.model.commit import Sha

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.git.repository import Repository

_OPTIONS = (
    "-r", "-p", "--full-index", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color",
    "--unified=3", "--inter-hunk-context=0", "--indent-heuristic", "--diff-algorithm=myers",
    "--src-prefix=a/", "--dst-prefix=b/", "--ignore-submodules=none", "--submodule=short",
)  # fmt: skip


def patches(repository: Repository, pairs: Sequence[tuple[Sha, Sha]]) -> list[bytes]:
    """The patch from the first to the second tree of each pair, as bytes, in order; b"" where they are the same.

    One process for all. Renames are not looked for: two patches are to be compared line by line.
    """
    different = [pair for pair in pairs if pair[0] != pair[1]]
    if not different:
        return [b""] * len(pairs)
    heads = [f"{old} {new}\n".encode() for old, new in different]
    out = repository.run("diff-tree", "--stdin", *_OPTIONS, stdin=b"".join(heads))
    found = iter(_split(out, heads))
    return [b"" if old == new else next(found) for old, new in pairs]


def _split(out: bytes, heads: Sequence[bytes]) -> list[bytes]:
    r"""The patches in `out`, each after its line of `heads`, which git echoes.

    No line of a patch is such a line, so the next one found is the next patch's. A file's contents stand behind a mark
    (` `, `+`, `-`, `\`). A path stands behind a word, and is quoted where it has a line break in it. Of git's own lines
    only `diff --git` and `deleted file mode` begin with a hex digit (lower case), and go on with what is none.
    """
    if not out.startswith(heads[0]):
        raise ToolError("git diff-tree gave no patches", hint="see: cosport doctor")
    starts = [0]
    for head in heads[1:]:
        at = out.find(b"\n" + head, starts[-1] + len(head) - 1)
        if at < 0:
            raise ToolError(f"git diff-tree gave {len(starts)} of {len(heads)} patches", hint="see: cosport doctor")
        starts.append(at + 1)
    stops = [*starts[1:], len(out)]
    return [out[start + len(head) : stop] for head, start, stop in zip(heads, starts, stops, strict=True)]


def touched(repository: Repository, commits: Sequence[Sha]) -> dict[Sha, tuple[str, ...]]:
    """The paths that each commit changes, against its first parent; of a root commit all that it brought."""
    asked = "".join(f"{name}\n" for name in dict.fromkeys(commits)).encode("ascii")
    # Not --name-only: there a path that is called as a commit cannot be told from the line that begins its answer.
    args = ("--stdin", "-m", "--first-parent", "--root", "-r", "-z", "--raw", "--no-renames")
    found: dict[Sha, list[str]] = {name: [] for name in commits}
    current: list[str] = []
    fields = iter(repository.run("diff-tree", *args, stdin=asked).split(b"\0")[:-1])
    for field in fields:  # a commit's name, or ":<modes, objects, status>" and a path
        if field.startswith(b":"):
            current.append(next(fields).decode("utf-8", "surrogateescape"))
        else:
            current = found[Sha(field.decode("ascii"))]
    return {name: tuple(paths) for name, paths in found.items()}


@dataclass(frozen=True, slots=True)
class Entry:
    """A path that differs between two trees: its modes (000000 where it is not there) and objects, old and new."""

    path: bytes
    old_mode: str
    new_mode: str
    old: Sha
    new: Sha


def entries(repository: Repository, old: Sha, new: Sha) -> tuple[Entry, ...]:
    """The paths that differ between two trees, in their order; a renamed file is one removed and one added."""
    out = repository.run("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", old, new)
    fields = out.split(b"\0")
    found = []
    for head, path in zip(fields[0:-1:2], fields[1::2], strict=False):
        old_mode, new_mode, before, after, _ = head.decode("ascii").removeprefix(":").split(" ")
        found.append(Entry(path, old_mode, new_mode, Sha(before), Sha(after)))
    return tuple(found)
