from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosport.message.compose import PickFields, compose
from cosport.message.finding import Severity
from cosport.message.fix import fix
from cosport.message.lint import is_clean, lint
from cosport.message.profile import configured, load_profile, profile_names
from tests.message.strategies import CHANGE_ID, MAIN, MESSAGES, UPSTREAM
from tests.support import ROOT

COS = load_profile("cos")

FIXES = 'Fixes: 71994620bb25 ("virtio_balloon: replace oom notifier with shrinker")'
GOOD = f"""\
mm: fix it

Body.

BUG=b/123, chromium:5
TEST=presubmit
RELEASE_NOTE=Fixed CVE-2025-11413, CVE-2025-11414 in the Linux kernel.

cos-patch: security
{FIXES}
Signed-off-by: Up Stream <up@example.org>
(cherry picked from commit {UPSTREAM})
Change-Id: {CHANGE_ID}
Signed-off-by: Kernel Engineer <engineer@example.com>
"""
SIGNOFF = "Signed-off-by: Kernel Engineer <engineer@example.com>\n"


def found(text: str, profile: str = "cos") -> list[tuple[int, str]]:
    return [(finding.line, finding.id) for finding in lint(text, load_profile(profile))]


def test_a_good_message_has_no_findings() -> None:
    assert found(GOOD) == []
    assert fix(GOOD, COS) == GOOD


def test_the_golden_findings_of_the_example() -> None:
    findings = lint((ROOT / "tests/data/message/cos-balloon.txt").read_text(encoding="utf-8"), COS)
    assert [(finding.line, finding.severity.value, finding.id) for finding in findings] == [
        (0, "block", "field-missing"),  # BUG=
        (0, "block", "signoff-missing"),  # of the one who picked it to the release branch
        (69, "info", "blank-lines"),
        *((line, "warn", "mail-missing") for line in (*range(75, 87), 89, 90, 91)),  # addresses were blanked
        (93, "block", "gerrit-tag"),  # Main-Branch-Verified, below the last origin line
    ]


@pytest.mark.parametrize(("old", "new", "expected"), [
    ("mm: fix it", "mm: " + "x" * 100, [(1, "subject-long")]),
    ("mm: fix it\n", "mm: fix it\nand more\n", [(2, "subject-wrapped")]),
    ("BUG=b/123, chromium:5\n", "", [(0, "field-missing")]),
    ("TEST=presubmit", "TEST=", [(6, "field-empty")]),
    ("TEST=presubmit", "TEST=presubmit\nTEST=more", [(7, "field-repeated")]),
    ("TEST=presubmit", "TEST=presubmit\nand a boot", [(6, "field-wrapped")]),
    ("RELEASE_NOTE=", "RELEASE_NOTES=", [(0, "field-missing"), (7, "field-misspelled")]),
    ("kernel.\n\ncos", "kernel.\ncos", [(5, "field-misplaced"), (6, "field-misplaced"), (7, "field-misplaced")]),
    ("b/123", "123", [(5, "bug-form")]),
    ("b/123", "JIRA-5", [(5, "bug-form")]),
    ("b/123, chromium:5", "None", []),
    ("CVE-2025-11413, CVE-2025-11414", "CVE-2025-11413,11414", [(7, "cve-form")]),
    ("CVE-2025-11413,", "cve-2025-11413,", [(7, "cve-form")]),
    ("CVE-2025-11414 in", "CVE-2025-11414, 20000 times in", []),
    ("RELEASE_NOTE=Fixed CVE-2025-11413, CVE-2025-11414 in the Linux kernel.", "RELEASE_NOTE=none",
     [(7, "release-note-none"), (7, "security-without-note")]),
    ("cos-patch: security\n", "", [(0, "class-missing")]),
    ("cos-patch: security", "cos-patch: secure", [(9, "class-unknown")]),
    ("cos-patch: security", "cos-patch: security\ncos-patch: bug", [(10, "class-repeated")]),
    (f"Change-Id: {CHANGE_ID}\n", "", [(0, "change-id-missing")]),
    (CHANGE_ID, CHANGE_ID[:20], [(13, "change-id-malformed")]),
    ("Body.", f"Body.\n\nChange-Id: {CHANGE_ID}", [(5, "change-id-repeated")]),
    (SIGNOFF, f"\n{SIGNOFF}", [(13, "change-id-misplaced")]),
    (f"(cherry picked from commit {UPSTREAM})\n", "", [(0, "origin-missing")]),
    (UPSTREAM, UPSTREAM[:12], [(12, "origin-malformed")]),
    (SIGNOFF, "", [(0, "signoff-missing")]),
    (SIGNOFF, "Signed-off-by: Kernel Engineer\n", [(14, "mail-missing")]),
    ("<engineer@example.com>", "<>", [(14, "mail-missing")]),
    (SIGNOFF, SIGNOFF + "Reviewed-by: R <r@x>\n", [(15, "gerrit-tag")]),
    (SIGNOFF, SIGNOFF + "Main-Branch-Verified: Bot <r@x>\n", [(15, "gerrit-tag")]),
    ("(cherry", "Reviewed-by: R <r@x>\n(cherry", []),
    ("(cherry", "Conflicts:\n\tmm/a.c\n(cherry", [(12, "conflicts-without-note")]),
    ("(cherry", "Conflicts:\n\tmm/a.c\n[me: kept the lock]\n(cherry", []),
    ("Body.", "Body.\n---\nmore", [(4, "divider-line")]),
    ("Body.", "diff --git a/x b/x", [(3, "divider-line")]),
    ("Body.", "--- a/quoted", [(3, "divider-line")]),
    ("Body.", "----- a ruler", []),
    ("Body.", "Body. ", [(3, "trailing-space")]),
    ("Body.", "Body.\r", [(3, "carriage-return")]),
    ("Body.\n", "Body.\n\n", [(5, "blank-lines")]),
    (SIGNOFF, SIGNOFF + "\n", [(15, "blank-lines")]),
    (SIGNOFF, SIGNOFF.rstrip("\n"), [(14, "final-newline")]),
    ("Body.", "Bo\x1b[2Jdy.", [(3, "control-character")]),
    ("Body.", "Bo\0dy.", [(3, "control-character")]),
    ("Body.", "Bo\u202edy.", [(3, "deceiving-character")]),
    ("Body.", "Bo\udcffdy.", [(3, "undecodable-byte")]),
    ("Body.", "Größe in µs: übliche Prosa", []),
])  # fmt: skip
def test_each_rule(old: str, new: str, expected: list[tuple[int, str]]) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new, 1) if old != SIGNOFF else GOOD.removesuffix(SIGNOFF) + new
    assert found(text) == expected


@pytest.mark.parametrize(("tag", "expected"), [
    ('Fixes: 71994620bb25 ("a subject")', None),
    ('Fixes: 71994620bb25e6c7d9 ("a \\"quoted\\" (subject)")', None),
    ('Fixes: 71994620bb25 ("a subject\n that goes on")', None),
    ('Fixes: commit 71994620bb25 ("a subject")', "fixes-leading-word"),
    ("Fixes: the thing", "fixes-no-sha"),
    ('Fixes: 71994620 ("a subject")', "fixes-short-sha"),
    ("Fixes: 71994620bb25", "fixes-no-subject"),
    ('Fixes: 71994620bb25("a subject")', "fixes-no-space"),
    ('Fixes: 71994620bb25 ("a subject"', "fixes-parentheses"),
    ('Fixes: 71994620bb25 "a subject"', "fixes-parentheses"),
    ("Fixes: 71994620bb25 (a subject)", "fixes-quotes"),
])  # fmt: skip
def test_the_classes_of_fixes_tags(tag: str, expected: str | None) -> None:
    assert [each for _, each in found(GOOD.replace(FIXES, tag))] == [expected] * bool(expected)


@pytest.mark.parametrize(("subject", "annotation", "expected"), [
    ("UPSTREAM: x", "", []),
    ("BACKPORT: x", "", [(1, "label-false")]),
    ("BACKPORT: x", "[me: kept the lock]\n", []),
    ("UPSTREAM: x", "Conflicts:\n\ta\n[me: kept the lock]\n", [(1, "label-false")]),
    ("BACKPORT: x", "Conflicts:\n\ta\n[me: kept the lock]\n", []),
    ("BACKPORT: FROMGIT: x", "[me: kept the lock]\n", []),
    ("UPSTREAM: UPSTREAM: x", "", [(1, "label-repeated")]),
])  # fmt: skip
def test_labels_of_chromeos(subject: str, annotation: str, expected: list[tuple[int, str]]) -> None:
    text = (
        f"{subject}\n\nSigned-off-by: A <a@x>\n{annotation}(cherry picked from commit {UPSTREAM})\n\n"
        f"BUG=b:1\nTEST=x\n\nChange-Id: {CHANGE_ID}\nSigned-off-by: A <a@x>\n"
    )
    assert found(text, "chromeos") == expected


def test_stable_wants_its_own_origin_line() -> None:
    text = f"s\n\ncommit {UPSTREAM} upstream.\n\nSigned-off-by: A <a@x>\n"
    assert found(text, "stable") == []
    assert found(text.replace(f"commit {UPSTREAM} upstream.", "x"), "stable") == [(0, "origin-missing")]


def test_required_fields_and_classes_are_a_teams_own() -> None:
    text = GOOD.replace("BUG=b/123, chromium:5\n", "")
    assert lint(text, COS, ("TEST",)) == ()
    assert [each.id for each in lint(text, COS, ("BUG", "OWNER"))] == ["field-missing"] * 2
    assert [each.id for each in lint(GOOD, configured(COS, classes=("perf",)))] == ["class-unknown"]


def test_only_information_is_clean() -> None:
    findings = lint(GOOD.replace("Body.", "Body. "), COS)
    assert [finding.severity for finding in findings] == [Severity.INFO]
    assert is_clean(findings)
    assert not is_clean(tuple(replace(finding, severity=Severity.WARN) for finding in findings))


@pytest.mark.parametrize("name", profile_names())
@pytest.mark.parametrize("kind", ["upstream", "main"])
def test_what_is_composed_has_no_finding_that_blocks(name: str, kind: str) -> None:
    profile = load_profile(name)
    fields = PickFields(
        upstream=UPSTREAM, source=UPSTREAM, change_id=CHANGE_ID, signoff="A <a@x>", bug=f"{profile.bug_prefix}1",
        conflicts=("mm/a.c",), notes=("kept the lock",),
    )  # fmt: skip
    text = compose(profile, f"mm: x\n\nbody\n\n{FIXES}\nSigned-off-by: U <u@x>\n", fields)
    if kind == "main":
        text = compose(profile, text, replace(fields, source=MAIN, source_kind="main"))
    assert [finding for finding in lint(text, profile) if finding.severity is not Severity.INFO] == []


@pytest.mark.parametrize("name", profile_names())
@given(text=MESSAGES | MESSAGES.map(lambda text: GOOD + text) | st.just(GOOD))
@settings(max_examples=200, deadline=None)
def test_any_text_can_be_linted_and_findings_point_into_it(name: str, text: str) -> None:
    findings = lint(text, load_profile(name))
    assert all(0 <= finding.line <= text.count("\n") + 1 for finding in findings)
    assert list(findings) == sorted(findings, key=lambda finding: finding.line)
