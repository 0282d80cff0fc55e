"""Trees compared entry by entry say what `git diff-tree -r -t` says, and name all that a pick brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cosport.errors import MissingObjectError
from cosport.git.objects import ObjectReader
from cosport.git.quarantine import quarantine
from cosport.git.repository import Repository
from cosport.git.trees import Change, changes, new_objects
from cosport.model.commit import Sha

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.support import File, Git

BASE: Mapping[str, File] = {
    "a": "1\n", "d/e/f": "1\n", "d/g": "1\n", "k/x": "x\n", "gone/way": "1\n", "line\nbreak": "1\n", "run": "1\n",
    "kind": "1\n", "file": "1\n", "folder/in": "1\n", "odd \udce4": "1\n",
}  # fmt: skip
OTHER: Mapping[str, File] = {
    "a": "1\n", "d/e/f": "2\n", "d/g": "1\n", "k/x": "x\n", "line\nbreak": "2\n", "run": ("100755", "1\n"),
    "kind": ("120000", "a"), "file/now": "1\n", "folder": "1\n", "odd \udce4": "2\n", "new/deep/h": "3\n",
}  # fmt: skip


def as_git_says(change: Change) -> str:
    """The line of `git diff-tree --raw`, without its status."""
    modes, names = [], []
    for each in (change.old, change.new):
        modes.append(each.mode.decode().zfill(6) if each else "000000")
        names.append(each.name if each else "0" * 40)
    return f"{modes[0]} {modes[1]} {names[0]} {names[1]} {change.path.decode('utf-8', 'surrogateescape')}"


def pair(git: Git) -> tuple[Sha, Sha]:
    old, new = (Sha(git.tree(git.commit(files, parents=()))) for files in (BASE, OTHER))
    return old, new


def test_the_changes_are_those_that_git_tells(git: Git) -> None:
    old, new = pair(git)
    with ObjectReader(Repository.open(git.path)) as objects:
        for before, after in ((old, new), (new, old), (old, old)):
            told = git.raw("diff-tree", "-r", "-t", "-z", "--raw", "--no-abbrev", "--no-renames", before, after)
            fields = told.decode("utf-8", "surrogateescape").split("\0")
            said = {f"{head[1:-2]} {path}" for head, path in zip(fields[0:-1:2], fields[1::2], strict=False)}
            found = [as_git_says(each) for each in changes(objects, before, after)]
            assert set(found) == said
            assert len(found) == len(said)


def test_files_that_are_modified_are_those_that_git_marks_so(git: Git) -> None:
    old, new = pair(git)
    listed = git.raw("diff-tree", "-r", "-z", "--name-only", "--no-renames", "--diff-filter=M", old, new)
    with ObjectReader(Repository.open(git.path)) as objects:
        found = {each.path for each in changes(objects, old, new) if each.modifies_file}
    assert found == set(listed.split(b"\0")[:-1])


@pytest.mark.parametrize("sha256", [False, True], ids=["sha1", "sha256"])
def test_new_objects_are_the_trees_and_blobs_at_other_places(make_git: Callable[..., Git], *, sha256: bool) -> None:
    git = make_git(sha256=sha256)
    first: Mapping[str, File] = {"d/e/f": "1\n", "k/x": "x\n"}
    a, b = (
        Sha(git.tree(git.commit(files, parents=())))
        for files in (first, {"d/e/f": "2\n", "k/x": "x\n", "n\new/g": "3\n"})
    )
    home = Repository.open(git.path)
    with quarantine(home) as place, ObjectReader(home) as objects:
        found = set(new_objects(place, objects, a, b))
    names = ("", "d", "d/e", "d/e/f", "n\new", "n\new/g")
    assert found == {git("rev-parse", f"{b}:{name}") for name in names}


def test_trees_in_a_quarantine_are_seen(git: Git) -> None:
    old, _ = pair(git)
    home = Repository.open(git.path)
    with quarantine(home) as place, ObjectReader(home) as objects:
        blob = place.write("blob", b"x")
        new = place.write("tree", b"100644 x\0" + bytes.fromhex(blob))
        assert new_objects(place, objects, old, new)[1:] == [blob]
        with pytest.raises(MissingObjectError):
            list(changes(objects, old, new))
