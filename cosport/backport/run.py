"""Runs a backport: a series of upstream commits onto several branches, all branches in step, each on its own.

At step k every branch tries its k-th commit in the same merging process; a branch that stops (a conflict, an error) holds
up no other. Nothing is published before a branch is through: then objects first, and its ref by compare-and-swap.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from cosport.backport import commit as commits
from cosport.backport import publish, session
from cosport.backport.context import Context, parent_of
from cosport.backport.judge import Judgement, judge
from cosport.backport.lock import branch_lock
from cosport.backport.trial import Attempt, Trial, try_all
from cosport.errors import CosportError, Interrupted
from cosport.git import identity
from cosport.git.quarantine import Quarantine, quarantine
from cosport.git.refs import read as read_ref
from cosport.message.parse import Kind, parse
from cosport.message.profile import Profile, load_profile
from cosport.message.provenance import scan
from cosport.model.result import Conflict, Evidence, EvidenceKind, Fidelity, Outcome, Result, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cosport.backport.request import Request
    from cosport.backport.target import Target
    from cosport.git.identity import Identity
    from cosport.model.commit import Commit, Sha


@dataclass(slots=True)
class BranchRun:
    """How far one branch has come: `tip` is the commit that the next pick goes onto."""

    target: Target
    series: tuple[Commit, ...]
    tip: Sha
    position: int = 0
    results: list[Result] = field(default_factory=list)
    made: list[Sha] = field(default_factory=list)
    standing: dict[Sha, Sha] = field(default_factory=dict)
    earlier: dict[str, Sha] = field(default_factory=dict)
    stopped: bool = False

    @property
    def current(self) -> Commit:
        """The upstream commit whose turn it is."""
        return self.series[self.position]

    @property
    def finished(self) -> bool:
        """Whether nothing is left to try."""
        return self.stopped or self.position >= len(self.series)

    @property
    def pick_ref(self) -> str:
        """The ref for the whole series."""
        return self.target.pick_ref(tuple(commit.sha for commit in self.series))

    def settle(self, result: Result) -> None:
        """Write down what became of the current commit, and go to the next."""
        self.results.append(result)
        self.position += 1

    def fail(self, error: CosportError) -> None:
        """Stop with an error: for the current commit and all after it, and for picks that are not published."""
        unpublished = [
            replace(result, outcome=Outcome.ERROR, commit=None, error=error.what, hint=error.hint)
            if result.outcome is Outcome.PICKED and result.ref is None
            else result
            for result in self.results
        ]
        rest = (
            Result(commit.sha, self.target.name, Outcome.ERROR, error=error.what, hint=error.hint)
            for commit in self.series[self.position :]
        )
        self.results = [*unpublished, *rest]
        self.stopped = True

    def wait(self, conflict: Result) -> None:
        """Stop at a conflict; what comes after it is pending."""
        self.results.append(conflict)
        detail = f"after {conflict.upstream[:12]}, which conflicts"
        for commit in self.series[self.position + 1 :]:
            self.results.append(Result(commit.sha, self.target.name, Outcome.PENDING, notes=(detail,)))
        self.stopped = True


@dataclass(frozen=True, slots=True)
class Turn:
    """One branch at one step: what was judged, the picks to try (one for each source), and how they went."""

    run: BranchRun
    found: Judgement
    attempts: tuple[Attempt, ...]
    tried: list[tuple[Source, Trial]] = field(default_factory=list)

    @property
    def wants_others(self) -> bool:
        """Whether the other sources are worth a try: where the first conflicts, or all of them are neighbours."""
        source, trial = self.tried[0]
        return not trial.merged.clean or source.kind == "neighbour"


class Runner:
    """Carries out requests in one repository. `edit` (branch, message -> message) is called for each pick under `--edit`."""

    def __init__(
        self, context: Context, request: Request, *, edit: Callable[[str, str], str] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> None:  # fmt: skip
        self.context = context
        self.request = request
        self.profile: Profile = load_profile(request.profile)
        self.who: Identity = identity.committer(context.repository)
        self._edit = edit
        self._progress = progress or (lambda _steps: None)

    def backport(self, series: Sequence[Commit], targets: Sequence[Target]) -> tuple[Result, ...]:
        """Pick the series to each target; one result for each commit on each branch, branch by branch.

        Expected trouble of one branch is its result (`conflict`, `error`). Raises Interrupted; nothing half-made stays.
        """
        runs = [BranchRun(target, tuple(series), target.tip) for target in targets]
        with ExitStack() as stack:
            for run in runs:
                with self._trouble_of(run):
                    self._prepare(stack, run)
            place = stack.enter_context(quarantine(self.context.repository))
            self.advance(place, runs)
        return tuple(result for run in runs for result in run.results)

    def advance(self, place: Quarantine, runs: Sequence[BranchRun]) -> None:
        """Take all runs to their ends and publish each one that has made something."""
        while any(not run.finished for run in runs):
            self._step(place, [run for run in runs if not run.finished])
        for run in runs:
            if run.made and not run.stopped:
                with self._trouble_of(run):
                    self._publish(place, run)

    def _prepare(self, stack: ExitStack, run: BranchRun) -> None:
        if self.request.dry_run:
            return
        if self.request.in_place:
            publish.require_movable(self.context, run.target)
        stack.enter_context(branch_lock(self.context.repository, run.target.name))
        state = session.load(self.context.repository, run.target.name)
        if state is not None and state.phase == session.OPEN:
            run.results.extend(session.still_open(state, run.series))
            run.stopped = True
        elif state is not None:  # killed while the work tree was being made: nobody has worked in it yet
            session.close(self.context, state)
        self.remember(run)

    def remember(self, run: BranchRun) -> None:
        """What an earlier run published: a pick that would come out the same, or that a person resolved, is used again."""
        at = read_ref(self.context.repository, run.target.ref if self.request.in_place else run.pick_ref)
        for _ in run.series:
            if at is None or at == run.target.tip:
                break
            commit = self.context.reader.commit(at)
            if len(commit.parents) != 1:
                break
            run.standing[commit.parents[0]] = at
            for origin in scan(commit.message).origins:
                run.earlier.setdefault(origin.sha, at)
            at = commit.parents[0]

    @contextmanager
    def _trouble_of(self, run: BranchRun) -> Iterator[None]:
        """Do something for one branch; its trouble becomes its own result, and holds up no other."""
        try:
            yield
        except Interrupted:
            raise
        except CosportError as error:
            run.fail(error)

    def _step(self, place: Quarantine, runs: Sequence[BranchRun]) -> None:
        """One commit further on each of the runs."""
        turns: list[Turn] = []
        for run in runs:
            with self._trouble_of(run):
                self._judge(place, run, turns)
        for turn, trial in zip(turns, self._try(place, [turn.attempts[0] for turn in turns]), strict=True):
            turn.tried.append((turn.found.sources[0], trial))
        others = [turn for turn in turns if turn.wants_others]
        trials = iter(self._try(place, [attempt for turn in others for attempt in turn.attempts[1:]]))
        for turn in others:
            turn.tried.extend((source, next(trials)) for source in turn.found.sources[1:])
        for turn in turns:
            with self._trouble_of(turn.run):
                self._take(place, turn, *best(turn.tried))
            self._progress(1)

    def _try(self, place: Quarantine, attempts: Sequence[Attempt]) -> list[Trial]:
        return try_all(place, attempts) if attempts else []

    def _judge(self, place: Quarantine, run: BranchRun, turns: list[Turn]) -> None:
        commit = run.current
        found = judge(self.context, self.request, commit, run.target, run.series[: run.position])
        if found.outcome is None:
            if (known := run.earlier.get(commit.sha) or run.earlier.get(found.sources[0].commit)) is not None:
                found = replace(found, sources=(*found.sources, Source("earlier-pick", known, run.target.name)))
            turns.append(Turn(run, found, tuple(self._attempt(place, run, source) for source in found.sources)))
            return
        run.settle(
            Result(
                commit.sha, run.target.name, found.outcome, change_id=found.applied.change_id, evidence=found.evidence
            )
        )
        self._progress(1)

    def _attempt(self, place: Quarantine, run: BranchRun, source: Source) -> Attempt:
        mainline = self.request.mainline
        commit, picked = run.current, self.context.reader.commit(source.commit)
        upstream = (parent_of(self.context, commit, mainline).tree, commit.tree)
        base = parent_of(self.context, picked, mainline if picked.sha == commit.sha else 1)
        return Attempt(base.tree, picked.tree, self._tree(place, run.tip), upstream)

    def _tree(self, place: Quarantine, commit: Sha) -> Sha:
        """The tree of a tip, which may be a pick that only the quarantine holds yet."""
        found = place.trees.get(commit)
        return found if found is not None else self.context.reader.commit(commit).tree

    def _take(self, place: Quarantine, turn: Turn, source: Source, trial: Trial) -> None:
        run, found = turn.run, turn.found
        commit, target = run.current, run.target
        if trial.empty:
            detail = f"picking it onto {run.tip[:12]} changes nothing"
            evidence = (*found.evidence, Evidence(EvidenceKind.SAME_TREE, detail))
            run.settle(
                Result(commit.sha, target.name, Outcome.ALREADY_APPLIED, tree=trial.merged.tree, evidence=evidence)
            )
        elif trial.merged.clean:
            self._pick(place, turn, source, trial)
        else:
            run.wait(self._conflict(place, turn, source, trial))

    def _notes(self, found: Judgement, run: BranchRun) -> tuple[str, ...]:
        notes = [self.request.fields.note] if self.request.fields.note else []
        if found.not_from_main and run.target.branch is not None:
            notes.append(f"picked from upstream before it landed in {run.target.branch.main}")
        return tuple(notes)

    def _pick(self, place: Quarantine, turn: Turn, source: Source, trial: Trial) -> None:
        run, found = turn.run, turn.found
        adapted = trial.fidelity is Fidelity.ADAPTED
        pick = commits.Pick(run.current, source, found.applied, notes=self._notes(found, run), adapted=adapted)
        made = self.edited(run.target.name, self._draft(pick))
        name = (
            None if self.request.dry_run and len(run.series) == 1 else self.write(place, run, made, trial.merged.tree)
        )
        run.settle(
            Result(
                run.current.sha, run.target.name, Outcome.PICKED,
                commit=None if self.request.dry_run else name, tree=trial.merged.tree, change_id=made.change_id,
                source=source, fidelity=trial.fidelity, evidence=found.evidence, notes=_remarks(trial, made.message),
            )
        )  # fmt: skip

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
        run.made.append(name)
        run.tip = name
        return name

    def _conflict(self, place: Quarantine, turn: Turn, source: Source, trial: Trial) -> Result:
        run, found = turn.run, turn.found
        conflicts = tuple(
            Conflict(each.path.decode("utf-8", "surrogateescape"), each.kind) for each in trial.merged.unmerged
        )
        result = Result(
            run.current.sha,
            run.target.name,
            Outcome.CONFLICT,
            source=source,
            evidence=found.evidence,
            conflicts=conflicts,
        )
        if self.request.dry_run:
            return result
        notes = self._notes(found, run)
        if not self.request.fields.note:
            notes = (*notes, session.PLACEHOLDER)
        paths = tuple(conflict.path for conflict in conflicts)
        made = self._draft(commits.Pick(run.current, source, found.applied, conflicts=paths, notes=notes, adapted=True))
        publish.accept(self.context, place, run.made, run.target.tip)
        state = session.State(
            branch=run.target.name, ref=run.target.ref, base=run.target.tip, tip=run.tip, position=run.position,
            series=tuple(each.sha for each in run.series), made=tuple(run.made), results=tuple(run.results),
            request=self.request, conflict=result, codec=made.codec, change_id=made.change_id,
        )  # fmt: skip
        return session.begin(self.context, place, state, made.message, trial)

    def _publish(self, place: Quarantine, run: BranchRun) -> None:
        if self.request.dry_run:
            return
        publish.accept(self.context, place, run.made, run.target.tip)
        subjects = ", ".join(commit.sha[:12] for commit in run.series)
        if self.request.in_place:
            publish.in_place(self.context, run.target, run.tip, why=f"backport {subjects}")
            ref, tip, remark = run.target.ref, run.tip, ""
        else:
            ref = run.pick_ref
            why = f"backport {subjects} to {run.target.name}"
            tip, remark = publish.to_pick_ref(
                self.context, ref, run.tip, run.target.tip, force=self.request.force, why=why
            )
        run.results = [
            replace(
                result, ref=ref, commit=tip if result.commit == run.tip else result.commit,
                notes=(*result.notes, remark) if remark else result.notes,
            )
            if result.outcome is Outcome.PICKED else result
            for result in run.results
        ]  # fmt: skip


def _remarks(trial: Trial, message: str) -> tuple[str, ...]:
    """What a person should know of a clean pick: that it differs from upstream's change, where its message does not say so."""
    if trial.fidelity is not Fidelity.ADAPTED or any(each.kind is Kind.NOTE for each in parse(message).trailers):
        return ()
    return ("it merged cleanly, yet its changed lines differ from upstream's: look at it, and say why with --note",)


def best(tried: Sequence[tuple[Source, Trial]]) -> tuple[Source, Trial]:
    """The source that fits best: a clean one before a conflict, then the one nearest to upstream, then the first."""
    order = list(Fidelity)

    def fit(choice: tuple[Source, Trial]) -> tuple[bool, int, int]:
        trial = choice[1]
        return not trial.merged.clean, order.index(trial.fidelity) if trial.fidelity else -1, trial.distance

    return min(tried, key=fit)
