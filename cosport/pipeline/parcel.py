"""What travels between home and a worker: commits as git bundles, the files of a job as a tar archive.

A bundle holds what the other side lacks, as told by the other side. On a worker its commits stay in a repository that
all jobs there share, each under its own name, so each is sent once.
"""

from __future__ import annotations

import io
import os
import shutil
import tarfile
import tempfile
import zlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from cosport.errors import DiskError, GitError, ToolError
from cosport.git import refs
from cosport.git.objects import ObjectReader
from cosport.git.repository import Repository
from cosport.model.commit import Sha, is_full_sha
from cosport.pipeline.order import NewRef
from cosport.pipeline.perform import PID
from cosport.records import notes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cosport.pipeline.order import Answer, Tip

LARGEST: Final = 1 << 30
"""Bytes of one parcel: it goes through memory on its way."""

PICKS: Final = "refs/heads/backport/"
"""Where picks stand: the only refs, besides the records, that a worker's answer may move at home."""

HELD: Final = "refs/cosport/held"
"""Where a worker's repository keeps the commits that it was sent, by their names."""


def bundle(repository: Repository, tips: Sequence[str], has: Sequence[str]) -> bytes:
    """A bundle with all that leads to `tips`, less what `has` leads to; b"" where that is nothing.

    Raises ToolError where it is too large to send, GitError where git fails.
    """
    names = sorted(set(tips))
    with tempfile.TemporaryDirectory(prefix="cosport-bundle-") as scratch:
        # git names only refs in a bundle; ours stand in a repository of a moment, and the user's gets none.
        other = Repository.make(Path(scratch) / "git", repository.hash_name, borrow=repository.common_dir / "objects")
        wanted = [f"{HELD}/{tip}" for tip in names]
        set_refs(other, [(ref, tip) for ref, tip in zip(wanted, names, strict=True)])
        basis = [f"^{each}" for each in has if repository.attempt("cat-file", "-e", f"{each}^{{commit}}").status == 0]
        lacking = [ref for ref in wanted if other.run("rev-list", "-n", "1", ref, *basis, "--").strip()]
        if not lacking:
            return b""
        file = Path(scratch) / "parcel.bundle"
        other.run("bundle", "create", "--quiet", str(file), *lacking, *basis)
        return _checked(file)


def open_bundle(repository: Repository, data: bytes) -> None:
    """Take the commits of a bundle into a repository, which gets no ref by it. Raises GitError."""
    with tempfile.TemporaryDirectory(prefix="cosport-bundle-") as scratch:
        file = Path(scratch) / "parcel.bundle"
        file.write_bytes(data)
        repository.run("bundle", "unbundle", str(file))


def hold(repository: Repository, tips: Iterable[str]) -> None:
    """Keep these commits in a worker's repository.

    Others may do the same at the same time, or have died at it: only what is not there yet is written.
    """
    if new := sorted(set(tips) - set(held(repository))):
        try:
            set_refs(repository, [(f"{HELD}/{tip}", tip) for tip in new])
        except GitError:  # somebody else holds their locks, for the same reason
            if not set(new) <= set(held(repository)):
                raise


def held(repository: Repository) -> tuple[str, ...]:
    """The commits that a worker's repository keeps."""
    listed = repository.text("for-each-ref", "--format=%(objectname)", HELD).split()
    return tuple(dict.fromkeys(listed))


def set_refs(repository: Repository, wanted: Iterable[tuple[str, str]]) -> None:
    """Point refs of a repository of cosport's own to these commits, whatever they were."""
    lines = "".join(f"update {ref} {sha}\n" for ref, sha in wanted)
    repository.run("update-ref", "--stdin", stdin=lines.encode())


def new_refs(repository: Repository, given: Sequence[Tip]) -> tuple[NewRef, ...]:
    """The picks and records that a job wrote in its repository, with the reason that the reflog states."""
    before = {tip.ref: tip.sha for tip in given}
    found = []
    for line in repository.text("for-each-ref", "--format=%(objectname) %(refname)", PICKS, notes.REF).splitlines():
        sha, ref = line.split(" ", 1)
        if before.get(ref) != sha:
            done = repository.attempt("reflog", "show", "-n", "1", "--format=%gs", ref, "--")
            why = done.stdout.decode("utf-8", "replace").strip().removeprefix(refs.MARK).strip()
            found.append(NewRef(ref, before.get(ref, ""), sha, why or "a job"))
    return tuple(found)


def take_refs(repository: Repository, answer: Answer) -> str:
    """Take over the commits and refs that a worker's answer brings; what was done, as a sentence.

    Each ref moves only from the value that the job had seen. Raises RefMovedError, GitError, ToolError for other refs.
    """
    for each in answer.refs:
        if not (each.ref.startswith(PICKS) or each.ref == notes.REF) or not is_full_sha(each.new):
            raise ToolError(f"a worker sent {each.ref!r}, which is no pick's ref")
    if answer.bundle:
        open_bundle(repository, answer.bundle)
    for each in answer.refs:
        if each.ref == notes.REF:
            _unite(repository, Sha(each.new))
        elif refs.read(repository, each.ref) != each.new:
            refs.update(repository, each.ref, Sha(each.new), Sha(each.old) if each.old else None, why=each.why)
    return "wrote " + ", ".join(each.ref.removeprefix("refs/heads/") for each in answer.refs)


def _unite(repository: Repository, theirs: Sha) -> None:
    """Add the records that a worker made to ours."""
    ref = f"{notes.THEIRS}/worker"
    refs.update(repository, ref, theirs, refs.read(repository, ref), why="records of a worker")
    with ObjectReader(repository) as reader:
        notes.unite(reader, ref)


def pack(folder: Path) -> bytes:
    """The files in a folder as a tar archive, without links. Raises ToolError where they are too large to send."""
    total = sum(file.lstat().st_size for file in folder.rglob("*"))
    if total > LARGEST:
        raise ToolError(
            f"its files take {total >> 20} MiB; a worker sends at most {LARGEST >> 20}",
            hint="let the job remove what nobody needs",
        )
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz", compresslevel=1) as tar:
        tar.add(folder, arcname=".", filter=lambda member: member if _travels(member) else None)
    return data.getvalue()


def _travels(member: tarfile.TarInfo) -> bool:
    """Links, sockets and the like mean nothing in another place."""
    return (member.isdir() or member.isreg()) and member.name != f"./{PID}"


def unpack(data: bytes, folder: Path) -> None:
    """Lay the files of an archive down in `folder`; nothing in it leads elsewhere.

    Files and folders only, each within `folder`: a link could lead the next file out of it. (tarfile's own filter would
    do, but Debian 12's Python 3.11.2 has none yet.) Raises DiskError; ToolError for anything else in the archive.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
            for member in tar:
                name = PurePosixPath(member.name)
                if name.is_absolute() or ".." in name.parts or not (member.isdir() or member.isreg()):
                    raise ToolError(f"a worker sent {member.name!r}, which is no file of its job's folder")
                target = folder / name
                if member.isdir():
                    target.mkdir(parents=True, exist_ok=True)
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                content = tar.extractfile(member)
                assert content is not None  # isreg
                with content, target.open("wb") as file:
                    shutil.copyfileobj(content, file)
    except (tarfile.TarError, zlib.error, EOFError, OSError) as exc:
        raise DiskError(f"{folder}: the files of a job cannot be laid down: {exc}") from exc


def _checked(file: Path) -> bytes:
    size = os.stat(file).st_size  # noqa: PTH116
    if size > LARGEST:
        raise ToolError(
            f"the worker lacks {size >> 20} MiB of history; at most {LARGEST >> 20} are sent",
            hint="give it a clone to borrow from: cosport pipeline worker --repo CLONE",
        )
    return file.read_bytes()
