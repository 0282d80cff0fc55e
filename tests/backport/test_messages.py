"""The bytes of commits: messages by profile, authors, dates and encodings, as upstream wrote them."""

from __future__ import annotations

import time

import pytest

from tests.backport.house import FILE, LINES, SIGNOFF, House, edit

UPSTREAM_MESSAGE = """\
virtio-balloon: switch back to OOM handler

Commit 71994620bb25 ("virtio_balloon: replace oom notifier with shrinker")
changed the behavior.

BUG: KASAN: use-after-free in balloon

Fixes: 71994620bb25 ("virtio_balloon: replace oom notifier with shrinker")
Change-Id: I0123456789012345678901234567890123456789
Signed-off-by: David <d@example.org>
Cc: stable@vger.kernel.org
Signed-off-by: Linus <l@example.org>
"""


def test_the_cos_message_in_full(house: House) -> None:
    fix = house.fix(message=UPSTREAM_MESSAGE)
    args = ("--bug", "b/123", "--test", "in QEMU", "--release-note", "Less CPU.", "--class", "security")
    result = house.pick(fix, "cos-5.4", *args)
    assert (
        house.git.message(result["commit"]).decode()
        == f"""\
virtio-balloon: switch back to OOM handler

Commit 71994620bb25 ("virtio_balloon: replace oom notifier with shrinker")
changed the behavior.

BUG: KASAN: use-after-free in balloon

Upstream's own fields, kept as text:
    Change-Id: I0123456789012345678901234567890123456789

BUG=b/123
TEST=in QEMU
RELEASE_NOTE=Less CPU.

cos-patch: security
Fixes: 71994620bb25 ("virtio_balloon: replace oom notifier with shrinker")
Signed-off-by: David <d@example.org>
Cc: stable@vger.kernel.org
Signed-off-by: Linus <l@example.org>
(cherry picked from commit {fix})
Change-Id: {result["change_id"]}
{SIGNOFF}
"""
    )


PROFILES = {
    "chromeos": "UPSTREAM: mm: fix it\n\nBody.\n\nSigned-off-by: A <a@b.c>\n(cherry picked from commit {fix})\n\n"
    "BUG=None\nTEST=None\n\nChange-Id: {change_id}\n" + SIGNOFF + "\n",
    "stable": "mm: fix it\n\ncommit {fix} upstream.\n\nBody.\n\nSigned-off-by: A <a@b.c>\n" + SIGNOFF + "\n",
    "plain": "mm: fix it\n\nBody.\n\nSigned-off-by: A <a@b.c>\n(cherry picked from commit {fix})\n",
}


@pytest.mark.parametrize("profile", PROFILES)
def test_other_profiles(house: House, profile: str) -> None:
    fix = house.fix(message="mm: fix it\n\nBody.\n\nSigned-off-by: A <a@b.c>\n")
    result = house.pick(fix, "cos-5.4", "--profile", profile)
    wanted = PROFILES[profile].format(fix=fix, change_id=result["change_id"])
    assert house.git.message(result["commit"]).decode() == wanted
    assert house.pick(fix, "cos-5.4", "--profile", profile)["commit"] == result["commit"]
    assert (result["change_id"] is None) == (profile in ("stable", "plain"))


def test_chromeos_marks_an_adapted_pick(house: House) -> None:
    house.land("cos-5.4", edit(LINES, l5="int five;"), "half")
    fix = house.fix(edit(LINES, l5="int five;", l30="x"))
    made = house.pick(fix, "cos-5.4", "--profile", "chromeos", "--note", "n")["commit"]
    assert house.git.message(made).startswith(b"BACKPORT: mm: fix it\n")


def header(house: House, rev: str, name: bytes) -> bytes | None:
    head = house.git.raw("cat-file", "commit", rev).split(b"\n\n", 1)[0]
    found = [line[len(name) + 1 :] for line in head.split(b"\n") if line.startswith(name + b" ")]
    return found[0] if found else None


def raw_commit(house: House, author: bytes, message: bytes, encoding: bytes = b"") -> str:
    """A commit upstream with exactly these bytes."""
    base = house.git.sha("main")
    tree = house.git.tree(house.fix(branch="scratch", parents=[base]))
    lines = [b"tree " + tree.encode(), b"parent " + base.encode(), b"author " + author, b"committer " + author]
    lines += [b"encoding " + encoding] * bool(encoding)
    data = b"\n".join(lines) + b"\n\n" + message
    sha = house.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=data)
    house.git.branch("main", sha)
    return sha


AUTHORS = {
    "latin-1 without a header": (b"Bj\xf6rn <b@x.org> 1600000000 +0200", b"mm: gr\xfc\xdfe\n\nBj\xf6rn.\n", b""),
    "latin-1 with a header": (b"Bj\xf6rn <b@x.org> 1600000000 +0200", b"mm: gr\xfc\xdfe\n\nBj\xf6rn.\n", b"ISO-8859-1"),
    "an unknown encoding": (b"Bj\xf6rn <b@x.org> 1600000000 +0200", b"mm: x\n\nBj\xf6rn.\n", b"x-mine"),
    "UTF-8": ("Björn <b@x.org> 1600000000 +0200".encode(), "mm: grüße\n\n漢字\n".encode(), b""),
    "Kathmandu": (b"A <a@x.org> 1600000000 +0545", b"mm: x\n", b""),
    "minus zero": (b"A <a@x.org> 1600000000 -0000", b"mm: x\n", b""),
    "an empty name": (b" <a@x.org> 1600000000 +0000", b"mm: x\n", b""),
    "before 1970": (b"A <a@x.org> -1 +0000", b"mm: x\n", b""),
}


@pytest.mark.parametrize("what", AUTHORS)
def test_author_line_and_bytes_are_upstreams(house: House, what: str) -> None:
    author, message, encoding = AUTHORS[what]
    fix = raw_commit(house, author, message, encoding)
    made = house.pick(fix, "cos-5.4", "--profile", "plain")["commit"]
    assert header(house, made, b"author") == author
    assert header(house, made, b"encoding") == (encoding or None)
    assert house.git.message(made) == message.rstrip(b"\n") + f"\n\n(cherry picked from commit {fix})\n".encode()
    assert house.pick(fix, "cos-5.4", "--profile", "plain")["commit"] == made


def test_a_name_that_the_encoding_lacks_makes_all_of_it_utf8(house: House) -> None:
    fix = raw_commit(house, b"Bj\xf6rn <b@x.org> 1600000000 +0200", b"mm: gr\xfc\xdfe\n\nX.\n", b"ISO-8859-1")
    house.git("config", "user.name", "Łukasz 漢字")
    made = house.pick(fix)["commit"]
    assert header(house, made, b"encoding") is None
    assert header(house, made, b"author") == "Björn <b@x.org> 1600000000 +0200".encode()
    text = house.git.message(made).decode()
    assert text.startswith("mm: grüße\n")
    assert "Signed-off-by: Łukasz 漢字 <engineer@example.com>\n" in text


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        (b"mm: x\n\nBody\n\n\n\n", b"mm: x\n\nBody\n\n"),
        (b"mm: x\n\nBody without an end", b"mm: x\n\nBody without an end\n\n"),
        (b"mm: x", b"mm: x\n\n"),
        (b"", b"Pick of "),
    ],
)
def test_odd_ends_of_messages(house: House, message: bytes, kept: bytes) -> None:
    fix = raw_commit(house, b"A <a@x.org> 1600000000 +0000", message)
    result = house.pick(fix, "cos-5.4", "--profile", "plain")
    made = house.git.message(result["commit"])
    assert made.startswith(kept)
    assert made.endswith(f"(cherry picked from commit {fix})\n".encode())
    assert house.pick(fix, "cos-5.4", "--profile", "plain")["commit"] == result["commit"]


def test_carriage_returns_stay(house: House) -> None:
    fix = raw_commit(house, b"A <a@x.org> 1600000000 +0000", b"mm: x\r\n\r\nBody\r\n\r\nCc: a@b.c\r\n")
    made = house.git.message(house.pick(fix)["commit"])
    assert made.startswith(b"mm: x\r\n")
    assert b"\nBody\r\n" in made
    assert b"\nCc: a@b.c\r\n" in made


def test_ten_megabytes_of_message(house: House) -> None:
    line = b"Signed-off-by: A <a@b.c>\n\n" + b"Fixes: not a sha, and prose, commit 0123456 upstream; " * 40 + b"\n"
    fix = raw_commit(house, b"A <a@x.org> 1600000000 +0000", b"mm: x\n\n" + line * (10_000_000 // len(line)))
    start = time.monotonic()
    result = house.pick(fix)
    assert result["outcome"] == "picked"
    assert len(house.git.message(result["commit"])) > 9_000_000
    assert time.monotonic() - start < 60  # quadratic time would take hours


def test_a_message_with_nul_is_refused(house: House) -> None:
    fix = raw_commit(house, b"A <a@x.org> 1600000000 +0000", b"mm: x\n\nseen\0hidden\n")
    house.git.checkout("cos-5.4")
    before = house.frozen()
    answer = house.run(fix, "--to", "cos-5.4", check=2)
    assert "NUL" in answer.err
    assert "hint: " in answer.err
    assert house.frozen() == before


HOSTILE = """\
$(touch hacked) `id` %s %n \x1b[2J\x1b]0;title\x07 ' " \\1 (?P<x>

Conflicts: nothing
[Kernel Engineer: a note of ours, it says]
BUG=b/666
Change-Id: Iffffffffffffffffffffffffffffffffffffffff
Signed-off-by: Kernel Engineer <engineer@example.com>
"""


def test_hostile_subjects_and_trailers_stay_text(house: House) -> None:
    fix = house.fix(message=HOSTILE)
    result = house.pick(fix)
    assert result["outcome"] == "picked"
    message = house.git.message(result["commit"])
    assert message.startswith(HOSTILE.partition("\n")[0].encode())
    assert message.endswith(f"Change-Id: {result['change_id']}\n{SIGNOFF}\n".encode())
    assert message.count(b"\nChange-Id: ") == 1
    assert message.count(b"\nBUG=") == 1
    assert house.pick(fix)["commit"] == result["commit"]


def test_values_that_would_forge_lines_are_put_on_one(house: House) -> None:
    fix = house.fix()
    made = house.pick(fix, "cos-5.4", "--bug", "b/1\nReviewed-by: Boss <b@x.org>")["commit"]
    assert b"BUG=b/1 Reviewed-by: Boss <b@x.org>\n" in house.git.message(made)
    assert "control" in house.pick(fix, "cos-5.4", "--test", "x\x1b[2J", check=3)["error"]["what"].lower()


def test_binary_modes_links_submodules_and_renames_come_through(house: House) -> None:
    git = house.git
    fix = git.commit(
        {
            "blob.bin": bytes(range(256)) * 8,
            "run.sh": ("100755", "#!/bin/sh\n"),
            "link": ("120000", "run.sh"),
            "sub": ("160000", "3" * 40),
            FILE: None,
            "mm/oom_kill.c": LINES,
            b"latin-\xe9.txt".decode("utf-8", "surrogateescape"): "x\r\ny",
        },
        "all kinds",
    )
    result = house.pick(fix)
    assert (result["outcome"], result["fidelity"], result["tree"]) == ("picked", "identical", git.tree(fix))
    git.fsck()


def test_a_pick_follows_a_rename_on_the_branch(house: House) -> None:
    house.git.commit({FILE: None, "mm/old_oom.c": LINES}, "cos: move", branch="cos-5.4")
    result = house.pick(house.fix())
    assert (result["outcome"], result["fidelity"]) == ("picked", "context")
    assert house.text(result["commit"], "mm/old_oom.c") == edit(LINES, l5="int five;")
