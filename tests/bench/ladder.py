"""What the ladder of resolvers makes of the conflicts among real backports, against what people committed.

Each pair of upstream commit and backport is merged; where git says conflict, the resolvers and `patch -F3`, the peer,
have their try at it, and both are compared with the tree that people committed, white space included.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher
from math import sqrt
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from cosport.backport.request import Limits
from cosport.backport.resolve import Resolved, Unresolved, resolve
from cosport.backport.trial import Attempt, Trial
from cosport.config import Backport
from cosport.errors import MissingObjectError
from cosport.git.merge import Merge, Merged, merge_trees
from cosport.git.objects import ObjectReader
from cosport.git.quarantine import Quarantine, quarantine
from cosport.git.repository import Repository
from cosport.model.commit import Sha
from cosport.model.result import Fidelity, RuleUsed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.bench.measure import Report
    from tests.bench.pairs import Pair

_BATCH: Final = 128
EVERYTHING: Final = Limits(7, 0.0)
REUSE: Final = 6
"""The rung of what people made of the same commit on another branch, which cosport tries before any resolver."""

LIKELY: Final = 0.85
"""A confidence for those who would rather look at more picks than resolve more conflicts."""

MOST: Final = 5_000
"""Backports of another history that are tried, evenly chosen among all."""

DEFAULT: Final = Limits(Backport().max_rung, Backport().min_confidence)


@dataclass(frozen=True, slots=True)
class Case:
    """A conflict: what people made of it, the paths in conflict, and what the resolvers did, in how many seconds."""

    pair: Pair
    paths: tuple[bytes, ...]
    found: Resolved | Unresolved
    seconds: float
    same_files: bool
    difference: str
    patched: bool | None

    @property
    def rung(self) -> int:
        return max((rule.rung for rule in self.found.rules), default=0) if isinstance(self.found, Resolved) else 0

    @property
    def confidence(self) -> float:
        return (self.found.confidence or 0.0) if isinstance(self.found, Resolved) else 0.0

    @property
    def same_tree(self) -> bool:
        return isinstance(self.found, Resolved) and self.found.tree == self.pair.tree

    @property
    def usual(self) -> bool:
        """Whether cosport does this unasked: the default limits, and a person's resolution on another branch."""
        if not isinstance(self.found, Resolved):
            return False
        return self.rung == REUSE or (self.rung <= DEFAULT.max_rung and self.confidence >= DEFAULT.min_confidence)


def bench(report: Report, what: str, git_dir: Path, chosen: Sequence[Pair], most: int | None = None) -> None:
    """Measure the ladder on the conflicts among these pairs, or among `most` of them."""
    cases = list(_cases(git_dir, chosen, most or len(chosen)))
    resolved = [each for each in cases if isinstance(each.found, Resolved)]
    report.add("ladder", f"{what}: conflicts", len(cases), "picks")
    for rung in sorted({each.rung for each in resolved}):
        _tell(report, f"{what}: highest rung {rung}", [each for each in resolved if each.rung == rung], len(cases))
    _tell(report, f"{what}: all rungs", resolved, len(cases))
    likely = [each for each in resolved if each.rung == REUSE or each.confidence >= LIKELY]
    _tell(report, f"{what}: confidence {LIKELY:g}", likely, len(cases))
    usual = [each for each in resolved if each.usual]
    _tell(report, f"{what}: default (rung {DEFAULT.max_rung}, {DEFAULT.min_confidence:g})", usual, len(cases))
    for kind, count in Counter(each.difference for each in usual if not each.same_files).most_common():
        report.add("ladder", f"{what}: default, different: {kind}", count, "picks")
    peer = [each for each in cases if each.patched is not None]
    good = sum(each.patched is True for each in peer)
    report.add("ladder", f"{what}: patch -F3 applies", len(peer), "picks", note=_share(len(peer), len(cases)))
    report.add("ladder", f"{what}: patch -F3 identical", good, "picks", note=_share(good, len(peer)))
    needs = Counter(_need(each.found) for each in cases if isinstance(each.found, Unresolved))
    for need, count in needs.most_common():
        report.add("ladder", f"{what}: unresolved, needs {need}", count, "picks", note=_share(count, len(cases)))
    times = sorted(each.seconds * 1000 for each in cases)
    report.add("ladder", f"{what}: a conflict, median", statistics.median(times), "ms", at_most=100)
    report.add("ladder", f"{what}: a conflict, 95 of 100", times[int(len(times) * 0.95)], "ms", at_most=1000)


def _tell(report: Report, what: str, cases: Sequence[Case], of: int) -> None:
    same, trees = sum(each.same_files for each in cases), sum(each.same_tree for each in cases)
    report.add("ladder", f"{what}: resolved", len(cases), "picks", note=_share(len(cases), of))
    report.add("ladder", f"{what}: files in conflict identical", same, "picks", note=_share(same, len(cases)))
    report.add("ladder", f"{what}: whole tree identical", trees, "picks", note=_share(trees, len(cases)))


def _share(good: int, count: int) -> str:
    """The share in percent with its 95 % interval (Wilson's, which holds for few cases too)."""
    low, high = wilson(good, count)
    return f"{good * 100 / max(1, count):.1f} % ({low * 100:.1f} to {high * 100:.1f})"


def wilson(good: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval of a share."""
    if not count:
        return 0.0, 1.0
    share = good / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return max(0.0, middle - half), min(1.0, middle + half)


def _need(found: Unresolved) -> str:
    """What a pick would need: a rewrite before another commit, that before a decision."""
    needs = {place.needs for places in found.places.values() for place in places}
    return next((need for need in ("rewrite", "another-commit", "decision") if need in needs), "nothing that is known")


def _cases(git_dir: Path, chosen: Sequence[Pair], most: int) -> Iterator[Case]:
    repository = Repository.open(git_dir)
    others = _Others(repository, chosen)
    tried = chosen[:: max(1, len(chosen) // max(1, most))]
    with ObjectReader(repository) as reader:
        attempts = [(pair, attempt) for pair in tried if (attempt := _attempt(reader, pair)) is not None]
        for start in range(0, len(attempts), _BATCH):
            part = attempts[start : start + _BATCH]
            with quarantine(repository, kept=False) as place:
                merges = [Merge(each.base, each.ours, each.theirs) for _, each in part]
                for (pair, attempt), merged in zip(part, _merged(place, merges), strict=True):
                    if merged is not None and not merged.clean:
                        yield _case(place, pair, attempt, merged, others.newest(reader, pair))


class _Others:
    """Backports of the same upstream commit, by when people committed them."""

    def __init__(self, repository: Repository, chosen: Sequence[Pair]) -> None:
        lines = repository.text("log", "--all", "--format=%H %ct").splitlines()
        self._when = {name: int(when) for name, when in (line.split() for line in lines)}
        self._pairs: dict[str, list[Pair]] = {}
        for pair in chosen:
            self._pairs.setdefault(pair.upstream, []).append(pair)

    def newest(self, reader: ObjectReader, pair: Pair) -> tuple[Sha, Sha] | None:
        """The trees before and after the newest one that was there already, if there is one."""
        now = self._when[pair.stable]
        known = [
            each for each in self._pairs[pair.upstream] if self._when[each.stable] < now and each.tree != pair.tree
        ]
        newest = max(known, key=lambda each: self._when[each.stable], default=None)
        return (reader.commit(Sha(newest.parent)).tree, Sha(newest.tree)) if newest is not None else None


def _attempt(reader: ObjectReader, pair: Pair) -> Attempt | None:
    upstream = reader.commit(Sha(pair.upstream))
    if len(upstream.parents) != 1:
        return None
    base, ours = reader.commit(upstream.parents[0]).tree, reader.commit(Sha(pair.parent)).tree
    return Attempt(base, upstream.tree, ours, (base, upstream.tree), upstream.parents[0], Sha(pair.parent))


def _merged(place: Quarantine, merges: Sequence[Merge]) -> list[Merged | None]:
    """The merges; None for one whose objects are not all there."""
    try:
        return [*merge_trees(place, merges)]
    except MissingObjectError:
        if len(merges) == 1:
            return [None]
    half = len(merges) // 2
    return _merged(place, merges[:half]) + _merged(place, merges[half:])


def _case(place: Quarantine, pair: Pair, attempt: Attempt, merged: Merged, other: tuple[Sha, Sha] | None) -> Case:
    begin = time.perf_counter()
    reused = _reused(place, attempt, other) if other is not None else None
    found = reused or resolve(place, [Trial(attempt, merged, None)], EVERYTHING)[0]
    seconds = time.perf_counter() - begin
    paths = tuple(each.path for each in merged.unmerged)
    same, difference = False, ""
    with ObjectReader(place.repository) as objects:
        if isinstance(found, Resolved):
            paths = tuple({*paths, *(os.fsencode(rule.path) for rule in found.rules if rule.path)})
            sides = [(_read(objects, found.tree, path), _read(objects, pair.tree, path)) for path in paths]
            same = all(ours == theirs for ours, theirs in sides)
            before = [_read(objects, attempt.ours, path) for path in paths]
            difference = "" if same else _kind(before, sides)
        patched = _patch(objects, place.repository, pair, attempt)
    return Case(pair, paths, found, seconds, same, difference, patched)


def _reused(place: Quarantine, attempt: Attempt, other: tuple[Sha, Sha]) -> Resolved | None:
    """The other branch's backport as a pick, where that is clean."""
    (merged,) = merge_trees(place, [Merge(other[0], attempt.ours, other[1])])
    if not merged.clean or merged.tree == attempt.ours:
        return None
    return Resolved(merged.tree, (RuleUsed(REUSE, "neighbour", "", 0, ""),), 1.0, Fidelity.CONTEXT, ())


def _read(objects: ObjectReader, tree: str, path: bytes) -> bytes | None:
    found = objects.read(f"{tree}:{path.decode('utf-8', 'surrogateescape')}")
    return found[2] if found is not None and found[1] == "blob" else None


def _kind(before: Sequence[bytes | None], sides: Sequence[tuple[bytes | None, bytes | None]]) -> str:
    """How people's text differs from the pick's: in blanks alone, in order or by more changes, or otherwise."""
    if all(_solid(ours) == _solid(theirs) for ours, theirs in sides):
        return "white space"
    contained = all(_contained(old, ours, theirs) for old, (ours, theirs) in zip(before, sides, strict=True))
    return "people's has the same lines, or more" if contained else "otherwise"


def _solid(text: bytes | None) -> bytes:
    return b"".join((text or b"").split())


def _contained(old: bytes | None, ours: bytes | None, theirs: bytes | None) -> bool:
    """Whether each change of the pick is one of people's too."""
    return _changes(old, ours) <= _changes(old, theirs)


def _changes(old: bytes | None, new: bytes | None) -> Counter[tuple[bytes, bytes]]:
    left, right = (old or b"").split(b"\n"), (new or b"").split(b"\n")
    found: Counter[tuple[bytes, bytes]] = Counter()
    for kind, low, high, first, last in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if kind != "equal":
            found.update((b"-", line) for line in left[low:high] if line.strip())
            found.update((b"+", line) for line in right[first:last] if line.strip())
    return found


def _patch(objects: ObjectReader, repository: Repository, pair: Pair, attempt: Attempt) -> bool | None:
    """Whether `patch -F3` makes what people committed of upstream's files; None where it does not apply."""
    diff = ("diff-tree", "-r", "--no-renames", "--no-ext-diff", "--no-color", attempt.base, attempt.theirs)
    text = repository.run(*diff, "-p")
    names = [path for path in repository.run(*diff, "-z", "--name-only").split(b"\0") if path]
    with TemporaryDirectory(prefix="cosport-bench-") as folder:
        for path in names:
            if (held := _read(objects, attempt.ours, path)) is not None:
                file = Path(folder, path.decode("utf-8", "surrogateescape"))
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(held)
        argv = ["patch", "-p1", "-F3", "--batch", "--forward", "--silent", "--no-backup-if-mismatch"]
        done = subprocess.run(argv, cwd=folder, input=text, capture_output=True, check=False)
        if done.returncode:
            return None
        files = [Path(folder, path.decode("utf-8", "surrogateescape")) for path in names]
        made = [file.read_bytes() if file.is_file() else None for file in files]
    return made == [_read(objects, pair.tree, path) for path in names]
