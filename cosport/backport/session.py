"""The state of a branch that waits for a person, on disk: what survives a crash, a reboot and a change of mind.

A JSON file for each branch under `cosport/sessions/` in git's common directory. It is written whole before the work
tree of the conflict is made (phase "preparing") and again when that stands ("open"), so that a kill at any moment
leaves either nothing to lose or everything to go on with.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cosport import files
from cosport.backport.lock import slug, unslug
from cosport.backport.request import Request  # noqa: TC001 - msgspec reads the types of State when it decodes one
from cosport.backport.series import pending
from cosport.errors import ToolError
from cosport.model.commit import Sha  # noqa: TC001 - the same
from cosport.model.result import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cosport.git.repository import Repository
    from cosport.model.commit import Commit

PREPARING: Final = "preparing"
OPEN: Final = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """All that is needed to go on with one branch, in another process on another day.

    `base` is the branch's tip when the run began, `tip` what the conflicting pick goes onto, `made` the picks of the
    series before it, `results` what became of all commits before it, `conflict` what was reported. `needed_by` names,
    for each commit that is brought for another's sake, that other one.
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
    needed_by: dict[Sha, Sha] = field(default_factory=dict)
    schema: str = "cosport.session/1"

    @property
    def asked(self) -> tuple[Sha, ...]:
        """The series without what is brought for another's sake."""
        return tuple(name for name in self.series if name not in self.needed_by)

    @property
    def current(self) -> Sha:
        """The upstream commit that conflicts."""
        return self.series[self.position]


def names(repository: Repository) -> tuple[str, ...]:
    """The branches with a state, sorted; a state that is damaged is among them."""
    return tuple(sorted(unslug(path.stem) for path in (repository.state_dir / "sessions").glob("*.json")))


def load(repository: Repository, branch: str) -> State | None:
    """The state of a branch, or None where no conflict waits. Raises ToolError if the file is damaged."""
    import msgspec

    path = _file(repository, branch)
    try:
        return msgspec.convert(_unescaped(msgspec.json.decode(path.read_bytes())), State)
    except FileNotFoundError:
        return None
    except (msgspec.MsgspecError, UnicodeError) as exc:
        raise ToolError(
            f"{path} is damaged: {exc}",
            hint=f"give this conflict up, and start over: cosport backport --abort --branch {shlex.quote(branch)}",
        ) from exc


def save(repository: Repository, state: State) -> None:
    """Write the state whole or not at all, and make sure that it survives a power cut."""
    import msgspec

    path = _file(repository, state.branch)
    path.parent.mkdir(parents=True, exist_ok=True)
    files.replace(path, msgspec.json.format(msgspec.json.encode(_escaped(msgspec.to_builtins(state)))))


def forget(repository: Repository, branch: str) -> None:
    """Remove the state, if there is one."""
    _file(repository, branch).unlink(missing_ok=True)


def still_open(state: State, series: Sequence[Commit]) -> tuple[Result, ...]:
    """What a new backport to a branch with a conflict in progress answers: the same conflict, or an error."""
    if tuple(commit.sha for commit in series) in (state.series, state.asked):
        return (*state.results, state.conflict, *pending(state.series[state.position + 1 :], state.conflict))
    what = f"a conflict waits on {state.branch}: {state.current[:12]} in {state.worktree}"
    hint = f"finish it first: cosport backport --continue (or --abort) --branch {shlex.quote(state.branch)}"
    return tuple(Result(commit.sha, state.branch, Outcome.ERROR, error=what, hint=hint) for commit in series)


def _file(repository: Repository, branch: str) -> Path:
    return repository.state_dir / "sessions" / f"{slug(branch)}.json"


def _escaped(value: object) -> object:
    r"""The same data with bytes that are no UTF-8 (surrogates, from paths) as `\xNN`, and backslashes doubled."""
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
