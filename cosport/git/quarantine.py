"""A private object directory for trials: what is made there vanishes with it, unless a pick is accepted.

The idea and the name's form are git's own (tmp-objdir.c: receive-pack's quarantine): objects are written to a folder
that only our processes see, the repository's objects are its alternates, and acceptance moves the files over. A folder
left behind by a killed process is swept away by `git gc`, which removes stale `tmp_*` entries.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import zlib
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cosport.errors import DiskError
from cosport.git import pack, scratch
from cosport.model.commit import Sha

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cosport.git.repository import Repository


class Quarantine:
    """Objects that are not yet part of `home`. `repository` is `home` seen with them.

    That repository has a git directory of its own, with no references, attributes or settings in it: nothing that the
    user keeps in theirs (`info/attributes` and the merge drivers it names among them) changes a trial or is run by one.
    Objects are to be named in full there.
    """

    def __init__(self, home: Repository, folder: Path) -> None:
        self.home = home
        self.folder = folder
        self.trees: dict[Sha, Sha] = {}  # commits made here so far, and their trees
        self._home_objects = home.common_dir / "objects"
        self._objects = folder / "objects"
        self._scaffold = folder / "scaffold"
        _git_directory(home, folder)
        alternates = ":".join(_quoted(str(place)) for place in (self._scaffold, self._home_objects))
        objects = {"GIT_OBJECT_DIRECTORY": str(self._objects), "GIT_ALTERNATE_OBJECT_DIRECTORIES": alternates}
        self.repository = replace(home, git_dir=folder, is_shallow=False).with_environment(objects)

    def name(self, kind: str, data: bytes) -> Sha:
        """The name of an object with these contents."""
        return Sha(pack.digest(self.home.hash_name, _stored(kind, data)).hex())

    def write(self, kind: str, data: bytes) -> Sha:
        """Write one object (`kind`: "blob", "tree" or "commit") as a loose file; its name. Raises DiskError.

        Git's own `hash-object -w` would be a process per object (gitformat-loose: zlib over header and data).
        """
        name = self.name(kind, data)
        path = self._objects / name[:2] / name[2:]
        try:
            path.parent.mkdir(exist_ok=True)
            if not path.exists():
                path.write_bytes(zlib.compress(_stored(kind, data), 1))
                path.chmod(0o444)
        except OSError as exc:
            path.unlink(missing_ok=True)
            raise _refused(self._objects, exc) from exc
        return name

    def tree(self, name: Sha) -> bytes | None:
        """The contents of a tree that lies here as a loose file; None for any other."""
        try:
            stored = zlib.decompress((self._objects / name[:2] / name[2:]).read_bytes())
        except (OSError, zlib.error):
            return None
        head, _, data = stored.partition(b"\0")
        return data if head.startswith(b"tree ") else None

    def write_scaffold(self, commits: Sequence[bytes]) -> list[Sha]:
        """Write commits that git needs to see during a trial, and that are never accepted; their names.

        All go to one pack: on many file systems a new file costs more than the merge it is for. Raises DiskError.
        """
        try:
            return [Sha(name.hex()) for name in pack.write(self._scaffold / "pack", self.home.hash_name, commits)]
        except OSError as exc:
            raise _refused(self._scaffold, exc) from exc

    def accept(self, names: Iterable[Sha]) -> None:
        """Move these objects into the repository, as far as they are here. A ref may point to them only afterwards.

        Objects are named by their contents, so a file that is there already is the same; a kill in between leaves some
        objects that nothing refers to, which `git gc` removes. Packs move too: a partial clone's remote may have given
        one. Raises DiskError if the file system refuses.
        """
        try:
            mode = self._home_objects.stat().st_mode
            for name in names:
                source = self._objects / name[:2] / name[2:]
                target = self._home_objects / name[:2] / name[2:]
                if source.exists() and not target.exists():
                    if not target.parent.is_dir():
                        target.parent.mkdir(exist_ok=True)
                        target.parent.chmod(mode & 0o7777)  # core.sharedRepository, which git put there
                    source.chmod(mode & 0o444)
                    _move(source, target)
            packs = sorted((self._objects / "pack").glob("pack-*"), key=lambda path: path.suffix == ".idx")
            for source in packs:  # the index last: it is what makes a pack visible
                _move(source, self._home_objects / "pack" / source.name)
        except OSError as exc:
            raise _refused(self._home_objects, exc) from exc


def _stored(kind: str, data: bytes) -> bytes:
    return b"%s %d\0%s" % (kind.encode(), len(data), data)


def _git_directory(home: Repository, folder: Path) -> None:
    """Make `folder` a git directory, as small as git takes one (gitrepository-layout(5))."""
    for name in ("objects", "refs", "scaffold/pack"):
        (folder / name).mkdir(parents=True)
    (folder / "HEAD").write_text("ref: refs/heads/none\n", encoding="ascii")
    config = "[core]\n\tbare = true\n\trepositoryFormatVersion = "
    config += "1\n[extensions]\n\tobjectFormat = sha256\n" if home.hash_name == "sha256" else "0\n"
    kept = home.common_dir / "config"
    if kept.exists() and b"promisor" in kept.read_bytes():  # a partial clone: its remote has what is not here
        path = str(kept).replace("\\", "\\\\").replace('"', '\\"')
        config += f'[include]\n\tpath = "{path}"\n'
    (folder / "config").write_text(config, encoding="utf-8", errors="surrogateescape")


def _move(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except OSError as exc:
        if exc.errno != errno.EXDEV:
            raise
        # Another file system: the trial was made for a repository that could not be written then.
        beside = target.with_name(f"tmp_obj_cosport_{os.getpid()}_{target.name[:8]}")
        try:
            shutil.copy(source, beside)
            beside.rename(target)
        finally:
            beside.unlink(missing_ok=True)


def _refused(place: Path, exc: OSError) -> DiskError:
    return DiskError(
        f"cannot write objects to {place}: {exc.strerror}",
        hint="free space or make it writable, then run the same command again; nothing was changed",
    )


def _quoted(path: str) -> str:
    """A path as an element of GIT_ALTERNATE_OBJECT_DIRECTORIES (git(1): `:` separates, C quotes protect)."""
    if ":" in path or path.startswith('"'):
        return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return path


@contextmanager
def quarantine(home: Repository, *, kept: bool = True) -> Iterator[Quarantine]:
    """A fresh quarantine, gone at the end of the block. Raises DiskError where there is no place for it.

    It lies among the repository's objects, so that acceptance is a rename; where that is not writable, in the
    temporary folder, so that plans work on a read-only repository. One of which nothing will be `kept` is in memory.
    """
    with scratch.in_memory() if not kept else nullcontext() as memory:
        folder = memory / "trial" if memory is not None else _folder(home)
        try:
            try:
                place = Quarantine(home, folder)
            except OSError as exc:
                raise _refused(folder, exc) from exc
            yield place
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _folder(home: Repository) -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix="tmp_objdir-cosport-", dir=home.common_dir / "objects"))
    except OSError:
        try:
            return Path(tempfile.mkdtemp(prefix="cosport-objects-"))
        except OSError as exc:
            raise DiskError(f"no place for trial objects: {exc.strerror}", hint="free space, or set TMPDIR") from exc
