"""Finds the data folders (templates, pipelines, patches) in a checkout, an editable install and a wheel alike."""

from __future__ import annotations

from pathlib import Path

from cosport.errors import ToolError

_PACKAGE = Path(__file__).resolve().parent
_PLACES = (_PACKAGE / "_share", _PACKAGE.parent)


def path(folder: str, *parts: str) -> Path:
    """The path of a data file: `path("templates", "message", "cos.j2")`.

    Raises ToolError if the installation lacks it.
    """
    for place in _PLACES:
        found = place.joinpath(folder, *parts)
        if found.exists():
            return found
    raise ToolError(
        f"this installation of cosport lacks {Path(folder, *parts)}",
        hint="reinstall it: pip install --force-reinstall cosport",
    )


def text(folder: str, *parts: str) -> str:
    """The contents of a data file, UTF-8. Raises ToolError if the installation lacks it."""
    return path(folder, *parts).read_text(encoding="utf-8")
