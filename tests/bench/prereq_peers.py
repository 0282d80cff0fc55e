"""What people use today to see what a conflicting pick needs first: blame, `git log -L`, and both asked again.

None of the three tries anything. They read the lines in conflict as the picked commit's parent has them, in the range
from the point where the branch left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cosport.backport.why import places
from cosport.errors import ToolError
from cosport.git.merge import Merge, merge_trees
from cosport.git.quarantine import quarantine
from cosport.model.commit import Sha, is_full_sha

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cosport.backport.context import Context

_CHAIN: Final = 15
"""Commits that the peer which asks again names at most."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Lines in conflict of one path, as the parent of the picked commit has them, and the range since the fork."""

    path: str
    lines: tuple[tuple[int, int], ...]
    span: str


def blame(context: Context, name: Sha, onto: Sha) -> dict[Sha, None]:
    """Who last changed the lines in conflict."""
    return _asked(context, name, onto, _blamed)


def blame_and_log(context: Context, name: Sha, onto: Sha) -> dict[Sha, None]:
    """The same, and the newest commit that the log of these lines names: it knows of lines that were taken away."""
    return {**_asked(context, name, onto, _blamed), **_asked(context, name, onto, _logged)}


def chain(context: Context, name: Sha, onto: Sha) -> dict[Sha, None]:
    """Both, and both again for each commit that was named, which is laid onto the branch as well; at most 15."""
    found: dict[Sha, None] = {}
    waiting = [name]
    while waiting and len(found) < _CHAIN:
        for each in blame_and_log(context, waiting.pop(0), onto):
            if each not in found and len(found) < _CHAIN:
                found[each] = None
                waiting.append(each)
    return found


def _asked(context: Context, name: Sha, onto: Sha, ask: Callable[[Context, Spot], Iterator[Sha]]) -> dict[Sha, None]:
    found: dict[Sha, None] = {}
    for spot in _spots(context, name, onto):
        try:
            found.update(dict.fromkeys(ask(context, spot)))
        except ToolError:
            continue  # it takes longer than git is given: nobody waits for that either
    return found


def _spots(context: Context, name: Sha, onto: Sha) -> Iterator[Spot]:
    reader, commit = context.reader, context.reader.commit(name)
    if len(commit.parents) != 1:
        return
    parent = commit.parents[0]
    fork = context.repository.attempt("merge-base", parent, onto).stdout.decode("ascii").strip()
    with quarantine(context.repository, kept=False) as place:
        change = Merge(reader.commit(parent).tree, reader.commit(onto).tree, commit.tree)
        (shown,) = merge_trees(place, [change], style="diff3")
        for each in shown.unmerged:
            path = each.path.decode("utf-8", "surrogateescape")
            base = reader.read(f"{parent}:{path}")
            text = place.repository.attempt("cat-file", "blob", f"{shown.tree}:{path}").stdout
            if base is not None and fork and (lines := tuple(places(text.split(b"\n"), base[2].split(b"\n")))):
                yield Spot(path, lines, f"{fork}..{parent}")


def _blamed(context: Context, spot: Spot) -> Iterator[Sha]:
    lines = [f"-L{first},{last}" for first, last in spot.lines]
    out = context.repository.text("blame", "-l", "-s", "--root", *lines, spot.span, "--", spot.path)
    for line in out.splitlines():
        name = line.split(" ", 1)[0]
        if is_full_sha(name):  # else a caret stands before it: the line is older than the range
            yield Sha(name)


def _logged(context: Context, spot: Spot) -> Iterator[Sha]:
    for first, last in spot.lines:
        args = f"-L{first},{last}:{spot.path}", "--max-count=1", spot.span
        out = context.repository.text("log", "-s", "--format=%H", *args)
        yield from map(Sha, out.split())
