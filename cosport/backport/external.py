"""Gives a conflict to a command of the user's (`--resolver CMD`) where the ladder's own rules find nothing.

The command finds the files in conflict, with markers of style diff3, in the folder that it is started in, and their
paths as its arguments; it edits them in place. What it makes is a resolved pick as any other, without a confidence.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from cosport import process
from cosport.backport.resolution import markers
from cosport.backport.resolve import Resolved, finished, told
from cosport.backport.resolvers import plugins
from cosport.errors import ToolError
from cosport.git.merge import Merge, merge_trees
from cosport.git.objects import ObjectReader
from cosport.git.trees import with_blobs
from cosport.model.result import ConflictKind, RuleUsed

if TYPE_CHECKING:
    from cosport.backport.trial import Trial
    from cosport.git.merge import Merged
    from cosport.git.quarantine import Quarantine
    from cosport.model.commit import Sha
    from cosport.model.result import Result

_SECONDS: Final = 600.0


def resolved(place: Quarantine, conflict: Result, trial: Trial, command: str) -> Result:
    """A conflict as the command leaves it: resolved, or with a note of why not."""
    attempt = trial.attempt
    (merged,) = merge_trees(place, [Merge(attempt.base, attempt.ours, attempt.theirs)], style="diff3")
    try:
        with ObjectReader(place.repository) as objects, TemporaryDirectory(prefix="cosport-resolver-") as folder:
            paths = _laid_out(objects, merged, Path(folder))
            _run(_argv(command), paths, folder, conflict)
            blobs = {path: _taken(place, Path(folder, os.fsdecode(path))) for path in paths}
            tree = with_blobs(place, objects, merged.tree, blobs)
    except ToolError as error:
        return replace(conflict, notes=(*conflict.notes, f"the resolver left it: {error.what}"))
    rules = tuple(
        RuleUsed(plugins.RUNG, "external", _text(path), 1, f"by the command {command}") for path in sorted(blobs)
    )
    found = finished(place, attempt, tree, rules, None)
    if not isinstance(found, Resolved):
        return replace(conflict, notes=(*conflict.notes, "the resolver leaves nothing of the change"))
    return told(conflict, found)


def _argv(command: str) -> list[str]:
    try:
        argv = shlex.split(command)
    except ValueError as error:
        raise ToolError(f"{command}: {error}") from error
    if not argv:
        raise ToolError("its command is empty")
    return argv


def _laid_out(objects: ObjectReader, merged: Merged, folder: Path) -> list[bytes]:
    """Write the files in conflict to the folder; their paths. Raises ToolError where a conflict is none of lines."""
    for each in merged.unmerged:
        shown = objects.read(f"{merged.tree}:{_text(each.path)}")
        plain = all(stage.mode.startswith("100") for stage in merged.stages if stage.path == each.path)
        if each.kind is not ConflictKind.CONTENT or not plain or shown is None or not _inside(each.path):
            raise ToolError(f"{_text(each.path)} is no conflict of lines")
        file = folder / os.fsdecode(each.path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(shown[2])
    return [each.path for each in merged.unmerged]


def _run(argv: list[str], paths: list[bytes], folder: str, conflict: Result) -> None:
    """Run the command on the files. Raises ToolError where it fails."""
    known = {"COSPORT_UPSTREAM": conflict.upstream, "COSPORT_BRANCH": conflict.branch}
    names = [f"./{os.fsdecode(path)}" for path in paths]  # a path may begin with a dash
    done = process.run([*argv, *names], env={**os.environ, **known}, cwd=folder, timeout=_SECONDS)
    if done.status:
        raise ToolError(f"{argv[0]} ended with status {done.status}: {done.tail or 'no message'}")


def _taken(place: Quarantine, file: Path) -> Sha | None:
    if not file.exists() and not file.is_symlink():
        return None
    if file.is_symlink() or not file.is_file():
        raise ToolError(f"{file.name} is no plain file any more")
    data = file.read_bytes()
    if lines := markers(data):
        raise ToolError(f"conflict markers are left in {file.name}, line {lines[0]}")
    return place.write("blob", data)


def _inside(path: bytes) -> bool:
    """Whether a path of a tree stays in its folder, whoever made that tree."""
    return not {b"", b".", b"..", b".git"} & set(path.split(b"/"))


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")
