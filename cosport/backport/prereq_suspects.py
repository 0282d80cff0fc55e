"""Names the commits that may be missing where a pick conflicts, from the lines of the conflict alone.

A conflict shows what its lines were before the change (base) and what the branch has (ours). A line that only base has
was brought by some commit that the branch lacks; a line that only ours has was taken away by one. One `git log` of the
paths in conflict tells who added and who removed which line; line numbers, which drift, are not looked at.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cosport import process
from cosport.backport.prereq_conflict import Place, places
from cosport.backport.prereq_trials import Deadline, OutOfTimeError
from cosport.errors import ProcessTimeout
from cosport.model.commit import Sha, is_full_sha

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from cosport.backport.prereq_trials import Step
    from cosport.git.objects import ObjectReader
    from cosport.git.repository import Repository
    from cosport.history.index import History

_LOG: Final = (
    "--literal-pathspecs", "log", "--topo-order", "--max-count=3000", "--cc", "-p", "-U0", "--no-renames",
    "--no-ext-diff", "--no-textconv", "--full-index", "--src-prefix=a/", "--dst-prefix=b/", "--format=%x00%H %P",
)  # fmt: skip

_COMMON: Final = 0.05
"""What a line counts that stands everywhere (a brace, `return 0;` is none): hardly anything, but more than nothing."""

_RENAMED: Final = 20
"""Paths of a commit that are looked into at most where a conflict is told of a path that it does not know."""

_EARLIER: Final = 0.2
"""What a commit counts that brought a line before another one brought it again, as part of the later one."""


@dataclass(frozen=True, slots=True)
class Range:
    """Where candidates are looked for: the commits that `until` reaches and none of `since` does."""

    until: Sha
    since: tuple[Sha, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What one commit did to one path: the lines that it added and removed, each once."""

    commit: Sha
    rank: int
    is_merge: bool
    created: bool
    deleted: bool
    added: frozenset[bytes]
    removed: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class Suspects:
    """Commits that a conflict points to, strongest evidence first.

    `strong` explain lines of the conflict, `weak` only touched its paths; `merges` explain lines as well, by what the
    merge itself changed, and cannot be picked without all that they merged.
    """

    strong: tuple[Sha, ...] = ()
    weak: tuple[Sha, ...] = ()
    merges: tuple[Sha, ...] = ()
    scores: dict[Sha, float] = field(default_factory=dict)


class Suspicion:
    """Answers for one range of candidates; what it has read of a path's history it keeps."""

    def __init__(
        self, repository: Repository, history: History, span: Range, held: Callable[[Sha], bool], deadline: Deadline
    ) -> None:
        self._repository = repository
        self._history = history
        self._span = span
        self._is_held = held
        self._deadline = deadline
        self._held: dict[Sha, bool] = {}
        self._changes: dict[bytes, list[Change]] = {}
        self._seen: set[Sha] = set()
        self._files: dict[Sha, int] = {}
        self.sizes: Counter[Sha] = Counter()

    def of(self, steps: Sequence[Step], objects: ObjectReader, without: Iterable[Sha] = ()) -> list[Suspects]:
        """Whom the conflict of each step points to: commits before it that the branch does not hold.

        `objects` reads what the trials made; `without` are commits that need not be named again. Raises OutOfTimeError,
        GitError.
        """
        conflicts = [(step, list(places(step.merged, objects)), self._known_as(step, objects)) for step in steps]
        self._read({path for _, _, known_as in conflicts for paths in known_as.values() for path in paths})
        skipped = set(without)
        return [self._suspects(*each, skipped) for each in conflicts]

    def _known_as(self, step: Step, objects: ObjectReader) -> dict[bytes, tuple[bytes, ...]]:
        """Each path in conflict, and the paths under which its history is to be looked for.

        A conflict in a file that one side renamed is told of the branch's name for it. Where the picked commit does not
        know that name, the history lies with the names that the commit does touch.
        """
        found: dict[bytes, tuple[bytes, ...]] = {each.path: (each.path,) for each in step.merged.unmerged}
        strange = [path for path in found if objects.read(f"{step.commit}^:{_text(path)}") is None]
        if strange:
            args = ("-r", "-z", "--no-renames", "--name-only", f"{step.commit}^", step.commit)
            out = self._repository.run("diff-tree", *args)
            touched = tuple(path for path in out.split(b"\0") if path)[:_RENAMED]
            found.update((path, (path, *touched)) for path in strange)
        return found

    def _suspects(
        self, step: Step, found: list[Place], known_as: dict[bytes, tuple[bytes, ...]], without: set[Sha]
    ) -> Suspects:
        # The pick itself comes after all candidates; its rank tells nothing, as it may stand on another line.
        before = self._history.rank(step.commit) if step.commit in self._seen else sys.maxsize
        scores: dict[Sha, float] = {}
        ranks: dict[Sha, int] = {}
        merges: dict[Sha, None] = {}
        for own, paths in known_as.items():
            absent = not any(stage.stage == 2 and stage.path == own for stage in step.merged.stages)
            for change in self._before(paths, before):
                if change.is_merge or change.commit in without:
                    continue
                ranks[change.commit] = change.rank
                if (absent and change.created) or (not absent and change.deleted):
                    scores[change.commit] = scores.get(change.commit, 0.0) + 1.0
        for place in found:
            changes = self._before(known_as.get(place.path, (place.path,)), before)
            for name, score, is_merge in _explained(place, changes):
                if is_merge:
                    merges[name] = None
                elif name not in without:
                    scores[name] = scores.get(name, 0.0) + score
        order = sorted(ranks, key=lambda name: (-scores.get(name, 0.0), -ranks[name]))
        strong = tuple(name for name in order if scores.get(name))
        weak = tuple(name for name in order if not scores.get(name))
        return Suspects(strong, weak, tuple(merges), scores)

    def _before(self, paths: Iterable[bytes], rank: int) -> list[Change]:
        """The changes of these paths by commits that come before that rank, oldest first."""
        found = [change for path in paths for change in self._changes.get(path, ()) if change.rank < rank]
        return sorted(found, key=lambda change: change.rank)

    def held(self, name: Sha) -> bool:
        """Whether the branch holds the commit, by ancestry or by backport."""
        if name not in self._held:
            self._held[name] = self._is_held(name)
        return self._held[name]

    def handy(self, names: Sequence[Sha], files: int) -> list[Sha]:
        """Those of the commits that the branch does not hold and that touch at most so many files, in their order.

        What sweeps through a whole tree nobody brings to a branch for the sake of one pick, and a trial of it takes
        seconds.
        """
        unknown = [name for name in names if name not in self._files]
        if unknown:
            asked = "".join(f"{name}\n" for name in unknown).encode("ascii")
            args = ("--stdin", "-r", "--root", "--no-renames", "--name-only")
            out = self._repository.run("diff-tree", *args, stdin=asked)
            self._files.update(dict.fromkeys(unknown, 0))
            current = Sha("")
            for line in out.decode("latin-1").splitlines():
                if line in self._files and is_full_sha(line):
                    current = Sha(line)
                else:
                    self._files[current] += 1
        return [name for name in names if self._files[name] <= files and not self.held(name)]

    def _read(self, paths: set[bytes]) -> None:
        """Read the history of paths that were not asked for yet, in one git log."""
        wanted = sorted(path for path in paths if path not in self._changes)
        if not wanted:
            return
        patience = self._deadline.patience
        names = [_text(path) for path in wanted]
        args = (*_LOG, self._span.until, *(f"^{name}" for name in self._span.since), "--", *names)
        repository = self._repository
        try:
            done = process.run(repository.argv(*args), env=repository.env, cwd=repository.git_dir, timeout=patience)
        except ProcessTimeout as exc:
            raise OutOfTimeError from exc
        if done.status:
            raise repository.failed(done, args)
        self._keep(list(commits(done.stdout)), set(wanted))

    def _keep(self, commits: list[tuple[list[Sha], bytes]], wanted: set[bytes]) -> None:
        self._history.ensure([names[0] for names, _ in commits])
        self._changes.update((path, []) for path in wanted)
        for names, patch in commits:
            rank = self._history.rank(names[0])
            self._seen.add(names[0])
            for path, created, deleted, added, removed in _files(patch):
                if path in wanted:
                    self.sizes[names[0]] += len(added) + len(removed)
                    texts = frozenset(added), frozenset(removed)
                    change = Change(names[0], rank, len(names) > 2, created, deleted, *texts)
                    self._changes[path].append(change)
        for path in wanted:
            self._changes[path].sort(key=lambda change: change.rank)


def _explained(place: Place, changes: list[Change]) -> Iterator[tuple[Sha, float, bool]]:
    """Who explains the place, how well, and whether it is a merge: a share of 1 for each line that tells something."""
    for lines, by in ((place.missing, "added"), (place.extra, "removed")):
        for text, count in Counter(lines).items():
            weight = 1.0 if sum(char.isalnum() for char in text.decode("latin-1")) > 3 else _COMMON
            those = [change for change in changes if text in getattr(change, by)]
            for change in those[:-1]:
                yield change.commit, _EARLIER * weight / len(those), change.is_merge
            for change in those[-1:]:
                yield change.commit, weight * count, change.is_merge


def commits(out: bytes) -> Iterator[tuple[list[Sha], bytes]]:
    """Name, parents and patch of each commit in the output of the log."""
    for record in (b"\n" + out).split(b"\n\0"):
        head, _, patch = record.partition(b"\n")
        names = [Sha(name) for name in head.decode("latin-1").split()]
        if names and all(is_full_sha(name) for name in names):
            yield names, patch


def _files(patch: bytes) -> Iterator[tuple[bytes, bool, bool, list[bytes], list[bytes]]]:
    """Of each file in a patch without context: path, whether created, whether deleted, added and removed lines.

    In a merge's combined patch (git-diff(1), "COMBINED DIFF FORMAT") each line has a mark for each parent.
    """
    for part in (b"\n" + patch).split(b"\ndiff --")[1:]:
        head, *hunks = part.split(b"\n@@")
        fields = head.split(b"\n")
        path = path_of(fields)
        added: list[bytes] = []
        removed: list[bytes] = []
        for hunk in hunks:
            marks = len(hunk) - len(hunk.lstrip(b"@")) + 1  # one "@" more for each further parent
            for line in hunk.split(b"\n")[1:]:
                mark = line[:marks]
                if b"+" in mark:
                    added.append(line[marks:])
                elif b"-" in mark:
                    removed.append(line[marks:])
        created = any(line.startswith(b"new file mode ") for line in fields)
        deleted = any(line.startswith(b"deleted file mode ") for line in fields)
        yield path, created, deleted, added, removed


def path_of(fields: list[bytes]) -> bytes:
    """The path that the head of a file's patch names."""
    names = {line[:4]: line[4:].rstrip(b"\t") for line in fields if line.startswith((b"--- ", b"+++ "))}
    for mark, prefix in ((b"+++ ", b"b/"), (b"--- ", b"a/")):
        name = unquoted(names.get(mark, b""))
        if name.startswith(prefix):
            return name[2:]
    words = fields[0].split(b" ", 1)[1] if b" " in fields[0] else b""
    if fields[0].startswith(b"git "):  # no lines: an empty file or a binary one; "a/<path> b/<path>"
        half = words[: (len(words) - 1) // 2]
        return unquoted(half)[2:]
    return unquoted(words)


def unquoted(name: bytes) -> bytes:
    """A path as git quotes it (core.quotePath) in plain bytes."""
    if not (name.startswith(b'"') and name.endswith(b'"')):
        return name
    short = {97: 7, 98: 8, 116: 9, 110: 10, 118: 11, 102: 12, 114: 13}  # \a \b \t \n \v \f \r
    out = bytearray()
    inner = name[1:-1]
    at = 0
    while at < len(inner):
        byte = inner[at]
        if byte != 0x5C:
            out.append(byte)
            at += 1
        elif inner[at + 1 : at + 4].isdigit() and len(inner[at + 1 : at + 4]) == 3:
            out.append(int(inner[at + 1 : at + 4], 8))
            at += 4
        else:
            out.append(short.get(inner[at + 1], inner[at + 1]))
            at += 2
    return bytes(out)


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")
