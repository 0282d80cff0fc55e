"""The exception tree, held to its drawing and to the exit codes that scripts rely on."""

from __future__ import annotations

import re

import pytest

from cosport import errors

CODES = {
    "UsageError": 2, "ConfigError": 2, "RevisionError": 2, "ToolError": 3, "ProcessError": 3, "GitError": 3,
    "ProcessTimeout": 3, "MissingObjectError": 3, "RefMovedError": 3, "LockedError": 3, "StoreError": 3,
    "GerritError": 3, "GerritUnreachable": 3, "PipelineError": 2, "BuildError": 3, "NoRoomError": 3, "MachineError": 3,
    "CveDataError": 3, "DiskError": 3, "Interrupted": 130,
}  # fmt: skip


def tree() -> dict[str, type[errors.CosportError]]:
    found = {name: each for name, each in vars(errors).items() if isinstance(each, type)}
    return {name: each for name, each in found.items() if issubclass(each, errors.CosportError)}


def test_each_error_has_its_exit_code() -> None:
    assert {name: each.exit_code for name, each in tree().items() if name != "CosportError"} == CODES


def test_the_drawing_shows_the_tree() -> None:
    drawn = {}
    parents = {0: "CosportError"}
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"    ([│ ]*)[├└]── (\w+) +(\d+) ", line):
            depth = len(found[1]) // 4 + 1
            parents[depth] = found[2]
            drawn[found[2]] = (parents[depth - 1], int(found[3]))
    real = {name: (each.__base__.__name__, each.exit_code) for name, each in tree().items() if each.__base__}
    assert drawn == {name: value for name, value in real.items() if name != "CosportError"}


@pytest.mark.parametrize("name", sorted(CODES))
def test_every_error_says_what_and_hints(name: str) -> None:
    kind = tree()[name]
    if issubclass(kind, errors.ProcessError):
        error: errors.CosportError = kind("git broke", argv=["git", "x"], status=128, tail="fatal", hint="try again")
    elif issubclass(kind, errors.GerritError):
        error = kind("git broke", status=500, hint="try again")
    elif issubclass(kind, errors.MachineError):
        error = kind("git broke", failure="panic", hint="try again")
    else:
        error = kind("git broke", hint="try again")
    assert (str(error), error.what, error.hint) == ("git broke", "git broke", "try again")


def test_a_failed_process_is_told_in_full() -> None:
    error = errors.GitError("broke", argv=["git", "merge-tree"], status=-9, tail="the end")
    assert (error.argv, error.status, error.tail, error.hint) == (("git", "merge-tree"), -9, "the end", "")
