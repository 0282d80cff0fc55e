"""What earlier runs made: a pick that a person resolved, or wrote the message of, is used again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosport.backport import acceptance, publish
from cosport.message.provenance import scan

if TYPE_CHECKING:
    from cosport.backport.context import Context
    from cosport.backport.request import Request
    from cosport.backport.series import BranchRun
    from cosport.model.commit import Commit, Sha


def look_back(context: Context, request: Request, run: BranchRun) -> None:
    """Note the picks that stand on the run's ref, as far down as they may be of this series."""
    at = run.stood_at
    if at is None:
        return
    run.keeps_messages = publish.same_profile(context, run.pick_ref, request.profile)
    for _ in run.series:
        if at == run.target.tip:
            break
        commit = context.reader.commit(at)
        if len(commit.parents) != 1:
            break
        run.standing[commit.parents[0]] = at
        for origin in scan(commit.message).origins:
            run.earlier.setdefault(origin.sha, at)
        at = commit.parents[0]


def resolved(context: Context, run: BranchRun, commit: Commit, source: Sha) -> Sha | None:
    """The earlier pick of a commit, from which its resolution can be taken."""
    known = run.earlier.get(commit.sha) or run.earlier.get(source)
    if known is not None and acceptance.is_open(context.reader, known):
        return None  # no person has resolved it: the resolvers come to the same again, or to something better
    return known


def standing(context: Context, run: BranchRun, tree: Sha) -> Sha | None:
    """The pick of an earlier run that this one would make again: what the user does not say anew stays in it."""
    old = run.standing.get(run.tip) if run.keeps_messages else None
    return old if old is not None and context.reader.commit(old).tree == tree else None
