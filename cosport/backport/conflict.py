"""Lays a conflict out for a person: a linked work tree with just the files in conflict, the message prepared in it.

The user's own checkout is never touched, and every other branch goes on without this one.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cosport.backport import session
from cosport.backport.lock import slug
from cosport.backport.why import Scene, explained
from cosport.errors import UsageError
from cosport.git import worktree
from cosport.git.merge import Merge, merge_trees
from cosport.git.trees import new_objects

if TYPE_CHECKING:
    from cosport.backport.context import Context
    from cosport.backport.session import State
    from cosport.backport.trial import Trial
    from cosport.git.merge import Merged
    from cosport.git.quarantine import Quarantine
    from cosport.git.repository import Repository
    from cosport.git.worktree import WorkTree
    from cosport.model.commit import Commit
    from cosport.model.result import Result

PLACEHOLDER: Final = "describe what was changed and why"
"""The note that stands in a prepared message until a person writes a real one; no commit is made with it."""


def begin(context: Context, place: Quarantine, state: State, message: str, trial: Trial) -> Result:
    """Make the work tree of a conflict, the message prepared in it; the result with its place and its reasons."""
    repository = context.repository
    path = folder(context, state.branch)
    picked = context.reader.commit(state.conflict.source.commit if state.conflict.source else state.current)
    attempt = trial.attempt
    shown = merge_trees(place, [Merge(attempt.base, attempt.ours, attempt.theirs)], style="diff3")[0]
    scene = Scene(context, place, picked, state.base, shown)
    conflicts = tuple(replace(explained(scene, each), worktree=str(path)) for each in state.conflict.conflicts)
    state = replace(state, worktree=str(path), conflict=replace(state.conflict, conflicts=conflicts))
    # A side of a renamed file that both changed is itself a merge, whose blob no tree holds.
    sides = (stage.blob for stage in shown.stages)
    place.accept([*new_objects(place, context.reader, attempt.ours, shown.tree), *sides])
    _require_ours(context, path)
    session.save(repository, state)
    worktree.remove(repository, path)
    tree = worktree.add(repository, path, state.tip)
    paths = tuple(each.path for each in shown.unmerged)
    worktree.fill(tree, shown.tree, shown.stages, paths)
    for name in paths:
        _name_the_sides(tree.resolve_path(name), shown, state, picked)
    tree.message_file().write_bytes(message.encode("utf-8", "surrogateescape"))
    # So that git itself knows what goes on there: `git status` says so, and `git commit` takes upstream's author.
    (tree.admin / "CHERRY_PICK_HEAD").write_text(f"{picked.sha}\n", encoding="ascii")
    session.save(repository, replace(state, phase=session.OPEN))
    return state.conflict


def close(context: Context, branch: str) -> None:
    """Forget the state, then remove the work tree: a kill in between leaves a folder that the next run removes.

    Raises UsageError where something else stands in the work tree's place.
    """
    path = folder(context, branch)
    session.forget(context.repository, branch)
    _require_ours(context, path)
    worktree.remove(context.repository, path)


def folder(context: Context, branch: str) -> Path:
    """Where the work tree of a branch's conflict stands: as configured, else inside git's common directory."""
    configured = context.config.backport.worktrees
    own = context.repository.state_dir / "worktrees"
    parent = Path(os.path.expanduser(configured)) if configured else own  # noqa: PTH111 - `~nobody` stays as it is
    return parent.absolute() / slug(branch)


def _require_ours(context: Context, path: Path) -> None:
    """Raise UsageError where `path` holds what is no work tree of this repository: it would be removed."""
    if path.is_relative_to(context.repository.state_dir) or not path.exists():
        return
    link = path / ".git"
    try:
        text = link.read_text(encoding="utf-8", errors="surrogateescape") if link.is_file() else ""
        empty = path.is_dir() and not any(path.iterdir())
    except OSError:
        text, empty = "", False
    admin = path / text.removeprefix("gitdir: ").strip()
    if not empty and not (
        text and admin.resolve().is_relative_to((context.repository.common_dir / "worktrees").resolve())
    ):
        raise UsageError(
            f"{path} is in the way: it is no work tree of this repository",
            hint="move it, or name another folder as backport.worktrees in cosport.toml",
        )


def worktree_of(repository: Repository, state: State) -> WorkTree:
    """The work tree of a session. Raises ToolError if it is gone."""
    return worktree.find(repository, Path(state.worktree))


def _name_the_sides(path: Path, shown: Merged, state: State, picked: Commit) -> None:
    """Replace the synthetic names in the conflict markers by ones that tell a person which side is which."""
    if path.is_symlink() or not path.is_file():
        return
    ours, theirs, base = shown.labels
    data = path.read_bytes()
    short = picked.sha[:12].encode()
    subject = picked.subject.encode("utf-8", "surrogateescape")
    named = data.replace(b"<<<<<<< " + ours.encode(), b"<<<<<<< " + state.branch.encode("utf-8", "surrogateescape"))
    named = named.replace(b">>>>>>> " + theirs.encode(), b">>>>>>> " + short + b" (" + subject + b")")
    parent = b"||||||| before " + short
    named = re.sub(rb"^\|{7} (" + base[:7].encode() + rb"[0-9a-f]*)", lambda _: parent, named, flags=re.MULTILINE)
    if named != data:
        path.write_bytes(named)
