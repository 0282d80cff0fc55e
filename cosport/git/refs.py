"""Moves refs, always by compare-and-swap: a ref is written only where it still has the value that was read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from cosport.errors import GitError, ProcessError, RefMovedError, UsageError
from cosport.model.commit import Sha

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.git.objects import ObjectReader
    from cosport.git.repository import Repository
    from cosport.process import Conversation

MARK: Final = "cosport:"
"""How the reflog message of each ref update by cosport starts: it tells our own commits on a ref from a person's."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """A work tree, and the ref that its HEAD is on ("" where HEAD is detached)."""

    path: str
    ref: str


def read(repository: Repository, ref: str) -> Sha | None:
    """The object that a full ref name points to, or None. Symbolic refs are followed."""
    done = repository.attempt("show-ref", "--verify", "--hash", "--", ref)
    if done.status:
        return None
    return Sha(done.stdout.decode("ascii").strip())


def read_all(objects: ObjectReader, refs: Sequence[str]) -> dict[str, Sha]:
    """The objects that these full ref names point to, by name, without a process; names of no ref are left out."""
    return {ref: found[0] for ref in refs if (found := objects.read(ref)) is not None}


def valid(repository: Repository, ref: str) -> bool:
    """Whether git would accept that full ref name (git-check-ref-format(1))."""
    return repository.attempt("check-ref-format", ref).status == 0


def update(repository: Repository, ref: str, new: Sha, old: Sha | None, *, why: str) -> None:
    """Point `ref` to `new`, expecting `old` there (None: that it does not exist); `why` goes to the reflog.

    Raises RefMovedError where somebody else was quicker, UsageError for a name that git does not take or that another
    branch's name is in the way of.
    """
    expected = old or "0" * repository.hash_length
    args = ("update-ref", "--create-reflog", "-m", f"{MARK} {why}", "--", ref, new, expected)
    done = repository.attempt(*args)
    if done.status == 0:
        return
    now = read(repository, ref)
    if now != old:
        raise RefMovedError(
            f"{ref} moved meanwhile: expected {short(old)}, found {short(now)}",
            hint="somebody else updated it; nothing was written: run the same command again",
        )
    if not valid(repository, ref):
        raise UsageError(f"{ref} is no name that git takes for a branch")
    error = repository.failed(done, args)
    in_the_way = _in_the_way(repository, ref)
    if isinstance(error, GitError) and in_the_way:
        raise UsageError(
            f"cannot create {ref}: {in_the_way} exists, and git cannot hold both names",
            hint=f"rename that branch: git branch -m {in_the_way.removeprefix('refs/heads/')} <new name>",
        )
    raise error


class Mover:
    """Moves several refs, each by itself as `update` does, through a `git update-ref --stdin` that stays open.

    Each ref is a transaction of its own: one that fails takes back none before it. Use it as a context manager.
    """

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._open: dict[str, Conversation | None] = {}  # by the reflog's message, which git takes for a whole run

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for git in self._open.values():
            if git is not None:
                git.close()

    def prepare(self, why: str) -> None:
        """Start the git that will say `why`, so that it is ready when the first ref is to move."""
        if why not in self._open:
            args = ("update-ref", "--create-reflog", "-m", f"{MARK} {why}", "--stdin", "-z")
            self._open[why] = self._repository.converse(*args)

    def update(self, ref: str, new: Sha, old: Sha | None, *, why: str) -> None:
        """As the function `update`, which is asked where this git does not do it: to say why, or to do it after all."""
        self.prepare(why)
        git = self._open[why]
        if git is not None:
            expected = old or "0" * self._repository.hash_length
            steps = ("start", f"update {ref}", new, expected, "prepare", "commit")
            git.write("".join(f"{step}\0" for step in steps).encode("utf-8", "surrogateescape"))
            try:
                if [git.line() for _ in range(3)] == [b"start: ok", b"prepare: ok", b"commit: ok"]:
                    return
            except ProcessError:
                pass
            git.close()
            self._open[why] = None
            if read(self._repository, ref) == new:  # it moved, and only the answer was lost
                return
        update(self._repository, ref, new, old, why=why)


def delete(repository: Repository, ref: str, old: Sha) -> None:
    """Delete `ref`, expecting `old` there; nothing happens where there is none. Raises RefMovedError if it moved."""
    args = ("update-ref", "-d", "--", ref, old)
    done = repository.attempt(*args)
    if done.status == 0 or (now := read(repository, ref)) is None:
        return
    if now != old:
        raise RefMovedError(f"{ref} moved meanwhile", hint="run the same command again")
    raise repository.failed(done, args)


def made_by_us(repository: Repository, ref: str, tip: Sha) -> bool:
    """Whether the newest entry of the reflog of `ref` says that cosport itself put `tip` there."""
    out = repository.attempt("reflog", "show", "-n", "1", "--format=%H%x00%gs", ref, "--").stdout
    name, _, message = out.decode("utf-8", "replace").strip().partition("\0")
    return name == tip and message.startswith(MARK)


def checkouts(repository: Repository) -> tuple[Checkout, ...]:
    """All work trees of the repository, linked ones too, with the ref that each has checked out."""
    found: list[Checkout] = []
    path, ref, bare = "", "", False
    for line in [*repository.run("worktree", "list", "--porcelain", "-z").split(b"\0"), b""]:
        text = line.decode("utf-8", "surrogateescape")
        if text.startswith("worktree "):
            path = text.removeprefix("worktree ")
        elif text.startswith("branch "):
            ref = text.removeprefix("branch ")
        elif text == "bare":
            bare = True
        elif not text and path:
            if not bare:
                found.append(Checkout(path, ref))
            path, ref, bare = "", "", False
    return tuple(found)


def checked_out_at(repository: Repository, ref: str) -> str:
    """The path of a work tree that has the branch `ref` checked out, "" where none has."""
    return next((checkout.path for checkout in checkouts(repository) if checkout.ref == ref), "")


def full_name(repository: Repository, name: str) -> str:
    """The full ref that a branch's or tag's name leads to, by git's own rules (gitrevisions(7)); "" for none."""
    if name.startswith("-"):
        return ""
    done = repository.attempt("rev-parse", "--symbolic-full-name", "--verify", "-q", "--end-of-options", name)
    lines = done.stdout.decode("utf-8", "surrogateescape").split("\n")
    return next((line for line in lines if line.startswith("refs/")), "")


def short(name: Sha | None) -> str:
    """A name for people: 12 digits, or "nothing"."""
    return name[:12] if name else "nothing"


def _in_the_way(repository: Repository, ref: str) -> str:
    parts = Path(ref).parts
    for end in range(3, len(parts)):
        if read(repository, "/".join(parts[:end])):
            return "/".join(parts[:end])
    below = repository.attempt("for-each-ref", "--count=1", "--format=%(refname)", ref + "/").stdout
    return below.decode("utf-8", "surrogateescape").strip()
