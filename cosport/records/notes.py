"""Keeps records in git notes, on `refs/notes/cosport`: read, added to, and shared with a remote.

One `git fast-import` writes the records of any number of commits: it keeps the fan-out of the notes' tree (as
git-notes(1) describes it) and moves the ref only forward. So a writer that was overtaken sees its update refused, and
adds its records again to what is there then: nobody's records are lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cosport.errors import GitError, RefMovedError
from cosport.git import identity, refs
from cosport.model.commit import Sha, is_full_sha
from cosport.records import record as lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from cosport.git.identity import Identity
    from cosport.git.objects import ObjectReader
    from cosport.git.repository import Repository
    from cosport.records.record import Record

REF: Final = "refs/notes/cosport"

THEIRS: Final = "refs/cosport/notes"
"""Where the notes of a remote stand between fetching and uniting them with ours, by the remote's name."""

_TRIES: Final = 16
"""How often records are added anew because somebody else moved the ref in between."""


def read(reader: ObjectReader, commit: Sha) -> tuple[Record, ...]:
    """The records of one commit, oldest first."""
    tip = _tip(reader)
    return lines.parse(_held(reader, tip, [commit]).get(commit, b""))


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
    """Fetch a remote's records and unite them with ours; how many commits' notes changed here.

    Raises GitError where the remote cannot be reached. A remote without records is no error.
    """
    ref = f"{THEIRS}/{remote}"
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
        overtaken = refs.read(repository, f"{THEIRS}/{remote}") != _remote_tip(repository, remote)
        if not left or not overtaken:
            raise repository.failed(done, args)
    raise AssertionError("the last try returns or raises")


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


def _held(reader: ObjectReader, tip: Sha | None, names: Iterable[Sha]) -> dict[Sha, bytes]:
    """The notes of these commits at `tip`, looked for at each depth of fan-out: quicker than a list of all notes."""
    notes: dict[Sha, bytes] = {}
    for name in names if tip is not None else ():
        for path in (name, f"{name[:2]}/{name[2:]}", f"{name[:2]}/{name[2:4]}/{name[4:]}"):
            if (found := reader.read(f"{tip}:{path}")) is not None and found[1] == "blob":
                notes[name] = found[2]
                break
    return notes


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
        held = _held(reader, tip, names)
        new = {name: note for name, note in change(held).items() if note != held.get(name, b"")}
        if not new and (merged is None or (tip is not None and _leads_to(repository, merged, tip))):
            return 0
        line = (who or identity.committer(repository)).line.encode("utf-8", "surrogateescape")
        stream = [b"commit %b\ncommitter %b\n" % (REF.encode(), line), _data(f"cosport: {why}".encode())]
        stream += [f"{word} {sha}\n".encode() for word, sha in (("from", tip), ("merge", merged)) if sha is not None]
        for name, note in new.items():
            stream += [f"N inline {name}\n".encode(), _data(note)]
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
