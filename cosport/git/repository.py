"""A git repository as cosport sees it: how git is run on it, and where its parts lie.

git runs with an environment of its own making: C locale, no prompts, no hooks, no pager, none of the user's settings
that would change a result (rename limits, conflict style, attributes), and the history as it is stored: grafts and
replace refs are one clone's own view. The user's checkout is never the current directory.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shlex
import shutil
import signal
import tempfile
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cosport import process
from cosport.errors import (
    DiskError,
    GitError,
    MissingObjectError,
    ProcessError,
    ProcessTimeout,
    ToolError,
    UsageError,
)
from cosport.model.commit import Sha

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_SETTINGS: Final = (
    # Each setting stands here because the user's own value would change a result or run something.
    "core.hooksPath=/dev/null",
    "core.attributesFile=/dev/null",
    "attr.tree=",
    "core.fsmonitor=false",
    "core.safecrlf=false",
    "core.quotePath=true",
    "core.abbrev=auto",
    "core.bigFileThreshold=512m",
    "core.pager=cat",
    "color.ui=false",
    "color.diff=false",
    "protocol.ext.allow=never",
    "push.followTags=false",
    "push.recurseSubmodules=no",
    "submodule.recurse=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "merge.default=",
    "merge.conflictStyle=merge",
    "merge.renames=true",
    "merge.renameLimit=7000",
    "merge.directoryRenames=conflict",
    "merge.renormalize=false",
    "diff.renames=true",
    "diff.renameLimit=7000",
    "diff.algorithm=myers",
    "diff.suppressBlankEmpty=false",
    "diff.context=3",
    "diff.interHunkContext=0",
    "diff.indentHeuristic=true",
    "diff.ignoreSubmodules=none",
    "diff.submodule=short",
    "diff.relative=false",
    "diff.orderFile=/dev/null",
    "format.encodeEmailHeaders=true",
    "i18n.logOutputEncoding=UTF-8",
    "log.showSignature=false",
    "log.showRoot=true",
    "log.follow=false",
    "advice.detachedHead=false",
    "advice.graftFileDeprecated=false",
    "index.threads=1",
)

_KEPT_VARIABLES: Final = (
    # Git's variables that tell who the user is, where settings are found, and how remotes are reached. Any other speaks
    # of another repository (a hook's environment), changes results, or makes git chatter or wait.
    "GIT_AUTHOR_", "GIT_COMMITTER_", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_SYSTEM", "GIT_CEILING_",
    "GIT_DISCOVERY_", "GIT_EXEC_PATH", "GIT_SSH", "GIT_SSL_", "GIT_HTTP_", "GIT_PROXY_", "GIT_ALLOW_PROTOCOL",
    "GIT_PROTOCOL", "GIT_NO_LAZY_FETCH",
)  # fmt: skip

_DESCRIBE: Final = (
    "rev-parse", "--absolute-git-dir", "--path-format=absolute", "--git-common-dir",
    "--show-object-format", "--is-bare-repository", "--is-shallow-repository",
)  # fmt: skip

FRUGAL: Final = ("-c", "core.packedGitWindowSize=16m", "-c", "core.packedGitLimit=128m")
"""For walks over a whole history: git maps so much of its packs at a time, where else all that it has seen stays."""

MINIMUM: Final = (2, 39)
"""The oldest git that cosport runs with: Debian 12's. Older ones lack `merge-tree --stdin`."""


def timeout() -> float:
    """Seconds that one git command may take: $COSPORT_TIMEOUT, else 600. Raises UsageError where that is no time."""
    given = os.environ.get("COSPORT_TIMEOUT", "")
    try:
        seconds = float(given or 600.0)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds < 1e6:
        raise UsageError(f"COSPORT_TIMEOUT is {given!r}", hint="give seconds, such as COSPORT_TIMEOUT=600")
    return seconds


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment that git runs in."""
    env = {
        key: value for key, value in os.environ.items() if not key.startswith("GIT_") or key.startswith(_KEPT_VARIABLES)
    }
    env.update(
        LC_ALL="C",
        LANGUAGE="",
        GIT_TERMINAL_PROMPT="0",
        GIT_ASKPASS="true",
        SSH_ASKPASS="true",
        GIT_OPTIONAL_LOCKS="0",
        GIT_PAGER="cat",
        GIT_EDITOR="false",
        GIT_SEQUENCE_EDITOR="false",
        GIT_ATTR_NOSYSTEM="1",
        GIT_NO_REPLACE_OBJECTS="1",
        GIT_GRAFT_FILE=os.devnull,
    )
    env.update(extra or {})
    return env


@dataclass(frozen=True)
class Repository:
    """One repository. `git_dir` belongs to the work tree that cosport was called in; `common_dir` to all of them.

    `extra_env` are environment variables that each call gets on top of `environment()`.
    """

    git_dir: Path
    common_dir: Path
    hash_name: str
    is_bare: bool
    is_shallow: bool
    extra_env: tuple[tuple[str, str], ...] = ()

    @classmethod
    def open(cls, start: Path | None = None) -> Repository:
        """The repository around `start` (default: the current directory, or $GIT_DIR).

        Raises UsageError where there is none, ToolError where git is missing, too old or refuses.
        """
        return cls.opening(start)()

    @classmethod
    def opening(cls, start: Path | None = None) -> Callable[[], Repository]:
        """As `open`, which goes on while the caller does other things: the repository is what the function returns."""
        where = start if start is not None else Path.cwd()
        if not where.is_dir():
            raise UsageError(f"{where} is no folder", hint="name a git repository with --repo DIR")
        env = environment()
        if start is None and "GIT_DIR" in os.environ:
            env["GIT_DIR"] = os.environ["GIT_DIR"]
        asked = process.Begun(["git", *_DESCRIBE], env=env, cwd=where)
        return lambda: cls._described(where, asked.completed(b"", timeout=timeout()), env)

    @classmethod
    def _described(cls, where: Path, done: process.Completed, env: Mapping[str, str]) -> Repository:
        if done.status:
            # Git's status does not tell "none" from "none that I may look at"; a second look, at all of them, does.
            trusting = ["git", "-c", "safe.directory=*", "-c", "safe.bareRepository=all", *_DESCRIBE]
            if process.run(trusting, env=env, cwd=where, timeout=timeout()).status == 0:
                raise UsageError(
                    f"git does not trust {where}: {_last_line(done.tail)}",
                    hint=f"if you trust it: git config --global --add safe.directory {shlex.quote(str(where))}",
                )
            raise _not_opened(where, _last_line(done.tail))
        words = os.fsdecode(done.stdout).rstrip("\n").split("\n")
        if len(words) != 5:
            raise UsageError(f"the path of {where} has a line break in it", hint="move the repository elsewhere")
        git_dir, common, hash_name, bare, shallow = words
        return cls(Path(git_dir), Path(common), hash_name, bare == "true", shallow == "true")

    @classmethod
    def make(cls, folder: Path, hash_name: str, *, borrow: Path | None = None) -> Repository:
        """A bare repository of cosport's own in `folder`, made where there is none; `borrow`: objects to share.

        Raises ToolError where it cannot be made.
        """
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            # Whole or not there: several processes may want it at the same time.
            with tempfile.TemporaryDirectory(prefix="tmp_init_", dir=folder.parent) as scratch:
                made = os.path.join(scratch, "git")  # noqa: PTH118
                argv = ["git", "init", "--quiet", "--bare", "--template=", f"--object-format={hash_name}", made]
                env = environment({"GIT_DEFAULT_REF_FORMAT": "files"})  # what `moment` can copy
                done = process.run(argv, env=env, timeout=timeout())
                if done.status:
                    raise failure(done, ("init",))
                with contextlib.suppress(OSError):  # somebody else was quicker
                    os.rename(made, folder)  # noqa: PTH104
        if borrow is not None:
            (folder / "objects" / "info").mkdir(exist_ok=True)
            (folder / "objects" / "info" / "alternates").write_bytes(os.fsencode(borrow) + b"\n")
        return cls.open(folder)

    def moment(self, folder: Path) -> Repository:
        """A bare repository for a moment, in the new `folder`: it borrows these objects and has no ref yet.

        This one was made by `make`. What git needs to see a repository is copied from it: a job of half a second would
        notice the processes of `git init`.
        """
        (folder / "objects" / "info").mkdir(parents=True)
        (folder / "refs").mkdir()
        for name in ("HEAD", "config"):
            shutil.copyfile(self.git_dir / name, folder / name)
        (folder / "objects" / "info" / "alternates").write_bytes(os.fsencode(self.git_dir / "objects") + b"\n")
        return replace(self, git_dir=folder, common_dir=folder)

    def with_environment(self, extra: Mapping[str, str]) -> Repository:
        """The same repository, seen with more environment variables (a quarantine's object directories)."""
        return replace(self, extra_env=(*self.extra_env, *extra.items()))

    @cached_property
    def _begun(self) -> dict[tuple[str, ...], process.Begun]:
        return {}

    @property
    def hash_length(self) -> int:
        """Hex digits of a full object name: 40 or 64."""
        return 64 if self.hash_name == "sha256" else 40

    @cached_property
    def is_partial(self) -> bool:
        """Whether objects may be left with a remote, to be fetched when they are needed (git-clone(1), `--filter`)."""
        return self.attempt("config", "--get-regexp", r"^remote\..*\.promisor$").status == 0

    @property
    def state_dir(self) -> Path:
        """Where cosport keeps its own things: `cosport/` in the common directory (index, sessions, locks)."""
        return self.common_dir / "cosport"

    @property
    def lasting_dir(self) -> Path:
        """The common directory of the repository that lasts: one of a moment has that one's `state_dir` for its own."""
        return self.state_dir.resolve().parent

    @cached_property
    def env(self) -> dict[str, str]:
        """The environment of git's processes here."""
        return environment({"GIT_DIR": str(self.git_dir), "GIT_WORK_TREE": str(self.git_dir), **dict(self.extra_env)})

    def argv(self, *args: str) -> list[str]:
        """The full command line of a git command on this repository."""
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        return ["git", *settings, *args]

    def attempt(self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> process.Completed:
        """Run git and return what it said, whatever its status."""
        if not env and (begun := self._begun.pop(args, None)) is not None:
            return begun.completed(stdin, timeout=timeout())
        merged = {**self.env, **env} if env else self.env
        return process.run(self.argv(*args), stdin=stdin, env=merged, cwd=self.git_dir, timeout=timeout())

    def begin(self, *args: str) -> None:
        """Start a git that `attempt` or `run` will be asked for soon, so that it works while Python does.

        It tells what was so when it was started. What was begun and never asked for ends with `close`.
        """
        if args not in self._begun:
            self._begun[args] = process.Begun(self.argv(*args), env=self.env, cwd=self.git_dir)

    def close(self) -> None:
        """End what was begun and never asked for."""
        while self._begun:
            self._begun.popitem()[1].close()

    def run(self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        """Run git; its standard output.

        If it fails raises MissingObjectError where an object is not here, DiskError where the file system refuses, else
        GitError.
        """
        done = self.attempt(*args, stdin=stdin, env=env)
        if done.status:
            raise self.failed(done, args)
        return done.stdout

    def failed(self, done: process.Completed, args: tuple[str, ...]) -> ToolError:
        """The error for a git command that failed here: as `failure`, or that an object which git named is missing."""
        error = failure(done, args)
        if isinstance(error, GitError):
            for name in dict.fromkeys(_NAME.findall(done.tail)):
                if len(name) == self.hash_length and self.attempt("cat-file", "-e", name).status:
                    return missing(self, Sha(name))
        return error

    def text(self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        """As `run`, with the output as text without its last newline; undecodable bytes become surrogates."""
        return self.run(*args, stdin=stdin, env=env).decode("utf-8", "surrogateescape").rstrip("\n")

    def pieces(self, *args: str, separator: bytes = b"\n", stdin: bytes = b"") -> Iterator[list[bytes]]:
        """Run git and yield its output, many pieces at a time, in bounded memory. Raises as `run` does, at the end."""
        argv = self.argv(*args)
        try:
            yield from process.pieces(
                argv, separator=separator, stdin=stdin, env=self.env, cwd=self.git_dir, timeout=timeout()
            )
        except ProcessTimeout:
            raise
        except ProcessError as exc:
            raise self.failed(process.Completed(tuple(argv), exc.status, b"", exc.tail.encode()), args) from exc

    def converse(self, *args: str) -> process.Conversation:
        """Start a git that answers requests over its pipes."""
        return process.Conversation(self.argv(*args), env=self.env, cwd=self.git_dir, timeout=timeout())


_NAME: Final = re.compile(r"\b(?:[0-9a-f]{64}|[0-9a-f]{40})\b")

_DISK: Final = tuple(
    os.strerror(number)
    for number in (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EPERM, errno.EDQUOT, errno.EFBIG, errno.EIO)
)


def failure(done: process.Completed, args: tuple[str, ...]) -> ToolError:
    """The error for a git command that failed: command, status and tail.

    Only the system's own words for a disk that refuses are recognised (strerror(3) in the C locale), to name the cause.
    """
    too_large = (
        [os.strerror(errno.EFBIG)] if done.status == -signal.SIGXFSZ else []
    )  # killed over a limit of `ulimit -f`
    for line in (*done.tail.splitlines(), *too_large):
        if line.endswith(_DISK):
            return DiskError(
                f"git {args[0]}: {line}",
                hint="free space or make the repository writable, then run the same command again; nothing is lost",
            )
    return GitError(
        f"git {' '.join(args)}: status {done.status}: {done.tail or 'no message'}",
        argv=done.argv,
        status=done.status,
        tail=done.tail,
    )


def missing(repository: Repository, name: Sha) -> MissingObjectError:
    """The error for an object that should be here and is not."""
    hint = "run: git fsck"
    if repository.is_shallow:
        hint = "this clone is shallow: git fetch --unshallow (or --deepen=N)"
    elif repository.is_partial:
        hint = "this is a partial clone and its remote did not give the object: check the remote, then try again"
    return MissingObjectError(f"object {name} is not in this repository", hint=hint)


def _not_opened(where: Path, said: str) -> UsageError:
    """The error for a folder that git opens no repository in. Its own words are told where they say more than that."""
    if said.startswith("fatal: not a git repository"):
        return UsageError(f"{where} is not in a git repository", hint="change into one, or name it with --repo DIR")
    return UsageError(f"git opens no repository at {where}: {said}", hint="see what git itself says there: git status")


def _last_line(text: str) -> str:
    return text.splitlines()[-1] if text else "no message"


def version() -> tuple[int, ...]:
    """The version of the git on PATH, such as (2, 39, 5). Raises ToolError where there is none."""
    words = process.run(["git", "--version"], env=environment(), timeout=30.0).stdout.decode("ascii", "replace").split()
    parts = words[2].split(".") if len(words) > 2 else []
    return tuple(int(part) for part in parts[:3] if part.isdigit())
