"""Writes commits as one pack file with its index: a trial's scaffold in two files instead of three for each pick.

Formats: gitformat-pack(5), version 2 of both files.
"""

from __future__ import annotations

import hashlib
import zlib
from itertools import accumulate
from struct import pack as packed
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_COMMIT: Final = 1
"""The type of a commit in a pack."""


def digest(hash_name: str, data: bytes) -> bytes:
    """The hash of `data`, by the repository's algorithm ("sha1" or "sha256")."""
    return hashlib.new(hash_name, data, usedforsecurity=False).digest()


def write(folder: Path, hash_name: str, commits: Iterable[bytes]) -> list[bytes]:
    """Write a pack of these commits' contents, each once, to `folder`; their names, in order. Raises OSError."""
    contents = list(commits)
    names = [digest(hash_name, b"commit %d\0%s" % (len(each), each)) for each in contents]
    body = bytearray()
    places: dict[bytes, tuple[int, int]] = {}  # where an entry stands in the pack, and its checksum
    for name, each in zip(names, contents, strict=True):
        if name not in places:
            entry = _header(_COMMIT, len(each)) + zlib.compress(each, 1)
            places[name] = (12 + len(body), zlib.crc32(entry))
            body += entry
    data = packed(">4sII", b"PACK", 2, len(places)) + body
    trailer = digest(hash_name, data)
    index = _index(places) + trailer
    stem = f"pack-{trailer.hex()}"
    (folder / f"{stem}.pack").write_bytes(data + trailer)
    (folder / f"{stem}.idx").write_bytes(index + digest(hash_name, index))
    return names


def _header(kind: int, size: int) -> bytes:
    """Type and size: 4 bits of the size with the type, then 7 bits a byte, the lowest first."""
    out = bytearray()
    byte, size = kind << 4 | size & 15, size >> 4
    while size:
        out.append(byte | 128)
        byte, size = size & 127, size >> 7
    out.append(byte)
    return bytes(out)


def _index(places: dict[bytes, tuple[int, int]]) -> bytes:
    """Fan-out table, names in order, checksums, places (a scaffold is far from the 2 GiB where those need 8 bytes)."""
    order = sorted(places)
    counts = [0] * 256
    for name in order:
        counts[name[0]] += 1
    return b"".join(
        (
            b"\xfftOc",
            packed(">I", 2),
            packed(">256I", *accumulate(counts)),
            *order,
            *(packed(">I", places[name][1]) for name in order),
            *(packed(">I", places[name][0]) for name in order),
        )
    )
