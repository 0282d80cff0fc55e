"""A kernel tree as a value: a commit, a folder or an archive, with a few files replaced. No work tree is needed for it.

Only a kernel build lays a tree out on disk, in a folder of the build cache; the user's own folders are read and never
written.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from cosport import process
from cosport.errors import BuildError, GitError, UsageError
from cosport.git.objects import ObjectReader
from cosport.kbuild import archive
from cosport.kbuild.cache import cache_folder, key, publish

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cosport.git.repository import Repository
    from cosport.model.commit import Sha

_BUILT: Final = ("*.o", "*.ko", "*.a", "*.cmd", ".git", ".tmp_*", "modules.order", "vmlinux*", "bzImage")


def require_whole(folder: Path, arch: str, what: str) -> None:
    """Raise BuildError where the tree in `folder`, which make refused, is a part of a kernel: make says it badly."""
    wanted = ("Makefile", "Kconfig", "scripts/Makefile.build", f"arch/{arch}/Makefile")
    lacks = [name for name in wanted if not (folder / name).is_file()]
    if lacks:
        raise BuildError(
            f"{what} cannot be configured: it is a part of a kernel tree, without {', '.join(lacks)}",
            hint="work on a branch with all of the kernel's files; only modules are built without (--mode module)",
        )


class Source(Protocol):
    """Where the files of a tree come from."""

    @property
    def identity(self) -> str:
        """A text that differs where the contents may differ."""

    @property
    def place(self) -> str:
        """A text that is the same for all states of one place: its builds share a folder, and are incremental."""

    @property
    def title(self) -> str:
        """How people call it."""

    def read(self, path: str) -> bytes:
        """One file's contents. Raises UsageError where there is none."""

    def lay_out(self, folder: Path) -> None:
        """Write the tree into `folder`, which may hold an earlier state of the same place: what is equal stays."""


@dataclass(frozen=True)
class Archive:
    """A linux-source archive of the distribution."""

    path: Path

    @cached_property
    def identity(self) -> str:
        """By size and time: it is a package's file, and hashing 130 MB would cost each run half a second."""
        stat = self.path.stat()
        return f"archive:{self.path.resolve()}:{stat.st_size}:{stat.st_mtime_ns}"

    @property
    def place(self) -> str:
        """The archive itself: another version is another tree."""
        return self.identity

    @property
    def title(self) -> str:
        """The archive's name."""
        return self.path.name

    def read(self, path: str) -> bytes:
        """One file, kept in the cache: unpacking up to it takes seconds."""
        kept = cache_folder() / "sources" / key(self.identity) / path
        if not kept.is_file():
            for name, data in archive.read(self.path, {"Makefile", path}).items():
                publish(kept.parents[path.count("/")] / name, data)
        return kept.read_bytes()

    def lay_out(self, folder: Path) -> None:
        """Unpack it, unless that was done to its end."""
        done = folder.with_name("unpacked")
        if not done.is_file():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            archive.unpack(self.path, folder)
            publish(done, self.identity.encode("utf-8", "surrogateescape"))


@dataclass(frozen=True)
class Folder:
    """A directory of the user's."""

    path: Path

    @cached_property
    def identity(self) -> str:
        """By the names, sizes and times of all files: reading a kernel's 80,000 takes longer than compiling one."""
        digest = hashlib.sha256()
        for root, folders, files in os.walk(self.path):
            folders[:] = sorted(name for name in folders if name != ".git")
            for name in sorted(files):
                stat = os.lstat(os.path.join(root, name))  # noqa: PTH118 - 80,000 of them
                digest.update(f"{root}/{name} {stat.st_size} {stat.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
        return f"folder:{digest.hexdigest()}"

    @property
    def place(self) -> str:
        """The folder."""
        return f"folder:{self.path.resolve()}"

    @property
    def title(self) -> str:
        """Its path."""
        return str(self.path)

    def read(self, path: str) -> bytes:
        """One file's contents. Raises UsageError where there is none."""
        try:
            return (self.path / path).read_bytes()
        except OSError as exc:
            hint = "name the top folder of a kernel tree with --tree"
            raise UsageError(f"{self.path} has no {path}: {exc.strerror}", hint=hint) from exc

    def lay_out(self, folder: Path) -> None:
        """Copy it, without what a build left in it; files that are equal by size and time keep their place.

        Links are copied as links. None is followed, in the copy neither: it may lead to the user's own files.
        """
        for root, names, files in os.walk(self.path):
            ignored = shutil.ignore_patterns(*_BUILT)(root, [*names, *files])
            names[:] = [name for name in names if name not in ignored]
            links = [name for name in names if Path(root, name).is_symlink()]
            into = folder / Path(root).relative_to(self.path)
            if into.is_symlink() or not into.is_dir():
                _remove(into)
                into.mkdir(parents=True)
            wanted = {*names, *files} - ignored
            for gone in [entry for entry in into.iterdir() if entry.name not in wanted]:
                _remove(gone)
            for name in (*files, *links):
                if name not in ignored:
                    _copy(Path(root, name), into / name)
        if (folder / ".config").exists() or (folder / "include/config").exists():
            process.run(["make", "-C", str(folder), "-s", "mrproper"], timeout=600.0)


@dataclass(frozen=True)
class Revision:
    """A commit of the user's repository; `name` is what the user called it."""

    repository: Repository
    commit: Sha
    tree: Sha
    name: str

    @property
    def identity(self) -> str:
        """The tree: commits of one tree build the same kernel."""
        return f"tree:{self.tree}"

    @property
    def place(self) -> str:
        """The repository: going from one commit to another rewrites only the files that differ."""
        return f"repository:{self.repository.lasting_dir}"

    @property
    def title(self) -> str:
        """The name and the commit."""
        short = self.commit[:12]
        return short if self.commit.startswith(self.name) else f"{self.name} ({short})"

    def read(self, path: str) -> bytes:
        """One file's contents. Raises UsageError where there is none."""
        with ObjectReader(self.repository) as reader:
            found = reader.read(f"{self.commit}:{path}")
        if found is None or found[1] != "blob":
            raise UsageError(f"{self.title} has no {path}", hint="name a commit of a whole kernel tree")
        return found[2]

    def lay_out(self, folder: Path) -> None:
        """Check the tree out by an index of its own beside `folder`. Raises GitError, MissingObjectError."""
        env = {"GIT_INDEX_FILE": str(folder.with_name("index")), "GIT_WORK_TREE": str(folder)}
        try:
            self.repository.run("read-tree", "--reset", "-u", self.tree, env=env)
        except GitError:  # an index that a kill left half-way says nothing of the files: write all of them
            folder.with_name("index").unlink(missing_ok=True)
            folder.with_name("index.lock").unlink(missing_ok=True)
            self.repository.run("read-tree", "--reset", "-u", self.tree, env=env)


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    if source.is_symlink():
        _remove(target)
        target.symlink_to(os.readlink(source))  # noqa: PTH115 - a link is copied as it is written
        return
    if target.is_symlink() or target.is_dir():
        _remove(target)
    stat = source.stat()
    if target.is_file() and target.stat().st_size == stat.st_size and target.stat().st_mtime_ns == stat.st_mtime_ns:
        return
    shutil.copy2(source, target)


@dataclass(frozen=True)
class Tree:
    """A source and the files that are replaced in it: a fix taken out, mostly. `change` says it in words."""

    source: Source
    replaced: Mapping[str, bytes] = field(default_factory=dict)
    change: str = ""

    @property
    def title(self) -> str:
        """How people call it."""
        return f"{self.source.title}, {self.change}" if self.change else self.source.title

    @cached_property
    def identity(self) -> str:
        """A key that differs where the contents may differ."""
        parts = [part for path, data in sorted(self.replaced.items()) for part in (path.encode(), data)]
        return key(self.source.identity, *parts)

    @cached_property
    def version(self) -> str:
        """The kernel's version, such as "6.1.192"."""
        return archive.version_of(self.read("Makefile"))

    def read(self, path: str) -> bytes:
        """One file's contents. Raises UsageError where there is none."""
        return self.replaced[path] if path in self.replaced else self.source.read(path)

    def lay_out(self, folder: Path) -> None:
        """Write the tree into `folder`: source, then files replaced; what an earlier tree replaced is undone.

        Raises what the source's `read` and `lay_out` raise, BuildError where a file cannot be replaced.
        """
        folder.mkdir(parents=True, exist_ok=True)
        memo = folder.with_name("replaced")
        before = set(memo.read_text(encoding="utf-8").splitlines()) if memo.is_file() else set()
        publish(memo, "".join(f"{path}\n" for path in sorted(before | self.replaced.keys())).encode())
        self.source.lay_out(folder)
        for path in before - self.replaced.keys():
            try:
                _put(folder, path, self.source.read(path))
            except UsageError:  # this source has no such file, and laid none out
                continue
        for path, data in self.replaced.items():
            _put(folder, path, data)
        publish(memo, "".join(f"{path}\n" for path in sorted(self.replaced)).encode())


def _put(folder: Path, path: str, data: bytes) -> None:
    """Write a file of the tree in `folder` unless it holds that already: make goes by its time.

    Raises BuildError where its folder is a link that leads out of there.
    """
    file = folder / path
    if not file.parent.resolve().is_relative_to(folder.resolve()):
        raise BuildError(f"{path} cannot be replaced: its folder is a link that leads out of the tree")
    if file.is_symlink():
        file.unlink()
    if not file.is_file() or file.read_bytes() != data:
        file.write_bytes(data)
