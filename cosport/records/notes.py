"""Keeps records in git notes, on `refs/notes/cosport`: read, added to, and shared with a remote.

One `git fast-import` writes the records of any number of commits, and moves the ref only forward. So a writer that was
overtaken sees its update refused, and adds its records again to what is there then: nobody's records are lost. Notes
are written as files of the notes' tree and not by fast-import's `N`, which refuses notes of commits that are not here:
those of another person's picks mostly are not.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from cosport.config import is_refname
from cosport.errors import GitError, RefMovedError
from cosport.git import identity, refs, trees
from cosport.model.commit import Sha, is_full_sha
from cosport.records import record as lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from cosport.git.identity import Identity
    from cosport.git.objects import ObjectReader
    from cosport.git.repository import Repository
    from cosport.records.record import Record

REF: Final = "refs/notes/cosport"

THEIRS: Final = "refs/cosport/notes"
"""Where the notes of a remote stand between fetching and uniting them with ours, by the remote's name."""

_TRIES: Final = 16
"""How often records are added anew because somebody else moved the ref in between."""

_FULL: Final = 256
"""Notes that a folder of the notes' tree takes; what comes later goes into folders below it, by two more digits."""


def read(reader: ObjectReader, commit: Sha) -> tuple[Record, ...]:
    """The records of one commit, oldest first."""
    found = _found(reader, _tip(reader), commit)
    return lines.parse(found[1]) if found is not None else ()


def read_all(reader: ObjectReader) -> dict[Sha, tuple[Record, ...]]:
    """The records of all commits that have any."""
    tip = _tip(reader)
    return {} if tip is None else {name: lines.parse(note) for name, note in _all(reader, tip).items()}


def append(reader: ObjectReader, new: Mapping[Sha, Iterable[Record]], who: Identity | None = None) -> None:
    """Add records to their commits' notes; one that says again what the newest of its kind says is left out.

    `who` is the user, where the caller has asked git already.

    Raises UsageError where git does not know who the user is, RefMovedError where others write without a pause.
    """
    wanted = {name: tuple(records) for name, records in new.items()}

    def change(held: dict[Sha, bytes]) -> dict[Sha, bytes]:
        return {name: lines.added(held.get(name, b""), records) for name, records in wanted.items()}

    _write(reader, change, [name for name, records in wanted.items() if records], why="records", who=who)


def unite(reader: ObjectReader, other: str) -> int:
    """Take over the records on the ref `other` (another person's, fetched); how many commits' notes changed.

    Raises RefMovedError where somebody else writes records at this moment.
    """
    repository = reader.repository
    theirs, ours = refs.read(repository, other), _tip(reader)
    if theirs is None or theirs == ours:
        return 0
    new, held = _all(reader, theirs), _all(reader, ours) if ours is not None else {}
    if ours is None or _leads_to(repository, ours, theirs):  # all that we know they know too
        refs.update(repository, REF, theirs, ours, why=f"records of {other}")
        return sum(held.get(name) != note for name, note in new.items())

    def change(held: dict[Sha, bytes]) -> dict[Sha, bytes]:
        return {name: lines.united(held.get(name, b""), note) for name, note in new.items()}

    return _write(reader, change, list(new), why=f"records of {other}", merged=theirs)


def fetch(reader: ObjectReader, remote: str) -> int:
    """Fetch a remote's records (by its name or address) and unite them with ours; how many commits' notes changed.

    Raises GitError where the remote cannot be reached. A remote without records is no error.
    """
    ref = _fetched(remote)
    repository = reader.repository
    if _remote_tip(repository, remote) is None:
        return 0
    options = ("--quiet", "--no-tags", "--no-write-fetch-head")
    repository.run(*_at_top(repository), "fetch", *options, "--", remote, f"+{REF}:{ref}")
    return unite(reader, ref)


def push(reader: ObjectReader, remote: str) -> int:
    """Give our records to a remote, after those that others gave it meanwhile; how many commits' notes those changed.

    Raises GitError where the remote cannot be reached or refuses.
    """
    repository = reader.repository
    taken = 0
    for left in range(_TRIES - 1, -1, -1):
        taken += fetch(reader, remote)
        if _tip(reader) is None:
            return taken
        args = (*_at_top(repository), "push", "--quiet", "--no-verify", "--", remote, f"{REF}:{REF}")
        done = repository.attempt(*args)
        if done.status == 0:
            return taken
        overtaken = refs.read(repository, _fetched(remote)) != _remote_tip(repository, remote)
        if not left or not overtaken:
            raise repository.failed(done, args)
    raise AssertionError("the last try returns or raises")


def _fetched(remote: str) -> str:
    """The ref that takes a remote's notes; an address, which is no part of a ref's name, is told by its hash."""
    ref = f"{THEIRS}/{remote}"
    if is_refname(ref):
        return ref
    return f"{THEIRS}/{hashlib.sha256(remote.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}"


def _remote_tip(repository: Repository, remote: str) -> Sha | None:
    try:
        listed = repository.text(*_at_top(repository), "ls-remote", "--", remote, REF).split()
    except GitError as exc:
        exc.hint = "see which remotes there are (git remote -v), and name the one that the team shares"
        raise
    return Sha(listed[0]) if listed else None


def _at_top(repository: Repository) -> tuple[str, str]:
    """Options that run git where a remote's relative path counts from: the top of the main work tree."""
    common = repository.common_dir
    return "-C", str(common.parent if common.name == ".git" else common)


def _tip(reader: ObjectReader) -> Sha | None:
    found = reader.read(REF)
    return found[0] if found is not None else None


def _paths(name: Sha) -> Iterator[str]:
    """Where the note of a commit can stand in the notes' tree (git-notes(1)), the highest folder first."""
    yield name
    yield f"{name[:2]}/{name[2:]}"
    yield f"{name[:2]}/{name[2:4]}/{name[4:]}"


def _found(reader: ObjectReader, tip: Sha | None, name: Sha) -> tuple[str, bytes] | None:
    """Path and contents of a commit's note at `tip`, looked for at each depth: quicker than a list of all notes."""
    for path in _paths(name) if tip is not None else ():
        if (found := reader.read(f"{tip}:{path}")) is not None and found[1] == "blob":
            return path, found[2]
    return None


class _Places:
    """Paths for notes that are new at `tip`."""

    def __init__(self, reader: ObjectReader, tip: Sha | None) -> None:
        self._reader = reader
        self._tip = tip
        self._counts: dict[str, int] = {}

    def take(self, name: Sha) -> str:
        """The path for one more note: in the highest folder on its way that is not full."""
        *higher, deepest = _paths(name)
        for path in higher:
            folder = path.rpartition("/")[0]
            count = self._counts[folder] if folder in self._counts else self._count(folder)
            self._counts[folder] = count + 1
            if count < _FULL:
                return path
        return deepest

    def _count(self, folder: str) -> int:
        found = self._reader.read(f"{self._tip}:{folder}") if self._tip is not None else None
        if found is None or found[1] != "tree":
            return 0
        entries = trees.parsed(found[2], self._reader.repository.hash_length)
        return sum(mode != b"40000" for mode, _, _ in entries)


def _all(reader: ObjectReader, tip: Sha) -> dict[Sha, bytes]:
    """All notes at `tip`, by the commit that they belong to."""
    blobs: dict[Sha, Sha] = {}
    for entry in reader.repository.run("ls-tree", "-r", "-z", "--full-tree", tip).split(b"\0")[:-1]:
        head, _, path = entry.partition(b"\t")
        name = path.replace(b"/", b"").decode("ascii", "replace")
        if is_full_sha(name):  # anything else is nobody's note
            blobs[Sha(name)] = Sha(head.split()[2].decode("ascii"))
    return {name: reader.blob(blob) for name, blob in blobs.items()}


def _write(
    reader: ObjectReader,
    change: Callable[[dict[Sha, bytes]], dict[Sha, bytes]],
    names: Sequence[Sha],
    *,
    why: str,
    merged: Sha | None = None,
    who: Identity | None = None,
) -> int:
    """Set the notes that `change` makes of those held (of the commits `names`), as one commit; how many changed.

    `merged` is the other parent, where another line of notes is taken in.
    """
    repository = reader.repository
    for _ in range(_TRIES):
        tip = _tip(reader)
        standing = {name: found for name in names if (found := _found(reader, tip, name)) is not None}
        held = {name: note for name, (_, note) in standing.items()}
        new = {name: note for name, note in change(held).items() if note != held.get(name, b"")}
        if not new and (merged is None or (tip is not None and _leads_to(repository, merged, tip))):
            return 0
        line = (who or identity.committer(repository)).line.encode("utf-8", "surrogateescape")
        stream = [b"commit %b\ncommitter %b\n" % (REF.encode(), line), _data(f"cosport: {why}".encode())]
        stream += [f"{word} {sha}\n".encode() for word, sha in (("from", tip), ("merge", merged)) if sha is not None]
        places = _Places(reader, tip)
        for name, note in new.items():
            path = standing[name][0] if name in standing else places.take(name)
            stream += [f"M 100644 inline {path}\n".encode(), _data(note)]
        args = ("fast-import", "--quiet", "--date-format=raw", "--done")
        done = repository.attempt(*args, stdin=b"".join((*stream, b"done\n")))
        if done.status == 0:
            return len(new)
        if _tip(reader) == tip:  # not overtaken: it failed
            raise repository.failed(done, args)
    raise RefMovedError(
        f"{REF} moved {_TRIES} times while records were added", hint="run the same command again: nothing is lost"
    )


def _leads_to(repository: Repository, old: Sha, new: Sha) -> bool:
    return repository.attempt("merge-base", "--is-ancestor", old, new).status == 0


def _data(data: bytes) -> bytes:
    return b"data %d\n%b\n" % (len(data), data)
