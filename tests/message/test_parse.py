from __future__ import annotations

import time

import pytest
from hypothesis import given, settings

from cosport.message.parse import Kind, Message, parse
from tests.message.strategies import MAIN, MESSAGES, UPSTREAM
from tests.support import ROOT, Git

SIGNED = "Signed-off-by: A <a@x>"


def keys(message: Message) -> list[str]:
    return [trailer.key for trailer in message.trailers]


def trailers_of(*paragraphs: str) -> list[tuple[str, str]]:
    message = parse("\n\n".join(("subject", *paragraphs)) + "\n")
    return [(trailer.key, trailer.full) for trailer in message.trailers]


@given(text=MESSAGES)
@settings(max_examples=500, deadline=None)
def test_the_text_comes_back_and_trailers_are_its_lines_in_order(text: str) -> None:
    message = parse(text)
    assert message.text == text
    assert "\n".join(message.lines) == text
    end = 0
    for trailer in message.trailers:
        assert trailer.line > end
        end = trailer.line + trailer.lines - 1
        assert tuple(message.lines[trailer.line : end]) == trailer.continuation
        assert trailer.paragraph > 1
    assert end <= len(message.lines)
    assert all(trailer in message.trailers for trailer in message.closing)


@pytest.mark.parametrize("text", ["", "\n", "\n\n\n", " \n\t\n", "\0", "\r\n", "subject", "\nsubject"])
def test_almost_nothing_has_no_trailers(text: str) -> None:
    assert parse(text).trailers == ()
    assert parse(text).body == ""


def test_the_example_is_parsed_in_full() -> None:
    message = parse((ROOT / "tests/data/message/cos-balloon.txt").read_text(encoding="utf-8"))
    assert message.subject == "virtio-balloon: switch back to OOM handler for VIRTIO_BALLOON_F_DEFLATE_ON_OOM"
    assert message.body.startswith(
        'Commit 71994620bb25 ("virtio_balloon: replace oom notifier with shrinker")\nchanged'
    )
    assert message.body.endswith("would never reach\n  the target.")
    assert [(trailer.line, trailer.paragraph, trailer.kind, trailer.key) for trailer in message.trailers] == [
        (70, 12, Kind.FIELD, "TEST"),
        (71, 12, Kind.FIELD, "RELEASE_NOTE"),
        (73, 13, Kind.TAG, "cos-patch"),
        (74, 13, Kind.TAG, "Fixes"),
        (75, 13, Kind.TAG, "Signed-off-by"),
        (76, 13, Kind.TAG, "Reported-by"),
        (77, 13, Kind.TAG, "Tested-by"),
        (78, 13, Kind.TAG, "Acked-by"),
        (79, 13, Kind.TAG, "Acked-by"),
        *((line, 13, Kind.TAG, "Cc") for line in range(80, 85)),
        (85, 13, Kind.TAG, "Signed-off-by"),
        (86, 13, Kind.TAG, "Signed-off-by"),
        (87, 13, Kind.ORIGIN, "cherry picked from"),
        (88, 13, Kind.TAG, "Change-Id"),
        (89, 13, Kind.TAG, "Reviewed-by"),
        (90, 13, Kind.TAG, "Reviewed-by"),
        (91, 13, Kind.TAG, "Tested-by"),
        (92, 13, Kind.ORIGIN, "cherry picked from"),
        (93, 13, Kind.TAG, "Main-Branch-Verified"),
    ]
    assert [trailer.value for trailer in message.trailers if trailer.kind is Kind.ORIGIN] == [UPSTREAM, MAIN]


@pytest.mark.parametrize("prose", [
    "BUG: KASAN: use-after-free in virtballoon_probe+0x1",
    "BUG: KASAN: use-after-free\nRead of size 8\nCall Trace:\n dump_stack+0x1",
    "WARNING: possible recursive locking detected",
    "Test: x",
    "Note: this is prose.",
    "foo: bar",
    "foo: bar\nbaz: qux",
    "https://lore.kernel.org/r/1",
    "    Signed-off-by: Quoted <q@x>",
    "\tFixes: 71994620bb25",
    "From: A <a@x>\nTo: B <b@x>\nSubject: hello\nCc: C <c@x>",
    "> Signed-off-by: Quoted <q@x>",
    "X=1 make check",
    "bug=b/1",
    "FOO=bar",
    "[   12.345678] BUG: unable to handle kernel paging request",
    "[1] https://example.com",
    "[ INFO: possible circular locking dependency detected ]",
    "This is as in\ncommit da10329cb057e49be7f099eb7864d16f7705f798 upstream which broke it.",
    "Commit 71994620bb25 upstream changed this.",
    "(a remark, cherry picked from nowhere)",
    "int a = b ? c : d;\ngoto out;\nout:\n\treturn 0;",
])  # fmt: skip
@pytest.mark.parametrize("after", ["", "more prose", SIGNED])
def test_what_only_looks_like_a_trailer_stays_prose(prose: str, after: str) -> None:
    assert trailers_of(prose, *filter(None, [after])) == ([("Signed-off-by", "A <a@x>")] if after == SIGNED else [])


@pytest.mark.parametrize(("paragraph", "expected"), [
    (SIGNED, [("Signed-off-by", "A <a@x>")]),
    ("Cc: B <b@x>\nUnknown-key: value", [("Cc", "B <b@x>"), ("Unknown-key", "value")]),
    ("Signed-off-by : A <a@x>", [("Signed-off-by", "A <a@x>")]),
    ("Signed-off-by:A", [("Signed-off-by", "A")]),
    ("prose glued to it\n" + SIGNED, [("Signed-off-by", "A <a@x>")]),
    ("prose that names\nReported-by: B <b@x>", [("Reported-by", "B <b@x>")]),
    ("From: X <x@x>\n" + SIGNED, [("Signed-off-by", "A <a@x>")]),
    ('Fixes: 71994620bb25 ("a subject\n that goes on")', [("Fixes", '71994620bb25 ("a subject that goes on")')]),
    ("BUG=b/1\nTEST=none", [("BUG", "b/1"), ("TEST", "none")]),
    ("RELEASE_NOTE=a note that\ngoes on\nBUG=b/1", [("RELEASE_NOTE", "a note that goes on"), ("BUG", "b/1")]),
    ("RELEASE_NOTES=misspelled", [("RELEASE_NOTES", "misspelled")]),
    (f"(cherry picked from commit {MAIN})", [("cherry picked from", MAIN)]),
    (f"(Cherry picked from commit {MAIN} linux-stable)", [("Cherry picked from", MAIN)]),
    (f"(cherry picked from commit {MAIN}\n url for-next)", [("cherry picked from", f"{MAIN} url for-next)")]),
    (f"(backported from commit {MAIN})", [("backported from", MAIN)]),
    ("(am from https://patchwork.example.com/1/)", [("am from", "https://patchwork.example.com/1/)")]),
    (f"commit {UPSTREAM} upstream.", [("Upstream commit", UPSTREAM)]),
    (f"commit {UPSTREAM} upstream (as of v2.6.34-rc3)", [("Upstream commit", UPSTREAM)]),
    (f"Commit: {UPSTREAM} upstream", [("Upstream commit", UPSTREAM)]),
    (f"[ Upstream commit {UPSTREAM} ]", [("Upstream commit", UPSTREAM)]),
    (f"commit {UPSTREAM} upstream.\nProse goes on at once.", [("Upstream commit", UPSTREAM)]),
    ("[akpm@x.org: fix\nbuild]\n" + SIGNED, [("akpm@x.org", "fix build"), ("Signed-off-by", "A <a@x>")]),
    ("Conflicts:\n\tmm/a.c\n\tmm/b.c\n" + SIGNED, [("Conflicts", "mm/a.c mm/b.c"), ("Signed-off-by", "A <a@x>")]),
    ("# Conflicts:\n#\tmm/a.c", [("Conflicts", "#\tmm/a.c")]),
    (SIGNED + "\nsome junk between\n" + SIGNED, [("Signed-off-by", "A <a@x>")] * 2),
    (SIGNED + "\r", [("Signed-off-by", "A <a@x>")]),
    ("LKML-Reference: <1@x>\nBUG: KASAN: x\n" + SIGNED, [("LKML-Reference", "<1@x>"), ("Signed-off-by", "A <a@x>")]),
])  # fmt: skip
def test_the_forms_of_trailers(paragraph: str, expected: list[tuple[str, str]]) -> None:
    assert trailers_of(paragraph) == expected
    assert trailers_of("body", paragraph, "prose after it") == expected


def test_trailers_of_all_paragraphs_count_and_only_the_last_ones_are_closing() -> None:
    message = parse(f"s\n\nFixes: 71994620bb25\n\nprose\n\n{SIGNED}\n\nBUG=b/1\n\nCc: B <b@x>\n")
    assert keys(message) == ["Fixes", "Signed-off-by", "BUG", "Cc"]
    assert [trailer.key for trailer in message.closing] == ["Signed-off-by", "BUG", "Cc"]
    assert message.body == "Fixes: 71994620bb25\n\nprose"


def test_notes_of_their_own_belong_to_the_trailers_after_them_only() -> None:
    assert trailers_of("[a: note]", "prose", SIGNED) == [("Signed-off-by", "A <a@x>")]
    assert trailers_of("prose", "[a: note]", SIGNED) == [("a", "note"), ("Signed-off-by", "A <a@x>")]


def test_lines_end_at_newlines_only() -> None:
    message = parse(f"s\n\nbody\x0b\x0c\x85\u2028\u2029\x1cBUG=b/2\n\n{SIGNED}\x85x\n")
    assert keys(message) == ["Signed-off-by"]
    assert message.trailers[0].line == 5


def test_trailers_under_the_subject_are_subject_as_git_has_it() -> None:
    message = parse(f"subject\n{SIGNED}\n")
    assert message.trailers == ()
    assert message.subject == f"subject {SIGNED}"


def test_gits_own_trailers_are_all_found(git: Git) -> None:
    paragraphs = (
        "one\n" + SIGNED,
        SIGNED + "\nAcked-by: B <b@x>\n  goes on",
        f"{SIGNED}\nx\n(cherry picked from commit {MAIN})",
    )
    for paragraph in paragraphs:
        git.commit({"a": paragraph}, f"subject\n\nbody\n\n{paragraph}\n")
        theirs = git("log", "-1", "--format=%(trailers:only,unfold)").splitlines()
        message = parse(git.message("main").decode())
        ours = [f"{trailer.key}: {trailer.full}" for trailer in message.trailers if trailer.kind is Kind.TAG]
        assert ours == [line for line in theirs if line]


@pytest.mark.parametrize(
    "unit", ["a\n", "[a: b\n", "Cc: x\n", "[a: b\n\n", "a", " \n", "(cherry picked from " + "commit " * 9, "BUG=1\nx\n"]
)
def test_time_is_linear_in_the_length_of_the_text(unit: str) -> None:
    def seconds(size: int) -> float:
        text = "subject\n\n" + unit * (size // len(unit))
        started = time.process_time()
        parse(text)
        return time.process_time() - started

    small = min(seconds(200_000) for _ in range(3))
    assert min(seconds(1_600_000) for _ in range(2)) < 8 * 4 * max(small, 0.005)
