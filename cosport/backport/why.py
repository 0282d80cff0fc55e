"""Says why a pick conflicts: which upstream commits changed the lines in conflict since the branch left upstream."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cosport.errors import ToolError
from cosport.model.commit import Sha
from cosport.model.result import Touch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cosport.backport.context import Context
    from cosport.git.merge import Merged
    from cosport.git.quarantine import Quarantine
    from cosport.model.commit import Commit

_RANGES: Final = 20
"""Conflicting places of a file that are looked into; a file with more needs a person in any case."""

_FILES: Final = ("100644", "100755")
"""Modes of regular files: symbolic links and submodules have no lines."""

_COMMITS: Final = 12
"""Commits that are named at most, the newest: more would be a list that nobody reads."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A conflict: picking `picked` onto a branch whose tip was `onto` gave `shown`, with diff3 markers, in `place`."""

    context: Context
    place: Quarantine
    picked: Commit
    onto: Sha
    shown: Merged


def touched_by(scene: Scene, path: str) -> tuple[Touch, ...]:
    """The commits since the fork point that changed the lines around which `path` conflicts, oldest first.

    Blame of the lines that the picked side had before the change, in the range from the merge base with the branch;
    where that names nothing (lines were removed there), the log of those lines (git-log(1), `-L`). Nothing for what is
    no text, and where the explanation takes too long or a shallow clone cannot give it.
    """
    history, reader = scene.context.history, scene.context.reader
    if scene.picked.is_merge or not scene.picked.parents:
        return ()
    try:
        names = _changing(scene, path)
        history.ensure(names)
        ordered = sorted(names, key=history.rank)[-_COMMITS:]
        return tuple(Touch(name, reader.commit(name).subject) for name in ordered)
    except ToolError:
        return ()


def _changing(scene: Scene, path: str) -> list[Sha]:
    repository, reader = scene.context.repository, scene.context.reader
    raw = path.encode("utf-8", "surrogateescape")
    base = [stage for stage in scene.shown.stages if stage.path == raw and stage.stage == 1 and stage.mode in _FILES]
    parent = scene.picked.parents[0]
    fork = repository.attempt("merge-base", parent, scene.onto).stdout.decode("ascii").strip()
    if not base or not fork or reader.read(f"{parent}:{path}") is None:
        return []
    shown = scene.place.repository.attempt("cat-file", "blob", f"{scene.shown.tree}:{path}")
    ranges = list(places(shown.stdout.split(b"\n"), reader.blob(base[0].blob).split(b"\n")))[:_RANGES]
    if not ranges:
        return []
    span = f"{fork}..{parent}"
    lines = [f"-L{first},{last}" for first, last in ranges]
    return _blamed(scene, span, lines, path) or _logged(scene.context, span, ranges, path)


def places(merged: list[bytes], before: list[bytes]) -> Iterator[tuple[int, int]]:
    """The line ranges of `before` (from 1, both ends in) that stand between `|||||||` and `=======` in `merged`.

    A place without lines of its own (both sides added something) stands for the line before and the line after it.
    """
    at = 0
    base: list[bytes] | None = None
    for number, line in enumerate(merged):
        if line.startswith(b"||||||| "):
            base = []
        elif line == b"=======" and base is not None:
            found = _find(before, base, at) if base else at + _gap(merged, number, before, at)
            if found is not None:
                first = max(1, found + 1 if base else found)
                last = min(len(before), found + len(base) if base else found + 1)
                yield first, max(first, last)
                at = found + len(base)
            base = None
        elif base is not None:
            base.append(line)


def _find(before: list[bytes], wanted: list[bytes], start: int) -> int | None:
    for at in range(start, len(before) - len(wanted) + 1):
        if before[at : at + len(wanted)] == wanted:
            return at
    return None


def _gap(merged: list[bytes], number: int, before: list[bytes], at: int) -> int:
    """How far behind `at` an addition stands: behind the last common line above its conflict marker."""
    above = next((line for line in reversed(merged[:number]) if line in before[at:] and line.strip()), None)
    return before[at:].index(above) + 1 if above is not None else 0


def _blamed(scene: Scene, span: str, lines: list[str], path: str) -> list[Sha]:
    # Blame has no option against `blame.ignoreRevsFile`, and fails where that names a file which is not there. So it
    # runs where none of the user's settings are: a partial clone alone needs some, to reach its remote.
    home = scene.context.repository
    env = {} if home.is_partial else {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    if home.is_shallow:
        env["GIT_SHALLOW_FILE"] = str(home.common_dir / "shallow")
    out = scene.place.repository.run("blame", "--porcelain", "-s", *lines, span, "--", path, env=env)
    found: dict[Sha, None] = {}
    older: set[Sha] = set()
    current = Sha("")
    for line in out.split(b"\n"):
        head = line.split(b" ", 1)[0]
        if len(head) == home.hash_length and not line.startswith(b"\t"):
            current = Sha(head.decode("ascii"))
            found[current] = None
        elif line == b"boundary":
            older.add(current)
    return [name for name in found if name not in older]


def _logged(context: Context, span: str, ranges: list[tuple[int, int]], path: str) -> list[Sha]:
    # One line more on both sides: what was removed there stood between lines that were not changed.
    args = [f"-L{max(1, first - 1)},{last + 1}:{path}" for first, last in ranges[:4]]
    out = context.repository.text("log", "-s", "--format=%H", f"--max-count={_COMMITS}", *args, span)
    return [Sha(name) for name in out.split()]
