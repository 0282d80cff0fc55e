"""Patches in git's plain form, each with its pair, whatever they hold and whatever the user has set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cosport.errors import ToolError
from cosport.git.diff import patches, touched
from cosport.git.repository import Repository
from cosport.model.commit import Sha

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.support import File, Git

TEXT = "".join(f"line {number}\n" for number in range(30))


def trees(git: Git, *files: Mapping[str, File]) -> list[Sha]:
    return [Sha(git.tree(git.commit(each, parents=()))) for each in files]


def plain(git: Git, old: str, new: str) -> bytes:
    """One pair by itself, as git prints it."""
    return git.raw("diff-tree", "-r", "-p", "--full-index", "--no-renames", old, new)


def test_each_pair_gets_its_own_patch_in_order(git: Git) -> None:
    a, b, c = trees(git, {"f": TEXT}, {"f": TEXT + "b\n"}, {"f": TEXT + "c\n", "g": b"\0x"})
    pairs = [(a, b), (b, b), (b, c), (a, b), (c, a), (c, c), (a, c)]
    found = patches(Repository.open(git.path), pairs)
    assert found == [plain(git, old, new) if old != new else b"" for old, new in pairs]
    assert patches(Repository.open(git.path), [(a, a)]) == [b""]
    assert patches(Repository.open(git.path), []) == []


@pytest.mark.parametrize("sha256", [False, True])
def test_contents_and_names_that_look_like_a_header_do_not_cut(make_git: Callable[..., Git], *, sha256: bool) -> None:
    git = make_git(sha256=sha256)
    a, b = trees(git, {"f": "x\n"}, {"f": "y\n"})
    head = f"{a} {b}"
    traps: dict[str, File] = {
        "f": f"x\n{head}\n\n{head}\n",
        f"{head}": f"{head}\n",
        f"n\n{head}\nn": f"{head}",
        f"d/\n{head}": b"\0\n" + head.encode() + b"\n",
        "link": ("120000", f"\n{head}\n"),
    }
    (c,) = trees(git, traps)
    pairs = [(a, c), (a, b), (c, b), (a, b), (b, c), (a, b)]
    assert patches(Repository.open(git.path), pairs) == [plain(git, old, new) for old, new in pairs]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.lists(st.binary(max_size=60), min_size=2, max_size=5, unique=True))
def test_any_contents(git: Git, contents: list[bytes]) -> None:
    found = trees(git, *({"f": each, "g": each[::-1]} for each in contents))
    pairs = [(old, new) for old in found for new in found]
    assert patches(Repository.open(git.path), pairs) == [
        plain(git, old, new) if old != new else b"" for old, new in pairs
    ]


def test_the_users_settings_change_nothing(git: Git) -> None:
    old: dict[str, File] = {
        "f.c": f"int f()\n{{\n{TEXT}\n}}\n",
        "r": TEXT + "r",
        "s": ("160000", "1" * 40),
        "w": "a\n\n",
    }
    new = {
        **old,
        "f.c": f"int f()\n{{\n{TEXT}\n\n}}\n",
        "r": None,
        "moved": TEXT + "r",
        "s": ("160000", "2" * 40),
        "w": "b\n\n",
    }
    new = {name: file for name, file in new.items() if file is not None}
    a, b = trees(git, old, new)
    home = Repository.open(git.path)
    expected = patches(home, [(a, b)])
    assert b"Subproject commit" in expected[0]
    for key, value in {
        "diff.noprefix": "true", "diff.mnemonicPrefix": "true", "diff.external": "false", "diff.renames": "copies",
        "diff.context": "0", "diff.interHunkContext": "99", "diff.algorithm": "patience", "diff.submodule": "log",
        "diff.ignoreSubmodules": "all", "diff.suppressBlankEmpty": "true", "diff.indentHeuristic": "false",
        "diff.wsErrorHighlight": "all", "diff.orderFile": "/dev/null", "diff.relative": "true", "color.ui": "always",
        "color.diff": "always", "core.quotePath": "false", "core.abbrev": "4", "core.bigFileThreshold": "1",
        "diff.evil.textconv": "false", "diff.evil.command": "false",
        "core.attributesFile": str(git.path / "attributes"),
    }.items():  # fmt: skip
        git("config", key, value)
    (git.path / "attributes").write_text("* diff=evil\n")
    assert patches(home, [(a, b)]) == expected


def test_a_git_that_answers_otherwise_is_an_error(git: Git) -> None:
    a, b = trees(git, {"f": "x\n"}, {"f": "y\n"})
    with pytest.raises(ToolError):
        patches(Repository.open(git.path), [(a, Sha("1" * 40)), (a, b)])


def test_touched_paths_may_be_called_as_commits(git: Git) -> None:
    first = Sha(git.commit({"a": "1"}))
    second = Sha(git.commit({first: "x", "folder/b\n": "y", "z": "z"}))
    third = Sha(git.commit({"z": "other"}))
    assert touched(Repository.open(git.path), [third, second, first]) == {
        first: ("a",),
        second: (first, "folder/b\n", "z"),
        third: ("z",),
    }
