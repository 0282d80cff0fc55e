"""Publishes finished picks: objects first, then one ref by compare-and-swap. Nothing that a person made is overwritten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosport.errors import UsageError
from cosport.git import refs
from cosport.git.diff import new_objects
from cosport.model.commit import Sha

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.backport.context import Context
    from cosport.backport.target import Target
    from cosport.git.quarantine import Quarantine


def accept(context: Context, place: Quarantine, commits: Sequence[Sha], onto: Sha) -> None:
    """Move the objects of the commits (each on top of the one before, the first on `onto`) into the repository."""
    before = context.reader.commit(onto).tree
    for name in commits:
        tree = Sha(place.repository.text("rev-parse", "--verify", f"{name}^{{tree}}"))
        place.accept([*new_objects(place.repository, before, tree), name])
        before = tree


def to_pick_ref(context: Context, ref: str, tip: Sha, base: Sha, *, force: bool, why: str) -> tuple[Sha, str]:
    """Point the pick ref to `tip`; what it points to afterwards, and a remark.

    A pick whose message a person edited (same tree, same base) is kept. Raises UsageError where the ref holds other work
    of a person's, or is checked out somewhere and would have to move.
    """
    if not refs.valid(context.repository, ref):
        raise UsageError(f"{ref} is no name that git takes for a branch")
    old = refs.read(context.repository, ref)
    if old == tip:
        return tip, ""
    if old is not None and not force and not refs.made_by_us(context.repository, ref, old):
        ours, theirs = context.reader.commit(old), context.reader.commit(tip)
        if (ours.tree, ours.parents) == (theirs.tree, theirs.parents):
            return old, f"{ref} holds this pick with a message that was edited: kept"
        raise UsageError(
            f"{ref} holds {old[:12]}, which cosport did not make (a person's work?)",
            hint=f"look at it: git log {base[:12]}..{old[:12]}; then rename or delete the branch, or pass --force",
        )
    if old is not None and (where := refs.checked_out_at(context.repository, ref)):
        raise UsageError(
            f"{ref} is checked out at {where} and would have to move to {tip[:12]}",
            hint="switch that work tree to another branch first",
        )
    refs.update(context.repository, ref, tip, old, why=why)
    return tip, ""


def in_place(context: Context, target: Target, tip: Sha, *, why: str) -> None:
    """Move the branch itself. Raises UsageError where it is no branch or is checked out, RefMovedError where it moved."""
    if refs.read(context.repository, target.ref) == tip:
        return  # an earlier run was killed just after this
    require_movable(context, target)
    refs.update(context.repository, target.ref, tip, target.tip, why=why)


def require_movable(context: Context, target: Target) -> None:
    """Refuse `--in-place` for what is no local branch, or for one that a work tree has checked out. Raises UsageError."""
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
