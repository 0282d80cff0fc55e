"""Linked work trees for conflicts: sparse to the files in conflict, with an index of their own.

`git sparse-checkout set` would write a key to the repository's configuration; so the private index gets its
skip-worktree bits directly, and only the conflicting files are written.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cosport.errors import DiskError, ToolError
from cosport.model.commit import Sha

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from cosport.git.merge import Stage
    from cosport.git.repository import Repository


@dataclass(frozen=True)
class WorkTree:
    """A linked work tree at `path`; `admin` is its own git directory (index, HEAD, MERGE_MSG)."""

    repository: Repository
    path: Path
    admin: Path

    @property
    def env(self) -> dict[str, str]:
        """Environment that makes git work in this tree instead of cosport's usual nowhere."""
        return {"GIT_DIR": str(self.admin), "GIT_WORK_TREE": str(self.path)}

    def run(self, *args: str, stdin: bytes = b"") -> bytes:
        """Run git in this work tree. Raises as `Repository.run` does."""
        done = self.repository.attempt("-C", str(self.path), *args, stdin=stdin, env=self.env)
        if done.status:
            raise self.repository.failed(done, args)
        return done.stdout

    def head(self) -> Sha:
        """The commit that its HEAD is on."""
        return Sha(self.run("rev-parse", "--verify", "HEAD").decode("ascii").strip())

    def unmerged(self) -> dict[bytes, tuple[tuple[str, Sha, int], ...]]:
        """Paths that the index still holds as unmerged, each with its (mode, blob, stage) sides."""
        found: dict[bytes, tuple[tuple[str, Sha, int], ...]] = {}
        for entry in self.run("ls-files", "-u", "-z").split(b"\0"):
            if entry:
                head, _, path = entry.partition(b"\t")
                mode, blob, stage = head.decode("ascii").split(" ")
                found[path] = (*found.get(path, ()), (mode, Sha(blob), int(stage)))
        return found

    def add(self, paths: Sequence[bytes]) -> None:
        """Take these paths into the index as the work tree has them, as `git add` does; missing files are removed."""
        if paths:
            self.run("update-index", "--add", "--remove", "-z", "--stdin", stdin=b"\0".join(paths) + b"\0")

    def changed(self) -> list[bytes]:
        """Tracked files whose contents in the work tree differ from the index."""
        out = self.run("diff-files", "--name-only", "-z", "--diff-filter=u")
        return [path for path in out.split(b"\0") if path]

    def write_tree(self) -> Sha:
        """The index as a tree. Raises GitError while paths are unmerged."""
        return Sha(self.run("write-tree").decode("ascii").strip())

    def message_file(self) -> Path:
        """MERGE_MSG: the message prepared for the commit, which the user may edit."""
        return self.admin / "MERGE_MSG"

    def resolve_path(self, path: bytes) -> Path:
        """The file of a path in the index; `read-tree` refuses trees with paths that lead elsewhere (`..`, `.git`)."""
        return self.path / os.fsdecode(path)


def add(repository: Repository, path: Path, commit: Sha) -> WorkTree:
    """Create a linked work tree at `path`, HEAD detached at `commit`, no files in it. Raises GitError, DiskError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    repository.run("worktree", "add", "--no-checkout", "--detach", "--", str(path), commit)
    return find(repository, path)


def find(repository: Repository, path: Path) -> WorkTree:
    """The linked work tree that stands at `path`. Raises ToolError if none does."""
    try:
        link = (path / ".git").read_text(encoding="utf-8", errors="surrogateescape").strip()
    except OSError as exc:
        raise ToolError(f"the work tree {path} is gone", hint="start over with: cosport backport --abort") from exc
    return WorkTree(repository, path, path / link.removeprefix("gitdir: "))  # relative where the user has git do so


def remove(repository: Repository, path: Path) -> None:
    """Remove a linked work tree, whatever state it is in (half-made too). Nothing happens where there is none.

    No `git worktree prune`: it would also forget the user's own work trees on a disk that is not mounted now. Raises
    DiskError where the folder cannot be removed.
    """
    away = ("worktree", "remove", "--force", "--force", "--", str(path))
    repository.attempt(*away)
    if path.exists():
        try:
            shutil.rmtree(path)
        except OSError as exc:
            raise DiskError(
                f"cannot remove the work tree {path}: {exc.strerror}", hint="remove the folder by hand"
            ) from exc
        repository.attempt(*away)  # git takes one off its list whose folder is gone, not one whose `.git` is missing


def fill(tree: WorkTree, merged: Sha, stages: Iterable[Stage], paths: Iterable[bytes]) -> None:
    """Fill the index from the tree `merged` and write only `paths` (as far as the tree has them) to the work tree.

    `stages` become the index entries of the unmerged paths, so that `git status`, `git diff` and mergetools work there.
    """
    tree.run("read-tree", merged)
    everything = tree.run("ls-files", "-z")
    shown = set(paths)
    hidden = b"".join(path + b"\0" for path in everything.split(b"\0") if path and path not in shown)
    tree.run("update-index", "--skip-worktree", "-z", "--stdin", stdin=hidden)
    present = b"".join(path + b"\0" for path in everything.split(b"\0") if path in shown)
    if present:
        tree.run("checkout-index", "--force", "-z", "--stdin", stdin=present)
    entries: dict[bytes, list[bytes]] = {}
    for stage in stages:
        line = f"{stage.mode} {stage.blob} {stage.stage}\t".encode() + stage.path + b"\0"
        entries.setdefault(stage.path, []).append(line)
    zero = b"0" * tree.repository.hash_length
    info = b"".join(b"0 " + zero + b"\t" + path + b"\0" + b"".join(lines) for path, lines in sorted(entries.items()))
    if info:
        tree.run("update-index", "-z", "--index-info", stdin=info)
