"""What a backport changes otherwise than upstream did: the lines that only one of the two patches removes or adds.

For a person who reviews an adapted pick, or has to say what was adapted. Patches are read by unidiff; their text goes
through it as latin-1, which keeps every byte.
"""

from __future__ import annotations

import io
from collections import Counter
from difflib import unified_diff
from typing import TYPE_CHECKING

from cosport.model.result import Difference

if TYPE_CHECKING:
    from collections.abc import Iterable

    from unidiff.patch import PatchSet


def differences(upstream: bytes, backport: bytes) -> tuple[Difference, ...]:
    """The differences of two patches as git prints them (cosport.git.diff), file by file; files with none are left out.

    Lines come in the order of their patch, each with its mark (`-` or `+`). Places and context do not count.
    """
    theirs, ours = _changes(upstream), _changes(backport)
    found = []
    for path in dict.fromkeys((*theirs, *ours)):
        lacks = _only(theirs.get(path, ()), ours.get(path, ()))
        adds = _only(ours.get(path, ()), theirs.get(path, ()))
        if lacks or adds:
            found.append(Difference(path, lacks, adds))
    return tuple(found)


def _changes(patch: bytes) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for file in _patched(patch):
        lines = (f"{line.line_type}{line.value}" for hunk in file for line in hunk if line.line_type in "+-")
        binary = ("(binary)",) if file.is_binary_file else ()
        path = _text(file.path)  # which stands again in the patches of several commits, one after the other
        found[path] = (*found.get(path, ()), *map(_text, lines), *binary)
    return found


def between(upstream: bytes, backport: bytes) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """How one patch's text became the other's, file by file: a unified diff of the two, context included.

    A line's first mark tells in which patch it is (`-` upstream's, `+` the backport's), its second one is the patch's.
    Line numbers do not count. Files that are the same in both are left out.
    """
    theirs, ours = _bodies(upstream), _bodies(backport)
    found = []
    for path in dict.fromkeys((*theirs, *ours)):
        lines = unified_diff(theirs.get(path, ()), ours.get(path, ()), "upstream", "this pick", lineterm="")
        if text := tuple(map(_text, lines)):
            found.append((path, text))
    return tuple(found)


def _bodies(patch: bytes) -> dict[str, tuple[str, ...]]:
    """The lines of a patch's hunks, each hunk behind a line that names its function."""
    return {
        _text(file.path): tuple(
            line.rstrip("\n")
            for hunk in file
            for line in (f"@@ {hunk.section_header}", *(f"{each.line_type}{each.value}" for each in hunk))
        )
        for file in _patched(patch)
    }


def _patched(patch: bytes) -> PatchSet:
    from unidiff.patch import PatchSet

    # StringIO with newline="\n" cuts lines at newlines alone: a file may hold carriage returns and form feeds.
    return PatchSet(io.StringIO(patch.decode("latin-1"), newline="\n"))


def _text(latin: str) -> str:
    return latin.encode("latin-1").decode("utf-8", "surrogateescape").rstrip("\n")


def _only(lines: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    """The lines that are not among the others, as often as they are more."""
    left = Counter(others)
    found = []
    for line in lines:
        if left[line]:
            left[line] -= 1
        else:
            found.append(line)
    return tuple(found)
