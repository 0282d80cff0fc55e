"""Runs a backport: a series of upstream commits onto several branches, all branches in step, each on its own.

At step k every branch tries its k-th commit in the same merging process; a branch that stops (a conflict, an error)
holds up no other. Nothing is published before a branch is through: then objects first, and its ref by compare-and-swap.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING, Final

from cosport.backport import acceptance, choice, conflict, earlier, publish, session, unfamiliar
from cosport.backport import commit as commits
from cosport.backport.judge import Judgement, judge
from cosport.backport.lock import branch_lock
from cosport.backport.needs import TOGETHER, Needs, Spot
from cosport.backport.recorded import record_picks
from cosport.backport.request import Limits
from cosport.backport.required import house_profile, require_fields
from cosport.backport.series import BranchRun
from cosport.backport.trial import Attempt, Trial, as_error, try_each
from cosport.errors import CosportError, Interrupted
from cosport.git import identity
from cosport.git.identity import Identity
from cosport.git.objects import ObjectReader
from cosport.git.quarantine import Quarantine, quarantine
from cosport.git.refs import Mover
from cosport.git.refs import read_all as read_refs
from cosport.model.result import Fidelity, Outcome, Result, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cosport.backport.context import Context
    from cosport.backport.request import Request, Reviewed
    from cosport.backport.target import Target
    from cosport.message.profile import Profile
    from cosport.model.commit import Commit, Sha

_NOBODY: Final = Identity("nobody <nobody> 0 +0000")
"""Who commits in a dry run, which leaves no commit and so asks for no name."""

_UNSAID: Final = "it merged cleanly, yet its changed lines differ from upstream's: look at it, and say why with --note"


@dataclass(frozen=True, slots=True)
class Turn:
    """One branch at one step: what was judged, the picks to try (one for each source), and how they went."""

    run: BranchRun
    found: Judgement
    attempts: tuple[Attempt, ...]
    tried: list[tuple[Source, Trial]] = field(default_factory=list)


class Runner:
    """Carries out requests in one repository.

    `edit` (branch, message -> message) is called for each pick under `--edit`; `progress` is told of steps done.
    `reviewed` asks code review about the commits that a run adds; of those asked for the request has the answer.
    """

    def __init__(
        self,
        context: Context,
        request: Request,
        *,
        edit: Callable[[str, str], str] | None = None,
        progress: Callable[[int], None] | None = None,
        reviewed: Callable[[Sequence[Commit]], tuple[Reviewed, ...]] | None = None,
    ) -> None:
        self.context = context
        self.request = request
        self.profile: Profile = house_profile(context, request.profile)
        self.who = _NOBODY if request.dry_run else identity.committer(context.repository)
        self._needs = Needs(context, request, seconds=inf if request.with_prereqs else TOGETHER)
        self._limits = Limits.of(context, request)
        self._edit = edit
        self._progress = progress or (lambda _steps: None)
        self._reviewed = reviewed
        self._added: set[Sha] = set()

    def backport(self, series: Sequence[Commit], targets: Sequence[Target]) -> tuple[Result, ...]:
        """Pick the series to each target; one result for each commit on each branch, branch by branch.

        Expected trouble of one branch is its result (`conflict`, `error`). Raises UsageError where a field that the
        configuration requires is not given, or `--in-place` cannot move a target, before anything is changed.
        """
        runs = [BranchRun(target, tuple(series), target.tip) for target in targets]
        if self.request.with_followups:
            for run in runs:
                with trouble_of(run):
                    self._add_followups(run)
        if not self.request.dry_run and self._edit is None:
            require_fields(self.context, self.request, self.profile, runs)
        if self.request.in_place:
            for target in targets:
                publish.require_movable(self.context, target)
        with ExitStack() as stack:
            for run in runs:
                if not run.stopped:
                    with trouble_of(run):
                        self._prepare(stack, run)
            self.remember(runs)
            place = stack.enter_context(quarantine(self.context.repository))
            self.advance(place, runs)
            results = tuple(result for run in runs for result in run.results)
            if not self.request.dry_run:
                record_picks(self.context.reader, results, self.who)
        return results

    def _add_followups(self, run: BranchRun) -> None:
        from cosport.backport.expand import followups

        later = followups(self.context, run.target, run.series, run.series)
        self._look_up(later)
        run.series = tuple(sorted((*run.series, *later), key=self._rank))

    def advance(self, place: Quarantine, runs: Sequence[BranchRun]) -> None:
        """Take all runs to their ends and publish each one that has made something."""
        while waiting := [run for run in runs if not run.finished]:
            self._step(place, waiting)
        with Mover(self.context.repository) as mover:
            for run in runs:
                if run.made and not run.stopped and not self.request.dry_run:
                    with trouble_of(run):
                        publish.series(self.context, self.request, place, run, mover)

    def _prepare(self, stack: ExitStack, run: BranchRun) -> None:
        """Make sure that this run is the only one on its branch, and that no conflict waits there."""
        if self.request.dry_run:
            return
        stack.enter_context(branch_lock(self.context.repository, run.target.name))
        state = session.load(self.context.repository, run.target.name)
        if state is not None and state.phase == session.OPEN:
            run.stop(session.still_open(state, run.series))
        elif state is not None:  # killed while the work tree was being made: nobody has worked in it yet
            conflict.close(self.context, state.branch)

    def remember(self, runs: Sequence[BranchRun]) -> None:
        """Note what earlier runs published: a pick that a person resolved, or wrote the message of, is used again."""
        standing = read_refs(self.context.reader, [run.pick_ref for run in runs])
        for run in runs:
            run.stood_at = standing.get(run.pick_ref)
            with trouble_of(run):
                earlier.look_back(self.context, self.request, run)

    def _step(self, place: Quarantine, runs: Sequence[BranchRun]) -> None:
        """One commit further on each of the runs."""
        turns: list[Turn] = []
        for run in runs:
            with trouble_of(run):
                self._judge(place, run, turns)
        self._try(place, [(turn, 0) for turn in turns])
        turns = [turn for turn in turns if not turn.run.stopped]
        further = [turn for turn in turns if choice.wants_others(*turn.tried[0])]
        self._try(place, [(turn, number) for turn in further for number in range(1, len(turn.attempts))])
        for turn in turns:
            if not turn.run.stopped:
                with trouble_of(turn.run):
                    self._take(place, turn, *choice.best(turn.tried))
            self._progress(1)

    def _judge(self, place: Quarantine, run: BranchRun, turns: list[Turn]) -> None:
        """Judge the current commit: either that settles it, or its turn to be tried is added to `turns`."""
        commit = run.current
        # What another one needs is picked whether or not the branch has the bug that it fixes.
        request = replace(self.request, force=True) if commit.sha in run.needed_by else self.request
        found = judge(self.context, request, commit, run.target, before=run.picked, after=run.coming)
        if found.outcome is not None:
            run.settle(choice.nothing_to_pick(commit, run.target.name, found))
            self._progress(1)
            return
        known = earlier.resolved(self.context, run, commit, found.sources[0].commit)
        if known is not None and not self.request.force:
            found = replace(found, sources=(*found.sources, Source(choice.EARLIER, known, run.target.name)))
        ours = place.trees.get(run.tip) or self.context.reader.commit(run.tip).tree
        attempts = (
            choice.attempt(self.context, commit, source, ours, self.request.mainline, onto=run.target.tip)
            for source in found.sources
        )
        turns.append(Turn(run, found, tuple(attempts)))

    def _try(self, place: Quarantine, wanted: Sequence[tuple[Turn, int]]) -> None:
        """Try the source of that number in each of the turns; where git gives no answer, its branch fails alone."""
        trials = try_each(place, [turn.attempts[number] for turn, number in wanted])
        for (turn, number), trial in zip(wanted, trials, strict=True):
            if isinstance(trial, CosportError):
                if not turn.run.stopped:
                    turn.run.fail(trial)
            else:
                turn.tried.append((turn.found.sources[number], trial))

    def _take(self, place: Quarantine, turn: Turn, source: Source, trial: Trial) -> None:
        """Act on the trial that was chosen."""
        run = turn.run
        result = choice.outcome(run.current, run.target.name, turn.found, source, trial)
        if result.outcome is Outcome.CONFLICT:
            climbed = self._climb(place, turn, result, trial)
            if climbed is None:
                return
            result = climbed
        if result.outcome is Outcome.PICKED:
            result = replace(result, notes=(*result.notes, *self._unfamiliar(place, run, trial)))
        if result.outcome.made:
            run.settle(self._pick(place, turn, result))
        elif result.outcome is Outcome.CONFLICT:
            run.wait(self._explained(place, turn, result, trial))
        else:
            run.settle(result)

    def _explained(self, place: Quarantine, turn: Turn, result: Result, trial: Trial) -> Result:
        """A conflict with who made the lines differ; but in a dry run, it is laid out for a person."""
        if not self.request.dry_run:
            return self._open(place, turn, result, trial)
        from cosport.backport import why

        return why.told(self.context, place, result, trial.attempt, turn.run.target.tip)

    def _unfamiliar(self, place: Quarantine, run: BranchRun, trial: Trial) -> tuple[str, ...]:
        """What to remark of a clean pick. What the series made so far is seen from within the quarantine alone."""
        if not run.made:
            return unfamiliar.remarks(self.context.reader, trial.attempt)
        with ObjectReader(place.repository) as reader:
            return unfamiliar.remarks(reader, trial.attempt)

    def _climb(self, place: Quarantine, turn: Turn, result: Result, trial: Trial) -> Result | None:
        """A conflict as the resolvers leave it, else with what it needs first; None where that was put before it.

        Who asked for prerequisites gets them before any resolver is asked: they are upstream's own commits.
        """
        from cosport.backport.climb import climb  # the ladder has many modules, and most picks are clean

        run = turn.run
        spot = Spot(run.target, trial.attempt.ours, run.picked, place)
        if self.request.with_prereqs:
            result = self._needs.of(result, run.current, spot)
            if self._bring(run, result):
                return None
        result = climb(place, result, trial, target=run.target, request=self.request, limits=self._limits)
        if result.outcome is Outcome.CONFLICT and not self.request.with_prereqs:
            result = self._needs.of(result, run.current, spot)
        return result

    def _bring(self, run: BranchRun, conflict: Result) -> bool:
        """Put what the current commit needs into the series before it, once; whether that was done."""
        if not conflict.prerequisites or run.current.sha in run.needed_by.values():
            return False
        reader = self.context.reader
        needed = tuple(reader.commit(each.sha) for each in conflict.prerequisites)
        later: tuple[Commit, ...] = ()
        if self.request.with_followups:
            from cosport.backport.expand import followups

            later = followups(self.context, run.target, needed, run.series)
        self._look_up((*needed, *later))
        run.bring(needed, conflict.prerequisites, sorted((*run.coming, *later), key=self._rank))
        earlier.look_back(self.context, self.request, run)  # an earlier run may have brought them too
        return True

    def _look_up(self, commits: Sequence[Commit]) -> None:
        """Ask code review about commits that are brought with others, each once. Raises GerritError."""
        new = [each for each in commits if each.sha not in self._added]
        if self._reviewed is not None and new:
            self.request = replace(self.request, reviews=(*self.request.reviews, *self._reviewed(new)))
            self._added.update(each.sha for each in new)

    def _rank(self, commit: Commit) -> int:
        return self.context.history.rank(commit.sha)

    def _pick(self, place: Quarantine, turn: Turn, result: Result) -> Result:
        """Make the commit of a pick that is clean, or that was resolved."""
        run = turn.run
        assert result.tree is not None
        old = None if self.request.force else earlier.standing(self.context, run, result.tree)
        adapted = result.fidelity is Fidelity.ADAPTED
        pick = self._told(turn, result, self._notes(turn), adapted=adapted, standing=old)
        made = self.edited(run.target.name, acceptance.with_rules(self._draft(pick), result))
        name = self.write(place, run, made, result.tree)
        unsaid = adapted and not commits.says_why(made.message, run.current)
        picked = replace(
            result,
            commit=None if self.request.dry_run else name,
            change_id=commits.stated_change_id(made),
            prerequisites=run.brought.get(run.current.sha, ()),
            notes=(*result.notes, *run.remarks, *((_UNSAID,) if unsaid else ())),
        )
        return acceptance.known(self.context.reader, picked)

    def _told(
        self, turn: Turn, result: Result, notes: tuple[str, ...], *, adapted: bool, standing: Sha | None = None
    ) -> commits.Pick:
        """What the message of a pick has to tell."""
        run = turn.run
        assert result.source is not None
        return commits.Pick(
            run.current,
            result.source,
            turn.found.applied,
            run.target.name,
            run.target.tip,
            conflicts=tuple(each.path for each in result.conflicts),
            notes=notes,
            adapted=adapted,
            needed_by=run.needing,
            standing=standing,
            reviews=self.request.reviews,
        )

    def _notes(self, turn: Turn) -> tuple[str, ...]:
        """What the message has to say of how the pick came about."""
        branch = turn.run.target.branch
        notes = [self.request.fields.note] if self.request.fields.note else []
        if turn.found.not_from_main and branch is not None:
            notes.append(f"picked from upstream before it landed in {branch.main}")
        return tuple(notes)

    def _draft(self, pick: commits.Pick) -> commits.Draft:
        return commits.draft(self.context, self.request.fields, self.profile, self.who, pick)

    def edited(self, branch: str, made: commits.Draft) -> commits.Draft:
        """The draft as the user wants it, under `--edit`; else as it is."""
        return made if self._edit is None else replace(made, message=self._edit(branch, made.message))

    def write(self, place: Quarantine, run: BranchRun, made: commits.Draft, tree: Sha) -> Sha:
        """Make the commit in the quarantine, or use the one that an earlier run made and that says the same."""
        raw = commits.encode(made, tree, run.tip, self.who)
        old = run.standing.get(run.tip)
        known = self.context.reader.read(old) if old is not None else None
        if known is not None and commits.same_but_for_dates(known[2], raw):
            name = known[0]
        else:
            name = place.write("commit", raw)
        place.trees[name] = tree
        run.add(name)
        return name

    def _open(self, place: Quarantine, turn: Turn, result: Result, trial: Trial) -> Result:
        """Lay a conflict out for a person; the result with the place where it waits."""
        run, notes = turn.run, self._notes(turn)
        if not self.request.fields.note:
            notes = (*notes, conflict.PLACEHOLDER)
        pick = self._told(turn, result, notes, adapted=True)
        made = self._draft(pick)
        publish.accept(self.context, place, run.made, run.target.tip)
        state = session.State(
            branch=run.target.name,
            ref=run.target.ref,
            base=run.target.tip,
            tip=run.tip,
            position=run.position,
            series=tuple(each.sha for each in run.series),
            needed_by=run.needed_by,
            made=tuple(run.made),
            results=tuple(run.results),
            request=self.request,
            conflict=result,
            codec=made.codec,
            change_id=made.change_id,
        )
        return conflict.begin(self.context, place, state, made.message, trial)


@contextmanager
def trouble_of(run: BranchRun) -> Iterator[None]:
    """Do something for one branch; its trouble becomes its own result, and holds up no other."""
    try:
        yield
    except Interrupted:
        raise
    except (CosportError, OSError) as error:
        run.fail(as_error(error))
