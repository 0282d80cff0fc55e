"""Chooses which commit a pick is made from: all that it could be made from are tried, and the one that fits best wins.

`outcome` then says as a result what the trial means, for a plan and for a real backport alike.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cosport.backport.context import parent_of
from cosport.backport.trial import Attempt, Trial
from cosport.model.evidence import Evidence, EvidenceKind
from cosport.model.result import Conflict, Fidelity, Outcome, Result, Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.backport.context import Context
    from cosport.backport.judge import Judgement
    from cosport.model.commit import Commit, Sha

EARLIER: Final = "earlier-pick"
"""The kind of a source that an earlier run left: a pick of the same commit to the same branch."""


def attempt(context: Context, commit: Commit, source: Source, ours: Sha, mainline: int | None, *, onto: Sha) -> Attempt:
    """The trial of picking `commit`, as `source` has it, onto the tree `ours`; `onto` is the tip of the branch.

    Raises RevisionError where a commit has no usable parent, MissingObjectError where one is not here.
    """
    picked = context.reader.commit(source.commit)
    base = parent_of(context, picked, mainline if picked.sha == commit.sha else 1)
    own = parent_of(context, commit, mainline).tree, commit.tree
    return Attempt(base.tree, picked.tree, ours, own, base.sha, onto)


def wants_others(source: Source, trial: Trial) -> bool:
    """Whether more sources are worth a try after the first: it conflicts, or it is one neighbour of several."""
    return not trial.merged.clean or source.kind == "neighbour"


def best(tried: Sequence[tuple[Source, Trial]]) -> tuple[Source, Trial]:
    """The source to pick from. The first, where it merges cleanly and is no neighbour.

    Else, of those that merge cleanly: what an earlier run made for this very branch, as a person may have resolved it
    (last, where the user asked for a neighbour's), then the one nearest to upstream's change. A neighbour's pick that
    changes nothing here proves nothing, as it may hold a part of the fix only. Where none fits, the first one, with
    its conflict.
    """
    if not wants_others(*tried[0]):
        return tried[0]
    order = list(Fidelity)
    asked_for_neighbour = tried[0][0].kind == "neighbour"

    def fit(choice: tuple[Source, Trial]) -> tuple[bool, bool, int, int]:
        source, trial = choice
        if not trial.merged.clean or (trial.empty and source.kind == "neighbour"):
            return True, False, 0, 0
        nearness = order.index(trial.fidelity) if trial.fidelity else 0
        return False, (source.kind == EARLIER) is asked_for_neighbour, nearness, trial.distance

    found = min(tried, key=fit)
    if found[0].kind != EARLIER:
        return found
    # What would come out the same from another source was no person's resolution: then that source is the true one.
    same = (each for each in tried if each[1].merged.clean and each[1].merged.tree == found[1].merged.tree)
    return next(same)


def outcome(commit: Commit, name: str, found: Judgement, source: Source, trial: Trial) -> Result:
    """What a trial on the branch `name` says: already there, picked, or a conflict with its paths."""
    if trial.empty:
        own = "picking it there" if source.commit == commit.sha else f"picking {source.commit[:12]} of {source.branch}"
        evidence = (*found.evidence, Evidence(EvidenceKind.SAME_TREE, f"{own} changes nothing"))
        return Result(
            commit.sha,
            name,
            Outcome.ALREADY_APPLIED,
            tree=trial.merged.tree,
            evidence=evidence,
            followups=found.followups,
        )
    if found.unless_it_applies and not trial.merged.clean:  # lines that are there go on changing
        return nothing_to_pick(commit, name, replace(found, outcome=Outcome.ALREADY_APPLIED))
    if trial.merged.clean:
        return Result(
            commit.sha,
            name,
            Outcome.PICKED,
            tree=trial.merged.tree,
            source=source,
            fidelity=trial.fidelity,
            evidence=found.evidence,
            followups=found.followups,
            differences=trial.differences,
        )
    conflicts = tuple(
        Conflict(each.path.decode("utf-8", "surrogateescape"), each.kind) for each in trial.merged.unmerged
    )
    return Result(
        commit.sha,
        name,
        Outcome.CONFLICT,
        source=source,
        evidence=found.evidence,
        conflicts=conflicts,
        followups=found.followups,
    )


def nothing_to_pick(commit: Commit, name: str, found: Judgement) -> Result:
    """The result of a judgement that leaves nothing to try."""
    assert found.outcome is not None
    return Result(
        commit.sha,
        name,
        found.outcome,
        change_id=found.applied.change_id,
        evidence=found.evidence,
        followups=found.followups,
        notes=found.notes,
    )
