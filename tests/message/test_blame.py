"""Sentences that call another commit the cause of what they repair, and those that merely tell of one."""

from __future__ import annotations

import pytest

from cosport.message.blame import blamed
from cosport.message.provenance import scan

X = "da10329cb057ae4b9f5c0c9bb4c9dd9a6d0ca4a6"
S = X[:10]


@pytest.mark.parametrize(
    "text",
    [
        f"This was broken by commit {X}.",
        f"a regression introduced in commit {S} (mm: a subject)",
        f"Fix a use after free, which was introduced by the recent\ncommit {S}, for all.",
        f"Since commit {S} the clock runs backwards.",
        f'since the merge of commit\n{S} ("mm: a subject")',
        f'Commit {S} ("mm: a subject") broke booting.',
        f"commit {S} accidentally changed the order.",
        f"commit {S} (mm: a subject) forgot to unlock.",
        f"Fix incorrect optimization of commit {S}",
        f"This fixes commit {S}.",
        f"fallout from commit {S}",
        f"The bug was caused by git commit-id {S}.",
    ],
)
def test_a_sentence_that_blames_a_commit_is_found(text: str) -> None:
    (found,) = blamed(f"subject\n\n{text}\n".lower().encode())
    assert X.startswith(found)
    assert scan(f"subject\n\n{text}\n".encode()).blames == (found,)


@pytest.mark.parametrize(
    "text",
    [
        f"commit {X} upstream.",
        f"(cherry picked from commit {X})",
        f"[ Upstream commit {X} ]",
        f"This was fixed in commit {S} for all others.",
        f"similar to the issue that was fixed a while ago in commit {S}",
        f"while keeping the fix from commit {S}",
        f"See commit {S} for the reasons.",
        f"As commit {S} did for the other driver, take the lock.",
        f"This reverts commit {X}.",
        f"commit {S} added a helper; use it.",
        "broken by commit deadbeefs and by commit abcdefa",
        "broken by commit",
    ],
)
def test_a_sentence_that_tells_of_a_commit_is_left_alone(text: str) -> None:
    assert blamed(f"subject\n\n{text}\n".lower().encode()) == ()


@pytest.mark.parametrize("subject", ["sched: Remove obsolete comment", "x86: mm: drop the flag", "kill the BKL"])
def test_a_commit_that_tidies_up_repairs_nothing(subject: str) -> None:
    assert blamed(f"{subject}\n\nIt is useless since commit {S}.\n".lower().encode()) == ()


def test_each_commit_is_told_once_and_reading_takes_linear_time() -> None:
    assert blamed(f"broken by commit {S}, since commit {S}, caused by commit 0123456".encode()) == (S, "0123456")
    assert blamed(b"since commit " * 50_000) == ()
    assert blamed((f"commit {S} ".encode()) * 20_000) == ()
