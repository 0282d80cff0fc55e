"""Reads objects through one standing `git cat-file --batch`, and names through `--batch-check`'s rules."""

from __future__ import annotations

from collections import OrderedDict
from itertools import islice
from typing import TYPE_CHECKING, Final, Self

from cosport.errors import ProcessError, ProcessTimeout, RevisionError
from cosport.git.repository import missing
from cosport.model.commit import Commit, Sha, is_full_sha, looks_like_sha, parse_commit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cosport.git.repository import Repository
    from cosport.process import Conversation

_CACHED_COMMITS: Final = 4096
"""Commits kept parsed; a series asks for the same few again and again. About 1.5 KiB each."""

_AHEAD: Final = 512
"""Commits that git is asked for at once."""

_UNSPEAKABLE: Final = frozenset("\n\0")  # no revision expression holds them, and git's protocol ends at them


class ObjectReader:
    """Objects of one repository, by name. Use it as a context manager, or close it.

    One process serves all requests; a request costs about 20 microseconds.
    """

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self._batch: Conversation | None = None
        self._commits: OrderedDict[Sha, Commit] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        if self._batch is not None:
            self._batch.close()
            self._batch = None

    def read(self, name: str) -> tuple[Sha, str, bytes] | None:
        """Object name, type and contents of what `name` (any revision expression) leads to, or None.

        Raises MissingObjectError where it leads to an object that git cannot read, ProcessError where git gives up on
        the expression itself (`HEAD@{99}` of a short reflog).
        """
        if not name or not _UNSPEAKABLE.isdisjoint(name):
            return None
        if self._batch is None:
            self._batch = self.repository.converse("cat-file", "--batch")
        try:
            self._batch.write(name.encode("utf-8", "surrogateescape") + b"\n")
            words = self._batch.line().rsplit(b" ", 2)
            if len(words) != 3 or not words[2].isdigit():
                return None  # "<name> missing" or "<name> ambiguous"
            data = self._batch.exactly(int(words[2]) + 1)[:-1]
        except ProcessError as exc:
            self.close()
            plain = name.removesuffix("^{commit}")
            if is_full_sha(plain) and not isinstance(exc, ProcessTimeout):
                raise missing(self.repository, Sha(plain)) from exc
            raise
        return Sha(words[0].decode("ascii")), words[1].decode("ascii"), data

    def commit(self, name: Sha) -> Commit:
        """The commit of that full name. Raises MissingObjectError if it is not here."""
        if (known := self._commits.get(name)) is not None:
            self._commits.move_to_end(name)
            return known
        found = self.read(name)
        if found is None or found[1] != "commit":
            raise missing(self.repository, name)
        parsed = parse_commit(found[0], found[2])
        self._commits[name] = parsed
        if len(self._commits) > _CACHED_COMMITS:
            self._commits.popitem(last=False)
        return parsed

    def commits(self, names: Iterable[Sha]) -> Iterator[Commit]:
        """The commits of these full names, in their order. git is asked ahead, so that nobody waits for each by itself.

        Raises MissingObjectError if one is not here. Nothing else may be read before the last one has come.
        """
        rest = iter(names)
        while chunk := list(islice(rest, _AHEAD)):
            if self._batch is None:
                self._batch = self.repository.converse("cat-file", "--batch")
            self._batch.write("".join(f"{name}\n" for name in chunk).encode("ascii"))
            for name in chunk:
                words = self._batch.line().split(b" ")
                if len(words) != 3 or words[1] != b"commit":
                    self.close()
                    raise missing(self.repository, name)
                yield parse_commit(name, self._batch.exactly(int(words[2]) + 1)[:-1])

    def blob(self, name: Sha) -> bytes:
        """The contents of a blob. Raises MissingObjectError if it is not here."""
        found = self.read(name)
        if found is None or found[1] != "blob":
            raise missing(self.repository, name)
        return found[2]

    def resolve(self, name: str) -> Commit:
        """The commit that a revision expression names; tags are followed.

        Raises RevisionError with the reason: unknown, ambiguous, too short, unborn, or no commit.
        """
        if name.startswith("-"):
            raise RevisionError(
                f"{name!r} is no revision: it starts with a dash", hint="git branch names cannot start with one"
            )
        try:
            found = self.read(name + "^{commit}")
            if found is None and name.startswith(":/"):  # whose text goes on to the end of the name
                found = self.read(name)
        except ProcessTimeout:
            raise
        except ProcessError as exc:
            reason = exc.tail.splitlines()[-1] if exc.tail else "git cannot read it"
            raise RevisionError(f"no commit named {name!r} here: {reason}", hint="see: git reflog") from exc
        if found is None:
            raise self._unresolved(name)
        parsed = parse_commit(found[0], found[2])
        self._commits[parsed.sha] = parsed
        return parsed

    def _unresolved(self, name: str) -> RevisionError:
        if not name or not _UNSPEAKABLE.isdisjoint(name):
            return RevisionError(f"{name!r} is no revision", hint="name a commit, a branch or a tag")
        if looks_like_sha(name) and len(name) < self.repository.hash_length:
            tips = self.repository.attempt("rev-parse", f"--disambiguate={name}").stdout.decode().split()
            if len(tips) > 1:
                shown = ", ".join(tip[:16] for tip in tips[:4])
                return RevisionError(
                    f"{name} is ambiguous: {len(tips)} objects start so ({shown})", hint="give more digits"
                )
        found = self.read(name + "^{}") or self.read(name)
        if found is not None:
            return RevisionError(f"{name} is a {found[1]}, not a commit", hint="name a commit, a branch or a tag")
        if looks_like_sha(name):
            hint = "fetch the branch that holds it (git fetch), or check the digits"
            if self.repository.is_shallow:
                hint = "this clone is shallow: git fetch --unshallow"
            return RevisionError(f"no commit {name} in this repository", hint=hint)
        heads = self.repository.attempt("symbolic-ref", "-q", name).stdout.decode("utf-8", "surrogateescape").strip()
        if heads:
            return RevisionError(f"{name} is unborn: {heads} has no commit yet", hint="commit to it first")
        return RevisionError(f"no branch, tag or commit named {name!r} here", hint="see: git branch -a")
