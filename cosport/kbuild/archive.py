"""Finds and reads the kernel source archives that distributions install.

Debian ships `/usr/src/linux-source-6.1.tar.xz`, Ubuntu `/usr/src/linux-source-6.8.0/linux-source-6.8.0.tar.bz2`; both
hold the whole tree in one folder.
"""

from __future__ import annotations

import lzma
import re
import tarfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cosport import process
from cosport.errors import ToolError, UsageError

if TYPE_CHECKING:
    from collections.abc import Collection

PACKAGES: Final = Path("/usr/src")
HINT: Final = "name a kernel source archive, such as linux-source-6.1.tar.xz"


def find(folder: Path = PACKAGES) -> Path | None:
    """The newest linux-source archive in `folder`, or None."""
    found = [*folder.glob("linux-source-*.tar.*"), *folder.glob("linux-source-*/linux-source-*.tar.*")]
    return max(found, key=_version_of_name, default=None)


def read(archive: Path, wanted: Collection[str], folder: str = "") -> dict[str, bytes]:
    """Read the files `wanted`, and all below `folder`, out of the archive; it is a stream, nothing goes to disk.

    Raises UsageError where it lacks one of them, ToolError on damage.
    """
    files: dict[str, bytes] = {}
    last = max(*wanted, folder)
    try:
        with tarfile.open(archive, "r|*") as tar:
            for member in tar:
                path = member.name.partition("/")[2]
                if member.isreg() and (path in wanted or (folder and path.startswith(folder))):
                    content = tar.extractfile(member)
                    assert content is not None  # as it is a regular file
                    files[path] = content.read()
                if path > last and all(each in files for each in wanted):
                    break  # archives are in the order of their paths
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError) as exc:
        raise _damaged(archive, str(exc)) from exc
    if lacking := sorted(set(wanted) - files.keys()):
        raise UsageError(f"{archive} lacks {', '.join(lacking)}", hint=HINT)
    return files


def unpack(archive: Path, folder: Path) -> None:
    """Unpack the whole tree into `folder`, without the folder that it stands in. Raises ToolError on damage."""
    done = process.run(["tar", "-xf", str(archive), "--strip-components=1", "-C", str(folder)], timeout=1800.0)
    if done.status:
        raise _damaged(archive, done.tail)


def version_of(makefile: bytes) -> str:
    """The kernel's version, by its top Makefile: "6.1.192"."""
    parts = [
        re.search(rb"^%s = *([0-9]+)" % key, makefile, re.MULTILINE) for key in (b"VERSION", b"PATCHLEVEL", b"SUBLEVEL")
    ]
    return ".".join(part[1].decode() for part in parts if part)


def _damaged(archive: Path, why: str) -> ToolError:
    return ToolError(f"cannot read {archive}: {why}", hint="install the package that it came with again")


def _version_of_name(path: Path) -> tuple[int, ...]:
    return tuple(int(digits) for digits in re.findall(r"\d+", path.name))
