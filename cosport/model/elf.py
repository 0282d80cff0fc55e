"""Reads the little of ELF that cosport asks about."""

from __future__ import annotations

import struct


def is_static(binary: bytes) -> bool:
    """Whether an ELF file asks for no interpreter: no program header is PT_INTERP, 3 (elf(5))."""
    if binary[:4] != b"\x7fELF" or binary[4:5] not in {b"\1", b"\2"}:
        return False
    order = "<" if binary[5:6] == b"\1" else ">"
    at, size, count = ("Q", 32, 54) if binary[4] == 2 else ("I", 28, 42)
    try:
        (table,) = struct.unpack_from(order + at, binary, size)
        entry, number = struct.unpack_from(order + "HH", binary, count)
        kinds = [struct.unpack_from(order + "I", binary, table + entry * index)[0] for index in range(number)]
    except struct.error:
        return False
    return number > 0 and 3 not in kinds
