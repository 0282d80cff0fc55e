"""Applies a kernel patch to a few files by themselves: an arm's source is a value, not a checkout."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cosport import process
from cosport.git.repository import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


_PLAIN: Final = (
    "-c", "apply.whitespace=nowarn", "-c", "apply.ignoreWhitespace=no", "-c", "core.autocrlf=false",
)  # fmt: skip
"""Against the user's own settings, which would refuse a patch or write other bytes than it says."""


def paths_of(patch: Path) -> tuple[str, ...]:
    """The files that a patch changes."""
    from unidiff.patch import PatchSet

    return tuple(file.path for file in PatchSet(patch.read_text(encoding="utf-8")))


def applied(files: Mapping[str, bytes], patch: Path) -> dict[str, bytes] | None:
    """`files` with the patch applied, or None where it does not fit."""
    with tempfile.TemporaryDirectory(prefix="cosport-patch-") as folder:
        for path, data in files.items():
            file = Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        # The ceiling keeps git from taking a repository around the temporary folder for the one to work in.
        env = environment({"GIT_CEILING_DIRECTORIES": str(Path(folder).parent)})
        argv = ["git", *_PLAIN, "apply", "-C1", str(patch.resolve())]
        if process.run(argv, cwd=folder, env=env).status:
            return None
        return {path: Path(folder, path).read_bytes() for path in files}


def first_applied(read: Callable[[str], bytes], patches: Iterable[Path]) -> tuple[Path, dict[str, bytes]] | None:
    """The first of `patches` that fits (each is for a range of kernels), and the files as it leaves them."""
    for patch in sorted(patches):
        files = {path: read(path) for path in paths_of(patch)}
        if (done := applied(files, patch)) is not None:
            return patch, done
    return None
