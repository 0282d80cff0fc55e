"""How near a pick is to upstream's patch: identical, the same change in other surroundings, or adapted.

Judged on the two patches' text, which git printed with the same options (cosport.git.diff): rules in CONTRACT terms are
`identical` = what `git patch-id --verbatim` would call the same (line numbers and blob names aside, white space
included), `context` = the same removed and added lines of each file in the same order.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cosport.model.result import Fidelity

if TYPE_CHECKING:
    from collections.abc import Iterator

# Lines of a hunk start with ' ', '+', '-' or '\', so lines that start otherwise are git's own headers.
_PLACES = re.compile(rb"^(?:index [0-9a-f]|@@ )[^\n]*\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class FileChange:
    """What a patch does to one file.

    `path` is the path afterwards (before, where it is removed), as git prints it: `b/` in front, quoted if need be;
    `header` the lines about modes, creation and removal; `lines` the removed and added lines in order, marks and line
    ends included; `blobs` its old and new blob names, kept only for a binary file, whose lines are not shown.
    """

    path: bytes
    header: tuple[bytes, ...]
    lines: tuple[bytes, ...]
    blobs: bytes


def fidelity(upstream: bytes, backport: bytes) -> Fidelity:
    """How near patch `backport` is to patch `upstream`."""
    ours, theirs = changes(backport), changes(upstream)
    # Without these lines a patch is what `git patch-id --verbatim` hashes.
    same_text = _PLACES.sub(b"", upstream) == _PLACES.sub(b"", backport)
    if same_text and [change.blobs for change in ours] == [change.blobs for change in theirs]:
        return Fidelity.IDENTICAL
    if Counter(map(_what, ours)) == Counter(map(_what, theirs)):
        return Fidelity.CONTEXT  # the paths may differ: the branch has the file under another name
    return Fidelity.ADAPTED


def _what(change: FileChange) -> tuple[tuple[bytes, ...], tuple[bytes, ...], bytes]:
    return change.header, change.lines, change.blobs


def changes(patch: bytes) -> tuple[FileChange, ...]:
    """The changes of a patch, file by file, in its order."""
    return tuple(_change(part) for part in re.split(rb"^(?=diff --git )", patch, flags=re.MULTILINE) if part)


def _change(part: bytes) -> FileChange:
    header: list[bytes] = []
    lines: list[bytes] = []
    path, blobs, index = b"", b"", b""
    mark = b""  # of the line before, within a hunk
    for line in _lines(part):
        if mark:
            mark, before = line[:1], mark
            if mark in b"+-" or (mark == b"\\" and before in b"+-"):
                lines.append(line)
        elif line.startswith(b"@@ "):
            mark = b"@"
        elif line.startswith((b"--- ", b"+++ ")):
            path = path if line.endswith(b" /dev/null\n") else line[4:-1]
        elif line.startswith(b"index "):
            index = line.split(b" ")[1].rstrip()
        elif line.startswith(b"Binary files "):
            blobs = index
        elif not line.startswith(b"diff --git "):
            header.append(line)
    return FileChange(path, tuple(header), tuple(lines), blobs)


def _lines(part: bytes) -> Iterator[bytes]:
    """Lines end at a newline and nowhere else: a file may hold carriage returns."""
    return iter(io.BytesIO(part))
