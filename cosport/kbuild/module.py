"""Builds one module of a tree against the distribution's headers: seconds, where a kernel takes minutes."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from cosport import process
from cosport.errors import BuildError, UsageError
from cosport.kbuild import sandbox, toolchain
from cosport.kbuild.cache import cache_folder, key, publish
from cosport.kbuild.sandbox import Mount, Trust

if TYPE_CHECKING:
    from cosport.kbuild.distribution import Distribution
    from cosport.kbuild.tree import Tree


@dataclass(frozen=True, slots=True)
class Built:
    """What a build gave: the file, and the seconds that it took (0 where it came from the cache)."""

    path: Path
    seconds: float
    cached: bool


def check_version(tree: Tree, distribution: Distribution) -> str:
    """A remark where tree and headers differ in the last number, else "". Raises UsageError where they differ more."""
    if tree.version == distribution.version:
        return ""
    if tree.version.split(".")[:2] != distribution.version.split(".")[:2]:
        raise UsageError(
            f"{tree.title} is Linux {tree.version}, the headers are of {distribution.version}: no module of it fits",
            hint="build whole kernels of that tree instead: --mode kernel",
        )
    return f"{tree.title} is Linux {tree.version}, the headers are of {distribution.version}; that may do"


def build(tree: Tree, source: str, distribution: Distribution, trust: Trust = Trust.OWN) -> Built:
    """The module of the one file `source`, without debug information. Raises BuildError, ToolError.

    A tree that is not the user's own is compiled in a sandbox: a source includes what it likes.
    """
    toolchain.require(toolchain.FOR_MODULE)
    contents = tree.read(source)
    name = Path(source).stem
    built = key("module", source, contents, distribution.release, distribution.version, toolchain.compiler())
    kept = cache_folder() / "modules" / built / f"{name}.ko"
    if kept.is_file():
        return Built(kept, 0.0, cached=True)
    begun = monotonic()
    with tempfile.TemporaryDirectory(prefix="cosport-module-") as folder:
        place = Path(folder)
        (place / f"{name}.c").write_bytes(contents)
        makefile = f"obj-m := {name}.o\nccflags-y := -ffile-prefix-map={folder}/=\n"
        (place / "Makefile").write_text(makefile, encoding="utf-8")
        what = f"{name}.ko of {tree.title}"
        headers = str(distribution.headers.resolve())
        boxed = trust is not Trust.OWN
        mounts = (Mount(place, folder, writable=True), Mount(Path(headers), headers)) if boxed else None
        toolchain.make("-C", headers, f"M={folder}", "modules", folder=place, what=what, mounts=mounts, timeout=600.0)
        module = place / f"{name}.ko"
        # Debug information holds the folder's name, the build-id is a hash of it, and the image twenty times larger.
        argv = ["strip", "--strip-debug", "--remove-section=.note.gnu.build-id", str(module)]
        done = sandbox.run(argv, mounts, timeout=60.0) if mounts else process.run(argv, timeout=60.0)
        if done.status:
            raise BuildError(f"{what}: strip: {done.tail}")
        publish(kept, sandbox.read(place, module.name))
    return Built(kept, monotonic() - begun, cached=False)
