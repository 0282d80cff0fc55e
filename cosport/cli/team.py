"""The files that a team keeps beside its configuration: decisions, severities. Where they lie, and how they change.

With a configuration on the shared ref they lie there too, and each change is a commit made by plumbing: no work tree is
involved, and a change that somebody else made meanwhile is never lost. With a configuration in a file they lie in its
folder; without any, in cosport's own.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from cosport import config, files
from cosport.errors import DiskError, RefMovedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cosport.cli.session import Session
    from cosport.git.objects import ObjectReader
    from cosport.git.repository import Repository
    from cosport.history.declined import Decline

_TRIES: Final = 8
"""How often a change is made anew because somebody else changed the shared ref in between."""


def read(session: Session, reader: ObjectReader, name: str) -> Iterator[tuple[bytes, str]]:
    """The contents of that file wherever it counts, and what to call it: the shared one, then the own one."""
    shared = reader.read(f"{config.SHARED_REF}:{name}")
    if shared is not None and shared[1] == "blob":
        yield shared[2], f"{config.SHARED_REF}:{name}"
    folder = _folder(session)
    if folder is not None:
        data = _contents(folder / name)
        if data is not None:
            yield data, str(folder / name)


def declines(session: Session, reader: ObjectReader) -> tuple[Decline, ...]:
    """All decisions in force for the repository's team and its user. Raises ConfigError where a file is wrong."""
    found: list[Decline] = []
    for data, source in read(session, reader, config.DECLINES):
        from cosport.history.declined import parse  # only where there is such a file: it brings TOML

        found += parse(data, source)
    return tuple(found)


def change(session: Session, name: str, edit: Callable[[bytes | None], bytes], *, why: str) -> str:
    """Change that file where the configuration is, and tell its place; `edit` gets None where there is none yet.

    Raises what `edit` does, DiskError, RefMovedError where others change the shared ref again and again.
    """
    from cosport.store import lock

    folder = _folder(session)
    if folder is None:
        return commit(session.repository, name, edit, why=why)
    state = session.repository.state_dir
    try:
        state.mkdir(parents=True, exist_ok=True)
        with lock(state / "team.lock"):
            files.replace((folder / name).resolve(), edit(_contents(folder / name)))
    except OSError as exc:
        raise DiskError(f"{folder / name}: {exc.strerror}", hint="make the folder writable") from exc
    return str(folder / name)


def commit(repository: Repository, name: str, edit: Callable[[bytes | None], bytes], *, why: str) -> str:
    """Commit a change of that file to the shared ref, beside what is there; the place. `why` is the commit's subject.

    Raises what `edit` does, UsageError where git does not know who the user is, RefMovedError as `change`.
    """
    from cosport.git import identity, refs
    from cosport.model.commit import sha

    identity.committer(repository)
    for left in range(_TRIES - 1, -1, -1):
        old = refs.read(repository, config.SHARED_REF)
        entries = repository.run("ls-tree", "-z", old).split(b"\0")[:-1] if old else []
        kept = [entry for entry in entries if entry.partition(b"\t")[2] != name.encode()]
        before = repository.run("cat-file", "blob", f"{old}:{name}") if len(kept) < len(entries) else None
        blob = repository.text("hash-object", "-w", "--stdin", stdin=edit(before))
        entry = f"100644 blob {blob}\t{name}".encode()
        tree = repository.text("mktree", "-z", stdin=b"".join(each + b"\0" for each in (*kept, entry)))
        parents = ["-p", old] if old else []
        message = why.encode("utf-8", "surrogateescape") + b"\n"
        new = repository.text("commit-tree", tree, *parents, stdin=message)
        try:
            refs.update(repository, config.SHARED_REF, sha(new), old, why=why.splitlines()[0])
        except RefMovedError:
            if not left:
                raise
        else:
            break
    return f"{config.SHARED_REF}:{name}"


def _folder(session: Session) -> Path | None:
    """The folder of the configuration in force; None where that is on the shared ref."""
    source = session.config.source
    if source.startswith(f"{config.SHARED_REF}:"):
        return None
    file = Path(source)
    return file.absolute().parent if file.is_file() else session.repository.state_dir


def _contents(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise DiskError(f"{file}: {exc.strerror}") from exc
