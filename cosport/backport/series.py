"""How far a series of commits has come on one branch: what was made, what became of each, what stood before."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from cosport.model.result import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cosport.backport.target import Target
    from cosport.errors import CosportError
    from cosport.model.commit import Commit, Sha
    from cosport.model.result import Prerequisite


@dataclass(slots=True)
class BranchRun:
    """The series on one branch. `tip` is the commit that the next pick goes onto, `made` are the picks so far.

    `standing` are picks of an earlier run, each by the commit that it stands on, and `earlier` the same by the commits
    that they name as their origin; `stood_at` is what the pick ref pointed to, and `keeps_messages` tells that they
    were made with the same message profile. `needed_by` names, for each commit that is brought for another's sake, that
    other one, and `brought` tells what each commit got before it.
    """

    target: Target
    series: tuple[Commit, ...]
    tip: Sha
    position: int = 0
    results: list[Result] = field(default_factory=list)
    made: list[Sha] = field(default_factory=list)
    standing: dict[Sha, Sha] = field(default_factory=dict)
    earlier: dict[str, Sha] = field(default_factory=dict)
    stood_at: Sha | None = None
    keeps_messages: bool = False
    needed_by: dict[Sha, Sha] = field(default_factory=dict)
    brought: dict[Sha, tuple[Prerequisite, ...]] = field(default_factory=dict)
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
        """The ref for the whole series. What is brought for another's sake gives it no name: that may change."""
        return self.target.pick_ref(self.asked)

    @property
    def asked(self) -> tuple[Sha, ...]:
        """The series without what is brought for another's sake."""
        return tuple(commit.sha for commit in self.series if commit.sha not in self.needed_by)

    @property
    def needing(self) -> Commit | None:
        """The commit for whose sake the current one is brought."""
        name = self.needed_by.get(self.current.sha)
        return next((commit for commit in self.series if commit.sha == name), None)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person should know of how the current commit came into the series."""
        fix = self.needing
        return (f'brought because {fix.sha[:12]} ("{fix.subject}") needs it',) if fix is not None else ()

    @property
    def picked(self) -> tuple[Commit, ...]:
        """The commits of the series that were picked so far."""
        return tuple(commit for commit, result in zip(self.series, self.results, strict=False) if result.outcome.made)

    @property
    def coming(self) -> tuple[Commit, ...]:
        """The commits of the series whose turn comes after the current one's."""
        return self.series[self.position + 1 :]

    def bring(self, needed: Sequence[Commit], said: tuple[Prerequisite, ...], coming: Sequence[Commit]) -> None:
        """Put `needed` (told of in results as `said`) before the current commit; `coming` are those after it."""
        commit = self.current
        self.brought[commit.sha] = said
        self.needed_by.update((each.sha, commit.sha) for each in needed)
        names = {each.sha for each in needed}
        rest = (each for each in coming if each.sha not in names)
        self.series = (*self.series[: self.position], *needed, commit, *rest)

    def add(self, name: Sha) -> None:
        """Take a pick that was made: the next one goes on top of it."""
        self.made.append(name)
        self.tip = name

    def settle(self, result: Result) -> None:
        """Write down what became of the current commit, and go to the next."""
        self.results.append(result)
        self.position += 1

    def stop(self, results: Sequence[Result]) -> None:
        """Stop where the branch waits for something else; `results` are those of the whole series."""
        self.results = list(results)
        self.stopped = True

    def fail(self, error: CosportError) -> None:
        """Stop with an error: for the current commit and all after it, and for picks that are not published."""
        unpublished = [
            replace(result, outcome=Outcome.ERROR, commit=None, error=error.what, hint=error.hint)
            if result.outcome.made and result.ref is None
            else result
            for result in self.results
        ]
        rest = (
            Result(commit.sha, self.target.name, Outcome.ERROR, error=error.what, hint=error.hint)
            for commit in self.series[self.position :]
        )
        self.stop([*unpublished, *rest])

    def wait(self, conflict: Result) -> None:
        """Stop at a conflict; what comes after it is pending."""
        later = (commit.sha for commit in self.series[self.position + 1 :])
        self.stop([*self.results, conflict, *pending(later, conflict)])

    def publish(self, ref: str, commits: Sequence[Sha], remark: str) -> None:
        """Write down that the picks stand on `ref`: as `commits`, which may be older ones of the same contents."""
        standing = dict(zip(self.made, commits, strict=True))
        for number, result in enumerate(self.results):
            if result.outcome.made:
                assert result.commit is not None
                notes = (*result.notes, remark) if remark else result.notes
                self.results[number] = replace(result, ref=ref, commit=standing[result.commit], notes=notes)


def pending(later: Iterable[Sha], conflict: Result) -> tuple[Result, ...]:
    """The results of commits that come after a conflict in the same series."""
    detail = f"after {conflict.upstream[:12]}, which conflicts"
    return tuple(Result(name, conflict.branch, Outcome.PENDING, notes=(detail,)) for name in later)
