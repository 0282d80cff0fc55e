"""Reads what a person left in the work tree of a conflict: its tree and message, or what is missing yet.

Files may be resolved by editing alone, by `git add` and `git rm`, or with a `git commit`. Leftover conflict markers are
refused, whichever way they came.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cosport.message import charset
from cosport.model.result import ConflictKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cosport.backport.context import Context
    from cosport.backport.session import State
    from cosport.git.worktree import WorkTree
    from cosport.model.commit import Sha

_MARKER: Final = re.compile(rb"^(?:(?:<{7}|>{7}|\|{7}) [^\n]*|={7}\r?)$", re.MULTILINE)
"""Conflict markers as git writes them."""

_TITLE: Final = re.compile(rb"[A-Za-z0-9][^\n]{0,6}\Z")
"""A line that `=======` may underline as a heading of reStructuredText: text no longer than the line below it."""

_HAS_MARKERS: Final = (
    ConflictKind.CONTENT,
    ConflictKind.ADD_ADD,
    ConflictKind.RENAME_RENAME,
    ConflictKind.DIRECTORY_RENAME,
)
"""Kinds of conflict where markers in the file show whether it is resolved; others need a `git add` or `git rm`."""

_SHOWN: Final = 6
"""Line numbers, or names of files, that a message lists."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a person left: `tree` and `message`, or (`tree` is None) the reasons why it is not ready in `missing`.

    `remarks` is what they should know all the same.
    """

    tree: Sha | None
    message: str = ""
    missing: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def read(context: Context, work: WorkTree, state: State) -> Resolution:
    """The resolution in a work tree. Raises GitError where git cannot read it."""
    head = work.head()
    if head != state.tip:
        return _committed(context, state, head)
    missing, ready = _unmerged(work, state)
    if missing:
        return Resolution(None, missing=missing)
    brought, unknown = _beside(work)
    work.add([*ready, *brought, *work.changed()])
    tree = work.write_tree()
    if marks := _left_over(context, state, tree):
        return Resolution(None, missing=marks)
    file = work.message_file()
    message = file.read_bytes().decode("utf-8", "surrogateescape") if file.exists() else ""
    if not message.strip():
        return Resolution(None, missing=(f"{file} is empty or gone, and it is the message: --abort, then start again",))
    remarks = (f"left out, as git was not told of them with git add: {_some(unknown)}",) if unknown else ()
    return Resolution(tree, message, remarks=remarks)


def _committed(context: Context, state: State, head: Sha) -> Resolution:
    """The person made the commit in the work tree: its tree and message are the resolution."""
    made = context.reader.commit(head)
    if made.parents != (state.tip,):
        what = f"HEAD in {state.worktree} is {head[:12]}, which is no single commit on top of {state.tip[:12]}"
        return Resolution(None, missing=(what,))
    if marks := _left_over(context, state, made.tree):
        return Resolution(None, missing=marks)
    return Resolution(made.tree, charset.decode(made.message, made.encoding).text)


def _unmerged(work: WorkTree, state: State) -> tuple[tuple[str, ...], list[bytes]]:
    """What is missing before all conflicts are resolved, and the paths that were resolved by editing alone."""
    missing: list[str] = []
    ready: list[bytes] = []
    kinds = {conflict.path: conflict.kind for conflict in state.conflict.conflicts}
    for path in work.unmerged():
        name = path.decode("utf-8", "surrogateescape")
        file = work.resolve_path(path)
        if kinds.get(name) not in _HAS_MARKERS or not file.is_file() or file.is_symlink():
            missing.append(f"{name}: say how it ends with git add or git rm, in {work.path}")
        elif marks := markers(file.read_bytes()):
            missing.append(_at(name, marks))
        else:
            ready.append(path)
    return tuple(missing), ready


def _beside(work: WorkTree) -> tuple[list[bytes], list[bytes]]:
    """Files that a person put into the sparse work tree: those that the branch has too, and those unknown to git.

    The first are brought out of hiding in the index, so that they count as changed.
    """
    entries = {entry[2:]: entry[:1] for entry in work.run("ls-files", "-t", "--cached", "-z").split(b"\0") if entry}
    there = set(_files(os.fsencode(work.path)))
    hidden = sorted(path for path in there if entries.get(path) == b"S")
    if hidden:
        work.run("update-index", "--no-skip-worktree", "-z", "--stdin", stdin=b"\0".join(hidden) + b"\0")
    return hidden, sorted(path for path in there if path not in entries)


def _files(top: bytes) -> Iterable[bytes]:
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), top)  # noqa: PTH118 - bytes: names need not be UTF-8
            if path != b".git":
                yield path


def _left_over(context: Context, state: State, tree: Sha) -> tuple[str, ...]:
    """Files of the resolution with conflict markers that neither the branch nor the picked commit has there."""
    before = context.reader.commit(state.tip).tree
    picked = state.conflict.source.commit if state.conflict.source else state.current
    out = context.repository.run(
        "diff-tree", "-r", "-z", "--name-only", "--no-renames", "--diff-filter=d", before, tree
    )
    missing = []
    for path in out.split(b"\0"):
        if not path:
            continue
        name = path.decode("utf-8", "surrogateescape")
        staged = context.reader.read(f"{tree}:{name}")
        if staged is None or staged[1] != "blob":
            continue
        sides = (context.reader.read(f"{each}:{name}") for each in (before, picked, state.current))
        if marks := markers(staged[2], *(side[2] for side in sides if side is not None and side[1] == "blob")):
            missing.append(_at(name, marks))
    return tuple(missing)


def markers(data: bytes, *known: bytes) -> list[int]:
    """The numbers of lines (from 1) that are conflict markers, but for lines that stand in `known` as well.

    A `=======` below a short title is a heading.
    """
    allowed = {line for text in known for line in _MARKER.findall(text)}
    found = []
    for match in _MARKER.finditer(data):
        above = data[: max(0, match.start() - 1)].rpartition(b"\n")[2]
        heading = match[0][:1] == b"=" and _TITLE.match(above.rstrip(b"\r"))
        if match[0] not in allowed and not heading:
            found.append(data.count(b"\n", 0, match.start()) + 1)
    return found


def _at(name: str, marks: list[int]) -> str:
    places = ", ".join(f"{name}:{line}" for line in marks[:_SHOWN])
    return f"conflict markers are left at {places}" + (", ..." if len(marks) > _SHOWN else "")


def _some(paths: list[bytes]) -> str:
    shown = ", ".join(path.decode("utf-8", "surrogateescape") for path in paths[:_SHOWN])
    return shown + (", ..." if len(paths) > _SHOWN else "")
