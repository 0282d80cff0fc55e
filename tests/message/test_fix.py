from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from cosport.message.fix import fix
from cosport.message.lint import lint
from cosport.message.profile import load_profile, profile_names
from tests.message.strategies import CHANGE_ID, MESSAGES
from tests.message.test_lint import COS, GOOD

if TYPE_CHECKING:
    from tests.support import Git


@pytest.mark.parametrize(("good", "bad"), [
    ("RELEASE_NOTE=", "RELEASE_NOTES="),
    ("in the Linux kernel.", "in\nthe Linux\n  kernel."),
    ("BUG=b/123, chromium:5", "BUG=123, chromium:5"),
    ("CVE-2025-11413, CVE-2025-11414", "CVE-2025-11413,11414"),
    ("CVE-2025-11413, CVE-2025-11414", "cve-2025-11413, CVE 2025 11414"),
    ("kernel.\n\ncos-patch", "kernel.\ncos-patch"),
    ("Body.\n", "Body. \t\r\n\n\n"),
    ("engineer@example.com>\n", "engineer@example.com>"),
    ("mm: fix it", "\n\nmm: fix it"),
])  # fmt: skip
def test_each_repair(good: str, bad: str) -> None:
    assert good in GOOD
    assert fix(GOOD.replace(good, bad), COS) == GOOD


def test_a_field_below_trailers_moves_above_their_paragraph() -> None:
    text = "s\n\nSigned-off-by: A <a@x>\nTEST=x\nCc: b\nBUG=b/1\n"
    assert fix(text, COS) == "s\n\nTEST=x\nBUG=b/1\n\nSigned-off-by: A <a@x>\nCc: b\n"


def test_fields_of_many_paragraphs_move() -> None:
    paragraph, right = "Cc: b\nBUG=b/1\nCc: c\n\n", "BUG=b/1\n\nCc: b\nCc: c\n\n"
    assert fix("s\n\n" + paragraph * 2000, COS) == "s\n\n" + (right * 2000).rstrip("\n") + "\n"


def test_labels_stand_once() -> None:
    assert fix("UPSTREAM: UPSTREAM: BACKPORT: x\n", load_profile("chromeos")) == "UPSTREAM: BACKPORT: x\n"


def test_one_of_two_equal_change_ids_becomes_text_and_unequal_ones_are_left() -> None:
    twice = f"s\n\nChange-Id: {CHANGE_ID}\nCc: a\nChange-Id: {CHANGE_ID}\n"
    assert fix(twice, COS) == f"s\n\n    Change-Id: {CHANGE_ID}\nCc: a\nChange-Id: {CHANGE_ID}\n"
    unequal = f"s\n\nChange-Id: I{'0' * 40}\nChange-Id: {CHANGE_ID}\n"
    assert fix(unequal, COS) == unequal


def test_white_space_is_treated_as_git_stripspace_does(git: Git) -> None:
    text = "\n\ns \n\n\n\nb\t\n\n    code\n\n\n"
    assert fix(text, load_profile("plain")) == git.raw("stripspace", stdin=text).decode()


@pytest.mark.parametrize("name", profile_names())
@given(text=MESSAGES | MESSAGES.map(lambda text: GOOD + text))
@settings(max_examples=300, deadline=None)
def test_fixing_twice_is_fixing_once_and_leaves_nothing_that_it_could_fix(name: str, text: str) -> None:
    profile = load_profile(name)
    fixed = fix(text, profile)
    assert fix(fixed, profile) == fixed
    assert [finding for finding in lint(fixed, profile) if finding.fix] == []
