"""Writes an initramfs, the same bytes for the same files everywhere: cpio's newc form, which the kernel unpacks.

No cpio(1): the host's would put in its own inode numbers, owners and times, and device nodes would need root. Not
compressed: a kernel without any decompressor boots it, and no zlib's version shows in the bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_DIRECTORY: Final = 0o040755
_CONSOLE: Final = 0o020600
_FILE: Final = 0o100000


@dataclass(frozen=True, slots=True)
class File:
    """A regular file of the image: its path without a leading slash, contents and permissions."""

    path: str
    data: bytes
    mode: int = 0o644


def archive(files: Iterable[File], folders: Iterable[str] = ()) -> bytes:
    """An initramfs of these files, the folders above them, `folders`, and /dev/console for the kernel's first open."""
    chosen = sorted(files, key=lambda file: file.path)
    needed = {"dev", *folders}
    needed |= {
        "/".join(parts[:depth]) for file in chosen for parts in [file.path.split("/")] for depth in range(1, len(parts))
    }
    entries = [(folder, _DIRECTORY, b"", (0, 0)) for folder in sorted(needed)]
    entries.append(("dev/console", _CONSOLE, b"", (5, 1)))
    entries += [(file.path, _FILE | file.mode, file.data, (0, 0)) for file in chosen]
    entries.append(("TRAILER!!!", 0, b"", (0, 0)))
    out = bytearray()
    for number, (path, mode, data, device) in enumerate(entries):
        out += _entry(0 if path == "TRAILER!!!" else number + 1, path, mode, data, device)
    return bytes(out) + b"\0" * (-len(out) % 512)


def _entry(inode: int, path: str, mode: int, data: bytes, device: tuple[int, int]) -> bytes:
    """One member (Documentation/driver-api/early-userspace/buffer-format.rst): 13 fields of 8 hex digits."""
    name = path.encode() + b"\0"
    links = 2 if mode & 0o170000 == 0o040000 else 1
    fields = (inode, mode, 0, 0, links, 0, len(data), 0, 0, *device, len(name), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name
    return _padded(head) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
