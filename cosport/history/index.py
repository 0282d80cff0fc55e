"""The history index: all commits of upstream and the branches, in an SQLite file that is thrown away when in doubt.

Every process that asks opens it with `History.open`, which first brings it up to date: a comparison of ref tips when
nothing is new, one `git log` of the new commits otherwise. Commits that no ref leads to any more stay in it and answer
for no tip.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Self

from cosport.errors import CosportError, MissingObjectError, StoreError
from cosport.history.commits import Commits, Entry, Statement
from cosport.history.graph import NEVER
from cosport.history.lines import Lines, Reach
from cosport.history.refs import list_refs, peel
from cosport.history.schema import INDEXES, REAL_HISTORY, TABLE_NAMES, TABLES, VERSION
from cosport.model.commit import Sha
from cosport.store import DamagedError, Store, lock, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from cosport.compare.patchid import TouchedPaths
    from cosport.git.repository import Repository
    from cosport.history.graph import Graph


class History(Commits):
    """The history of one repository. Use it as a context manager, or close it. One thread at a time."""

    def __init__(self, repository: Repository, store: Store) -> None:
        super().__init__(store, repository.hash_length)
        self.repository = repository
        self.upstream: int | None = None
        self.refs: dict[str, Sha] = {}
        self._lines = Lines(store)
        self._touched: TouchedPaths | None = None
        self.new_keys: dict[int, int] = {}

    @classmethod
    def open(
        cls,
        repository: Repository,
        tips: Iterable[Sha] | None = None,
        *,
        upstream: Sha | None = None,
        rebuild: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> History:
        """The history up to date for `tips` (default: all branches, remote branches and tags) and for `upstream`'s tip.

        `progress` is told, now and then, how many more commits were added. Raises DiskError, LockedError, StoreError;
        GitError where git cannot read the history.
        """
        given = None if tips is None else tuple(dict.fromkeys(tips))
        for attempt in (1, 2):
            history = cls(repository, open_store(repository.state_dir / "index.sqlite", version=VERSION, schema=TABLES))
            try:
                if rebuild and attempt == 1:
                    history._forget()
                history._update(history._tips() if given is None else given, upstream, progress)
            except DamagedError:
                history.close()
                if attempt == 2:
                    raise
                continue
            except BaseException:
                history.close()
                raise
            return history
        raise StoreError("the history index cannot be made")  # pragma: no cover - the loop ends before

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and end git's helpers."""
        if self._touched is not None:
            self._touched.close()
            self._touched = None
        with contextlib.suppress(CosportError):  # what is lost is computed again
            self.flush()
        self.store.close()

    def flush(self) -> None:
        """Write down the path numbers that were computed one by one (`cosport.history.samepatch`)."""
        if self.new_keys:
            with self.store.transaction():
                self.store.many("INSERT OR IGNORE INTO paths VALUES (?,?)", self.new_keys.items())
            self.new_keys.clear()

    @property
    def note(self) -> str:
        """What the user should know of the index ("" mostly): that it could not be written, for one."""
        return self.store.note

    # --- bringing it up to date

    def _update(self, tips: Sequence[Sha], upstream: Sha | None, progress: Callable[[int], None] | None) -> None:
        shallow = self._boundary()
        row = self.store.one("SELECT value FROM meta WHERE key='shallow'")
        if row is None or row[0] != shallow:
            if row is not None:
                self._forget()  # a clone that was deepened: commits that had no parents have some now
            self.store.write("INSERT OR REPLACE INTO meta VALUES ('shallow', ?)", (shallow,))
        wanted = (*tips, upstream) if upstream is not None else tuple(tips)
        news = self.ensure(wanted, progress=progress)
        heads = {row[0] for row in self.store.rows("SELECT rank FROM tips")}
        # The ends of history first: what the other tips are asked lies on their lines.
        self._lines.tips = tuple(
            sorted({self.rank(tip) for tip in wanted}, key=lambda rank: (rank not in heads, -rank))
        )
        self.upstream = self.rank(upstream) if upstream is not None else None
        if news:
            from cosport.history import ahead

            ahead.work_out(self)

    def _tips(self) -> tuple[Sha, ...]:
        """What the refs lead to, which is read into `refs`; a history opened for given tips leaves that empty.

        To follow the tags takes git longer than the rest: where they lead is kept for as long as no ref changes.
        """
        listed = list_refs(self.repository)
        row = self.store.one("SELECT value FROM meta WHERE key='refs'")
        before, _, peeled = row[0].partition(b"\0") if row is not None else (b"", b"", b"")
        if row is None or before != listed:
            peeled = peel(self.repository, listed)
            self.store.write("INSERT OR REPLACE INTO meta VALUES ('refs', ?)", (listed + b"\0" + peeled,))
        for line in peeled.decode("utf-8", "surrogateescape").splitlines():
            sha, name = line.split(" ", 1)
            self.refs[name] = Sha(sha)
        return tuple(dict.fromkeys(self.refs.values()))

    def _boundary(self) -> bytes:
        try:
            return (self.repository.common_dir / "shallow").read_bytes()
        except FileNotFoundError:
            return b""

    def _forget(self) -> None:
        with self.store.transaction():
            for name in INDEXES:  # they are made anew after the next filling
                self.store.write(f"DROP INDEX IF EXISTS {name}")
            for table in TABLE_NAMES:
                self.store.write(f"DELETE FROM {table}")  # noqa: S608 - names of our own

    def ensure(self, shas: Iterable[Sha], *, progress: Callable[[int], None] | None = None) -> bool:
        """Index these commits and all that they reach, where they are not indexed yet; whether any was not.

        Raises MissingObjectError for one that is not in the repository, GitError where git fails.
        """
        if not (missing := self._missing(shas)):
            return False
        if self.store.path is None:
            self._fill(missing, progress)
            return True
        with lock(self.store.path.with_name("index.lock")):
            if missing := self._missing(missing):  # another process may have brought them
                self._fill(missing, progress)
        self._lines.forget_graph()
        return True

    def _fill(self, missing: list[Sha], progress: Callable[[int], None] | None) -> None:
        checked = self.repository.attempt(
            "cat-file", "--batch-check", stdin="".join(f"{sha}\n" for sha in missing).encode()
        )
        for sha, line in zip(missing, checked.stdout.splitlines(), strict=False):
            if line.split(b" ")[1:2] != [b"commit"]:
                raise MissingObjectError(
                    f"commit {sha} is not in this repository", hint="fetch the branch that holds it"
                )
        from cosport.history import feed  # it brings the patterns for messages, which no warm run needs

        feed.fill(self.repository, self.store, missing, progress=progress)
        self._lines.forget_graph()

    def _missing(self, shas: Iterable[Sha]) -> list[Sha]:
        return [sha for sha in dict.fromkeys(shas) if self.find(sha) is None]

    # --- single commits

    def rank(self, sha: Sha) -> int:
        """The rank of a commit, indexing it first where needed. Raises MissingObjectError where there is none."""
        rank = self.find(sha)
        if rank is None:
            self.ensure((sha,))
            rank = self.find(sha)
            assert rank is not None
        return rank

    # --- ancestry

    @property
    def tips(self) -> tuple[int, ...]:
        """The ranks of the commits that it was brought up to; ends of history first."""
        return self._lines.tips

    @property
    def graph(self) -> Graph:
        """Everybody's parents."""
        return self._lines.graph

    def contains(self, commit: Sha, target: Sha) -> bool:
        """Whether `target` is `commit` or a descendant of it, as `git merge-base --is-ancestor` says."""
        return self.reach(target).holds(self.rank(commit))

    def reach(self, target: Sha) -> Reach:
        """What `target` reaches. The first question on a line of history costs a pass over it, later ones nothing."""
        return self._lines.reach(self.rank(target))

    @property
    def touched(self) -> TouchedPaths:
        """The process that tells which paths commits touch."""
        if self._touched is None:
            from cosport.compare.patchid import TouchedPaths

            self._touched = TouchedPaths(self.repository.with_environment(REAL_HISTORY))
        return self._touched


__all__ = ["NEVER", "Entry", "History", "Reach", "Statement"]
