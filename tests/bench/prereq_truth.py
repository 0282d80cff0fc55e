"""Finds, in real histories, what people brought first: picks that are clean today and conflict some commits earlier.

A backport X of the upstream commit U, such that U merges cleanly onto X's parent but not onto T, `depth` commits before
that: some of the stable commits in between make the difference. The smallest sets of them that do are found by trying
them all, or by delta debugging where there are too many; it asks nothing of cosport's own search.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING, Final

from cosport.git.merge import Merge, merge_trees
from cosport.git.objects import ObjectReader
from cosport.git.quarantine import Quarantine, quarantine
from cosport.git.repository import Repository
from cosport.model.commit import Sha

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.bench.pairs import Pair

DEPTHS: Final = (10, 30, 100)
"""How many commits before the backport its pick is tried."""

_SETS: Final = 800
"""Sets of one size that are tried one by one; where there are more, delta debugging has to do."""

_AT_ONCE: Final = 64


@dataclass(frozen=True, slots=True)
class Case:
    """The pick of `upstream` onto `onto` conflicts; with the commits of any of `sets` brought first, it is clean.

    `until` is the backport's parent, where it is clean as well. `exhaustive` tells whether `sets` are all the smallest
    sets; else it is one that none can be left out of, and a smaller one may exist.
    """

    upstream: Sha
    stable: Sha
    onto: Sha
    until: Sha
    depth: int
    sets: tuple[tuple[Sha, ...], ...]
    exhaustive: bool


def cases(git_dir: Path, branches: Sequence[str], mainline: str, pairs: Sequence[Pair], limit: int) -> Iterator[Case]:
    """At most `limit` cases of each depth from each branch, evenly spread over it."""
    repository = Repository.open(git_dir)
    named = {Sha(pair.stable): Sha(pair.upstream) for pair in pairs}
    with ObjectReader(repository) as reader:
        for branch in branches:
            line = [
                Sha(name) for name in repository.text("rev-list", "--first-parent", f"{mainline}..{branch}").split()
            ]
            line.reverse()
            if line and (fork := reader.commit(line[0]).parents[:1]):
                line.insert(0, fork[0])
                yield from _Branch(repository, reader, line, named).cases(limit)


class _Branch:
    """One branch: its commits, oldest first, from the point where it left upstream."""

    def __init__(self, repository: Repository, reader: ObjectReader, line: list[Sha], named: dict[Sha, Sha]) -> None:
        self.repository = repository
        self.reader = reader
        self.line = line
        self.named = named
        self.paths = _touched(repository, line[1:])

    def cases(self, limit: int) -> Iterator[Case]:
        tried = [at for at, name in enumerate(self.line) if at and name in self.named]
        tried = [at for at in tried if len(self.reader.commit(self.named[self.line[at]]).parents) == 1]
        clean = self._clean([(at, at - 1) for at in tried])
        tried = [at for at, good in zip(tried, clean, strict=True) if good]
        for depth in DEPTHS:
            deep = [at for at in tried if at - 1 - depth >= 0]
            good = self._clean([(at, at - 1 - depth) for at in deep])
            bad = [at for at, each in zip(deep, good, strict=True) if not each]
            step = max(1, len(bad) // limit)
            for at in bad[::step][:limit]:
                with quarantine(self.repository, kept=False) as place:
                    case = self._solve(place, at, depth)
                if case is not None:
                    yield case

    def _clean(self, wanted: list[tuple[int, int]]) -> list[bool]:
        found = []
        for start in range(0, len(wanted), _AT_ONCE):
            with quarantine(self.repository, kept=False) as place:
                some = wanted[start : start + _AT_ONCE]
                merges = [self.merge(self.named[self.line[at]], self._tree(self.line[onto])) for at, onto in some]
                found += [each.clean for each in merge_trees(place, merges)]
        return found

    def _tree(self, name: Sha) -> Sha:
        return self.reader.commit(name).tree

    def merge(self, name: Sha, ours: Sha) -> Merge:
        commit = self.reader.commit(name)
        return Merge(self._tree(commit.parents[0]), ours, commit.tree)

    def _solve(self, place: Quarantine, at: int, depth: int) -> Case | None:
        upstream = self.named[self.line[at]]
        between = [name for name in self.line[at - depth : at] if len(self.reader.commit(name).parents) == 1]
        trial = _Trial(self, place, upstream, self._tree(self.line[at - 1 - depth]))
        pool = next((each for each in self._pools(upstream, between) if trial.clean([each])[0]), None)
        if pool is None:
            return None  # a merge on the branch, or a rename, ties it to commits of other paths
        least = trial.reduced(pool)
        exhaustive = True
        for size in range(1, len(least) + 1):
            if comb(len(pool), size) > _SETS:
                exhaustive = False
                continue
            sets = list(combinations(pool, size))
            good = [each for each, clean in zip(sets, trial.clean(sets), strict=True) if clean]
            if good:
                return self._case(at, depth, tuple(good), exhaustive=exhaustive)
        return self._case(at, depth, (least,), exhaustive=False)

    def _case(self, at: int, depth: int, sets: tuple[tuple[Sha, ...], ...], *, exhaustive: bool) -> Case:
        onto, until, stable = self.line[at - 1 - depth], self.line[at - 1], self.line[at]
        return Case(self.named[stable], stable, onto, until, depth, sets, exhaustive)

    def _pools(self, upstream: Sha, between: list[Sha]) -> Iterator[tuple[Sha, ...]]:
        """The commits that touch a path of the upstream commit; with those that touch one of theirs; and so on."""
        (paths,) = _touched(self.repository, [upstream]).values()
        wanted = set(paths)
        found: set[Sha] = set()
        while more := [name for name in between if name not in found and wanted & self.paths[name]]:
            found.update(more)
            wanted.update(path for name in more for path in self.paths[name])
            yield tuple(name for name in between if name in found)


class _Trial:
    """Applies sets of commits, in order, to one tree, then the upstream commit; all or nothing."""

    def __init__(self, branch: _Branch, place: Quarantine, upstream: Sha, onto: Sha) -> None:
        self.branch = branch
        self.place = place
        self.upstream = upstream
        self.onto = onto
        self.known: dict[tuple[Sha, Sha], Sha | None] = {}

    def clean(self, sets: Sequence[tuple[Sha, ...]]) -> list[bool]:
        """Whether each of the sets makes the pick clean."""
        trees: list[Sha | None] = [self.onto] * len(sets)
        series = [(*each, self.upstream) for each in sets]
        for step in range(max(map(len, series))):
            waiting = [
                (index, (tree, names[step]))
                for index, (tree, names) in enumerate(zip(trees, series, strict=True))
                if tree is not None and step < len(names)
            ]
            self._merge([key for _, key in waiting])
            for index, key in waiting:
                trees[index] = self.known[key]
        return [tree is not None for tree in trees]

    def reduced(self, names: tuple[Sha, ...]) -> tuple[Sha, ...]:
        """A part of `names` that still makes the pick clean, and of which none can be left out."""
        size = len(names)
        while size:
            start = max(0, len(names) - size)
            smaller = False
            while True:
                less = names[:start] + names[start + size :]
                if len(less) < len(names) and self.clean([less])[0]:
                    names, smaller = less, True
                if start == 0:
                    break
                start = max(0, min(start, len(names)) - size)
            if size > 1:
                size = max(1, min(size, len(names)) // 2)
            elif not smaller:
                break
        return names

    def _merge(self, keys: list[tuple[Sha, Sha]]) -> None:
        wanted = [key for key in dict.fromkeys(keys) if key not in self.known]
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            merges = [self.branch.merge(name, tree) for tree, name in some]
            for key, result in zip(some, merge_trees(self.place, merges), strict=True):
                self.known[key] = result.tree if result.clean else None


def _touched(repository: Repository, names: Sequence[Sha]) -> dict[Sha, frozenset[bytes]]:
    """The paths that each commit touches, against its first parent."""
    asked = "".join(f"{name}\n" for name in names).encode("ascii")
    args = ("--stdin", "-m", "--first-parent", "-r", "-z", "--name-only", "--no-renames")
    out = repository.run("diff-tree", *args, stdin=asked)
    found: dict[Sha, set[bytes]] = {name: set() for name in names}
    current: set[bytes] = set()
    for field in out.split(b"\0"):
        name = Sha(field.rstrip(b"\n").decode("latin-1"))
        if name in found:
            current = found[name]
        elif field:
            current.add(field)
    return {name: frozenset(paths) for name, paths in found.items()}
