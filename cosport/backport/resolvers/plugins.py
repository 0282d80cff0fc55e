"""Resolvers that other packages bring, by the entry point group `cosport.resolvers`; asked where no rule finds a place.

A plug-in is a function of a `File` that returns the file's lines, or None where it has no answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cosport.backport.resolvers.ground import File

GROUP: Final = "cosport.resolvers"
RUNG: Final = 7


def ask(file: File) -> tuple[str, tuple[bytes, ...]] | None:
    """The first plug-in that has an answer, by name, and the lines; one that fails has none."""
    from importlib.metadata import entry_points

    for point in sorted(entry_points(group=GROUP), key=lambda each: each.name):
        try:
            lines = point.load()(file)
            if lines is not None:
                return point.name, tuple(bytes(line) for line in lines)
        except Exception:  # noqa: S112 - another's code: whatever it raises, the conflict stays a conflict
            continue
    return None
