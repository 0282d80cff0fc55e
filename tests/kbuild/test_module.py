from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from cosport.errors import BuildError, ToolError, UsageError
from cosport.kbuild import distribution, module, toolchain
from cosport.kbuild.tree import Folder, Tree
from tests.kbuild.trees import plant

if TYPE_CHECKING:
    from pathlib import Path

GOOD = b'#include <linux/module.h>\nMODULE_LICENSE("GPL");\n'
SOURCE = "drivers/virtio/tiny.c"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(Folder(plant(tmp_path / "tree", drivers__virtio__tiny=b"")), {SOURCE: GOOD})


def test_a_module_is_built_once_and_equal_sources_give_equal_bytes(tree: Tree, seal: Path) -> None:
    here = distribution.find()
    first = module.build(tree, SOURCE, here)
    assert not first.cached
    assert first.path.is_relative_to(seal)
    data = first.path.read_bytes()
    assert data[:4] == b"\x7fELF"
    assert str(seal).encode() not in data
    again = module.build(tree, SOURCE, here)
    assert again.cached
    assert again.path == first.path
    first.path.unlink()
    assert module.build(tree, SOURCE, here).path.read_bytes() == data


def test_a_module_that_does_not_compile_tells_what_the_compiler_said(tree: Tree) -> None:
    broken = dataclasses.replace(tree, replaced={SOURCE: b"#error no such thing\n"})
    with pytest.raises(BuildError, match="no such thing"):
        module.build(broken, SOURCE, distribution.find())


def test_without_a_compiler_it_is_named(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    here = distribution.find()
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ToolError) as caught:
        module.build(tree, SOURCE, here)
    assert "not installed: gcc, make" in caught.value.what
    with pytest.raises(ToolError, match="flex, bison"):
        toolchain.require(toolchain.FOR_KERNEL)


def test_a_tree_of_another_version_is_refused_and_one_near_it_remarked(tree: Tree) -> None:
    here = distribution.find()
    major, minor = here.version.split(".")[:2]
    for version, what in ((here.version, ""), (f"{major}.{minor}.9999", "that may do")):
        lines = dict(zip(("VERSION", "PATCHLEVEL", "SUBLEVEL"), version.split("."), strict=True))
        makefile = "".join(f"{key} = {value}\n" for key, value in lines.items()).encode()
        assert what in module.check_version(dataclasses.replace(tree, replaced={"Makefile": makefile}), here)
    other = dataclasses.replace(tree, replaced={"Makefile": b"VERSION = 4\nPATCHLEVEL = 19\nSUBLEVEL = 1\n"})
    with pytest.raises(UsageError) as caught:
        module.check_version(other, here)
    assert "--mode kernel" in caught.value.hint
