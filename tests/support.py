"""What tests share: a builder of real repositories, and cosport's command line, run for real or in this process.

git = Git.init(path)
base = git.commit({"mm/oom.c": "int a;\\n"}, "mm: start")
git.branch("cos-5.4", base)
fix = git.commit({"mm/oom.c": "int b;\\n"}, "mm: fix")
answer = cosport("backport", fix, "--to", "cos-5.4", cwd=git.path)
assert answer.code == 0
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
"""The project's folder."""

UPSTREAM = "Up Stream <up@example.org>"
"""Who wrote a commit where the test does not say."""

File = str | bytes | None | tuple[str, str | bytes]
"""Contents, None to delete the file, or (mode, contents): 100755 runs, 120000 links, 160000 is a submodule's commit."""

FIRST_DATE = 1_600_000_000


@dataclass
class Git:
    """A real repository. Commits are written by `git fast-import`: quickly, and without a look at the work tree."""

    path: Path
    _ticks: Iterator[int] = field(default_factory=lambda: iter(range(FIRST_DATE, FIRST_DATE + 10**9, 60)))

    @classmethod
    def init(cls, path: Path, *, bare: bool = False, sha256: bool = False) -> Git:
        """A new, empty repository on branch main."""
        options = ["--bare"] * bare + ["--object-format=sha256"] * sha256
        subprocess.run(["git", "init", "-q", "-b", "main", *options, str(path)], check=True)
        return cls(path)

    def __call__(self, *args: str, stdin: str | bytes = b"", env: Mapping[str, str] | None = None) -> str:
        """Run git here; its output without the last newline. Fails the test if git fails."""
        return self.raw(*args, stdin=stdin, env=env).decode("utf-8", "surrogateescape").rstrip("\n")

    def raw(self, *args: str, stdin: str | bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        """As a call, with the output's bytes as they are."""
        done = self.attempt(*args, stdin=stdin, env=env)
        assert done.returncode == 0, f"git {' '.join(args)}: {done.returncode}: {done.stderr.decode(errors='replace')}"
        return done.stdout

    def attempt(
        self, *args: str, stdin: str | bytes = b"", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run git here and return what came of it."""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        merged = {**os.environ, **(env or {})}
        return subprocess.run(["git", *args], cwd=self.path, input=data, capture_output=True, check=False, env=merged)

    def commit(
        self,
        files: Mapping[str, File],
        message: str | bytes = "a commit",
        *,
        branch: str = "main",
        author: str | bytes = UPSTREAM,
        parents: Sequence[str] | None = None,
        date: str = "",
        encoding: str = "",
    ) -> str:
        """Commit `files` (changes to the first parent's) on `branch` and return the sha.

        `parents` are shas; by default the branch's tip, or none where it is new. `date` is git's raw form; by default a
        minute after the last one.
        """
        when = (date or f"{next(self._ticks)} +0000").encode()
        ref = branch if branch.startswith("refs/") else f"refs/heads/{branch}"
        if parents is None:
            tip = self.attempt("rev-parse", "-q", "--verify", f"{ref}^0").stdout.decode().strip()
            parents = [tip] if tip else []
        who = _bytes(author)
        stream = [b"commit " + ref.encode() + b"\n", b"mark :1\n"]
        stream += [b"author " + who + b" " + when + b"\n", b"committer " + who + b" " + when + b"\n"]
        stream += [b"encoding " + encoding.encode() + b"\n"] * bool(encoding)
        stream.append(_data(_bytes(message if not isinstance(message, str) else message.rstrip("\n") + "\n")))
        for number, parent in enumerate(parents):
            stream.append((b"from " if number == 0 else b"merge ") + parent.encode() + b"\n")
        stream += [_change(name, contents) for name, contents in files.items()]
        stream.append(b"\nget-mark :1\ndone\n")
        if not parents and self.attempt("rev-parse", "-q", "--verify", ref).returncode == 0:
            self("update-ref", "-d", ref)  # fast-import would go on from the tip
        return self("fast-import", "--quiet", "--done", "--force", "--date-format=raw", stdin=b"".join(stream))

    def branch(self, name: str, at: str = "main") -> str:
        """Make or move a branch; the sha it is at."""
        sha = self.sha(at)
        self("update-ref", f"refs/heads/{name}", sha)
        return sha

    def sha(self, rev: str = "HEAD") -> str:
        """The full name of the commit that `rev` leads to."""
        return self("rev-parse", "--verify", f"{rev}^{{commit}}")

    def tree(self, rev: str = "HEAD") -> str:
        """The full name of its tree."""
        return self("rev-parse", "--verify", f"{rev}^{{tree}}")

    def exists(self, rev: str) -> bool:
        """Whether `rev` leads to an object."""
        return self.attempt("rev-parse", "-q", "--verify", rev).returncode == 0

    def read(self, rev: str, path: str) -> bytes:
        """A file's contents in a commit."""
        return self.raw("cat-file", "blob", f"{rev}:{path}")

    def message(self, rev: str = "HEAD") -> bytes:
        """A commit's message, byte for byte."""
        return self.raw("cat-file", "commit", rev).split(b"\n\n", 1)[1]

    def subjects(self, revs: str) -> list[str]:
        """The subjects of a range, newest first."""
        return self("log", "--format=%s", revs).splitlines()

    def refs(self) -> dict[str, str]:
        """All refs and where they point."""
        listed = self("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return dict(line.split(" ", 1) for line in listed)

    def checkout(self, branch: str = "main") -> None:
        """Fill the work tree and the index from a branch."""
        self("checkout", "-q", "-f", branch)

    def user_state(self) -> tuple[object, ...]:
        """What is the user's and must never change: HEAD, the index, the work tree's files and the configuration."""
        files = {
            str(file.relative_to(self.path)): file.read_bytes()
            for file in sorted(self.path.rglob("*"))
            if file.is_file() and ".git" not in file.relative_to(self.path).parts
        }
        kept = [self.path / ".git" / name for name in ("HEAD", "index", "config")]
        return files, tuple(file.read_bytes() if file.exists() else None for file in kept)

    def fsck(self) -> None:
        """Fail the test if the repository is damaged."""
        self("fsck", "--strict", "--no-dangling")


@dataclass(frozen=True)
class Answer:
    """What a run of cosport gave: exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)

    def lines(self) -> list[Any]:
        """The JSON Lines on standard output."""
        return [json.loads(line) for line in self.out.splitlines()]


def cosport(
    *args: str,
    cwd: Path,
    check: int | None = None,
    stdin: str | bytes = b"",
    env: Mapping[str, str] | None = None,
    timeout: float = 120.0,
    restrained: bool = False,
) -> Answer:
    """Run the command line as users do, in a process of its own. `check` is the exit code that it must have.

    `restrained`: file permissions hold for it, also where the tests run as root.
    """
    done = subprocess.run(
        [*(restraint() if restrained else ()), sys.executable, "-m", "cosport", *args],
        cwd=cwd,
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        capture_output=True,
        check=False,
        timeout=timeout,
        env={**os.environ, **(env or {})},
    )
    answer = Answer(done.returncode, _text(done.stdout), _text(done.stderr))
    return _checked(answer, args, check)


def restraint() -> tuple[str, ...]:
    """What to put before a command so that file permissions hold for it, root or not (capabilities(7))."""
    if os.geteuid() != 0:
        return ()
    kept = "-dac_override,-dac_read_search"
    return ("setpriv", f"--bounding-set={kept}", f"--inh-caps={kept}")


def invoke(*args: str, cwd: Path, check: int | None = None, stdin: str | bytes = b"") -> Answer:
    """Run the command line in this process: quicker, with the same boundary around it."""
    from cosport.__main__ import dispatch
    from cosport.cli import frame

    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    given = io.TextIOWrapper(io.BytesIO(stdin.encode() if isinstance(stdin, str) else stdin), "utf-8")
    before = signal.getsignal(signal.SIGTERM)
    try:
        with (
            contextlib.chdir(cwd),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            mock.patch("sys.stdin", given),
        ):
            code = frame.guard(lambda: dispatch(list(args)))
    finally:
        signal.signal(signal.SIGTERM, before)
    answer = Answer(code, *(_text(stream.buffer.getvalue()) for stream in (out, err)))
    return _checked(answer, args, check)


def _checked(answer: Answer, args: Sequence[str], check: int | None) -> Answer:
    assert check is None or answer.code == check, (
        f"cosport {' '.join(args)}: exit {answer.code}, not {check}\n{answer.out}\n{answer.err}"
    )
    return answer


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _bytes(text: str | bytes) -> bytes:
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text


def _data(contents: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(contents), contents)


def _change(name: str, file: File) -> bytes:
    path = b'"' + b"".join(b"\\%03o" % byte for byte in _bytes(name)) + b'"'
    if file is None:
        return b"D " + path + b"\n"
    mode, contents = file if isinstance(file, tuple) else ("100644", file)
    if mode == "160000":
        return b"M 160000 " + _bytes(contents) + b" " + path + b"\n"
    return b"M " + mode.encode() + b" inline " + path + b"\n" + _data(_bytes(contents))
