"""Keeps records in git notes, on `refs/notes/cosport`: read, added to, and shared with a remote.

One `git fast-import` writes the records of any number of commits: it keeps the fan-out of the notes' tree (as
git-notes(1) describes it) and moves the ref only forward. So a writer that was overtaken sees its update refused, and
adds its records again to what is there then: nobody's records are lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cosport.errors import RefMovedError
from cosport.git import identity, refs
from cosport.model.commit import Sha, is_full_sha
from cosport.records import record as lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from cosport.git.repository import Repository
    from cosport.records.record import Record

REF: Final = "refs/notes/cosport"

THEIRS: Final = "refs/cosport/notes"
"""Where the notes of a remote stand between fetching and uniting them with ours, by the remote's name."""

_TRIES: Final = 16
"""How often records are added anew because somebody else moved the ref in between."""


def read(repository: Repository, commit: Sha) -> tuple[Record, ...]:
    """The records of one commit, oldest first."""
    done = repository.attempt("notes", f"--ref={REF}", "show", commit)
    return lines.parse(done.stdout) if done.status == 0 else ()


def read_all(repository: Repository) -> dict[Sha, tuple[Record, ...]]:
    """The records of all commits that have any."""
    tip = refs.read(repository, REF)
    return {} if tip is None else {name: lines.parse(note) for name, note in _notes(repository, tip).items()}


def append(repository: Repository, new: Mapping[Sha, Iterable[Record]]) -> None:
    """Add records to their commits' notes; one that says again what the newest of its kind says is left out.

    Raises UsageError where git does not know who the user is, RefMovedError where others write without a pause.
    """
    wanted = {name: tuple(records) for name, records in new.items()}
    wanted = {name: records for name, records in wanted.items() if records}

    def change(held: dict[Sha, bytes]) -> dict[Sha, bytes]:
        return {name: lines.added(held.get(name, b""), records) for name, records in wanted.items()}

    if wanted:
        _write(repository, change, wanted, why=f"cosport: {_several(len(wanted))}")


def unite(repository: Repository, other: str) -> int:
    """Take over the records on the ref `other` (another person's, fetched); how many commits' notes changed.

    Raises RefMovedError where somebody else writes records at this moment.
    """
    tip = refs.read(repository, other)
    if tip is None:
        return 0
    theirs = _notes(repository, tip)
    ours = refs.read(repository, REF)
    if ours is None or (ours != tip and _holds(repository, tip, ours)):  # all that we know they know too
        held = _notes(repository, ours) if ours is not None else {}
        refs.update(repository, REF, tip, ours, why=f"records of {other}")
        return sum(held.get(name) != note for name, note in theirs.items())

    def change(held: dict[Sha, bytes]) -> dict[Sha, bytes]:
        return {name: lines.united(held.get(name, b""), note) for name, note in theirs.items()}

    return _write(repository, change, theirs, why=f"cosport: records of {other}", merged=tip)


def fetch(repository: Repository, remote: str) -> int:
    """Fetch a remote's records and unite them with ours; how many commits' notes changed here.

    Raises GitError where the remote cannot be reached. A remote without records is no error.
    """
    ref = f"{THEIRS}/{remote}"
    listed = repository.text("ls-remote", "--", remote, REF)
    if not listed:
        return 0
    repository.run("fetch", "--no-tags", "--no-write-fetch-head", "--", remote, f"+{REF}:{ref}")
    return unite(repository, ref)


def push(repository: Repository, remote: str) -> None:
    """Give our records to a remote, after those that others gave it meanwhile. Raises GitError where it refuses."""
    for left in range(_TRIES - 1, -1, -1):
        fetch(repository, remote)
        if refs.read(repository, REF) is None:
            return
        args = ("push", "--quiet", "--no-verify", "--", remote, f"{REF}:{REF}")
        done = repository.attempt(*args)
        if done.status == 0:
            return
        if not left or refs.read(repository, f"{THEIRS}/{remote}") == _remote_tip(repository, remote):
            raise repository.failed(done, args)


def _remote_tip(repository: Repository, remote: str) -> Sha | None:
    listed = repository.text("ls-remote", "--", remote, REF).split()
    return Sha(listed[0]) if listed else None


def _notes(repository: Repository, tip: Sha, only: Iterable[Sha] | None = None) -> dict[Sha, bytes]:
    """The notes at `tip`, by the commit that they belong to; `only` those of these commits."""
    blobs: dict[Sha, str] = {}
    wanted = None if only is None else set(only)
    for entry in repository.run("ls-tree", "-r", "-z", "--full-tree", tip).split(b"\0")[:-1]:
        head, _, path = entry.partition(b"\t")
        name = path.replace(b"/", b"").decode("ascii", "replace")
        if is_full_sha(name) and (wanted is None or name in wanted):  # anything else is nobody's note
            blobs[Sha(name)] = head.split()[2].decode("ascii")
    if not blobs:
        return {}
    return dict(zip(blobs, _contents(repository, list(blobs.values())), strict=True))


def _contents(repository: Repository, blobs: list[str]) -> list[bytes]:
    found: list[bytes] = []
    with repository.converse("cat-file", "--batch") as git:
        git.write("".join(f"{blob}\n" for blob in blobs).encode("ascii"))
        for _ in blobs:
            size = int(git.line().split()[2])
            found.append(git.exactly(size))
            git.line()
    return found


def _write(
    repository: Repository,
    change: Callable[[dict[Sha, bytes]], dict[Sha, bytes]],
    names: Iterable[Sha],
    *,
    why: str,
    merged: Sha | None = None,
) -> int:
    """Set the notes that `change` makes of those held (of the commits `names`), as one commit; how many changed.

    `merged` is the other parent, where another line of notes was taken in.
    """
    names = tuple(names)
    who = identity.committer(repository).line
    for _ in range(_TRIES):
        tip = refs.read(repository, REF)
        held = _notes(repository, tip, names) if tip is not None else {}
        new = {name: note for name, note in change(held).items() if note != held.get(name)}
        if not new and (merged is None or tip is None or _holds(repository, tip, merged)):
            return 0
        stream = [f"commit {REF}\ncommitter {who}\n".encode("utf-8", "surrogateescape"), _data(why.encode())]
        if tip is not None:
            stream.append(f"from {tip}\n".encode("ascii"))
        if merged is not None and tip is not None:
            stream.append(f"merge {merged}\n".encode("ascii"))
        for name, note in new.items():
            stream += [f"N inline {name}\n".encode("ascii"), _data(note)]
        args = ("fast-import", "--quiet", "--date-format=raw", "--done")
        done = repository.attempt(*args, stdin=b"".join((*stream, b"done\n")))
        if done.status == 0:
            return len(new)
        if refs.read(repository, REF) == tip:  # not overtaken: it failed
            raise repository.failed(done, args)
    raise RefMovedError(
        f"{REF} moved {_TRIES} times while records were added", hint="run the same command again: the picks stand"
    )


def _holds(repository: Repository, tip: Sha, name: Sha) -> bool:
    return repository.attempt("merge-base", "--is-ancestor", name, tip).status == 0


def _data(data: bytes) -> bytes:
    return b"data %d\n%b\n" % (len(data), data)


def _several(count: int) -> str:
    return "record of a commit" if count == 1 else f"records of {count} commits"
