"""Takes the few files that `cosport demo` needs out of a linux-source package, and turns its balloon driver back.

The archive is read as a stream and nothing is unpacked to disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cosport import resources
from cosport.errors import ToolError
from cosport.kbuild import archive, patch

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

DRIVER: Final = "drivers/virtio/virtio_balloon.c"

FITTING: Final = "use another one with --source; Linux 6.1, 6.8 and 6.12 are known to fit"
"""What to do where a kernel source does not fit the demo. Tried were those of Debian 12, Ubuntu 24.04 and Debian 13."""

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


def find(folder: Path = archive.PACKAGES) -> Path:
    """The newest linux-source archive in `folder`. Raises ToolError where there is none."""
    found = archive.find(folder)
    if found is None:
        raise ToolError(
            f"no kernel source in {folder}: the demo is made of a few files of it",
            hint="install it with: apt-get install linux-source; or name an archive with --source",
        )
    return found


def read(package: Path) -> KernelSource:
    """Read the demo's files out of a kernel source archive. Raises UsageError where it is none, ToolError on damage."""
    files = archive.read(package, _FILES | {DRIVER}, _FOLDER)
    return KernelSource(package.name, archive.version_of(files["Makefile"]), files)


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
    """The driver with the first of `patches` that applies."""
    found = patch.first_applied({DRIVER: driver}.__getitem__, patches)
    if found is None:
        raise ToolError(
            "the demo cannot turn the balloon driver of this kernel source back",
            hint=FITTING,
        )
    return found[1][DRIVER]
