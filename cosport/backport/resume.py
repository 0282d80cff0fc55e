"""Goes on after a conflict: takes what a person resolved, or leaves it out, or gives the branch up."""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from cosport.backport import session
from cosport.backport.commit import Draft
from cosport.backport.context import parent_of
from cosport.backport.lock import branch_lock
from cosport.backport.run import BranchRun, Runner
from cosport.backport.target import Target, configured
from cosport.compare.fidelity import fidelity
from cosport.errors import CosportError, Interrupted, UsageError
from cosport.git.diff import patches
from cosport.git.quarantine import quarantine
from cosport.message import charset
from cosport.message.edit import note_line, with_note, without_notes
from cosport.message.parse import Kind, parse
from cosport.model.result import ConflictKind, Fidelity, Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cosport.backport.context import Context
    from cosport.backport.session import State
    from cosport.git.quarantine import Quarantine
    from cosport.git.worktree import WorkTree
    from cosport.model.commit import Commit, Sha

_MARKER: Final = re.compile(rb"^(?:<{7}|>{7}|\|{7}) [^\n]*$", re.MULTILINE)
"""Conflict markers as git writes them. A line of `=======` alone is also a heading in reStructuredText: it proves nothing."""

_HAS_MARKERS: Final = (
    ConflictKind.CONTENT,
    ConflictKind.ADD_ADD,
    ConflictKind.RENAME_RENAME,
    ConflictKind.DIRECTORY_RENAME,
)


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a person left in the work tree: its tree and message, or the reasons why it is not ready."""

    tree: Sha | None
    message: str
    missing: tuple[str, ...] = ()


def proceed(
    context: Context, state: State, *, skip: bool = False, note: str | None = None,
    edit: Callable[[str, str], str] | None = None,
) -> tuple[Result, ...]:  # fmt: skip
    """Finish the conflict of one branch (or `skip` its commit) and carry on with the rest of the series; all its results.

    A resolution that is not ready comes back as the same conflict, with what is missing in its notes. Raises LockedError,
    and what publishing raises.
    """
    request = state.request
    if note is not None:
        request = replace(request, fields=replace(request.fields, note=note))
    runner = Runner(context, request, edit=edit)
    with ExitStack() as stack:
        stack.enter_context(branch_lock(context.repository, state.branch))
        run = _run_of(context, state)
        runner.remember(run)
        place = stack.enter_context(quarantine(context.repository))
        if state.phase == session.OPEN:
            result = _skipped(state) if skip else _finish(context, place, runner, run, state, note)
            if result.outcome is Outcome.CONFLICT:
                return (*state.results, result, *session.still_open(state, run.series)[run.position + 1 :])
            run.settle(result)
        runner.advance(place, [run])
        if not run.stopped:
            session.close(context, state)
        return tuple(run.results)


def attempt(
    context: Context, state: State, *, skip: bool = False, note: str | None = None,
    edit: Callable[[str, str], str] | None = None,
) -> tuple[Result, ...]:  # fmt: skip
    """As `proceed`, with trouble of this branch as its result, so that it holds up no other."""
    try:
        return proceed(context, state, skip=skip, note=note, edit=edit)
    except Interrupted:
        raise
    except CosportError as error:
        return (*state.results, replace(state.conflict, outcome=Outcome.ERROR, error=error.what, hint=error.hint))


def abort(context: Context, state: State) -> tuple[Result, ...]:
    """Give the branch up: its work tree goes, nothing else was changed; each commit of the series as skipped."""
    with branch_lock(context.repository, state.branch):
        session.close(context, state)
    return tuple(Result(name, state.branch, Outcome.SKIPPED, notes=("given up with --abort",)) for name in state.series)


def chosen(states: Sequence[State], branch: str | None) -> tuple[State, ...]:
    """The sessions that a command means: the one of `branch`, else all. Raises UsageError where there is none."""
    if branch is None:
        if not states:
            raise UsageError("no conflict waits anywhere", hint="start with: cosport backport SHA --to BRANCH")
        return tuple(states)
    found = tuple(state for state in states if state.branch == branch)
    if not found:
        names = ", ".join(state.branch for state in states) or "none"
        raise UsageError(f"no conflict waits on {branch}", hint=f"conflicts wait on: {names}")
    return found


def _run_of(context: Context, state: State) -> BranchRun:
    target = Target(state.branch, state.ref, state.base, configured(context.config, state.branch))
    series = tuple(context.reader.commit(name) for name in state.series)
    context.history.ensure([state.base, *state.series])
    return BranchRun(
        target, series, state.tip, position=state.position, results=list(state.results), made=list(state.made)
    )


def _skipped(state: State) -> Result:
    return Result(
        state.current, state.branch, Outcome.SKIPPED, source=state.conflict.source, notes=("left out with --skip",)
    )


def _finish(
    context: Context, place: Quarantine, runner: Runner, run: BranchRun, state: State, note: str | None
) -> Result:
    """The commit of the resolution, as a result; the conflict again where something is missing."""
    work = session.worktree_of(context.repository, state)
    commit = run.current
    found = _resolution(context, work, state, commit)
    if found.tree is None:
        return replace(state.conflict, notes=found.missing)
    before = context.reader.commit(state.tip).tree
    if found.tree == before:
        missing = (
            "the resolution leaves nothing of the change: leave the commit out with --skip, or resolve it again",
        )
        return replace(state.conflict, notes=missing)
    parent = parent_of(context, commit, state.request.mainline)
    upstream, ours = patches(context.repository, [(parent.tree, commit.tree), (before, found.tree)])
    nearness = fidelity(upstream, ours)
    message = _with_reason(found.message, runner, note)
    unsaid = note_line(runner.who.name, session.PLACEHOLDER) in message.split("\n")
    if unsaid or (nearness is Fidelity.ADAPTED and not _has_note(message)):
        if nearness is Fidelity.ADAPTED:
            missing = ('its changed lines differ from upstream\'s: say what you changed and why with --note "..."',)
            return replace(state.conflict, notes=missing)
        message = without_notes(message)
    made = runner.edited(state.branch, Draft(commit.author, commit.encoding, message, state.codec, state.change_id))
    name = runner.write(place, run, made, found.tree)
    return Result(
        commit.sha, state.branch, Outcome.PICKED, commit=name, tree=found.tree, change_id=state.change_id,
        source=state.conflict.source, fidelity=nearness, evidence=state.conflict.evidence,
        notes=("its conflict was resolved by hand",),
    )  # fmt: skip


def _with_reason(message: str, runner: Runner, note: str | None) -> str:
    """The message with the person's note in the place of the prepared one."""
    if note is None:
        return message
    prepared = note_line(runner.who.name, session.PLACEHOLDER)
    if prepared in message.split("\n"):
        return message.replace(prepared, note_line(runner.who.name, note))
    return with_note(message, runner.who.name, note)


def _resolution(context: Context, work: WorkTree, state: State, commit: Commit) -> Resolution:
    head = work.head()
    if head != state.tip:
        return _committed(context, state, head)
    missing, ready = [], []
    kinds = {conflict.path: conflict.kind for conflict in state.conflict.conflicts}
    for path in work.unmerged():
        name = path.decode("utf-8", "surrogateescape")
        file = work.resolve_path(path)
        if kinds.get(name) not in _HAS_MARKERS or not file.is_file():
            missing.append(f"{name}: say how it ends with git add or git rm, in {work.path}")
        elif marks := _marks(file.read_bytes(), b""):
            missing.append(f"{name}: conflict markers at line {', '.join(map(str, marks[:6]))}")
        else:
            ready.append(path)
    if missing:
        return Resolution(None, "", tuple(missing))
    work.add([*ready, *work.changed()])
    tree = work.write_tree()
    missing = _left_over(context, state, commit, tree)
    if missing:
        return Resolution(None, "", tuple(missing))
    file = work.message_file()
    if not file.exists():
        return Resolution(None, "", (f"{file} is gone, and the message with it: --abort, then start again",))
    return Resolution(tree, file.read_bytes().decode("utf-8", "surrogateescape"))


def _committed(context: Context, state: State, head: Sha) -> Resolution:
    """The person made the commit in the work tree: its tree and message are the resolution."""
    made = context.reader.commit(head)
    if made.parents != (state.tip,):
        return Resolution(None, "", (f"HEAD in {state.worktree} is no single commit on top of {state.tip[:12]}",))
    missing = _left_over(context, state, context.reader.commit(state.current), made.tree)
    if missing:
        return Resolution(None, "", tuple(missing))
    return Resolution(made.tree, charset.decode(made.message, made.encoding).text)


def _left_over(context: Context, state: State, commit: Commit, tree: Sha) -> list[str]:
    """Files of the resolution with conflict markers that neither the branch nor upstream has there."""
    before = context.reader.commit(state.tip).tree
    out = context.repository.run(
        "diff-tree", "-r", "-z", "--name-only", "--no-renames", "--diff-filter=d", before, tree
    )
    missing = []
    for path in out.split(b"\0"):
        if not path:
            continue
        name = path.decode("utf-8", "surrogateescape")
        known = b"".join(
            found[2] for each in (before, commit.sha) if (found := context.reader.read(f"{each}:{name}")) is not None
        )
        staged = context.reader.read(f"{tree}:{name}")
        if staged is not None and staged[1] == "blob" and (marks := _marks(staged[2], known)):
            missing.append(f"{name}: conflict markers at line {', '.join(map(str, marks[:6]))}")
    return missing


def _has_note(message: str) -> bool:
    """Whether a message says in a bracket note what was changed."""
    return any(trailer.kind is Kind.NOTE for trailer in parse(message).trailers)


def _marks(data: bytes, known: bytes) -> list[int]:
    """The numbers of lines that are conflict markers, but for lines that stand in `known` as well."""
    allowed = set(_MARKER.findall(known))
    return [data.count(b"\n", 0, match.start()) + 1 for match in _MARKER.finditer(data) if match[0] not in allowed]
