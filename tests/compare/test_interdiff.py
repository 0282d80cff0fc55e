from __future__ import annotations

from typing import TYPE_CHECKING

from cosport.compare.interdiff import differences
from cosport.git.diff import patches
from cosport.git.repository import Repository
from cosport.model.commit import Sha
from cosport.model.result import Difference

if TYPE_CHECKING:
    from tests.support import File, Git


def patch(git: Git, old: dict[str, File], new: dict[str, File]) -> bytes:
    before = git.commit(old, parents=[])
    after = git.commit(new, parents=[before])
    trees = Sha(git.tree(before)), Sha(git.tree(after))
    return patches(Repository.open(git.path), [trees])[0]


def test_the_same_change_in_other_surroundings_has_no_differences(git: Git) -> None:
    one = patch(git, {"f": "a\nb\nc\n"}, {"f": "a\nB\nc\n"})
    two = patch(git, {"f": "x\nb\ny\n"}, {"f": "x\nB\ny\n"})
    assert differences(one, two) == ()


def test_each_side_tells_the_lines_that_only_it_changes(git: Git) -> None:
    upstream = patch(git, {"f": "a\nb\n", "g": "1\n"}, {"f": "A\nB\n", "g": "2\n"})
    backport = patch(git, {"f": "a\nb\n", "g": "1\n"}, {"f": "A\nb\nnew\n"})
    assert differences(upstream, backport) == (
        Difference("f", ("-b", "+B"), ("+new",)),
        Difference("g", ("-1", "+2"), ()),
    )


def test_a_line_counts_as_often_as_it_is_changed(git: Git) -> None:
    upstream = patch(git, {"f": "x\n"}, {"f": "x\nsame\nsame\n"})
    backport = patch(git, {"f": "x\n"}, {"f": "x\nsame\n"})
    assert differences(upstream, backport) == (Difference("f", ("+same",), ()),)


def test_lines_end_at_newlines_alone_and_bytes_survive(git: Git) -> None:
    upstream = patch(git, {"f": b"a\r\n"}, {"f": b"\xe9 \x0c\x0b\x85\r\nb"})
    backport = patch(git, {"f": b"a\r\n"}, {"f": b"a\r\nb"})
    assert differences(upstream, backport) == (Difference("f", ("-a\r", "+\udce9 \x0c\x0b\udc85\r"), ()),)


def test_removed_lines_that_look_like_headers_are_lines(git: Git) -> None:
    upstream = patch(git, {"f": "-- a/x\n@@ -1 +1 @@\nz\n"}, {"f": "z\n"})
    backport = patch(git, {"f": "-- a/x\nz\n"}, {"f": "z\n"})
    assert differences(upstream, backport) == (Difference("f", ("-@@ -1 +1 @@",), ()),)


def test_a_binary_file_is_named(git: Git) -> None:
    upstream = patch(git, {"f": b"\0"}, {"f": b"\0\0"})
    assert differences(upstream, b"") == (Difference("f", ("(binary)",), ()),)


def test_created_and_removed_files_are_told(git: Git) -> None:
    upstream = patch(git, {"f": "a\n", "old": "x\n"}, {"new": "n\n", "old": None})
    backport = patch(git, {"f": "a\n", "old": "x\n"}, {"new": "n\n"})
    assert differences(upstream, backport) == (Difference("old", ("-x",), ()),)
