"""The raw peer of `cosport plan --stdin`: the same picks by git's own tools, one process for each step.

Three synthetic commits a pick tell `git merge-tree` its merge base, since git 2.39 has no option for it: the base is a
commit with the tree of the upstream commit's parent; ours and theirs, on top of it, have the trees of the target and of
the upstream commit. They are made by one `git fast-import`, the quickest of git's tools for it.

Run as a program (`python -m tests.bench.raw REPOSITORY < PAIRS`), so that it is measured the way that cosport is. It
prints a line for each pair: the merged tree, "conflict" or "missing".
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

WHO: Final = "bench <bench@example.com> 0 +0000"
REF: Final = "refs/heads/bench"


def merge(repository: Path, lines: list[str]) -> Iterator[str]:
    """The merged tree, "conflict", or "missing" where an object is not there, for each line `UPSTREAM TARGET`.

    Works in a scratch repository that borrows the objects of `repository`, and is removed afterwards.
    """
    with tempfile.TemporaryDirectory(prefix="bench-raw-") as folder:
        scratch = Path(folder)
        objects = _git(repository, "rev-parse", "--path-format=absolute", "--git-path", "objects")
        _git(scratch, "init", "-q", "--bare", ".")
        (scratch / "objects/info/alternates").write_text(objects, encoding="utf-8")
        asked = "".join(f"{up}^^{{tree}}\n{target}^{{tree}}\n{up}^{{tree}}\n" for up, target in map(str.split, lines))
        trees = _git(scratch, "cat-file", "--batch-check=%(objectname)", stdin=asked).split()
        commits = _synthetic(scratch, trees)
        asked_for = [f"{commits[i + 1]} {commits[i + 2]}\n" for i in range(0, len(commits), 3)]
        yield from _merged(scratch, asked_for)


def _merged(scratch: Path, asked: list[str]) -> Iterator[str]:
    """One process for all; where a missing object ends it, the two halves by themselves."""
    argv = [
        "git",
        "-c",
        "merge.renameLimit=7000",
        "merge-tree",
        "--write-tree",
        "--name-only",
        "--no-messages",
        "--stdin",
    ]
    done = subprocess.run(argv, cwd=scratch, input="".join(asked).encode(), capture_output=True, check=False)
    if done.returncode in (0, 1):
        yield from _read(done.stdout.decode("latin-1"))
    elif len(asked) == 1:
        yield "missing"
    else:
        for half in (asked[: len(asked) // 2], asked[len(asked) // 2 :]):
            yield from _merged(scratch, half)


def _synthetic(scratch: Path, trees: list[str]) -> list[str]:
    """Base, ours and theirs for each three trees."""
    stream = []
    for index, tree in enumerate(trees):
        start, parent = ("", f"from :{index - index % 3 + 1}\n") if index % 3 else (f"reset {REF}\n\n", "")
        stream.append(f"{start}commit {REF}\nmark :{index + 1}\ncommitter {WHO}\ndata 0\n{parent}M 040000 {tree} \n\n")
    _git(scratch, "fast-import", "--quiet", "--force", "--export-marks=marks", stdin="".join(stream))
    pairs = (line.split() for line in (scratch / "marks").read_text(encoding="ascii").splitlines())
    names = {int(mark[1:]): name for mark, name in pairs}
    return [names[index + 1] for index in range(len(trees))]


def _read(answer: str) -> Iterator[str]:
    """Each answer of `merge-tree --stdin`: "1" where it is clean, the tree, the paths in conflict, an empty field."""
    fields = iter(answer.split("\0"))
    for clean in fields:
        if clean:
            tree = next(fields)
            while next(fields):
                pass
            yield tree if clean == "1" else "conflict"


def _git(repository: Path, *args: str, stdin: str = "") -> str:
    done = subprocess.run(["git", *args], cwd=repository, input=stdin.encode(), stdout=subprocess.PIPE, check=True)
    return done.stdout.decode("latin-1")


def main() -> None:
    """Merge the pairs on standard input."""
    for result in merge(Path(sys.argv[1]), sys.stdin.read().splitlines()):
        print(result)  # noqa: T201 - the program's output


if __name__ == "__main__":
    main()
