"""Makes a repository the size of a kernel, with fixes and backports: a seeded stream for `git fast-import`.

Upstream, with merges, fixes of commits of any age, and reverts; stable branches that left it at different times and
since then took backports of its commits, wrote commits of their own, and so drifted. All follows from the numbers in
`Scale`, so a repository once made is kept (`cached`). Files are lists of lines of C-like text; a backport changes the
same line as its upstream commit where that line is still there, as a person's would.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from tests.bench import prose
from tests.bench.pairs import Pair

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION: Final = 3
"""Raise it when the same numbers give another repository."""

UPSTREAM: Final = "refs/remotes/upstream/master"
_TOPIC: Final = "refs/remotes/upstream/topic"
_DAY: Final = 1_300_000_000
_HOUSE: Final = "House Engineer <house@example.com>"

_ROUND: Final = 25
"""Of so many upstream commits one stands beside the next, and is then merged with it."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How large: files in the tree, folders for them, commits upstream, stable branches, commits on each, fixes.

    `fixes` are the last upstream commits: each changes a line that all branches hold and none has changed, and names
    the commit that brought it. `hot` is how many files the other commits change. `swept` is how many more files change,
    all at once, between the times at which two branches leave upstream, as between two kernel releases.
    """

    files: int = 80_000
    folders: int = 5_000
    upstream: int = 6_000
    branches: int = 4
    per_branch: int = 1_000
    fixes: int = 64
    hot: int = 6_000
    swept: int = 15_000
    seed: int = 1

    @property
    def name(self) -> str:
        """A folder name that is different for every different repository."""
        return f"v{VERSION}-" + "-".join(str(value) for value in asdict(self).values())


KERNEL: Final = Scale()
SMALL: Final = Scale(files=800, folders=60, upstream=300, branches=4, per_branch=60, fixes=16, hot=100, swept=150)
HUGE: Final = Scale(upstream=971_600, per_branch=8_200, fixes=200, hot=40_000)
"""A million commits, 20,000 of them backports; for measurements of the index. Takes half an hour and some GB."""


@dataclass(frozen=True, slots=True)
class Made:
    """A generated repository: its git directory, branches, fixes (oldest first) and backports as pairs."""

    git_dir: Path
    branches: tuple[str, ...]
    fixes: tuple[str, ...]
    pairs: tuple[Pair, ...]


def cached(scale: Scale) -> Made:
    """The repository of that scale, made now if it is not in the cache ($XDG_CACHE_HOME/cosport-bench) yet."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cosport-bench" / scale.name
    if not (home / "made.json").exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        generate(home / "repo", scale)
        _describe(home, scale)
    made = json.loads((home / "made.json").read_text(encoding="utf-8"))
    pairs = tuple(Pair(*pair) for pair in made["pairs"])
    return Made(home / "repo" / ".git", tuple(made["branches"]), tuple(made["fixes"]), pairs)


def generate(folder: Path, scale: Scale) -> None:
    """Write the repository into `folder`: upstream's and the branches' refs; nothing is checked out."""
    _git(None, "init", "-q", "--initial-branch=work", str(folder))
    for key, value in (("user.name", "Bench"), ("user.email", "bench@example.com"), ("gc.auto", "0")):
        _git(folder, "config", key, value)
    argv = ["git", "-c", "core.compression=1", "fast-import", "--quiet", "--done", "--date-format=raw", "--depth=10"]
    child = subprocess.Popen(
        [*argv, "--export-marks=.git/marks"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdin is not None
    assert child.stdout is not None
    with child.stdin as stream, child.stdout:
        _Writer(stream, child.stdout, scale).write()
    if child.wait():
        raise SystemExit(f"git fast-import failed with status {child.returncode}")
    _git(folder, "symbolic-ref", "HEAD", "refs/heads/work")
    _git(folder, "update-ref", "refs/heads/work", UPSTREAM)
    _git(folder, "commit-graph", "write", "--reachable")


@dataclass(slots=True)
class _Change:
    """One upstream change that a branch may take: the line `old` of file `path` becomes `new`.

    `head` is what its message says first, if it is a revert; `fixed` names what it fixes.
    """

    number: int
    mark: int
    sha: str
    subject: str
    head: str
    fixed: tuple[str, str] | None
    path: str
    old: str
    new: str

    @property
    def body(self) -> str:
        """Its message below the subject, with the trailers."""
        return f"{self.head}{prose.body(self.number)}\n{prose.trailers(self.number, fixed=self.fixed)}"


class _Writer:
    """The stream that fast-import reads. Holds the lines of files that are ever changed, per line of history."""

    def __init__(self, stream: IO[bytes], answers: IO[bytes], scale: Scale) -> None:
        self._stream = stream
        self._answers = answers
        self._scale = scale
        self._random = random.Random(scale.seed)
        self._paths = list(_paths(scale, self._random))
        self._pool = [_line(self._random, number) for number in range(4000)]
        self._upstream: dict[str, list[str]] = {}
        self._seeds: dict[str, int] = {}
        self._changes: list[_Change] = []
        self._side: int | None = None
        self._mark = 0
        self._unique = 0

    def write(self) -> None:
        """Write the whole history."""
        scale = self._scale
        hot = self._paths[: scale.hot]
        quiet = self._paths[scale.hot : scale.hot + scale.fixes]
        base = self._base({*hot, *quiet})
        starts = {
            _start(int(scale.upstream * (0.1 + 0.7 * number / scale.branches))): number
            for number in range(scale.branches)
        }
        branches: dict[int, tuple[int, dict[str, list[str]]]] = {}
        tip = base
        for number in range(scale.upstream):
            if number in starts:
                branches[starts[number]] = (tip, {path: list(lines) for path, lines in self._upstream.items()})
                tip = self._sweep(tip, number)
            tip = self._upstream_commit(tip, hot, number)
        base_sha = self._sha(base)
        for path in quiet:
            tip = self._fix(tip, path, base_sha)
        for number, (start, files) in sorted(branches.items()):
            self._branch(number, start, files, hot)
        self._put(f"reset {_TOPIC}\nfrom 0000000000000000000000000000000000000000\n\ndone\n")

    def _base(self, kept: set[str]) -> int:
        for path in self._paths:
            self._seeds[path] = self._random.randrange(1 << 32)
            lines = self._contents(self._seeds[path])
            if path in kept:
                self._upstream[path] = lines
            self._put(f"blob\nmark :{self._next()}\n")
            self._data("".join(lines))
        first = self._mark - len(self._paths)
        mark = self._head(UPSTREAM, None, "Linux 0.1: the whole tree\n", prose.author(0), 0)
        self._put("".join(f"M 100644 :{first + number} {path}\n" for number, path in enumerate(self._paths, 1)) + "\n")
        return mark

    def _upstream_commit(self, tip: int, hot: list[str], number: int) -> int:
        """The next commit upstream, and upstream's tip after it, which is another one while it waits to be merged."""
        place = number % _ROUND
        if place == 2 and self._side is not None:
            side, self._side = self._side, None
            subject = f"Merge branch 'topic-{number}' of the subsystem's tree"
            mark = self._head(UPSTREAM, tip, f"{subject}\n", prose.author(number % 7), number + 1)
            self._put(f"merge :{side}\n")
            path = self._changes[-2].path
            self._file(path, self._upstream[path])
            return mark
        change = (self._revert(number) if number % 100 == 99 else None) or self._change(hot, number)
        text = f"{change.subject}\n\n{change.body}"
        # Now and then a clock is three days ahead.
        when = number + 1 + (432 if number % 500 == 7 else 0)
        # What waits to be merged stands on a ref of its own: fast-import forgets the trees of a ref that goes back.
        ref = UPSTREAM if place else _TOPIC
        change.mark = mark = self._head(ref, tip, text, prose.author(number), when)
        self._file(change.path, self._upstream[change.path])
        change.sha = self._sha(mark)
        self._changes.append(change)
        if place == 0:
            self._side = mark
            return tip
        return mark

    def _change(self, hot: list[str], number: int) -> _Change:
        path = self._random.choice(hot)
        while self._side is not None and path == self._changes[-1].path:  # both go into the same merge
            path = self._random.choice(hot)
        old, new, word = self._edit(self._upstream[path], path)
        fixed = None
        if self._changes and number % 4 == 1:
            # Most bugs are found soon, some after years.
            reach = min(len(self._changes), 10 ** self._random.choice((2, 2, 3, 4, 5, 6)))
            target = self._changes[-self._random.randrange(1, reach + 1)]
            fixed = target.sha[:12], target.subject
        subject = f"{path.split('/')[1]}: {word} {number:x} in {Path(path).name}"
        return _Change(number, 0, "", subject, "", fixed, path, old, new)

    def _revert(self, number: int) -> _Change | None:
        """Takes back one of the last changes, if its line still stands."""
        gone = self._random.choice(self._changes[-60:-3])
        lines = self._upstream[gone.path]
        if gone.new not in lines:
            return None
        lines[lines.index(gone.new)] = gone.old
        head = f"This reverts commit {gone.sha}.\n\n"
        return _Change(number, 0, "", f'Revert "{gone.subject}"', head, None, gone.path, gone.new, gone.old)

    def _sweep(self, parent: int, number: int) -> int:
        """A commit that changes the first line of many files which nothing else changes."""
        cold = self._paths[self._scale.hot + self._scale.fixes :]
        chosen = self._random.sample(cold, min(self._scale.swept, len(cold)))
        mark = self._head(UPSTREAM, parent, "treewide: name who keeps a file\n", prose.author(0), number + 1)
        for path in chosen:
            self._file(path, self._contents(self._seeds[path], f"team {number}"))
        return mark

    def _fix(self, parent: int, path: str, broken: str) -> int:
        self._edit(self._upstream[path], path)
        text = (
            f"{path.split('/')[1]}: repair {Path(path).name}\n\nFound on a real machine.\n\n"
            f'Fixes: {broken[:12]} ("Linux 0.1: the whole tree")\nSigned-off-by: Up Stream <up@example.com>\n'
        )
        mark = self._head(UPSTREAM, parent, text, prose.author(0), self._scale.upstream + 500)
        self._file(path, self._upstream[path])
        return mark

    def _branch(self, number: int, tip: int, files: dict[str, list[str]], hot: list[str]) -> None:
        """A stable branch: three backports, oldest first, to one commit of its own."""
        ref = f"refs/heads/cos-{number + 1}"
        later = [change for change in self._changes if change.mark > tip]
        count = min(len(later), self._scale.per_branch * 3 // 4)
        chosen = sorted(self._random.sample(later, count), key=lambda change: change.mark)
        self._put(f"reset {ref}\nfrom :{tip}\n\n")
        for position, change in enumerate(chosen):
            if position % 3 == 0:
                path = self._random.choice(hot)
                word = self._edit(files[path], path)[2]
                text = f"COS: {word} {Path(path).name}\n\nBUG=b/{position}\nTEST=booted\n"
                tip = self._head(ref, tip, text, _HOUSE, change.number + 1000)
                self._file(path, files[path])
            lines = files[change.path]
            if change.old in lines:
                lines[lines.index(change.old)] = change.new
                text = _backport_message(change, position)
                who, authored = prose.author(change.number), change.number + 1
                tip = self._head(ref, tip, text, who, change.number + 1000, authored=authored)
                self._file(change.path, lines)

    def _edit(self, lines: list[str], path: str) -> tuple[str, str, str]:
        """Change one line (one time in five, add three below it): its old text, its new text, and the word for it."""
        at = self._random.randrange(len(lines))
        self._unique += 1
        old, word = lines[at], self._random.choice(("correct", "bound", "check", "clear", "restore"))
        lines[at] = f"\t{word}_{self._unique}({Path(path).stem}, 0x{self._random.randrange(1 << 20):x});\n"
        if self._unique % 5 == 0:
            lines[at + 1 : at + 1] = [f"\t/* {word} {self._unique} {part} */\n" for part in range(3)]
        return old, lines[at], word

    def _contents(self, seed: int, owner: str = "nobody") -> list[str]:
        """A file: most are small, a few are large, as in a kernel (median 60 lines here, the largest thousands)."""
        chance = random.Random(seed)
        count = min(4000, max(4, int(chance.lognormvariate(4.1, 1.0))))
        start = chance.randrange(len(self._pool))
        step = chance.randrange(1, 9)
        chosen = [self._pool[(start + step * number) % len(self._pool)] for number in range(count)]
        chosen[0] = f"/* SPDX-License-Identifier: GPL-2.0-only; file {seed}, kept by {owner} */\n"
        return chosen

    def _head(
        self, ref: str, parent: int | None, message: str, author: str, when: int, *, authored: int | None = None
    ) -> int:
        mark = self._next()
        wrote = _DAY + (when if authored is None else authored) * 600
        committer = author if authored is None else _HOUSE
        self._put(
            f"commit {ref}\nmark :{mark}\nauthor {author} {wrote} +0000\n"
            f"committer {committer} {_DAY + when * 600} +0000\n"
        )
        self._data(message)
        if parent is not None:
            self._put(f"from :{parent}\n")
        return mark

    def _file(self, path: str, lines: list[str]) -> None:
        """A file of the commit under way."""
        self._put(f"M 100644 inline {path}\n")
        self._data("".join(lines))

    def _sha(self, mark: int) -> str:
        self._put(f"get-mark :{mark}\n")
        self._stream.flush()
        return self._answers.readline().decode("ascii").strip()

    def _next(self) -> int:
        self._mark += 1
        return self._mark

    def _data(self, text: str) -> None:
        data = text.encode("ascii")
        self._stream.write(b"data %d\n%s\n" % (len(data), data))

    def _put(self, text: str) -> None:
        self._stream.write(text.encode("ascii"))


def _backport_message(change: _Change, position: int) -> str:
    """The upstream message with an origin line, in one of the forms that stable trees use."""
    if position % 3 == 2:
        return f"{change.subject}\n\n{change.body}(cherry picked from commit {change.sha})\n"
    form = (f"commit {change.sha} upstream.", f"[ Upstream commit {change.sha} ]")[position % 3]
    return f"{change.subject}\n\n{form}\n\n{change.body}"


def _start(number: int) -> int:
    """The number itself or the next one at which nothing waits to be merged."""
    return number + (3 - number % _ROUND if number % _ROUND in (1, 2) else 0)


def _paths(scale: Scale, chance: random.Random) -> Iterator[str]:
    """Paths as in a kernel: a few large folders, many small ones, two to four levels deep. Shuffled."""
    tops = ("arch", "drivers", "fs", "include", "kernel", "lib", "mm", "net", "sound", "tools")
    folders = [
        f"{tops[number % len(tops)]}/part{number % 97}" + "".join(f"/d{number // 97 % 31}" for _ in range(number % 3))
        + f"/sub{number}"
        for number in range(scale.folders)
    ]  # fmt: skip
    paths = [f"{folders[int(len(folders) * chance.random() ** 2)]}/file{number}.c" for number in range(scale.files)]
    chance.shuffle(paths)
    yield from paths


def _line(chance: random.Random, number: int) -> str:
    words = ("if (unlikely(err))", "return -EINVAL;", "spin_lock(&dev->lock);", "kfree(buffer);", "goto out;", "val |=")
    return f"\t{chance.choice(words)} /* {number} {chance.randrange(1 << 30):08x} */\n"


def _describe(home: Path, scale: Scale) -> None:
    """Write down what the repository holds: branches, fixes, and each backport as a pair."""
    from tests.bench.pairs import extract

    folder = home / "repo"
    branches = [f"cos-{number + 1}" for number in range(scale.branches)]
    fixes = _git(folder, "rev-list", "--reverse", f"--max-count={scale.fixes}", UPSTREAM).split()
    pairs = extract(folder, [f"refs/heads/{branch}" for branch in branches])
    made = {"branches": branches, "fixes": fixes, "pairs": [[p.upstream, p.parent, p.stable, p.tree] for p in pairs]}
    config = folder / ".git" / "cosport" / "cosport.toml"
    config.parent.mkdir(exist_ok=True)
    tables = (f'[[branch]]\nname = "{name}"\nref = "refs/heads/{name}"\nkind = "main"\n' for name in branches)
    config.write_text('[upstream]\nref = "upstream/master"\n' + "".join(tables), encoding="utf-8")
    (home / "made.json").write_text(json.dumps(made), encoding="utf-8")


def _git(folder: Path | None, *args: str) -> str:
    done = subprocess.run(["git", *args], cwd=folder, stdout=subprocess.PIPE, check=True)
    return done.stdout.decode("ascii")
