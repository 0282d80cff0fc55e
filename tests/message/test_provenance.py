from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosport.message.provenance import scan, scan_many, subject
from cosport.model.provenance import FixesTag, Origin, OriginForm, Provenance
from tests.message.strategies import MESSAGES

X = "da10329cb057e49be7f099eb7864d16f7705f798"
Y = "71994620bb25a8b109388fefa9e99a28e355255a"

ORIGINS = [
    ("(cherry picked from commit {})", OriginForm.CHERRY_PICKED),
    ("(cherry-picked from commit {})", OriginForm.CHERRY_PICKED),
    ("(Cherry Picked from commit {})", OriginForm.CHERRY_PICKED),
    ("(cherry-picked from {})", OriginForm.CHERRY_PICKED),
    ("(cherry picked from {} commit)", OriginForm.CHERRY_PICKED),
    ("(cherry picked from commit {} linux-stable)", OriginForm.CHERRY_PICKED),
    ("(cherry picked from commit {}\n https://git.example.org/linux.git next)", OriginForm.CHERRY_PICKED),
    ("    (cherry picked from upstream commit {})", OriginForm.CHERRY_PICKED),
    ("(backported from commit {})", OriginForm.BACKPORTED),
    ("(backported from commit commit {})", OriginForm.BACKPORTED),
    ("This is a backport of mainline commit {}", OriginForm.BACKPORTED),
    ("Backport of commit {} upstream.", OriginForm.BACKPORTED),
    ("commit {} upstream.", OriginForm.COMMIT_UPSTREAM),
    ("commit {} upstream", OriginForm.COMMIT_UPSTREAM),
    ("Commit {} upstream.", OriginForm.COMMIT_UPSTREAM),
    ("Commit: {} upstream", OriginForm.COMMIT_UPSTREAM),
    ("commit commit {} upstream.", OriginForm.COMMIT_UPSTREAM),
    ("commit {} in mainline.", OriginForm.COMMIT_UPSTREAM),
    ("commit {} upstream (as of v2.6.34-git13)", OriginForm.COMMIT_UPSTREAM),
    ("[ commit {} upstream ]", OriginForm.COMMIT_UPSTREAM),
    ("[ Upstream commit {} ]", OriginForm.UPSTREAM_COMMIT),
    ("[upstream commit {}]", OriginForm.UPSTREAM_COMMIT),
    ("[ Upsteam commit {} ]", OriginForm.UPSTREAM_COMMIT),
    ("[ original commit {} ]", OriginForm.UPSTREAM_COMMIT),
    ("[ from upstream commit {} ]", OriginForm.UPSTREAM_COMMIT),
    ("(Upstream commit {})", OriginForm.UPSTREAM_COMMIT),
    ("Upstream commit {}.", OriginForm.UPSTREAM_COMMIT),
    ("Upstream-commit: {}", OriginForm.UPSTREAM_COMMIT_TAG),
    ("Git-commit: {}", OriginForm.GIT_COMMIT_TAG),
    ("jira LE-1907\ncve CVE-2024-1\ncommit-author A B <a@b.org>\ncommit {}", OriginForm.COMMIT_LINE),
    ("(cherry-pick from commit {})", OriginForm.CHERRY_PICKED),
    ("(cherry-picked {})", OriginForm.CHERRY_PICKED),
    ("(cherry picked from commit  {})", OriginForm.CHERRY_PICKED),
    ("(cherry picked from https://review.example.org/q/commit:{})", OriginForm.CHERRY_PICKED),
    ("Cherry-picked-from: {}", OriginForm.CHERRY_PICKED),
    ("Cherry-pick of {}.", OriginForm.CHERRY_PICKED),
    ("Resolves: #12(cherry picked from commit {})", OriginForm.CHERRY_PICKED),
    ("Signed-off-by: A <a@b.org>(cherry picked from commit {})", OriginForm.CHERRY_PICKED),
    ("This is a backport of {}.", OriginForm.BACKPORTED),
    ("Backported from {}.", OriginForm.BACKPORTED),
    ("This patch is a backport of commit {} to branch-2.9.", OriginForm.BACKPORTED),
    ("(this is a backport of commit {} from mainline)", OriginForm.BACKPORTED),
    ("This is a crossport of commit {}", OriginForm.BACKPORTED),
    ("Signed-off-by: A <a@b.org>\nmaster commit: {}\nmaster date: 2020-01-01", OriginForm.MASTER_COMMIT),
    ("master changeset: {}", OriginForm.MASTER_COMMIT),
    ("(back-ported from {})", OriginForm.BACKPORTED),
    ("This is a cross-port of {}.", OriginForm.BACKPORTED),
    ("master-commit-id: {}", OriginForm.MASTER_COMMIT),
    ("master changeset-id: {}", OriginForm.MASTER_COMMIT),
    (f"{'far' * 300} from master commit {{}}", OriginForm.MASTER_COMMIT),
    ("From master commit {}.", OriginForm.MASTER_COMMIT),
    ("mainline inclusion\nfrom mainline-v6.6-rc1\ncommit {}\ncategory: bugfix\nbugzilla: I9", OriginForm.COMMIT_LINE),
    (f"JIRA: https://example.org/X-1\n\ncommit {X}\nAuthor: A B <a@b.org>\nDate:   Mon\n\n    the subject\n",
     OriginForm.COMMIT_LINE),
]  # fmt: skip


@pytest.mark.parametrize(("text", "form"), ORIGINS)
def test_each_form_of_origin_is_read(text: str, form: OriginForm) -> None:
    message = f"the subject\n\n{text.format(X)}\n\nWords.\n\nSigned-off-by: A <a@b.org>\n"
    assert scan(message.encode()).origins == (Origin(X, form),)


@pytest.mark.parametrize(
    "text",
    [
        "this is similar to commit {} upstream fixes",
        "This was broken by\ncommit {} upstream.",
        "Since\ncommit {}\nit crashes.",
        "bisected to:\n\ncommit {}\nAuthor: Somebody Else <s@e.org>\n\n    another subject",
        "Based on commit {} upstream, but different.",
        "fix mis-applied upstream commit {}",
        "introduced in upstream commit {}.",
        "See commit {} for more.",
        "commit {} upstream fixed only half of it.",
        "Fixes: {}",
        "This reverts commit {}.",
        "[1] commit {}",
        "Stable-dep-of: {}",
        "not cherry picked from commit {} at all",
        "Broken since the rework (cherry picked from commit {}) went in.",
        "It was repaired there (see the one cherry picked from commit {})",
        "the backport of {} was wrong.",
        "The list follows.\nBackport of {}",
        "Backport of {} went wrong, so do it again.",
        "the master commit: {}",
        "for inclusion\nfrom here\nSince then\ncommit {}",
        "latest master commit: {}",
        "commit deadbee upstreamx",
    ],
)
def test_prose_that_names_a_commit_is_no_origin(text: str) -> None:
    assert scan(f"the subject\n\n{text.format(X)}\n".encode()).origins == ()


def test_several_origins_stand_in_their_order() -> None:
    message = f"s\n\n(cherry picked from commit {X})\nSigned-off-by: A\n(cherry picked from commit {Y})\n"
    assert [each.sha for each in scan(message.encode()).origins] == [X, Y]
    message = f"s\n\n[ Upstream commits {X}\n  and {Y} ]\n"
    assert [each.sha for each in scan(message.encode()).origins] == [X, Y]
    message = f"s\n\ncommits {X} and {Y} upstream.\n"
    assert [each.sha for each in scan(message.encode()).origins] == [X, Y]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f'Fixes: {X[:12]} ("mm: a subject")', FixesTag(X[:12], "mm: a subject")),
        (f"fixes: {X[:12].upper()} ('mm: a subject')", FixesTag(X[:12], "mm: a subject")),
        (f"Fixes: commit {X}", FixesTag(X, "")),
        (f'Fixes: {X[:12]} ("a subject that\n is wrapped over lines")',
         FixesTag(X[:12], "a subject that is wrapped over lines")),
        (f'Fixes: {X[:12]} ("Revert "that"")', FixesTag(X[:12], 'Revert "that"')),
        (f"Fixes: {X[:12]} (no quotes)", FixesTag(X[:12], "no quotes")),
        (f'Fixes: {X[:12]}, "comma"', FixesTag(X[:12], "comma")),
    ],
)  # fmt: skip
def test_fixes_tags_come_with_their_subject(text: str, expected: FixesTag) -> None:
    message = f"s\n\nbody\n\n{text}\n\nBUG=b/1\n\nSigned-off-by: A <a@b.org>\n"
    assert scan(message.encode()).fixes == (expected,)


@pytest.mark.parametrize(
    "text", ["Fixes: https://bugs.example.org/show?id=1234567", "Fixes: the bug", "  Fixes: nothing"]
)
def test_a_fixes_tag_without_a_sha_is_none(text: str) -> None:
    assert scan(f"s\n\n{text}\n".encode()).fixes == ()


def test_reverts_name_shas_and_subject() -> None:
    said = scan(f'Revert "mm: it"\n\nThis reverts commit {X}, which broke.\n'.encode())
    assert (said.reverts, said.reverted_subject) == ((X,), "mm: it")
    assert scan(f"mm: undo\n\nThis reverts commits {X} and\n{Y}.\n".encode()).reverts == (X, Y)
    assert scan(f"mm: undo\n\nThis reverts {X[:10]}.\n".encode()).reverts == (X[:10],)
    assert scan(f"mm: undo\n\nThis partially reverts commit {X}.\n".encode()).reverts == ()
    assert scan(f"Revert mm: it\n\nReverts commit {X} as it broke.\n".encode()).reverts == (X,)
    assert scan(f"mm: it\n\nThe series that reverts commit {X} is gone.\n".encode()).reverts == ()
    assert scan(b'UPSTREAM: Revert "mm: it"\n').reverted_subject == "mm: it"
    assert scan(b'Revert "Revert "mm: it""\n').reverted_subject == 'Revert "mm: it"'
    assert scan(b"mm: revert to the old way\n").reverted_subject == ""
    assert scan(b'Revert "mm: it" on stable kernels\n').reverted_subject == "mm: it"
    assert scan(b'Revert "mm: it" for all but arm\n').reverted_subject == ""


@pytest.mark.parametrize(
    ("subject", "named"),
    [
        (f"sched: revert stable {X[:7]} sched: fix a race", (X[:7],)),
        (f"block: revert {X} (it broke)", (X,)),
        (f'x86: revert commit {X[:8]} ("x86: it")', (X[:8],)),
        (f"[PPP]: Revert {X}", (X,)),
        (f"r8169: revert {X} (partly)", ()),
        (f"block: revert part of {X}", ()),
        ("mm: revert deadbeef", ()),
        (f"mm: mention revert {X}", ()),
    ],
)
def test_a_subject_may_name_the_commit_that_is_reverted(subject: str, named: tuple[str, ...]) -> None:
    assert scan(f"{subject}\n\nWords.\n".encode()).reverts == named
    assert scan(f"{subject}\n\nThis reverts commit {Y}.\n".encode()).reverts == (Y,)


def test_a_reapply_is_the_revert_of_a_revert() -> None:
    said = scan(f'Reapply "mm: it"\n\nThis reverts commit {X}.\n'.encode())
    assert (said.reverts, said.reverted_subject) == ((X,), 'Revert "mm: it"')
    assert scan(f"mm: again\n\nThis reapplies commit {X}.\n".encode()).reapplies == (X,)
    assert scan(f"mm: again\n\nThis re-applies {X}.\n".encode()).reapplies == (X,)


def test_the_last_change_id_counts() -> None:
    message = (
        "s\n\nChange-Id: I" + "a" * 40 + "\n\nChange-Id: I" + "b" * 40 + "\nbody says Change-Id: I" + "c" * 40 + "\n"
    )
    assert scan(message.encode()).change_id == "I" + "b" * 40


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("Cc: stable@vger.kernel.org", ""),
        ("Cc: <stable@vger.kernel.org> # 5.4+", "5.4+"),
        ("CC: stable@kernel.org [2.6.32+]", "2.6.32+"),
        ('Cc: "Stable Tree" <stable@vger.kernel.org> # 3.3.x: a1f84a3: sched', "3.3.x: a1f84a3: sched"),
    ],
)
def test_cc_stable_comes_with_its_versions(text: str, version: str) -> None:
    assert scan(f"s\n\n{text}\n".encode()).cc_stable == (version,)


def test_dependencies_are_read() -> None:
    assert scan(f'Stable-dep-of: {X[:12]} ("x")\n'.encode()).stable_dep_of == (X[:12],)


def test_a_message_that_states_nothing_is_empty() -> None:
    assert scan(b"mm: a change\n\nWith words, and a sha " + X.encode() + b"\n") == Provenance()
    assert scan(b"") == Provenance()
    assert scan(bytes(range(256)) * 20) == Provenance()


def test_a_huge_message_is_read_in_time() -> None:
    # Nothing in it may make a pattern try the same text again and again.
    for filler in (
        b"commit ",
        b"commit " + X.encode() + b" ",
        b"revert the ",
        b"a" * 64 + b" and ",
        b"cherry picked from ",
        b"(",
        b"Fixes: ",
        b'Revert "',
        b"[ Upstream commits ",
    ):
        scan(b"subject\n\ncommit " + filler * (1_000_000 // len(filler)) + b"\n")


@pytest.mark.parametrize(
    "line",
    [b"commit %b\n", b"jira x\ncommit %b\n", b"commit %b upstream.\n\n", b"(cherry picked from commit %b)\n",
     b"Fixes: %b\n", b"Fixes: %b 'x\n", b"broken by commit %b\n", b"This reverts commit %b.\n"],
)  # fmt: skip
def test_a_message_of_statements_alone_is_read_in_time(line: bytes) -> None:
    scan(b"subject\n\n" + line % X.encode() * 30_000)


def test_a_message_that_begins_with_much_space_is_read_in_time() -> None:
    assert scan(b" " * 300_000 + b"x\n\nbroken by commit " + X.encode() + b"\n").blames == (X,)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (b"one line", b"one line"),
        (b"two\nlines\n\nbody", b"two lines"),
        (b"\n\n late\n\nbody", b"late"),
        (b"crlf\r\n\r\nbody", b"crlf"),
        (b"", b""),
        (b"\n\n", b""),
    ],
)
def test_the_subject_is_the_first_paragraph(message: bytes, expected: bytes) -> None:
    assert subject(message) == expected


STATING = st.sampled_from([
    *(f"s\n\n{text.format(X)}\n" for text, _ in ORIGINS), f'Revert "s"\n\nThis reverts commit {X}.', 'Reapply "s"',
    f"s\n\nThis reapplies commit {X}", "CC: stable@kernel.org", f"Fixes: {X[:12]} (", f"STABLE-DEP-OF: {X}",
    "Change-Id: I" + "a" * 40, f"s\n\nbroken by commit {X}", "commit",
    f"s\n\ncommit {X} upstream", f"s\n\nThis is needed since commit {X}", f"s\n\ncommit {X} broke it",
    f"commit {X}", "com", "mit", "fixes:", "stable@", "\nfixes",
])  # fmt: skip


@given(st.lists(MESSAGES | STATING, max_size=12))
def test_many_messages_state_what_each_states_by_itself(texts: list[str]) -> None:
    messages = [text.encode("utf-8", "surrogateescape") for text in texts]
    alone = enumerate(map(scan, messages))
    assert scan_many(messages) == [(number, said) for number, said in alone if said != Provenance()]
