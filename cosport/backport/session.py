"""A conflict that waits for a person: its state on disk, and the linked work tree that it is resolved in.

The state is a JSON file for each branch under `cosport/sessions/` in git's common directory. It is written whole before the
work tree is made (phase "preparing") and again when that stands ("open"), so that a kill at any moment leaves either
nothing to lose or everything to go on with.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cosport.backport.lock import slug
from cosport.backport.request import Request
from cosport.backport.why import touched_by
from cosport.errors import ToolError
from cosport.git import worktree
from cosport.git.diff import new_objects
from cosport.git.merge import Merge, merge_trees
from cosport.model.commit import Sha
from cosport.model.result import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.backport.context import Context
    from cosport.backport.trial import Trial
    from cosport.git.merge import Merged
    from cosport.git.quarantine import Quarantine
    from cosport.git.repository import Repository
    from cosport.git.worktree import WorkTree
    from cosport.model.commit import Commit

PREPARING: Final = "preparing"
OPEN: Final = "open"

PLACEHOLDER: Final = "describe what was changed and why"
"""The note that stands in a prepared message until a person writes a real one; no commit is made with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """All that is needed to go on with one branch, in another process on another day.

    `base` is the branch's tip when the run began, `tip` what the conflicting pick goes onto, `made` the picks of the series
    before it, `results` what became of all commits before it, `conflict` what was reported.
    """

    branch: str
    ref: str
    base: Sha
    tip: Sha
    series: tuple[Sha, ...]
    position: int
    made: tuple[Sha, ...]
    results: tuple[Result, ...]
    request: Request
    conflict: Result
    codec: str
    change_id: str | None
    worktree: str = ""
    phase: str = PREPARING
    schema: str = "cosport.session/1"

    @property
    def current(self) -> Sha:
        """The upstream commit that conflicts."""
        return self.series[self.position]


def load(repository: Repository, branch: str) -> State | None:
    """The state of a branch, or None where no conflict waits. Raises ToolError if the file is damaged."""
    return _read(_file(repository, branch))


def all_states(repository: Repository) -> tuple[State, ...]:
    """The states of all branches with a conflict, by name."""
    found = (_read(path) for path in sorted((repository.state_dir / "sessions").glob("*.json")))
    return tuple(sorted((state for state in found if state is not None), key=lambda state: state.branch))


def begin(context: Context, place: Quarantine, state: State, message: str, trial: Trial) -> Result:
    """Make the work tree of a conflict, the message prepared in it; the result with its place and its reasons."""
    repository = context.repository
    path = folder(context, state.branch)
    commit = context.reader.commit(state.current)
    shown = merge_trees(place, [Merge(trial.attempt.base, trial.attempt.ours, trial.attempt.theirs)], style="diff3")[0]
    conflicts = tuple(
        replace(
            conflict, worktree=str(path), touched_by=touched_by(context, place, commit, state, shown, conflict.path)
        )
        for conflict in state.conflict.conflicts
    )
    state = replace(state, worktree=str(path), conflict=replace(state.conflict, conflicts=conflicts))
    place.accept(new_objects(place.repository, trial.attempt.ours, shown.tree))
    save(repository, state)
    worktree.remove(repository, path)
    tree = worktree.add(repository, path, state.tip)
    paths = tuple(each.path for each in shown.unmerged)
    worktree.fill(tree, shown.tree, shown.stages, paths)
    for name in paths:
        _name_the_sides(tree.resolve_path(name), shown, state, commit)
    tree.message_file().write_bytes(message.encode("utf-8", "surrogateescape"))
    (tree.admin / "CHERRY_PICK_HEAD").write_text(
        f"{state.conflict.source.commit if state.conflict.source else state.current}\n"
    )
    save(repository, replace(state, phase=OPEN))
    return state.conflict


def close(context: Context, state: State) -> None:
    """Forget the state, then remove the work tree: a kill in between leaves a folder that the next run removes."""
    with contextlib.suppress(FileNotFoundError):
        _file(context.repository, state.branch).unlink()
    worktree.remove(context.repository, folder(context, state.branch))


def still_open(state: State, series: Sequence[Commit]) -> tuple[Result, ...]:
    """What a new backport to a branch with a conflict in progress answers: the same conflict, or an error."""
    if tuple(commit.sha for commit in series) == state.series:
        rest = (
            Result(name, state.branch, Outcome.PENDING, notes=(f"after {state.current[:12]}, which conflicts",))
            for name in state.series[state.position + 1 :]
        )
        return (*state.results, state.conflict, *rest)
    what = f"a conflict waits on {state.branch}: {state.current[:12]} in {state.worktree}"
    hint = f"finish it first: cosport backport --continue (or --abort) --branch {state.branch}"
    return tuple(Result(commit.sha, state.branch, Outcome.ERROR, error=what, hint=hint) for commit in series)


def folder(context: Context, branch: str) -> Path:
    """Where the work tree of a branch's conflict stands: as configured, else inside git's common directory."""
    configured = context.config.backport.worktrees
    parent = Path(os.path.expanduser(configured)) if configured else context.repository.state_dir / "worktrees"  # noqa: PTH111
    return parent.absolute() / slug(branch)


def save(repository: Repository, state: State) -> None:
    """Write the state whole or not at all, and make sure that it survives a power cut."""
    import msgspec

    path = _file(repository, state.branch)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".tmp")
    with beside.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(_escaped(msgspec.to_builtins(state)))))
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _read(path: Path) -> State | None:
    import msgspec

    try:
        return msgspec.convert(_unescaped(msgspec.json.decode(path.read_bytes())), State)
    except FileNotFoundError:
        return None
    except (msgspec.MsgspecError, UnicodeError) as exc:
        raise ToolError(
            f"{path} is damaged: {exc}",
            hint="the picks are in git: look at its work tree, then remove this file and start over",
        ) from exc


def _escaped(value: object) -> object:
    r"""The same data with bytes that are no UTF-8 (surrogates, from paths) written as `\xNN`, and backslashes doubled."""
    if isinstance(value, str):
        return value.replace("\\", "\\\\").encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if isinstance(value, dict):
        return {key: _escaped(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_escaped(each) for each in value]
    return value


def _unescaped(value: object) -> object:
    if isinstance(value, str) and "\\" in value:
        raw = re.sub(
            rb"\\(\\|x[0-9a-f]{2})",
            lambda match: b"\\" if match[1] == b"\\" else bytes([int(match[1][1:], 16)]),
            value.encode("utf-8", "surrogateescape"),
        )
        return raw.decode("utf-8", "surrogateescape")
    if isinstance(value, dict):
        return {key: _unescaped(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_unescaped(each) for each in value]
    return value


def _file(repository: Repository, branch: str) -> Path:
    return repository.state_dir / "sessions" / f"{slug(branch)}.json"


def _name_the_sides(path: Path, shown: Merged, state: State, commit: Commit) -> None:
    """Replace the synthetic names in the conflict markers by ones that tell a person which side is which."""
    if path.is_symlink() or not path.is_file():
        return
    ours, theirs, base = shown.labels
    data = path.read_bytes()
    subject = commit.subject.encode("utf-8", "surrogateescape")
    named = data.replace(b"<<<<<<< " + ours.encode(), b"<<<<<<< " + state.branch.encode("utf-8", "surrogateescape"))
    named = named.replace(
        b">>>>>>> " + theirs.encode(), b">>>>>>> " + commit.sha[:12].encode() + b" (" + subject + b")"
    )
    parent = b"||||||| before " + commit.sha[:12].encode()
    named = re.sub(rb"^\|{7} (" + base[:7].encode() + rb"[0-9a-f]*)", lambda _: parent, named, flags=re.MULTILINE)
    if named != data:
        path.write_bytes(named)


def worktree_of(repository: Repository, state: State) -> WorkTree:
    """The work tree of a session. Raises ToolError if it is gone."""
    return worktree.find(repository, Path(state.worktree))
