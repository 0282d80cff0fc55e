"""Cherry-picks in memory: three-way merges of trees by `git merge-tree --write-tree --stdin`, no work tree anywhere.

From git 2.39 up to the newest the same way: older gits take no `--merge-base`, so each merge gets three synthetic
commits whose history says just that (base without parents; ours and theirs with base as parent). They live in the
quarantine. Being free of real history, they also need none: grafts and a shallow boundary change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cosport.errors import ToolError
from cosport.model.commit import Sha
from cosport.model.result import ConflictKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cosport.git.quarantine import Quarantine

_IDENT = b"cosport <cosport> 0 +0000"  # of synthetic commits, which nobody ever sees

_KINDS = {
    # The short names of git-merge-tree(1), "CONFLICT INFO MESSAGES"; merge-ort.c: type_short_descriptions.
    "CONFLICT (contents)": ConflictKind.CONTENT,
    "CONFLICT (binary)": ConflictKind.BINARY,
    "CONFLICT (modify/delete)": ConflictKind.MODIFY_DELETE,
    "CONFLICT (rename/delete)": ConflictKind.RENAME_DELETE,
    "CONFLICT (rename/rename)": ConflictKind.RENAME_RENAME,
    "CONFLICT (rename involved in collision)": ConflictKind.RENAME_RENAME,
    "CONFLICT (file/directory)": ConflictKind.FILE_DIRECTORY,
    "CONFLICT (distinct modes)": ConflictKind.MODE,
    "CONFLICT (directory rename unclear split)": ConflictKind.DIRECTORY_RENAME,
    "CONFLICT (directory rename suggested)": ConflictKind.DIRECTORY_RENAME,
    "CONFLICT (directory rename collision)": ConflictKind.DIRECTORY_RENAME,
    "CONFLICT (implicit directory rename)": ConflictKind.DIRECTORY_RENAME,
    "CONFLICT (submodule)": ConflictKind.SUBMODULE,
    "CONFLICT (submodule with possible resolution)": ConflictKind.SUBMODULE,
    "CONFLICT (submodule lacks merge base)": ConflictKind.SUBMODULE,
    "CONFLICT (submodule history not available)": ConflictKind.SUBMODULE,
    "CONFLICT (submodule may have rewinds)": ConflictKind.SUBMODULE,
    "CONFLICT (submodule not initialized)": ConflictKind.SUBMODULE,
}


@dataclass(frozen=True, slots=True)
class Merge:
    """What to merge: apply the change from tree `base` to tree `theirs` onto tree `ours`."""

    base: Sha
    ours: Sha
    theirs: Sha


@dataclass(frozen=True, slots=True)
class Stage:
    """One side of an unmerged path, as in the index: stage 1 is base, 2 ours, 3 theirs."""

    mode: str
    blob: Sha
    stage: int
    path: bytes


@dataclass(frozen=True, slots=True)
class Unmerged:
    """A path with a conflict, and what kind git says it is."""

    path: bytes
    kind: ConflictKind


@dataclass(frozen=True, slots=True)
class Merged:
    """The result of one merge.

    Where it is not `clean`, `tree` holds the files with conflict markers, `stages` the sides, `unmerged` the paths.
    `labels` are the names that git wrote into the markers: ours and theirs (full), and the base's, which git shortens.
    """

    clean: bool
    tree: Sha
    stages: tuple[Stage, ...]
    unmerged: tuple[Unmerged, ...]
    labels: tuple[Sha, Sha, Sha]


def merge_trees(place: Quarantine, merges: Sequence[Merge], *, style: str = "merge") -> list[Merged]:
    """Do all `merges`, which must not depend on each other, in one git process; results in the same order.

    `style` is a value of merge.conflictStyle for the markers. Resulting objects are in the quarantine. git answers only
    when its input closes, so a batch should stay short (some dozens). Raises GitError if git fails.
    """
    if not merges:
        return []
    labels = _synthetic(place, merges)
    stdin = "".join(f"{ours} {theirs}\n" for ours, theirs, _ in labels).encode()
    # Histogram is what git merges with by itself; a git that lets diff.algorithm decide must not take ours for diffs.
    settings = ("-c", f"merge.conflictStyle={style}", "-c", "diff.algorithm=histogram")
    args = ("merge-tree", "--write-tree", "--stdin")
    done = place.repository.attempt(*settings, *args, stdin=stdin)
    if done.status not in (0, 1):
        raise place.repository.failed(done, args)
    try:
        return _parse(done.stdout, labels)
    except (StopIteration, ValueError) as exc:
        raise ToolError(
            f"git merge-tree gave no answer that can be read: {done.tail}", hint="see: cosport doctor"
        ) from exc


def _synthetic(place: Quarantine, merges: Sequence[Merge]) -> list[tuple[Sha, Sha, Sha]]:
    """Commits for each merge, in the order of `Merged.labels`: ours, theirs, base."""
    wanted: list[bytes] = []
    for merge in merges:
        base = _commit(merge.base, None, b"base")
        name = place.name("commit", base)
        wanted += _commit(merge.ours, name, b"ours"), _commit(merge.theirs, name, b"theirs"), base
    names = iter(place.write_scaffold(wanted))
    return list(zip(names, names, names, strict=True))


def _commit(tree: Sha, parent: Sha | None, message: bytes) -> bytes:
    line = b"parent %s\n" % parent.encode() if parent else b""
    return b"tree %s\n%sauthor %s\ncommitter %s\n\n%s\n" % (tree.encode(), line, _IDENT, _IDENT, message)


def _parse(out: bytes, labels: Sequence[tuple[Sha, Sha, Sha]]) -> list[Merged]:
    r"""Parse the answers (git-merge-tree(1), "OUTPUT" and "INPUT FORMAT"), one for each of `labels`.

    All fields end with a NUL: status; tree; the stages "<mode> <object> <stage>\t<path>"; an empty field. Where there
    is a conflict, messages follow: "<number of paths>", the paths, "<kind>", "<text for people>"; then a field that is
    no number. Raises ValueError or StopIteration where the answer is another or ends early.
    """
    fields = iter(out.split(b"\0")[:-1])
    results: list[Merged] = []
    for given in labels:
        clean = {b"0": False, b"1": True}.get(next(fields))
        if clean is None:
            raise ValueError("neither clean nor in conflict")
        tree = Sha(next(fields).decode("ascii"))
        stages = tuple(_stage(entry) for entry in iter(lambda: next(fields), b""))
        kinds = {} if clean else _kinds(fields, stages)
        unmerged = tuple(Unmerged(path, kind) for path, kind in sorted(kinds.items()))
        results.append(Merged(clean, tree, stages, unmerged, given))
    return results


def _stage(entry: bytes) -> Stage:
    head, _, path = entry.partition(b"\t")
    mode, blob, stage = head.decode("ascii").split(" ")
    return Stage(mode, Sha(blob), int(stage), path)


def _kinds(fields: Iterator[bytes], stages: Sequence[Stage]) -> dict[bytes, ConflictKind]:
    """The kind of each path in conflict, from the messages that are next in `fields`.

    A conflict is told of its first path also where that has no stages (a directory rename that git only suggests), and
    of the other paths that it names where they have: both new names of a rename/rename.
    """
    kinds: dict[bytes, ConflictKind] = {}
    others: dict[bytes, ConflictKind] = {}
    while (count := next(fields)).isdigit():  # git ends with advice about submodules, if any, where else nothing stands
        paths = [next(fields) for _ in range(int(count))]
        kind = next(fields).decode("utf-8", "replace")
        next(fields)  # a sentence for people
        if kind.startswith("CONFLICT") and paths:
            known = _KINDS.get(kind, ConflictKind.OTHER)
            kinds.setdefault(paths[0], known)
            for path in paths[1:]:
                others.setdefault(path, known)
    for stage in stages:
        kinds.setdefault(stage.path, others.get(stage.path, ConflictKind.OTHER))
    based = {stage.path for stage in stages if stage.stage == 1}
    return {
        path: ConflictKind.ADD_ADD if kind is ConflictKind.CONTENT and path not in based else kind
        for path, kind in kinds.items()
    }
