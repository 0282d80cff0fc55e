"""How near two patches are: a table of cases, and `git patch-id --verbatim` as judge of what is identical."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cosport.compare.fidelity import changes, fidelity
from cosport.compare.interdiff import differences
from cosport.git.diff import patches
from cosport.git.repository import Repository
from cosport.model.commit import Sha
from cosport.model.result import Fidelity

if TYPE_CHECKING:
    from tests.support import File, Git

IDENTICAL, CONTEXT, ADAPTED = Fidelity.IDENTICAL, Fidelity.CONTEXT, Fidelity.ADAPTED
LINES = [f"line {number}\n" for number in range(30)]
TEXT = "".join(LINES)
Files = dict[str, "File"]


def put(number: int, line: str, text: str = TEXT) -> str:
    """The text with one line replaced ("" takes it out)."""
    lines = text.splitlines(keepends=True)
    lines[number] = line
    return "".join(lines)


def patch(git: Git, old: Files, new: Files) -> bytes:
    trees = [Sha(git.tree(git.commit({"other": "x\n", **files}, parents=()))) for files in (old, new)]
    return patches(Repository.open(git.path), [(trees[0], trees[1])])[0]


UPSTREAM: tuple[Files, Files] = ({"f": TEXT}, {"f": put(15, "fixed\n")})
CASES: dict[str, tuple[Fidelity, tuple[Files, Files], tuple[Files, Files]]] = {
    "the same": (IDENTICAL, UPSTREAM, UPSTREAM),
    "further down": (IDENTICAL, UPSTREAM, ({"f": "more\n" * 9 + TEXT}, {"f": "more\n" * 9 + put(15, "fixed\n")})),
    "other text near it": (
        CONTEXT, UPSTREAM, ({"f": put(13, "x\n")}, {"f": put(13, "x\n", put(15, "fixed\n"))}),
    ),
    "other white space near it": (
        CONTEXT, UPSTREAM, ({"f": put(13, "line  13\n")}, {"f": put(13, "line  13\n", put(15, "fixed\n"))}),
    ),
    "under another name": (CONTEXT, UPSTREAM, ({"g": TEXT}, {"g": put(15, "fixed\n")})),
    "other text": (ADAPTED, UPSTREAM, ({"f": TEXT}, {"f": put(15, "mended\n")})),
    "other white space": (ADAPTED, UPSTREAM, ({"f": TEXT}, {"f": put(15, "fixed \n")})),
    "carriage returns": (ADAPTED, UPSTREAM, ({"f": TEXT}, {"f": put(15, "fixed\r\n")})),
    "a file more": (ADAPTED, UPSTREAM, ({"f": TEXT}, {"f": put(15, "fixed\n"), "g": "x\n"})),
    "one line less": (
        ADAPTED, ({"f": TEXT}, {"f": put(15, "a\nb\n")}), ({"f": TEXT}, {"f": put(15, "a\n")}),
    ),
    "mode only": (IDENTICAL, ({"f": TEXT}, {"f": ("100755", TEXT)}), ({"f": "y\n"}, {"f": ("100755", "y\n")})),
    "mode as well": (
        ADAPTED, UPSTREAM, ({"f": TEXT}, {"f": ("100755", put(15, "fixed\n"))}),
    ),
    "a new file": (IDENTICAL, ({}, {"n": TEXT}), ({}, {"n": TEXT})),
    "a new file that runs": (ADAPTED, ({}, {"n": TEXT}), ({}, {"n": ("100755", TEXT)})),
    "a file that goes": (IDENTICAL, ({"n": "x\n"}, {}), ({"n": "x\n"}, {})),
    "a file that goes, with other text": (ADAPTED, ({"n": "x\n"}, {}), ({"n": "y\n"}, {})),
    "empty files": (IDENTICAL, ({}, {"n": ""}), ({}, {"n": ""})),
    "empty files of other names": (CONTEXT, ({}, {"n": ""}), ({}, {"m": ""})),
    "binary": (IDENTICAL, ({"b": b"\0a"}, {"b": b"\0b"}), ({"b": b"\0a"}, {"b": b"\0b"})),
    "binary, from another": (ADAPTED, ({"b": b"\0a"}, {"b": b"\0b"}), ({"b": b"\0c"}, {"b": b"\0b"})),
    "binary, to another": (ADAPTED, ({"b": b"\0a"}, {"b": b"\0b"}), ({"b": b"\0a"}, {"b": b"\0c"})),
    "binary and text": (
        CONTEXT,
        ({"b": b"\0a", "f": TEXT}, {"b": b"\0b", "f": put(15, "fixed\n")}),
        ({"b": b"\0a", "f": put(13, "x\n")}, {"b": b"\0b", "f": put(13, "x\n", put(15, "fixed\n"))}),
    ),
    "no newline at the end of both": (
        IDENTICAL, ({"f": "a\nb"}, {"f": "a\nc"}), ({"f": "a\nb"}, {"f": "a\nc"}),
    ),
    "no newline at the end of one": (
        ADAPTED, ({"f": "a\nb"}, {"f": "a\nc"}), ({"f": "a\nb"}, {"f": "a\nc\n"}),
    ),
    "no newline at the end of the context": (
        CONTEXT, ({"f": "a\nb\nc\n"}, {"f": "x\nb\nc\n"}), ({"f": "a\nb\nc"}, {"f": "x\nb\nc"}),
    ),
    "lines that look like headers": (
        IDENTICAL,
        ({"f": "-- a/f\n++ b/f\n@@ -1 +1 @@\ndiff --git a b\nindex 1..2\nx\n"}, {"f": "y\n"}),
        ({"f": "-- a/f\n++ b/f\n@@ -1 +1 @@\ndiff --git a b\nindex 1..2\nx\n"}, {"f": "y\n"}),
    ),
    "lines that look like headers, and differ": (
        ADAPTED, ({"f": "-- a/f\nx\n"}, {"f": "x\n"}), ({"f": "-- a/g\nx\n"}, {"f": "x\n"}),
    ),
    "added lines that look like headers, and differ": (
        ADAPTED, ({"f": "x\n"}, {"f": "x\n++ b/f\n"}), ({"f": "x\n"}, {"f": "x\n++ b/g\n"}),
    ),
    "lines that look like index lines, and differ": (
        ADAPTED, ({"f": "x\n"}, {"f": "x\nindex 1..2\n"}), ({"f": "x\n"}, {"f": "x\nindex 1..3\n"}),
    ),
    "lines with returns in them": (
        ADAPTED, ({"f": "x\n"}, {"f": "a\r+b\n"}), ({"f": "x\n"}, {"f": "a\r+c\n"}),
    ),
    "links": (
        IDENTICAL, ({"l": ("120000", "a")}, {"l": ("120000", "b")}), ({"l": ("120000", "a")}, {"l": ("120000", "b")}),
    ),
    "submodules": (
        ADAPTED,
        ({"s": ("160000", "1" * 40)}, {"s": ("160000", "2" * 40)}),
        ({"s": ("160000", "1" * 40)}, {"s": ("160000", "3" * 40)}),
    ),
    "in another order": (
        ADAPTED,
        ({"f": TEXT}, {"f": put(3, "a\n", put(20, "b\n"))}),
        ({"f": TEXT}, {"f": put(3, "b\n", put(20, "a\n"))}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_table(git: Git, name: str) -> None:
    expected, upstream, backport = CASES[name]
    ours, theirs = patch(git, *upstream), patch(git, *backport)
    assert fidelity(ours, theirs) is expected
    assert fidelity(theirs, ours) is expected
    assert fidelity(ours, ours) is IDENTICAL
    assert (verbatim(ours) == verbatim(theirs)) == (expected is IDENTICAL)


def verbatim(text: bytes) -> bytes:
    done = subprocess.run(["git", "patch-id", "--verbatim"], input=text, capture_output=True, check=True)
    return done.stdout.split(b" ")[0]


LINE = st.sampled_from(
    ["a", "b", "-- a/f", "++ b/f", "@@ -1 +1 @@", "index 0..1", "\\ No newline", "", "\r", "diff --git x"]
)
BODY = st.lists(LINE, min_size=1, max_size=8).map("\n".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(BODY, BODY, BODY, st.sampled_from(["\n", ""]))
def test_identical_is_what_git_patch_id_says(git: Git, old: str, new: str, lead: str, end: str) -> None:
    one = patch(git, {"f": old + end}, {"f": new + end})
    two = patch(git, {"f": lead + "\n" + old + end}, {"f": lead + "\n" + new + end})
    if old == new:
        assert (one, two) == (b"", b"")
        return
    found = fidelity(one, two)
    assert (found is IDENTICAL) == (verbatim(one) == verbatim(two))
    assert differences(one, one) == ()
    if found is CONTEXT:
        assert differences(one, two) == ()


def test_changes_tell_path_header_and_lines(git: Git) -> None:
    text = patch(
        git, {"f": "a\n", "gone": "x\n", "b": b"\0"}, {"f": "b\n", "b": b"\0\0", "new": ("100755", "y\n"), "t\tb": "z"}
    )
    found = {change.path: change for change in changes(text)}
    assert set(found) == {b"b/f", b"a/gone", b"b/new", b'"b/t\\tb"', b""}
    assert found[b"b/f"].lines == (b"-a\n", b"+b\n")
    assert found[b"b/new"].header == (b"new file mode 100755\n",)
    assert found[b"a/gone"].header == (b"deleted file mode 100644\n",)
    assert found[b'"b/t\\tb"'].lines == (b"+z\n", b"\\ No newline at end of file\n")
    assert found[b""].blobs.count(b"..") == 1
    assert changes(b"") == ()


def test_time_grows_with_the_patch_and_not_faster() -> None:
    def seconds(lines: int) -> float:
        text = b"diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -1 +1 @@\n" + b"-old\n+new\n context\n" * lines
        started = time.perf_counter()
        assert fidelity(text, text + b"+more\n") is ADAPTED
        return time.perf_counter() - started

    seconds(1000)
    small = min(seconds(10_000) for _ in range(3))
    large = min(seconds(80_000) for _ in range(3))
    assert large < small * 8 * 5  # quadratic would be 64 times
