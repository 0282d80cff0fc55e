from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cosport import resources
from cosport.errors import ToolError, UsageError
from cosport.git.repository import Repository
from cosport.kbuild import archive, kernel, patch
from cosport.kbuild.kernel import Configuration
from cosport.kbuild.module import Built
from cosport.kbuild.tree import Archive, Tree
from cosport.model.regress import ArmName
from cosport.regress import arms, workload
from cosport.regress.arms import Mode, Named, Prepared
from tests.kbuild.trees import DRIVER, plant

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support import Git

BALLOON = workload.find("balloon")


def no_repository() -> Repository:
    raise AssertionError("no revision was named")


def prepare(named: Named, repository: Callable[[], Repository] = no_repository) -> Prepared:
    return arms.prepare(named, BALLOON, Configuration("tinyconfig", ""), repository, lambda _: None)


@pytest.fixture(scope="session")
def source() -> Archive:
    found = archive.find()
    assert found is not None
    return Archive(found)


@pytest.fixture
def picked(git: Git, source: Archive) -> tuple[Git, str, str, str]:
    """A branch with the bug, with the fix on it, and with something else on top; the three commits."""
    without = patch.first_applied(source.read, resources.path("patches", "balloon").glob("*.patch"))
    assert without is not None
    base = git.commit({"Makefile": source.read("Makefile"), "Kconfig": "", DRIVER: without[1][DRIVER]}, "base")
    fix = git.commit({DRIVER: source.read(DRIVER)}, "fix")
    top = git.commit({"other.c": ""}, "something else")
    return git, base, fix, top


def test_without_a_name_the_fix_is_taken_out_of_the_distributions_source(source: Archive) -> None:
    found = prepare(Named())
    assert found.mode is Mode.MODULE
    without, with_ = (boot.arm for boot in found.boots)
    assert (without.name, with_.name) == tuple(ArmName)
    assert with_.title == source.title
    assert without.title == f"{source.title}, da10329cb057 taken out"
    assert without.artifact != with_.artifact
    assert b"virtio_balloon.ko" in found.boots[0].initrd


def test_swapped_arms_change_their_names_alone() -> None:
    plain, swapped = prepare(Named()), prepare(Named(swap=True))
    assert [boot.arm.artifact for boot in swapped.boots] == [boot.arm.artifact for boot in reversed(plain.boots)]


def test_a_control_is_one_arm_twice() -> None:
    one, other = prepare(Named(control=True)).boots
    assert one.arm.artifact == other.arm.artifact


def test_a_pick_stands_against_its_parent_and_a_branch_against_itself_without_the_fix(
    picked: tuple[Git, str, str, str],
) -> None:
    git, base, fix, top = picked

    def repository() -> Repository:
        return Repository.open(git.path)

    without, with_ = (boot.arm for boot in prepare(Named(with_=fix), repository).boots)
    assert (without.commit, with_.commit) == (base, fix)
    patched, branch = (boot.arm for boot in prepare(Named(with_="main"), repository).boots)
    assert (patched.commit, branch.commit) == ("", top)
    assert "da10329cb057 taken out" in patched.title
    assert (patched.artifact, branch.artifact) == (without.artifact, with_.artifact)
    alone = prepare(Named(with_=fix, alone=True), repository).boots
    assert [boot.arm.name for boot in alone] == [ArmName.WITH]


def test_two_arms_of_the_same_bytes_are_refused(picked: tuple[Git, str, str, str]) -> None:
    git, _, fix, top = picked
    with pytest.raises(UsageError, match="the same, byte for byte") as caught:
        prepare(Named(without=fix, with_=top), lambda: Repository.open(git.path))
    assert "--control" in caught.value.hint


def test_a_tree_that_never_had_the_bug_is_not_applicable(git: Git, source: Archive) -> None:
    git.commit({"Makefile": source.read("Makefile"), "Kconfig": "", DRIVER: "int notifier;\n"}, "old")
    for named in (Named(with_="main"), Named(tree=git.path)):
        git.checkout()
        found = prepare(named, lambda: Repository.open(git.path))
        assert not found.boots
        assert "lacks 71994620bb25" in found.not_applicable


@pytest.mark.parametrize(
    ("named", "says"),
    [
        (Named(without="x"), "--without names one arm only"),
        (Named(tree=Path(), with_="x"), "--tree names both arms"),
        (Named(tree=Path("/nowhere")), "no kernel tree"),
        (Named(with_="{ko}", mode=Mode.KERNEL), "is a module, and the mode is kernel"),
        (Named(with_="{image}", mode=Mode.MODULE), "is no module, and the mode is module"),
    ],
)
def test_what_cannot_be_compared_is_told(named: Named, says: str, tmp_path: Path) -> None:
    (tmp_path / "a.ko").touch()
    (tmp_path / "bzImage").touch()
    given = named.with_.format(ko=tmp_path / "a.ko", image=tmp_path / "bzImage")
    with pytest.raises(UsageError, match=says):
        prepare(Named(named.without, given, named.tree, named.mode))


def test_a_tree_of_another_version_is_built_whole(tmp_path: Path) -> None:
    folder = plant(tmp_path / "tree")
    (folder / "Makefile").write_bytes(b"VERSION = 4\nPATCHLEVEL = 19\nSUBLEVEL = 1\n")
    (folder / DRIVER).write_bytes(b"int notifier;\n")
    assert prepare(Named(tree=folder)).mode is Mode.KERNEL


def test_without_headers_it_is_told_why_whole_kernels_are_built(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from cosport.kbuild import distribution

    def none(_root: Path = distribution.ROOT) -> distribution.Distribution:
        raise ToolError("no headers", hint="install them")

    built: list[str] = []

    def build(tree: Tree, _: Configuration) -> Built:
        built.append(tree.title)
        file = tmp_path / str(len(built))
        file.write_bytes(tree.title.encode())
        return Built(file, 1.0, cached=False)

    monkeypatch.setattr(distribution, "find", none)
    monkeypatch.setattr(kernel, "build", build)
    found = prepare(Named())
    assert found.mode is Mode.KERNEL
    assert found.notes == ("whole kernels are built: no headers",)
    assert len(built) == 2
    with pytest.raises(ToolError, match="no headers"):
        prepare(Named(mode=Mode.MODULE))


def test_without_any_source_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "find", lambda: None)
    with pytest.raises(ToolError) as caught:
        prepare(Named())
    assert "apt-get install linux-source" in caught.value.hint
