"""Goes on after a conflict: takes what a person resolved, or leaves it out, or gives the branch up."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cosport.backport import commit as commits
from cosport.backport import conflict, resolution, session
from cosport.backport.context import parent_of
from cosport.backport.lock import branch_lock
from cosport.backport.recorded import record_picks
from cosport.backport.run import Runner
from cosport.backport.series import BranchRun, pending
from cosport.backport.target import Target, configured
from cosport.backport.trial import as_error
from cosport.compare.fidelity import fidelity
from cosport.compare.interdiff import differences
from cosport.errors import CosportError, Interrupted, LockedError, ToolError, UsageError
from cosport.git import refs
from cosport.git.diff import patches
from cosport.git.quarantine import quarantine
from cosport.message.edit import note_line, with_note
from cosport.model.result import Fidelity, Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cosport.backport.context import Context
    from cosport.backport.request import Reviewed
    from cosport.backport.session import State
    from cosport.git.quarantine import Quarantine
    from cosport.model.commit import Commit


@dataclass(frozen=True, slots=True)
class Wish:
    """How a person wants to go on.

    `skip` leaves the conflicting commit out; `note` says what was changed and why; `force` replaces a pick ref that
    somebody changed; `edit` (branch, message -> message) lets the message be edited once more; `reviewed` asks code
    review about commits that are brought on the way.
    """

    skip: bool = False
    note: str | None = None
    force: bool = False
    edit: Callable[[str, str], str] | None = None
    reviewed: Callable[[Sequence[Commit]], tuple[Reviewed, ...]] | None = None


def chosen(waiting: Sequence[str], branch: str | None) -> tuple[str, ...]:
    """The branches that a command means: `branch`, else all that wait. Raises UsageError where there is none."""
    if branch is None:
        if not waiting:
            raise UsageError("no conflict waits anywhere", hint="start with: cosport backport SHA --to BRANCH")
        return tuple(waiting)
    if branch not in waiting:
        raise UsageError(
            f"no conflict waits on {branch}", hint=f"conflicts wait on: {', '.join(waiting) or 'no branch'}"
        )
    return (branch,)


def proceed(context: Context, state: State, wish: Wish) -> tuple[Result, ...]:
    """Finish the conflict of one branch and carry on with the rest of its series; all its results.

    A resolution that is not ready comes back as the same conflict, with what is missing in its notes; trouble of this
    branch is its result, so that it holds up no other.
    """
    try:
        return _proceed(context, state, wish)
    except Interrupted:
        raise
    except (CosportError, OSError) as exc:
        error = as_error(exc)
        failed = replace(state.conflict, outcome=Outcome.ERROR, error=error.what, hint=error.hint)
        return (*state.results, failed, *pending(state.series[state.position + 1 :], state.conflict))


def abort(context: Context, branch: str) -> tuple[Result, ...]:
    """Give a branch up: its work tree goes, nothing else was changed; each commit of the series as skipped.

    Raises LockedError where another cosport works on it. A damaged state is given up as well: nothing is told of it.
    """
    with branch_lock(context.repository, branch):
        try:
            state = session.load(context.repository, branch)
        except ToolError:
            state = None
        conflict.close(context, branch)
    series = state.series if state is not None else ()
    return tuple(Result(name, branch, Outcome.SKIPPED, notes=("given up with --abort",)) for name in series)


def _proceed(context: Context, state: State, wish: Wish) -> tuple[Result, ...]:
    fields = state.request.fields if wish.note is None else replace(state.request.fields, note=wish.note)
    request = replace(state.request, fields=fields, force=state.request.force or wish.force)
    runner = Runner(context, request, edit=wish.edit, reviewed=wish.reviewed)
    with ExitStack() as stack:
        stack.enter_context(branch_lock(context.repository, state.branch))
        if session.load(context.repository, state.branch) != state:
            raise LockedError(
                f"another cosport went on with {state.branch} meanwhile", hint="see: cosport backport --status"
            )
        run = _run_of(context, state)
        runner.remember([run])
        place = stack.enter_context(quarantine(context.repository))
        if state.phase == session.OPEN:
            result = _skipped(state) if wish.skip else _finish(context, place, runner, run, state)
            if result.outcome is Outcome.CONFLICT:
                return (*state.results, result, *pending(state.series[state.position + 1 :], state.conflict))
            run.settle(result)
        runner.advance(place, [run])
        if not run.stopped:
            conflict.close(context, state.branch)
        record_picks(context.reader, run.results, runner.who)
        return _with_remark(context, state, run)


def _run_of(context: Context, state: State) -> BranchRun:
    """The run as it stood when the conflict came up."""
    target = Target(state.branch, state.ref, state.base, configured(context.config, state.branch))
    series = tuple(context.reader.commit(name) for name in state.series)
    context.history.ensure([state.base, *state.series])
    return BranchRun(
        target,
        series,
        state.tip,
        position=state.position,
        results=list(state.results),
        made=list(state.made),
        needed_by=dict(state.needed_by),
    )


def _with_remark(context: Context, state: State, run: BranchRun) -> tuple[Result, ...]:
    """The results; where the branch moved while the conflict waited, with a word on what to do."""
    now = refs.read(context.repository, state.ref) if state.ref else None
    if now is None or context.reader.read(f"{now}^{{commit}}") is None or state.request.in_place:
        return tuple(run.results)
    if context.reader.resolve(now).sha == state.base:
        return tuple(run.results)
    remark = f"{state.branch} moved on meanwhile: the same backport again brings the pick on top of it"
    return tuple(
        replace(result, notes=(*result.notes, remark)) if result.ref is not None else result for result in run.results
    )


def _skipped(state: State) -> Result:
    return Result(
        state.current, state.branch, Outcome.SKIPPED, source=state.conflict.source, notes=("left out with --skip",)
    )


def _finish(context: Context, place: Quarantine, runner: Runner, run: BranchRun, state: State) -> Result:
    """The commit of the resolution, as a result; the conflict again where something is missing."""
    work = conflict.worktree_of(context.repository, state)
    commit = run.current
    found = resolution.read(context, work, state)
    if found.tree is None:
        return replace(state.conflict, notes=found.missing)
    before = context.reader.commit(state.tip).tree
    if found.tree == before:
        what = "the resolution leaves nothing of the change: leave the commit out with --skip, or resolve it again"
        return replace(state.conflict, notes=(what,))
    parent = parent_of(context, commit, state.request.mainline)
    upstream, ours = patches(context.repository, [(parent.tree, commit.tree), (before, found.tree)])
    nearness = fidelity(upstream, ours)
    message = _with_reason(found.message, runner.who.name, runner.request.fields.note)
    said = _without_placeholder(message)
    if nearness is Fidelity.ADAPTED and (said != message or not commits.says_why(message, commit)):
        what = 'its changed lines differ from upstream\'s: say what you changed and why with --note "..."'
        return replace(state.conflict, notes=(what,), differences=differences(upstream, ours))
    made = runner.edited(
        state.branch, commits.Draft(commit.author, commit.encoding, said, state.codec, state.change_id)
    )
    name = runner.write(place, run, made, found.tree)
    return Result(
        commit.sha,
        state.branch,
        Outcome.PICKED,
        commit=name,
        tree=found.tree,
        change_id=commits.stated_change_id(made),
        source=state.conflict.source,
        fidelity=nearness,
        differences=differences(upstream, ours) if nearness is Fidelity.ADAPTED else (),
        evidence=state.conflict.evidence,
        followups=state.conflict.followups,
        notes=("its conflict was resolved by hand", *found.remarks),
    )


def _with_reason(message: str, name: str, note: str | None) -> str:
    """The message with the person's note in the place of the prepared one, or without that where it says nothing."""
    lines = message.split("\n")
    prepared = [number for number, line in enumerate(lines) if _is_placeholder(line)]
    if note is None:
        return message
    if not prepared:
        return with_note(message, name, note)
    for number in prepared:
        lines[number] = note_line(name, note)
    return "\n".join(lines)


def _is_placeholder(line: str) -> bool:
    return line.startswith("[") and line.endswith(f": {conflict.PLACEHOLDER}]")


def _without_placeholder(message: str) -> str:
    return "\n".join(line for line in message.split("\n") if not _is_placeholder(line))
