"""Cherry-picks in memory: three-way merges of trees by `git merge-tree --write-tree --stdin`, no work tree anywhere.

From git 2.39 up to the newest the same way: older gits take no `--merge-base`, so each merge gets three synthetic commits
whose history says just that (base without parents; ours and theirs with base as parent). They live in the quarantine.
Being free of real history, they also need none: grafts, replace refs and a shallow boundary change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cosport.errors import ToolError
from cosport.git.repository import failure
from cosport.model.commit import Sha
from cosport.model.result import ConflictKind

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    labels = [_synthetic(place, merge) for merge in merges]
    stdin = "".join(f"{ours} {theirs}\n" for ours, theirs, _ in labels).encode()
    args = ("-c", f"merge.conflictStyle={style}", "merge-tree", "--write-tree", "--stdin")
    done = place.repository.attempt(*args, stdin=stdin)
    if done.status not in (0, 1):
        raise failure(done, args[2:])
    results = list(_parse(done.stdout, labels))
    if len(results) != len(merges):
        raise ToolError(
            f"git merge-tree answered {len(results)} of {len(merges)} merges: {done.tail}", hint="see: cosport doctor"
        )
    return results


def _synthetic(place: Quarantine, merge: Merge) -> tuple[Sha, Sha, Sha]:
    base = place.write("commit", _commit(merge.base, None, b"base"))
    ours = place.write("commit", _commit(merge.ours, base, b"ours"))
    theirs = place.write("commit", _commit(merge.theirs, base, b"theirs"))
    return ours, theirs, base


def _commit(tree: Sha, parent: Sha | None, message: bytes) -> bytes:
    line = b"parent " + parent.encode() + b"\n" if parent else b""
    return (
        b"tree "
        + tree.encode()
        + b"\n"
        + line
        + b"author "
        + _IDENT
        + b"\ncommitter "
        + _IDENT
        + b"\n\n"
        + message
        + b"\n"
    )


def _parse(out: bytes, labels: Sequence[tuple[Sha, Sha, Sha]]) -> list[Merged]:
    """Parse the answers, all fields NUL-terminated (git-merge-tree(1), "OUTPUT" and "INPUT FORMAT"):

    status; tree; the stages "<mode> <object> <stage>\\t<path>"; an empty field; where there is a conflict then messages
    "<number of paths>", the paths, "<kind>", "<text for people>"; an empty field.
    """
    fields = out.split(b"\0")
    fields.pop()
    at = 0
    results: list[Merged] = []
    while at < len(fields) and len(results) < len(labels):
        clean = fields[at] == b"1"
        if not clean and fields[at] != b"0":
            raise ToolError(
                f"git merge-tree could not merge pair {len(results) + 1} (status {fields[at].decode('ascii', 'replace')})"
            )
        tree = Sha(fields[at + 1].decode("ascii"))
        at += 2
        stages: list[Stage] = []
        while fields[at]:
            head, _, path = fields[at].partition(b"\t")
            mode, blob, stage = head.decode("ascii").split(" ")
            stages.append(Stage(mode, Sha(blob), int(stage), path))
            at += 1
        at += 1
        kinds: dict[bytes, ConflictKind] = {}
        if not clean:
            while at < len(fields) and fields[at]:
                count = int(fields[at])
                paths, kind = fields[at + 1 : at + 1 + count], fields[at + 1 + count].decode("utf-8", "replace")
                at += count + 3
                if kind.startswith("CONFLICT") and paths:
                    kinds.setdefault(paths[0], _KINDS.get(kind, ConflictKind.OTHER))
            at += 1
        unmerged = _unmerged(stages, kinds)
        results.append(Merged(clean, tree, tuple(stages), unmerged, labels[len(results)]))
    return results


def _unmerged(stages: Sequence[Stage], kinds: dict[bytes, ConflictKind]) -> tuple[Unmerged, ...]:
    sides: dict[bytes, set[int]] = {}
    for stage in stages:
        sides.setdefault(stage.path, set()).add(stage.stage)
    for path in kinds:  # a conflict without stages: a directory rename that git only suggests
        sides.setdefault(path, set())
    found = []
    for path, present in sorted(sides.items()):
        kind = kinds.get(path, ConflictKind.OTHER)
        if kind is ConflictKind.CONTENT and 1 not in present:
            kind = ConflictKind.ADD_ADD
        found.append(Unmerged(path, kind))
    return tuple(found)
