"""References in a pipeline file: `${inputs.fix}`, `${branch}`, `${jobs.backport.commit}`. `$${` is a plain `${`.

A reference is replaced inside the one argument in which it stands. It never becomes several arguments, and where it
stands at the beginning of an argument its value may not begin with a dash: a value is never taken for an option.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_TOKEN: Final = re.compile(r"\$(?P<escape>\$\{)|\$\{(?P<name>[^}]*)\}")
_NAME: Final = r"[A-Za-z][A-Za-z0-9_-]*"


class Kind(StrEnum):
    """What a reference leads to."""

    INPUT = "inputs"
    OUTPUT = "jobs"
    BRANCH = "branch"  # the cell's branch
    FIX = "fix"  # the cell's fix, in a matrix of missing fixes
    TIP = "tip"  # the commit that the branch was at when the run began
    FOLDER = "folder"  # where the job leaves its files
    REPO = "repo"  # the repository, as the job sees it


@dataclass(frozen=True, slots=True)
class Reference:
    """One reference: its kind, and the names that go with it (an input's; a job's and its output's)."""

    kind: Kind
    name: str = ""
    output: str = ""


class DashError(ValueError):
    """The value of a reference would be taken for an option."""


def parse(text: str) -> Reference | None:
    """The reference that stands between `${` and `}`; None where it is none."""
    if found := re.fullmatch(rf"inputs\.({_NAME})", text):
        return Reference(Kind.INPUT, found[1])
    if found := re.fullmatch(rf"jobs\.({_NAME})\.({_NAME})", text):
        return Reference(Kind.OUTPUT, found[1], found[2])
    if text in (Kind.BRANCH, Kind.FIX, Kind.TIP, Kind.FOLDER, Kind.REPO):
        return Reference(Kind(text))
    return None


def written(text: str) -> Iterator[str]:
    """What stands between `${` and `}` in a text, reference or not."""
    for token in _TOKEN.finditer(text):
        if token["name"] is not None:
            yield token["name"]


def fill(text: str, value: Callable[[Reference], str]) -> str:
    """The text with the value of each reference in its place. Raises DashError."""

    def put(token: re.Match[str]) -> str:
        if token["escape"]:
            return "${"
        reference = parse(token["name"])
        assert reference is not None, "references are checked when the file is read"
        given = value(reference)
        if token.start() == 0 and given.startswith("-"):
            raise DashError(f"${{{token['name']}}} is {given!r}, which would be taken for an option")
        return given

    return _TOKEN.sub(put, text)
