"""A private object directory for trials: what is made there vanishes with it, unless a pick is accepted.

The idea and the name's form are git's own (tmp-objdir.c: receive-pack's quarantine): objects are written to a folder
that only our processes see, the repository's objects are its alternates, and acceptance moves the files over. A folder
left behind by a killed process is swept away by `git gc`, which removes stale `tmp_*` entries.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cosport.errors import DiskError
from cosport.model.commit import Sha

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cosport.git.repository import Repository


class Quarantine:
    """Objects that are not yet part of `home`. `repository` is `home` seen with them."""

    def __init__(self, home: Repository, folder: Path) -> None:
        self.home = home
        self.folder = folder
        self.trees: dict[Sha, Sha] = {}  # commits made here so far, and their trees
        self._objects = home.common_dir / "objects"
        self.repository = home.with_environment(
            {
                "GIT_OBJECT_DIRECTORY": str(folder),
                "GIT_ALTERNATE_OBJECT_DIRECTORIES": _quoted(str(self._objects)),
            }
        )

    def write(self, kind: str, data: bytes) -> Sha:
        """Write one object (`kind`: "blob", "tree" or "commit") as a loose file; its name.

        Git's own `hash-object -w` would be a process per object; this is 0.1 ms (gitformat-loose: zlib over header and data).
        """
        import hashlib

        store = f"{kind} {len(data)}\0".encode() + data
        name = hashlib.new(self.home.hash_name, store, usedforsecurity=False).hexdigest()
        folder = self.folder / name[:2]
        path = folder / name[2:]
        if not path.exists():
            folder.mkdir(exist_ok=True)
            path.write_bytes(zlib.compress(store, 1))
            path.chmod(0o444)
        return Sha(name)

    def accept(self, names: Iterable[Sha]) -> None:
        """Move these objects into the repository, as far as they are here. A ref may point to them only afterwards.

        Objects are named by their contents, so a file that is there already is the same; a kill in between leaves some
        objects that nothing refers to, which `git gc` removes. Packs move too: a partial clone's remote may have given
        one. Raises DiskError if the file system refuses.
        """
        try:
            for name in names:
                source = self.folder / name[:2] / name[2:]
                target = self._objects / name[:2] / name[2:]
                if source.exists() and not target.exists():
                    target.parent.mkdir(exist_ok=True)
                    _move(source, target)
            packs = sorted((self.folder / "pack").glob("pack-*"), key=lambda path: path.suffix == ".idx")
            for source in packs:  # the index last: it is what makes a pack visible
                _move(source, self._objects / "pack" / source.name)
        except OSError as exc:
            raise DiskError(
                f"cannot write objects to {self._objects}: {exc.strerror}",
                hint="free space or make it writable, then run the same command again; nothing was changed",
            ) from exc


def _move(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except OSError:  # another file system: the trial was made for a repository that could not be written
        beside = target.with_name(f"tmp_obj_cosport_{os.getpid()}_{target.name[:8]}")
        shutil.copyfile(source, beside)
        beside.chmod(0o444)
        beside.rename(target)


def _quoted(path: str) -> str:
    """A path as an element of GIT_ALTERNATE_OBJECT_DIRECTORIES (git(1): `:` separates, C quotes protect)."""
    if ":" in path or path.startswith('"'):
        return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return path


@contextmanager
def quarantine(home: Repository) -> Iterator[Quarantine]:
    """A fresh quarantine, gone at the end of the block.

    It lies among the repository's objects, so that acceptance is a rename; where that is not writable, in the
    temporary folder, so that plans work on a read-only repository.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix="tmp_objdir-cosport-", dir=home.common_dir / "objects"))
    except OSError:
        try:
            folder = Path(tempfile.mkdtemp(prefix="cosport-objects-"))
        except OSError as exc:
            raise DiskError(f"no place for trial objects: {exc.strerror}", hint="free space, or set TMPDIR") from exc
    try:
        yield Quarantine(home, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
