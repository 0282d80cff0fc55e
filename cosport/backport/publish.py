"""Publishes finished picks: objects first, then one ref by compare-and-swap. No person's work is overwritten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosport.errors import UsageError
from cosport.git import refs
from cosport.git.trees import new_objects
from cosport.message.provenance import scan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.backport.context import Context
    from cosport.backport.request import Request
    from cosport.backport.series import BranchRun
    from cosport.backport.target import Target
    from cosport.git.quarantine import Quarantine
    from cosport.git.refs import Mover
    from cosport.model.commit import Commit, Sha


def accept(context: Context, place: Quarantine, commits: Sequence[Sha], onto: Sha) -> None:
    """Move the objects of the commits (each on top of the one before, the first on `onto`) into the repository."""
    before = context.reader.commit(onto).tree
    for name in commits:
        tree = place.trees.get(name) or context.reader.commit(name).tree
        place.accept([*new_objects(place, context.reader, before, tree), name])
        before = tree


def with_profile(why: str, profile: str) -> str:
    """What the reflog says of picks made with that message profile; `same_profile` reads it."""
    return f"{why}, profile {profile}"


def same_profile(context: Context, ref: str, profile: str) -> bool:
    """Whether the newest reflog entry of a pick ref says that its picks were made with that message profile."""
    said = context.repository.attempt("reflog", "show", "-n", "1", "--format=%gs", ref, "--").stdout
    return said.decode("utf-8", "replace").rstrip("\n").endswith(with_profile("", profile))


def to_pick_ref(
    context: Context, mover: Mover, ref: str, made: Sequence[Sha], base: Sha, *, old: Sha | None, force: bool, why: str
) -> tuple[tuple[Sha, ...], str]:
    """Point the pick ref to the last of the picks `made` on top of `base`; which picks stand there then, and a remark.

    `old` is what it points to now; it moves only if that is still so (RefMovedError). Picks that differ from these in
    nothing but their messages, which a person edited, are kept. Raises UsageError where
    the ref holds other work of a person's, or is checked out somewhere and would have to move.
    """
    tip = made[-1]
    if old == tip:
        return tuple(made), ""
    if old is not None and not force and not refs.made_by_us(context.repository, ref, old):
        if (kept := _same_work(context, old, made, base)) is not None:
            return kept, f"{ref} holds this pick with a message that was edited: kept"
        raise UsageError(
            f"{ref} holds {old[:12]}, which cosport did not make (a person's work?)",
            hint=f"look at it: git log {base[:12]}..{old[:12]}; then rename or delete the branch, or pass --force",
        )
    if old is not None and (where := refs.checked_out_at(context.repository, ref)):
        raise UsageError(
            f"{ref} is checked out at {where} and would have to move to {tip[:12]}",
            hint="switch that work tree to another branch first",
        )
    mover.update(ref, tip, old, why=why)
    return tuple(made), ""


def _same_work(context: Context, tip: Sha, made: Sequence[Sha], base: Sha) -> tuple[Sha, ...] | None:
    """The commits that end in `tip`, if they are the picks `made` but for their messages' words; None if not."""
    found: list[Sha] = []
    at = tip
    for name in reversed(made):
        ours, theirs = context.reader.commit(name), context.reader.commit(at)
        if len(theirs.parents) != 1 or theirs.tree != ours.tree or not _origins(ours) <= _origins(theirs):
            return None
        found.append(at)
        at = theirs.parents[0]
    return tuple(reversed(found)) if at == base else None


def _origins(commit: Commit) -> set[str]:
    """The commits that a commit says it comes from: a pick that no longer says so is something else."""
    return {origin.sha for origin in scan(commit.message).origins}


def in_place(context: Context, target: Target, tip: Sha, *, why: str) -> None:
    """Move the branch itself to `tip`.

    Raises UsageError where it is no branch or is checked out, RefMovedError where somebody else moved it meanwhile.
    """
    if refs.read(context.repository, target.ref) == tip:
        return  # an earlier run was killed just after this
    require_movable(context, target)
    refs.update(context.repository, target.ref, tip, target.tip, why=why)


def require_movable(context: Context, target: Target) -> None:
    """Raise UsageError where `--in-place` cannot move a target: it is no local branch, or is checked out somewhere."""
    if not target.ref.startswith("refs/heads/"):
        raise UsageError(
            f"{target.name} is no local branch, so --in-place cannot move it",
            hint="leave --in-place out: the pick then goes to a branch of its own",
        )
    if where := refs.checked_out_at(context.repository, target.ref):
        raise UsageError(
            f"{target.name} is checked out at {where}; moving it would turn that checkout upside down",
            hint="switch that work tree to another branch first, or leave --in-place out",
        )


def series(context: Context, request: Request, place: Quarantine, run: BranchRun, mover: Mover) -> None:
    """Give a branch what a run made for it: the objects first, then its pick ref, or under `--in-place` its own."""
    why = f"backport {', '.join(commit.sha[:12] for commit in run.series)}"
    if not request.in_place:
        why = with_profile(why, request.profile)
        mover.prepare(why)
    accept(context, place, run.made, run.target.tip)
    if request.in_place:
        in_place(context, run.target, run.tip, why=why)
        run.publish(run.target.ref, run.made, "")
        return
    stand, remark = to_pick_ref(
        context,
        mover,
        run.pick_ref,
        run.made,
        run.target.tip,
        old=run.stood_at,
        force=request.force,
        why=why,
    )
    run.publish(run.pick_ref, stand, remark)
