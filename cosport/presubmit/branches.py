"""Which of the configured branches are newer: by the version in their Makefile, else by where they left upstream."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cosport.config import Branch, BranchKind
    from cosport.model.commit import Sha
    from cosport.presubmit.context import Context, Target

_VERSION: Final = re.compile(rb"^(VERSION|PATCHLEVEL|SUBLEVEL)[ \t]*=[ \t]*(\d{1,6})[ \t]*$", re.MULTILINE)


def newer_than(context: Context, target: Target, kind: BranchKind) -> tuple[tuple[Branch, Sha], ...]:
    """The configured branches of a kind that are newer than `target`, with their tips; those that are here."""
    mine = age(context, target.tip)
    found = []
    for branch in context.config.branches:
        if branch.kind is not kind or branch.name == target.name:
            continue
        tip = context.tip(branch)
        if tip is not None and age(context, tip) > mine:
            found.append((branch, tip))
    return tuple(found)


def age(context: Context, tip: Sha) -> tuple[int, ...]:
    """A number for how new a branch is, to be compared with others: its version, or the rank of its base upstream.

    A kernel's SUBLEVEL counts only where its version is older than 3.0: since then it numbers the stable releases.
    """
    if tip not in context.ages:
        context.ages[tip] = _age(context, tip)
    return context.ages[tip]


def _age(context: Context, tip: Sha) -> tuple[int, ...]:
    found = context.reader.read(f"{tip}:Makefile")
    said = dict(_VERSION.findall(found[2])) if found is not None and found[1] == "blob" else {}
    if b"VERSION" in said and b"PATCHLEVEL" in said:
        version = int(said[b"VERSION"])
        third = int(said.get(b"SUBLEVEL", b"0")) if version < 3 else 0
        return (version, int(said[b"PATCHLEVEL"]), third)
    if context.upstream is None:
        return (0, 0, 0)
    done = context.repository.attempt("merge-base", tip, context.upstream)
    base = done.stdout.decode("ascii", "replace").split()
    found_rank = context.history.find(type(tip)(base[0])) if base else None
    return (0, 0, found_rank or 0)
