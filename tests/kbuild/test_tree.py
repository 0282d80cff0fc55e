from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cosport.errors import BuildError, ToolError, UsageError
from cosport.git.repository import Repository
from cosport.kbuild import archive
from cosport.kbuild.tree import Archive, Folder, Revision, Source, Tree
from cosport.model.commit import Sha
from tests.kbuild.trees import DRIVER, MAKEFILE, plant

if TYPE_CHECKING:
    from tests.support import File, Git


def packed(folder: Path, name: str = "linux-source-6.1.tar.xz") -> Path:
    plant(folder / "linux-source-6.1", mm__vmscan__c=b"")
    subprocess.run(["tar", "-cJf", folder / name, "-C", folder, "linux-source-6.1"], check=True)
    return folder / name


def committed(git: Git, tmp_path: Path) -> tuple[Revision, Revision]:
    files: dict[str, File] = {
        "Makefile": MAKEFILE,
        "Kconfig": b"mainmenu\n",
        DRIVER: b"int shrinker;\n",
        "link": ("120000", "Makefile"),
    }
    first = git.commit(files)
    second = git.commit({DRIVER: b"int notifier;\n", "new.c": "x"})
    repository = Repository.open(git.path)
    return (
        Revision(repository, Sha(first), Sha(git.tree(first)), "first"),
        Revision(repository, Sha(second), Sha(git.tree(second)), "main"),
    )


@pytest.fixture(params=["archive", "folder", "revision"])
def source(request: pytest.FixtureRequest, tmp_path: Path, git: Git) -> Source:
    if request.param == "archive":
        return Archive(packed(tmp_path))
    if request.param == "folder":
        return Folder(plant(tmp_path / "tree"))
    return committed(git, tmp_path)[0]


def test_a_tree_is_read_without_a_work_tree(source: Source) -> None:
    tree = Tree(source)
    assert tree.version == "6.1.192"
    assert tree.read(DRIVER) == b"int shrinker;\n"
    with pytest.raises(UsageError, match=r"nothing\.c"):
        tree.read("nothing.c")


def test_replaced_files_are_read_and_laid_out_and_undone(source: Source, tmp_path: Path) -> None:
    place = tmp_path / "place/src"
    changed = Tree(source, {DRIVER: b"int changed;\n"}, "a fix taken out")
    assert changed.identity != Tree(source).identity
    assert changed.title.endswith(", a fix taken out")
    changed.lay_out(place)
    assert (place / DRIVER).read_bytes() == b"int changed;\n"
    makefile = (place / "Makefile").stat().st_mtime_ns
    Tree(source).lay_out(place)
    assert (place / DRIVER).read_bytes() == b"int shrinker;\n"
    assert (place / "Makefile").stat().st_mtime_ns == makefile  # make compiles again what changed, and nothing else


def test_another_commit_rewrites_only_what_differs_and_leaves_the_users_checkout(git: Git, tmp_path: Path) -> None:
    first, second = committed(git, tmp_path)
    git.checkout()
    before = git.user_state()
    place = tmp_path / "place/src"
    Tree(first).lay_out(place)
    kept = (place / "Makefile").stat().st_mtime_ns
    Tree(second).lay_out(place)
    assert (place / DRIVER).read_bytes() == b"int notifier;\n"
    assert (place / "new.c").exists()
    assert (place / "Makefile").stat().st_mtime_ns == kept
    assert (place / "link").readlink() == Path("Makefile")
    Tree(first).lay_out(place)
    assert not (place / "new.c").exists()
    assert git.user_state() == before


def test_an_index_that_a_kill_left_behind_is_made_anew(git: Git, tmp_path: Path) -> None:
    first, second = committed(git, tmp_path)
    place = tmp_path / "place/src"
    Tree(first).lay_out(place)
    (tmp_path / "place/index").write_bytes(b"DIRC torn")
    (tmp_path / "place/index.lock").touch()
    Tree(second).lay_out(place)
    assert (place / DRIVER).read_bytes() == b"int notifier;\n"


def test_what_a_build_left_in_a_folder_is_not_copied(tmp_path: Path) -> None:
    folder = plant(tmp_path / "tree", drivers__virtio__a__o=b"")
    (folder / "drivers/virtio/.a.o.cmd").touch()
    (folder / "drivers/virtio/built.o").touch()
    (folder / ".git").mkdir()
    place = tmp_path / "place/src"
    Tree(Folder(folder)).lay_out(place)
    assert sorted(path.name for path in (place / "drivers/virtio").iterdir() if path.is_file()) == ["virtio_balloon.c"]
    assert not (place / ".git").exists()


def test_what_was_deleted_in_a_folder_goes_from_the_copy(tmp_path: Path) -> None:
    folder, place = plant(tmp_path / "tree", old__file__c=b"", kept__c=b""), tmp_path / "place/src"
    Tree(Folder(folder)).lay_out(place)
    assert (place / "old/file/c").exists()
    shutil.rmtree(folder / "old")
    Tree(Folder(folder)).lay_out(place)
    assert not (place / "old").exists()
    assert (place / "kept/c").exists()


def test_an_archive_whose_unpacking_was_killed_is_unpacked_again(tmp_path: Path) -> None:
    source, place = Archive(packed(tmp_path)), tmp_path / "place/src"
    (place / "drivers").mkdir(parents=True)
    (place / "Makefile").write_bytes(MAKEFILE)
    Tree(source).lay_out(place)
    assert (place / DRIVER).read_bytes() == b"int shrinker;\n"


def test_a_folder_that_changed_is_another_tree(tmp_path: Path) -> None:
    folder = plant(tmp_path / "tree")
    before = Folder(folder).identity
    (folder / DRIVER).write_bytes(b"int longer_than_before;\n")
    assert Folder(folder).identity != before


def test_the_newest_archive_is_found(tmp_path: Path) -> None:
    assert archive.find(tmp_path) is None
    for name in ("linux-source-6.1.tar.xz", "linux-source-6.12.tar.xz"):
        (tmp_path / name).touch()
    found = archive.find(tmp_path)
    assert found is not None
    assert found.name == "linux-source-6.12.tar.xz"


def test_a_damaged_archive_is_told(tmp_path: Path) -> None:
    whole = packed(tmp_path)
    whole.write_bytes(whole.read_bytes()[:200])
    with pytest.raises(ToolError, match="cannot read"):
        archive.read(whole, {"zzz"})
    (tmp_path / "out").mkdir()
    with pytest.raises(ToolError, match="cannot read"):
        archive.unpack(whole, tmp_path / "out")


class Torn(Archive):
    """An archive whose laying out is killed in the midst of it."""

    def lay_out(self, folder: Path) -> None:
        raise KeyboardInterrupt


def test_what_a_killed_run_replaced_is_undone_by_the_next(tmp_path: Path) -> None:
    file, place = packed(tmp_path), tmp_path / "place/src"
    Tree(Archive(file), {DRIVER: b"int changed;\n"}).lay_out(place)
    with pytest.raises(KeyboardInterrupt):
        Tree(Torn(file), {"Kconfig": b"changed\n"}).lay_out(place)
    Tree(Archive(file)).lay_out(place)
    assert (place / DRIVER).read_bytes() == b"int shrinker;\n"


def test_links_of_a_folder_are_copied_and_never_written_through(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "kept").write_text("the user's", encoding="utf-8")
    tree = plant(tmp_path / "tree", include__dts__a=b"a", other=b"a file", place__deep__b=b"b")
    (tree / "prefix").symlink_to("include/dts")
    (tree / "shown").symlink_to(home / "kept")
    out = tmp_path / "out"
    Folder(tree).lay_out(out)
    assert (out / "prefix").is_symlink()
    assert (out / "prefix" / "a").read_bytes() == b"a"
    # What was a link becomes a file and a folder, and what was a file and a folder the other.
    for name in ("prefix", "shown"):
        (tree / name).unlink()
    (tree / "prefix").symlink_to(home)
    Folder(tree).lay_out(out)
    (tree / "prefix").unlink()
    (tree / "other").unlink()
    shutil.rmtree(tree / "place")
    plant(tree, prefix__new=b"new", shown=b"shown", other__below=b"below", place=b"place")
    Folder(tree).lay_out(out)
    assert (out / "shown").read_bytes() == b"shown"
    assert sorted(each.name for each in (out / "prefix").iterdir()) == ["new"]
    assert (out / "place").read_bytes() == b"place"
    assert (out / "other" / "below").read_bytes() == b"below"
    assert [each.name for each in home.iterdir()] == ["kept"]
    assert (home / "kept").read_text(encoding="utf-8") == "the user's"


def test_a_file_that_is_replaced_is_not_written_through_a_link(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("the user's", encoding="utf-8")
    tree = plant(tmp_path / "tree")
    (tree / DRIVER).unlink()
    (tree / DRIVER).symlink_to(kept)
    out = tmp_path / "out"
    Tree(Folder(tree), {DRIVER: b"replaced\n"}).lay_out(out)
    assert (out / DRIVER).read_bytes() == b"replaced\n"
    shutil.copytree(tree / "drivers", tmp_path / "elsewhere", symlinks=True)
    shutil.rmtree(tree / "drivers")
    (tree / "drivers").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BuildError, match="leads out of the tree"):
        Tree(Folder(tree), {DRIVER: b"replaced\n"}).lay_out(out)
    assert kept.read_text(encoding="utf-8") == "the user's"


def test_a_tree_may_lack_what_an_earlier_one_replaced(git: Git, tmp_path: Path) -> None:
    repository = Repository.open(git.path)
    first, second = Sha(git.commit({"Makefile": "", "old.c": "x"})), Sha(git.commit({"old.c": None}))
    out = tmp_path / "out" / "src"
    Tree(Revision(repository, first, Sha(git.tree(first)), "x"), {"old.c": b"replaced"}).lay_out(out)
    Tree(Revision(repository, second, Sha(git.tree(second)), "y")).lay_out(out)
    assert not (out / "old.c").exists()
