"""Kernel builds on a tree of a few lines of make: what a real one does in minutes is seen by real jobs."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from cosport.errors import BuildError
from cosport.git.repository import Repository
from cosport.kbuild import kernel
from cosport.kbuild.kernel import Configuration
from cosport.kbuild.tree import Folder, Revision, Tree
from cosport.model.commit import Sha
from tests.kbuild.trees import DRIVER, MAKEFILE, plant

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support import File, Git

# Configures and compiles out of the tree as Kbuild does, and counts how often.
RULES = rb"""
ifneq ($(O),)
tinyconfig:
	@printf 'CONFIG_64BIT=y\n' > $(O)/.config
	@printf 'include $(CURDIR)/Makefile\nT := $(CURDIR)\n' > $(O)/Makefile
olddefconfig:
	@echo configured >> $(O)/log
	@grep -v CONFIG_UNKNOWN $(O)/.config > $(O)/new; mv $(O)/new $(O)/.config
	@printf 'T := $(CURDIR)\ninclude $(CURDIR)/Makefile\n' > $(O)/Makefile
endif
bzImage: arch/x86/boot/bzImage
arch/x86/boot/bzImage: drivers/virtio/virtio_balloon.o .config
	@mkdir -p $(@D); cat $^ > $@
drivers/virtio/%.o: $(T)/drivers/virtio/%.c
	@echo compiled >> log
	@mkdir -p $(@D); ! grep -H 'error' $< >&2 && cp $< $@
"""
TINY = Configuration("tinyconfig", "CONFIG_PCI=y\n")


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    folder = plant(tmp_path / "tree", arch__x86__my_defconfig=b"CONFIG_SMP=y\n")
    (folder / "Makefile").write_bytes(MAKEFILE + RULES)
    return Tree(Folder(folder))


def changed(tree: Tree, text: bytes) -> Tree:
    return dataclasses.replace(tree, replaced={DRIVER: text})


def log(home: Path) -> list[str]:
    (file,) = home.glob(".cache/cosport/build/*/out/log")
    return file.read_text(encoding="ascii").split()


def test_the_second_arm_compiles_what_differs_and_configures_nothing(tree: Tree, seal: Path) -> None:
    first = kernel.build(tree, TINY)
    assert first.path.read_bytes() == b"int shrinker;\nCONFIG_64BIT=y\n\nCONFIG_PCI=y\n"
    assert log(seal) == ["configured", "compiled"]
    second = kernel.build(changed(tree, b"int other;\n"), TINY)
    assert second.path.read_bytes().startswith(b"int other;\n")
    assert log(seal) == ["configured", "compiled", "compiled"]
    assert kernel.build(tree, TINY).cached
    assert log(seal) == ["configured", "compiled", "compiled"]


def test_a_commit_without_a_work_tree_is_built_and_the_next_one_on_top_of_it(git: Git, seal: Path) -> None:
    files: dict[str, File] = {"Makefile": MAKEFILE + RULES, "Kconfig": "", DRIVER: "int first;\n"}
    trees = []
    second: dict[str, File] = {DRIVER: "int second;\n"}
    for change in (files, second):
        sha = git.commit(change)
        trees.append(Tree(Revision(Repository.open(git.path), Sha(sha), Sha(git.tree(sha)), sha)))
    built = [kernel.build(each, TINY).path.read_bytes() for each in trees]
    assert [each.partition(b"\n")[0] for each in built] == [b"int first;", b"int second;"]
    assert len(list(seal.glob(".cache/cosport/build/*/src"))) == 1


def test_another_configuration_is_another_build(tree: Tree) -> None:
    first = kernel.build(tree, TINY)
    other = kernel.build(tree, Configuration("arch/x86/my_defconfig", "CONFIG_PCI=y\n"))
    assert not other.cached
    assert b"CONFIG_SMP=y" in other.path.read_bytes()
    assert first.path != other.path


def test_a_fragment_that_the_tree_drops_is_an_error(tree: Tree) -> None:
    with pytest.raises(BuildError, match="lost CONFIG_UNKNOWN=y became n"):
        kernel.build(tree, Configuration("tinyconfig", "CONFIG_UNKNOWN=y\n"))


def test_a_part_of_a_kernel_is_told_from_a_kernel_that_does_not_build(tree: Tree) -> None:
    assert isinstance(tree.source, Folder)
    (tree.source.path / "Makefile").write_bytes(MAKEFILE)  # it has no rule for tinyconfig
    with pytest.raises(
        BuildError, match=r"a part of a kernel tree, without scripts/Makefile\.build, arch/x86/Makefile"
    ):
        kernel.build(tree, TINY)


def test_a_build_that_failed_leaves_nothing_that_a_later_one_would_take(tree: Tree) -> None:
    with pytest.raises(BuildError, match="error in here"):
        kernel.build(changed(tree, b"#error in here\n"), TINY)
    assert kernel.build(tree, TINY).path.read_bytes().startswith(b"int shrinker;\n")
