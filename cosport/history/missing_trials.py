"""Tries missing commits on the tip of a branch, in memory, and remembers how each went.

A trial's answer rests on the commit, the tip's tree, git's version and the settings it is given, and on nothing else:
so it is kept under these, beside the index, and a branch that has not moved is never tried twice.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Self

from cosport.errors import CosportError, Interrupted
from cosport.git.merge import Merge, merge_trees
from cosport.git.quarantine import quarantine
from cosport.git.repository import missing, version
from cosport.model.commit import Sha
from cosport.model.result import Conflict, ConflictKind
from cosport.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cosport.git.merge import Merged
    from cosport.git.objects import ObjectReader
    from cosport.git.repository import Repository
    from cosport.model.commit import Commit

BATCH: Final = 32
"""Commits tried by one merging process: git answers only when all are merged."""

_VERSION: Final = 2
"""Raise it with every change of the table, of what its values mean, or of the settings that trials are made with."""

_TABLE: Final = """
CREATE TABLE trials (
    tree BLOB NOT NULL, sha BLOB NOT NULL, git TEXT NOT NULL, outcome TEXT NOT NULL, conflicts TEXT NOT NULL,
    PRIMARY KEY (tree, sha, git)
) WITHOUT ROWID;
CREATE TABLE foreseen (
    tree BLOB NOT NULL, sha BLOB NOT NULL, how TEXT NOT NULL, answer BLOB NOT NULL,
    PRIMARY KEY (tree, sha)
) WITHOUT ROWID;
CREATE TABLE trees (tree BLOB PRIMARY KEY, used INTEGER NOT NULL) WITHOUT ROWID
"""
_TREES: Final = 64
"""Trees whose trials are kept: the tips of some dozens of branches, and where they were before."""


class Applies(StrEnum):
    """How a commit applies to a branch as it stands."""

    CLEAN = "clean"
    CONFLICT = "conflict"
    NOTHING = "nothing"  # it changes nothing: the branch has the change already
    ERROR = "error"  # git gave no answer


@dataclass(frozen=True, slots=True)
class Tried:
    """How a trial went; `conflicts` are the paths that git could not merge, `error` why it gave no answer."""

    outcome: Applies
    conflicts: tuple[Conflict, ...] = ()
    error: str = ""


class Trials:
    """The trials on one tree. Use it as a context manager, or close it. Raises what `open_store` does."""

    def __init__(self, repository: Repository, reader: ObjectReader, tree: Sha) -> None:
        self._repository = repository
        self._reader = reader
        self._tree = tree
        self._git = ".".join(str(part) for part in version())
        self._store = open_store(repository.state_dir / "trials.sqlite", version=_VERSION, schema=_TABLE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def known(self, shas: Sequence[Sha]) -> dict[Sha, Tried]:
        """Those of the commits that were tried before."""
        sql = "SELECT lower(hex(sha)), outcome, conflicts FROM trials WHERE tree=? AND git=?"
        rows = self._store.rows(sql, (bytes.fromhex(self._tree), self._git))
        wanted = set(shas)
        return {sha: _read(outcome, conflicts) for sha, outcome, conflicts in rows if sha in wanted}

    def run(self, shas: Sequence[Sha]) -> Iterator[tuple[Sha, Tried]]:
        """Try the commits, a batch at a time; each comes with its answer, in order. What git cannot do is an answer."""
        for start in range(0, len(shas), BATCH):
            some = shas[start : start + BATCH]
            answers = self._batch(some)
            self._keep(answers)
            yield from zip(some, answers.values(), strict=True)

    def foreseen(self, how: str, shas: Sequence[Sha]) -> dict[Sha, bytes]:
        """What `keep_foreseen` was told of those of the commits that conflict, by the same `how`."""
        sql = "SELECT lower(hex(sha)), answer FROM foreseen WHERE tree=? AND how=?"
        wanted = set(shas)
        rows = self._store.rows(sql, (bytes.fromhex(self._tree), f"{self._git} {how}"))
        return {Sha(sha): answer for sha, answer in rows if sha in wanted}

    def keep_foreseen(self, how: str, answers: Mapping[Sha, bytes]) -> None:
        """Keep what somebody else made of conflicts on this tree; `how` names all that it rests on besides git."""
        tree = bytes.fromhex(self._tree)
        rows = [(tree, bytes.fromhex(sha), f"{self._git} {how}", answer) for sha, answer in answers.items()]
        with self._store.transaction():
            self._store.many("INSERT OR REPLACE INTO foreseen VALUES (?,?,?,?)", rows)

    def _batch(self, shas: Sequence[Sha]) -> dict[Sha, Tried]:
        found: dict[Sha, Tried] = {}
        merges: dict[Sha, Merge] = {}
        for sha in shas:
            try:
                merges[sha] = self._merge(self._reader.commit(sha))
            except CosportError as error:
                found[sha] = Tried(Applies.ERROR, error=error.what)
        found.update(self._try(merges))
        return {sha: found[sha] for sha in shas}

    def _merge(self, commit: Commit) -> Merge:
        """The change of a commit onto the tree; of a root commit, all that it brought."""
        base = self._reader.commit(commit.parents[0]).tree if commit.parents else self._empty()
        for tree in (base, self._tree, commit.tree):
            if self._reader.read(tree) is None:  # git before 2.44 merges a tree that it cannot read as an empty one
                raise missing(self._repository, tree)
        return Merge(base, self._tree, commit.tree)

    def _empty(self) -> Sha:
        """The name of the empty tree, which every git can read without having it."""
        return Sha(self._repository.text("hash-object", "-t", "tree", "--stdin"))

    def _try(self, merges: dict[Sha, Merge]) -> dict[Sha, Tried]:
        """Try all at once; where git gives no answer for all together, each by itself."""
        try:
            with quarantine(self._repository) as place:
                merged = merge_trees(place, list(merges.values()))
        except Interrupted:
            raise
        except CosportError as error:
            if len(merges) == 1:
                return {sha: Tried(Applies.ERROR, error=error.what) for sha in merges}
            return {sha: tried for each in merges.items() for sha, tried in self._try(dict([each])).items()}
        return {sha: self._told(each) for sha, each in zip(merges, merged, strict=True)}

    def _told(self, merged: Merged) -> Tried:
        if merged.clean:
            return Tried(Applies.NOTHING if merged.tree == self._tree else Applies.CLEAN)
        paths = ((each.path.decode("utf-8", "surrogateescape"), each.kind) for each in merged.unmerged)
        return Tried(Applies.CONFLICT, tuple(Conflict(path, kind) for path, kind in paths))

    def _keep(self, answers: dict[Sha, Tried]) -> None:
        tree = bytes.fromhex(self._tree)
        rows = [
            (tree, bytes.fromhex(sha), self._git, tried.outcome.value, _written(tried))
            for sha, tried in answers.items()
            if tried.outcome is not Applies.ERROR
        ]
        with self._store.transaction():
            self._store.many("INSERT OR REPLACE INTO trials VALUES (?,?,?,?,?)", rows)
            newest = self._store.one("SELECT coalesce(max(used), 0) + 1 FROM trees")
            assert newest is not None
            self._store.write("INSERT OR REPLACE INTO trees VALUES (?,?)", (tree, newest[0]))
            old = "SELECT tree FROM trees ORDER BY used DESC LIMIT -1 OFFSET ?"
            self._store.write(f"DELETE FROM trials WHERE tree IN ({old})", (_TREES,))  # noqa: S608 - no foreign text
            self._store.write(f"DELETE FROM foreseen WHERE tree IN ({old})", (_TREES,))  # noqa: S608 - no foreign text
            self._store.write(f"DELETE FROM trees WHERE tree IN ({old})", (_TREES,))  # noqa: S608 - no foreign text


def _written(tried: Tried) -> str:
    return json.dumps([[each.path, each.kind.value] for each in tried.conflicts])


def _read(outcome: str, conflicts: str) -> Tried:
    return Tried(Applies(outcome), tuple(Conflict(path, ConflictKind(kind)) for path, kind in json.loads(conflicts)))
