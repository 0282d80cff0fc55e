"""The history index: all commits of upstream and the branches, in an SQLite file that is thrown away when in doubt.

Every process that asks opens it with `History.open`, which first brings it up to date: a comparison of ref tips when
nothing is new, one `git log` of the new commits otherwise. Commits that no ref leads to any more stay in it and answer
for no tip.
"""

from __future__ import annotations

import contextlib
import time
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from cosport.errors import CosportError, MissingObjectError, StoreError
from cosport.history.graph import NEVER, Chain, Graph, chain, extend, fork, ranks
from cosport.history.schema import INDEXES, REAL_HISTORY, TABLE_NAMES, TABLES, VERSION, Kind
from cosport.model.commit import Sha, decode
from cosport.store import DamagedError, Store, lock, open_store, sealed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from cosport.compare.patchid import TouchedPaths
    from cosport.git.repository import Repository

_CHAINS: Final = 8
"""Chains kept in memory: four bytes a commit each."""

_KEPT: Final = 32
"""Chains of ref tips kept in the file."""

_NAMES: Final = 65536
"""Object names and entries kept in memory."""

_AT_ONCE: Final = 500
"""Entries read by one query."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the index holds of one commit. Times are seconds since 1970."""

    rank: int
    sha: Sha
    subject: str
    author: str
    authored: int
    committed: int


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a commit's message on another commit: `rank` says `kind` of `named`."""

    rank: int
    kind: Kind
    named: str
    detail: str


class Reach:
    """What one commit (`target`) can reach: the question behind "does the branch hold it?"."""

    __slots__ = ("chain", "position", "target")

    def __init__(self, held: Chain, position: int, target: int) -> None:
        self.chain = held
        self.position = position
        self.target = target

    def holds(self, rank: int) -> bool:
        """Whether the target reaches that commit."""
        return self.chain.entry(rank) <= self.position

    def order(self, rank: int) -> tuple[int, int]:
        """When the commit came to this branch, to compare with others: position on the first-parent line, then rank."""
        return self.chain.entry(rank), rank


class History:
    """The history of one repository. Use it as a context manager, or close it. One thread at a time."""

    def __init__(self, repository: Repository, store: Store) -> None:
        self.repository = repository
        self.store = store
        self.tips: tuple[int, ...] = ()
        self.upstream: int | None = None
        self.refs: dict[str, Sha] = {}
        self._names: dict[Sha, int] = {}
        self._entries: dict[int, Entry] = {}
        self._graph: Graph | None = None
        self._chains: OrderedDict[int, Chain] = OrderedDict()
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
        self.tips = tuple(sorted({self.rank(tip) for tip in wanted}, key=lambda rank: (rank not in heads, -rank)))
        self.upstream = self.rank(upstream) if upstream is not None else None
        if news:
            from cosport.history import ahead

            ahead.work_out(self)

    def _tips(self) -> tuple[Sha, ...]:
        """What the refs lead to, which is read into `refs`; a history opened for given tips leaves that empty.

        To follow the tags takes git longer than the rest: where they lead is kept for as long as no ref changes.
        """
        listed = list_refs(self.repository, "%(objectname) %(refname)")
        row = self.store.one("SELECT value FROM meta WHERE key='refs'")
        before, _, peeled = row[0].partition(b"\0") if row is not None else (b"", b"", b"")
        if row is None or before != listed:
            peeled = _peel(self.repository)
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
        self._graph = None
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
        self._graph = None

    def _missing(self, shas: Iterable[Sha]) -> list[Sha]:
        return [sha for sha in dict.fromkeys(shas) if self.find(sha) is None]

    def count(self) -> int:
        """How many commits are indexed."""
        row = self.store.one("SELECT count(*) FROM commits")
        assert row is not None
        return int(row[0])

    # --- single commits

    def find(self, sha: Sha) -> int | None:
        """The rank of a commit, or None where it is not indexed."""
        rank = self._names.get(sha)
        if rank is None:
            row = self.store.one("SELECT rank FROM commits WHERE sha=?", (bytes.fromhex(sha),))
            if row is None:
                return None
            if len(self._names) >= _NAMES:
                self._names.clear()
            rank = self._names[sha] = int(row[0])
        return rank

    def rank(self, sha: Sha) -> int:
        """The rank of a commit, indexing it first where needed. Raises MissingObjectError where there is none."""
        rank = self.find(sha)
        if rank is None:
            self.ensure((sha,))
            rank = self.find(sha)
            assert rank is not None
        return rank

    def entry(self, rank: int) -> Entry:
        """What the index holds of the commit of that rank."""
        found = self._entries.get(rank)
        if found is None:
            row = self.store.one("SELECT sha, subject, author, authored, committed FROM commits WHERE rank=?", (rank,))
            assert row is not None
            found = self._remember(rank, row)
        return found

    def _remember(self, rank: int, row: Sequence[Any]) -> Entry:
        if len(self._entries) >= _NAMES:
            self._entries.clear()
        sha, subject, author, authored, committed = row
        found = Entry(rank, Sha(sha.hex()), decode(subject, None), decode(author, None), authored, committed)
        self._entries[rank] = found
        return found

    def load(self, wanted: Iterable[int]) -> None:
        """Read many entries at once, for `entry` to find: one by one takes five times as long."""
        todo = [rank for rank in wanted if rank not in self._entries]
        for first in range(0, min(len(todo), _NAMES // 2), _AT_ONCE):
            some = todo[first : first + _AT_ONCE]
            marks = ",".join("?" * len(some))
            sql = f"SELECT rank, sha, subject, author, authored, committed FROM commits WHERE rank IN ({marks})"  # noqa: S608 - marks alone
            for rank, *row in self.store.rows(sql, some):
                self._remember(rank, row)

    def starting(self, prefix: str) -> list[int]:
        """The ranks of all commits whose names start with `prefix` (hex, lower case)."""
        size = self.repository.hash_length
        if len(prefix) == size:
            rank = self.find(Sha(prefix))
            return [] if rank is None else [rank]
        low, high = bytes.fromhex(prefix.ljust(size, "0")[:size]), bytes.fromhex(prefix.ljust(size, "f")[:size])
        return [row[0] for row in self.store.rows("SELECT rank FROM commits WHERE sha BETWEEN ? AND ?", (low, high))]

    def with_subject(self, text: str) -> list[int]:
        """The ranks of all commits of exactly that subject, oldest first."""
        wanted = text.encode("utf-8", "surrogateescape")
        rows = self.store.rows(
            "SELECT rank, subject FROM commits WHERE subject_key=? ORDER BY rank", (zlib.crc32(wanted),)
        )
        return [rank for rank, subject in rows if subject == wanted]

    def said_by(self, rank: int) -> tuple[Statement, ...]:
        """All statements of one commit, in their order."""
        rows = self.store.rows("SELECT kind, named, detail FROM statements WHERE rank=? ORDER BY number", (rank,))
        return tuple(Statement(rank, Kind(kind), _text(named), _text(detail)) for kind, named, detail in rows)

    def naming(self, kind: Kind, sha: Sha) -> list[Statement]:
        """All statements of a kind whose sha, abbreviated or not, is the beginning of `sha`; lowest rank first."""
        low, high = sha[:7].encode(), sha[:6].encode() + bytes([ord(sha[6]) + 1])
        rows = self.store.rows(
            "SELECT rank, named, detail FROM statements WHERE named >= ? AND named < ? AND kind = ? AND kind < 8",
            (low, high, int(kind)),
        )
        found = [Statement(rank, kind, _text(named), _text(detail)) for rank, named, detail in rows]
        return sorted((each for each in found if sha.startswith(each.named)), key=lambda each: each.rank)

    def saying(self, kind: Kind, text: str) -> list[Statement]:
        """All statements of a kind that name exactly `text`: a Change-Id, a reverted subject."""
        rows = self.store.rows(
            "SELECT rank, detail FROM statements WHERE named = ? AND kind = ? AND kind < 8 ORDER BY rank",
            (text.encode("utf-8", "surrogateescape"), int(kind)),
        )
        return [Statement(rank, kind, text, _text(detail)) for rank, detail in rows]

    def fixing_subject(self, subject: str) -> list[Statement]:
        """All `Fixes:` tags that quote exactly this subject."""
        rows = self.store.rows(
            "SELECT rank, named, detail FROM statements WHERE detail = ? AND kind = 2 ORDER BY rank",
            (subject.encode("utf-8", "surrogateescape"),),
        )
        return [Statement(rank, Kind.FIXES, _text(named), _text(detail)) for rank, named, detail in rows]

    # --- ancestry

    @property
    def graph(self) -> Graph:
        """Everybody's parents; read from the file when first asked for."""
        if self._graph is None:
            graph = Graph()
            for parents, merges in self.store.rows("SELECT parents, merges FROM segments ORDER BY first"):
                graph.append(self.store.unsealed(parents), self.store.unsealed(merges))
            self._graph = graph
        return self._graph

    def contains(self, commit: Sha, target: Sha) -> bool:
        """Whether `target` is `commit` or a descendant of it, as `git merge-base --is-ancestor` says."""
        return self.reach(target).holds(self.rank(commit))

    def reach(self, target: Sha) -> Reach:
        """What `target` reaches. The first question on a line of history costs a pass over it, later ones nothing."""
        rank = self.rank(target)
        for tip, held in self._chains.items():
            position = held.position(rank)
            if position >= 0:
                self._chains.move_to_end(tip)
                return Reach(held, position, rank)
        held = self._chain(rank)
        self._chains[held.tip] = held
        if len(self._chains) > _CHAINS:
            self._chains.popitem(last=False)
        return Reach(held, held.position(rank), rank)

    def _chain(self, rank: int) -> Chain:
        """A chain that `rank` stands on: from the file, an older one made longer, or a new one, best of a ref's tip."""
        if (stored := self._stored(rank)) is not None:
            return stored
        graph = self.graph
        tip = self._tip_above(rank)
        if tip != rank and (stored := self._stored(tip)) is not None:
            return stored
        for older in sorted((each for each in self._chains if each < tip), reverse=True):
            if extend(graph, self._chains[older], tip):
                held = self._chains.pop(older)
                break
        else:
            held = self._longer(tip) or fork(graph, tuple(self._chains.values()), tip) or chain(graph, tip)
        if tip in self.tips:
            self._keep(held)
        return held

    def _tip_above(self, rank: int) -> int:
        first = self.graph.first
        for tip in self.tips[:_KEPT]:
            at = tip
            while at > rank:
                at = first[at]
            if at == rank:
                return tip
        return rank

    def _longer(self, tip: int) -> Chain | None:
        """The chain of an older tip in the file, made longer to `tip`: a branch that moved on since."""
        older = {row[0] for row in self.store.rows("SELECT tip FROM chains WHERE tip < ?", (tip,))}
        at = tip
        while older and at >= min(older):
            if at in older:
                held = self._stored(at)
                return held if held is not None and extend(self.graph, held, tip) else None
            at = self.graph.first[at]
        return None

    def _stored(self, tip: int) -> Chain | None:
        row = self.store.one("SELECT chain, entries FROM chains WHERE tip=?", (tip,))
        if row is None:
            return None
        line, entries = ranks(), ranks()
        line.frombytes(self.store.unsealed(row[0]))
        entries.frombytes(self.store.unsealed(row[1]))
        return Chain(line, entries)

    def _keep(self, held: Chain) -> None:
        with self.store.transaction():
            self.store.write(
                "INSERT OR REPLACE INTO chains VALUES (?,?,?,?)",
                (held.tip, int(time.time()), sealed(held.line.tobytes()), sealed(held.entries.tobytes())),
            )
            self.store.write(
                "DELETE FROM chains WHERE tip NOT IN (SELECT tip FROM chains ORDER BY used DESC, tip DESC LIMIT ?)",
                (_KEPT,),
            )

    @property
    def touched(self) -> TouchedPaths:
        """The process that tells which paths commits touch."""
        if self._touched is None:
            from cosport.compare.patchid import TouchedPaths

            self._touched = TouchedPaths(self.repository.with_environment(REAL_HISTORY))
        return self._touched


_OPEN_PICKS: Final = b"refs/heads/backport/"
"""Where cosport.backport puts picks."""


def list_refs(repository: Repository, form: str) -> bytes:
    """The branches, remote branches and tags, one a line, in a format of git-for-each-ref(1) that ends with %(refname).

    Picks that are not landed yet are no history: without them, one backport does not make the next one index its picks.
    """
    listed = repository.run("for-each-ref", f"--format={form}", "refs/heads", "refs/remotes", "refs/tags")
    return b"".join(line for line in listed.splitlines(keepends=True) if _OPEN_PICKS not in line)


def _peel(repository: Repository) -> bytes:
    """The commit that each ref leads to and its full name, one ref a line; refs to other objects are left out."""
    names = list_refs(repository, "%(refname)").splitlines()
    asked = b"".join(name + b"^{commit}\n" for name in names)
    told = repository.run("cat-file", "--batch-check=%(objectname)", stdin=asked).splitlines()
    # What leads to no commit is answered by its name, a space and a word.
    return b"".join(sha + b" " + name + b"\n" for sha, name in zip(told, names, strict=True) if b" " not in sha)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


__all__ = ["NEVER", "Entry", "History", "Reach", "Statement"]
