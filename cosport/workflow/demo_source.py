"""Takes the few files that `cosport demo` needs out of a linux-source package, and turns its balloon driver back.

Debian ships `/usr/src/linux-source-6.1.tar.xz`, Ubuntu `/usr/src/linux-source-6.8.0/linux-source-6.8.0.tar.bz2`; both
hold the whole tree in one folder. It is read as a stream and nothing is unpacked to disk.
"""

from __future__ import annotations

import lzma
import re
import tarfile
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cosport import process, resources
from cosport.errors import ToolError, UsageError
from cosport.git.repository import environment

if TYPE_CHECKING:
    from collections.abc import Iterable

PACKAGES: Final = Path("/usr/src")
DRIVER: Final = "drivers/virtio/virtio_balloon.c"

_FOLDER: Final = "drivers/virtio/"
_FILES: Final = frozenset({
    "COPYING", "Makefile", "include/linux/balloon_compaction.h", "include/uapi/linux/virtio_balloon.h",
    "mm/balloon_compaction.c", "mm/oom_kill.c", "mm/vmscan.c",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class KernelSource:
    """The files that the demo needs, by path; `version` is the kernel's ("6.1.192"), `package` the archive's name."""

    package: str
    version: str
    files: dict[str, bytes]


def find(folder: Path = PACKAGES) -> Path:
    """The newest linux-source archive in `folder`. Raises ToolError where there is none."""
    found = [*folder.glob("linux-source-*.tar.*"), *folder.glob("linux-source-*/linux-source-*.tar.*")]
    if not found:
        raise ToolError(
            f"no kernel source in {folder}: the demo is made of a few files of it",
            hint="install it with: apt-get install linux-source; or name an archive with --source",
        )
    return max(found, key=_version_of_name)


def read(archive: Path) -> KernelSource:
    """Read the demo's files out of a kernel source archive. Raises UsageError where it is none, ToolError on damage."""
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(archive, "r|*") as tar:
            for member in tar:
                path = member.name.partition("/")[2]
                if member.isreg() and (path in _FILES or path.startswith(_FOLDER)):
                    content = tar.extractfile(member)
                    assert content is not None  # as it is a regular file
                    files[path] = content.read()
                if not _FILES - files.keys() and not path.startswith((_FOLDER, "mm/")):
                    break  # archives are in the order of their paths, and mm/ comes late
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError) as exc:
        raise ToolError(f"cannot read {archive}: {exc}", hint="install the package that it came with again") from exc
    if lacking := sorted((_FILES | {DRIVER}) - files.keys()):
        raise UsageError(
            f"{archive} lacks {', '.join(lacking)}",
            hint="name a kernel source archive, such as linux-source-6.1.tar.xz",
        )
    return KernelSource(archive.name, _version(files["Makefile"]), files)


def driver_states(source: KernelSource) -> dict[str, bytes]:
    """The balloon driver as it is ("notifier") and as it was at earlier times of the demo's history.

    "parameter" is an OOM notifier with a module parameter, "shrinker-first" the shrinker as it came, "shrinker" the
    shrinker that ends when nothing comes out. Raises ToolError where the source is of a time that no patch fits.
    """
    now = source.files[DRIVER]
    shrinker = _patched(now, resources.path("patches", "balloon").glob("without-da10329cb057-*.patch"))
    return {
        "notifier": now,
        "shrinker": shrinker,
        "shrinker-first": _patched(shrinker, [resources.path("templates", "demo", "first-loop.patch")]),
        "parameter": _patched(now, [resources.path("templates", "demo", "parameter.patch")]),
    }


def _patched(driver: bytes, patches: Iterable[Path]) -> bytes:
    """The driver with the first of `patches` that applies: each is for a range of kernels."""
    for patch in sorted(patches):
        with tempfile.TemporaryDirectory(prefix="cosport-demo-") as folder:
            file = Path(folder, DRIVER)
            file.parent.mkdir(parents=True)
            file.write_bytes(driver)
            # The ceiling keeps git from taking a repository around the temporary folder for the one to work in.
            env = environment({"GIT_CEILING_DIRECTORIES": str(Path(folder).parent)})
            if process.run(["git", "apply", "-C1", str(patch)], cwd=folder, env=env).status == 0:
                return file.read_bytes()
    raise ToolError(
        "the demo cannot turn the balloon driver of this kernel source back",
        hint="use another one with --source; Linux 6.1 and 6.12 are known to fit",
    )


def _version(makefile: bytes) -> str:
    """The kernel's version, by its top Makefile."""
    parts = [
        re.search(rb"^%s = *([0-9]+)" % key, makefile, re.MULTILINE) for key in (b"VERSION", b"PATCHLEVEL", b"SUBLEVEL")
    ]
    return ".".join(part[1].decode() for part in parts if part)


def _version_of_name(path: Path) -> tuple[int, ...]:
    return tuple(int(digits) for digits in re.findall(r"\d+", path.name))
