"""Says why a pick conflicts: which upstream commits changed the lines in conflict since the branch left upstream."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from cosport.errors import ToolError
from cosport.git.merge import Merge, merge_trees
from cosport.model.commit import Sha
from cosport.model.result import Touch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cosport.backport.context import Context
    from cosport.backport.trial import Attempt
    from cosport.git.merge import Merged
    from cosport.git.quarantine import Quarantine
    from cosport.model.commit import Commit
    from cosport.model.result import Conflict, Place, Result

_RANGES: Final = 20
"""Conflicting places of a file that are looked into; a file with more needs a person in any case."""

_FILES: Final = ("100644", "100755")
"""Modes of regular files: symbolic links and submodules have no lines."""

_LOGGED: Final = 4
"""Places whose log is read where blame names nobody: it is slow."""

_TELLING: Final = 3
"""Letters and digits of a line that tells something of its place: a brace or a blank line does not."""

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


@dataclass(frozen=True, slots=True)
class Spot:
    """Lines in conflict, as the picked side had them before its change, and who changed them since the fork point."""

    lines: frozenset[str]
    names: frozenset[Sha]


def told(context: Context, place: Quarantine, result: Result, attempt: Attempt, onto: Sha) -> Result:
    """The result of a conflict, whose pick was tried as `attempt` in `place`, each path with who made it conflict."""
    if result.source is None:
        return result
    (shown,) = merge_trees(place, [Merge(attempt.base, attempt.ours, attempt.theirs)], style="diff3")
    scene = Scene(context, place, context.reader.commit(result.source.commit), onto, shown)
    return replace(result, conflicts=tuple(explained(scene, each) for each in result.conflicts))


def explained(scene: Scene, conflict: Conflict) -> Conflict:
    """The conflict with the commits that changed its lines since the fork point, oldest first; each place with its own.

    Blame of the lines that the picked side had before the change, in the range from the merge base with the branch;
    where that names nobody (lines were removed there), the log of those lines (git-log(1), `-L`). As it was for what is
    no text, and where the explanation takes too long or a shallow clone cannot give it.
    """
    history, reader = scene.context.history, scene.context.reader
    if scene.picked.is_merge or not scene.picked.parents:
        return conflict
    try:
        spots = _spots(scene, conflict.path)
        names = {name for spot in spots for name in spot.names}
        history.ensure(names)
        ordered = sorted(names, key=history.rank)[-_COMMITS:]
        touches = tuple(Touch(name, reader.commit(name).subject) for name in ordered)
    except ToolError:
        return conflict
    places = tuple(replace(place, touched_by=_of(place, spots, touches)) for place in conflict.places)
    return replace(conflict, touched_by=touches, places=places)


def _of(place: Place, spots: Sequence[Spot], touches: Sequence[Touch]) -> tuple[Touch, ...]:
    """Those who changed the lines of one place: of the spots that share a telling line with it, or the only spot."""
    own = {line for line in (*place.base, *place.ours) if sum(map(str.isalnum, line)) > _TELLING}
    near = spots if len(spots) == 1 else [spot for spot in spots if own & spot.lines]
    return tuple(touch for touch in touches if any(touch.sha in spot.names for spot in near))


def _spots(scene: Scene, path: str) -> list[Spot]:
    repository, reader = scene.context.repository, scene.context.reader
    raw = path.encode("utf-8", "surrogateescape")
    base = [stage for stage in scene.shown.stages if stage.path == raw and stage.stage == 1 and stage.mode in _FILES]
    parent = scene.picked.parents[0]
    fork = repository.attempt("merge-base", parent, scene.onto).stdout.decode("ascii").strip()
    if not base or not fork or reader.read(f"{parent}:{path}") is None:
        return []
    shown = scene.place.repository.attempt("cat-file", "blob", f"{scene.shown.tree}:{path}")
    before = reader.blob(base[0].blob).split(b"\n")
    ranges = list(places(shown.stdout.split(b"\n"), before))[:_RANGES]
    if not ranges:
        return []
    span = f"{fork}..{parent}"
    found = _blamed(scene, span, ranges, path)
    for each in [] if any(found.values()) else ranges[:_LOGGED]:
        found[each] = _logged(scene.context, span, each, path)
    texts = {each: before[each[0] - 1 : each[1]] for each in ranges}
    return [
        Spot(frozenset(line.decode("utf-8", "surrogateescape") for line in texts[each]), frozenset(names))
        for each, names in found.items()
    ]


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


def _blamed(scene: Scene, span: str, ranges: Sequence[tuple[int, int]], path: str) -> dict[tuple[int, int], list[Sha]]:
    """Who last changed the lines of each range, as far as that was in the span."""
    # Blame has no option against `blame.ignoreRevsFile`, and fails where that names a file which is not there. So it
    # runs where none of the user's settings are: a partial clone alone needs some, to reach its remote.
    home = scene.context.repository
    env = {} if home.is_partial else {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    if home.is_shallow:
        env["GIT_SHALLOW_FILE"] = str(home.common_dir / "shallow")
    lines = [f"-L{first},{last}" for first, last in ranges]
    out = scene.place.repository.run("blame", "--porcelain", "-s", *lines, span, "--", path, env=env)
    at: dict[int, Sha] = {}
    older: set[Sha] = set()
    current = Sha("")
    for line in out.split(b"\n"):
        head = line.split(b" ")
        if len(head[0]) == home.hash_length and not line.startswith(b"\t"):
            current = Sha(head[0].decode("ascii"))
            at[int(head[2])] = current
        elif line == b"boundary":
            older.add(current)
    return {
        (first, last): [name for number, name in at.items() if first <= number <= last and name not in older]
        for first, last in ranges
    }


def _logged(context: Context, span: str, lines: tuple[int, int], path: str) -> list[Sha]:
    # One line more on both sides: what was removed there stood between lines that were not changed.
    first, last = lines
    args = ("-s", "--format=%H", f"--max-count={_COMMITS}", f"-L{max(1, first - 1)},{last + 1}:{path}", span)
    return [Sha(name) for name in context.repository.text("log", *args).split()]
