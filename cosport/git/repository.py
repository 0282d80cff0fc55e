"""A git repository as cosport sees it: how git is run on it, and where its parts lie.

git runs with an environment of its own making: C locale, no prompts, no hooks, no pager, none of the user's settings that
would change a result (rename limits, conflict style, attributes). The user's checkout is never the current directory.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cosport import process
from cosport.errors import DiskError, GitError, ToolError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SETTINGS: Final = (
    # Each setting stands here because the user's own value would change a result or run something.
    "core.hooksPath=/dev/null",
    "core.attributesFile=/dev/null",
    "core.fsmonitor=false",
    "core.quotePath=true",
    "core.pager=cat",
    "protocol.ext.allow=never",
    "gc.auto=0",
    "maintenance.auto=false",
    "merge.conflictStyle=merge",
    "merge.renames=true",
    "merge.renameLimit=7000",
    "merge.directoryRenames=conflict",
    "merge.renormalize=false",
    "diff.renames=true",
    "diff.renameLimit=7000",
    "diff.algorithm=myers",
    "log.showSignature=false",
    "advice.detachedHead=false",
    "index.threads=1",
)

_REPOSITORY_VARIABLES: Final = (
    # `git rev-parse --local-env-vars`: what a hook's or a caller's environment says of another repository.
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT", "GIT_OBJECT_DIRECTORY",
    "GIT_DIR", "GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_GRAFT_FILE", "GIT_INDEX_FILE", "GIT_NO_REPLACE_OBJECTS",
    "GIT_REPLACE_REF_BASE", "GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_COMMON_DIR", "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_QUARANTINE_PATH", "GIT_NAMESPACE", "GIT_EXTERNAL_DIFF", "GIT_DIFF_OPTS", "GIT_TRACE", "GIT_LITERAL_PATHSPECS",
    "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS", "GIT_DEFAULT_HASH",
)  # fmt: skip

MINIMUM: Final = (2, 39)
"""The oldest git that cosport runs with: Debian 12's. Older ones lack `merge-tree --stdin`."""


def timeout() -> float:
    """Seconds that one git command may take: $COSPORT_TIMEOUT, else 600."""
    try:
        return float(os.environ.get("COSPORT_TIMEOUT", ""))
    except ValueError:
        return 600.0


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment that git runs in."""
    env = {key: value for key, value in os.environ.items() if key not in _REPOSITORY_VARIABLES}
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
    )
    env.update(extra or {})
    return env


@dataclass(frozen=True)
class Repository:
    """One repository. `git_dir` belongs to the work tree that cosport was called in; `common_dir` to all of them.

    `objects_from` adds environment variables (a quarantine's) to each call; `Repository.in_quarantine` sets it.
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
        where = start if start is not None else Path.cwd()
        if not where.is_dir():
            raise UsageError(f"{where} is no folder", hint="name a git repository with --repo DIR")
        env = environment()
        if start is None and "GIT_DIR" in os.environ:
            env["GIT_DIR"] = os.environ["GIT_DIR"]
        argv = ["git", "rev-parse", "--absolute-git-dir", "--path-format=absolute", "--git-common-dir",
                "--show-object-format", "--is-bare-repository", "--is-shallow-repository"]  # fmt: skip
        done = process.run(argv, env=env, cwd=where, timeout=timeout())
        if done.status:
            if b"dubious ownership" in done.stderr:
                raise UsageError(
                    f"git does not trust {where}: it belongs to another user",
                    hint=f"if you trust it: git config --global --add safe.directory {where}",
                )
            raise UsageError(f"{where} is not in a git repository", hint="change into one, or name it with --repo DIR")
        git_dir, common, hash_name, bare, shallow = os.fsdecode(done.stdout).rstrip("\n").split("\n")
        return cls(Path(git_dir), Path(common), hash_name, bare == "true", shallow == "true")

    def with_environment(self, extra: Mapping[str, str]) -> Repository:
        """The same repository, seen with more environment variables (a quarantine's object directories)."""
        return Repository(
            self.git_dir, self.common_dir, self.hash_name, self.is_bare, self.is_shallow,
            (*self.extra_env, *extra.items()),
        )  # fmt: skip

    @property
    def hash_length(self) -> int:
        """Hex digits of a full object name: 40 or 64."""
        return 64 if self.hash_name == "sha256" else 40

    @property
    def state_dir(self) -> Path:
        """Where cosport keeps its own things: `cosport/` in the common directory (index, sessions, locks)."""
        return self.common_dir / "cosport"

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
        merged = {**self.env, **env} if env else self.env
        return process.run(self.argv(*args), stdin=stdin, env=merged, cwd=self.git_dir, timeout=timeout())

    def run(self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        """Run git; its standard output. Raises GitError (or DiskError, where the file system refuses) if it fails."""
        done = self.attempt(*args, stdin=stdin, env=env)
        if done.status:
            raise failure(done, args)
        return done.stdout

    def text(self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        """As `run`, with the output as text without its last newline; undecodable bytes become surrogates."""
        return self.run(*args, stdin=stdin, env=env).decode("utf-8", "surrogateescape").rstrip("\n")

    def lines(self, *args: str, separator: bytes = b"\n") -> Iterator[bytes]:
        """Run git and yield its output piece by piece in bounded memory. Raises ProcessError at the end if it fails."""
        return process.lines(self.argv(*args), separator=separator, env=self.env, cwd=self.git_dir)

    def converse(self, *args: str) -> process.Conversation:
        """Start a git that answers requests over its pipes."""
        return process.Conversation(self.argv(*args), env=self.env, cwd=self.git_dir, timeout=timeout())


_DISK = ("No space left on device", "Read-only file system", "Permission denied", "Disk quota exceeded",
         "insufficient permission", "unable to create temporary")  # fmt: skip


def failure(done: process.Completed, args: tuple[str, ...]) -> ToolError:
    """The error for a git command that failed: command, status and tail.

    Only the system's own words for a disk that refuses are recognised (strerror(3) in the C locale), to name the cause.
    """
    for words in _DISK:
        if words in done.tail:
            return DiskError(
                f"git {args[0]}: {done.tail.splitlines()[-1]}",
                hint="free space or make the repository writable, then run the same command again; nothing is lost",
            )
    return GitError(
        f"git {' '.join(args)}: status {done.status}: {done.tail or 'no message'}",
        argv=done.argv,
        status=done.status,
        tail=done.tail,
    )


def version() -> tuple[int, ...]:
    """The version of the git on PATH, such as (2, 39, 5). Raises ToolError where there is none."""
    words = process.run(["git", "--version"], env=environment(), timeout=30.0).stdout.decode("ascii", "replace").split()
    parts = words[2].split(".") if len(words) > 2 else []
    return tuple(int(part) for part in parts[:3] if part.isdigit())
