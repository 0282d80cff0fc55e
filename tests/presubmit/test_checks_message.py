"""Checks of what a message says: fields, class, Change-Id, origin, trailers of bots, sign-offs, Fixes tags."""

from __future__ import annotations

import pytest

from cosport.presubmit.check import State
from tests.presubmit.house import ENGINEER, FILE, UPSTREAM, House, edit


@pytest.mark.parametrize(("check", "old", "new", "rules"), [
    ("fields", "BUG=b/1\n", "", ["field-missing:block"]),
    ("fields", "TEST=boot", "TEST=", ["field-empty:block"]),
    ("fields", "RELEASE_NOTE=", "RELEASE_NOTES=", ["field-missing:block", "field-misspelled:block"]),
    ("fields", "BUG=b/1", "BUG=1", ["bug-form:warn"]),
    ("fields", "\n\ncos-patch", "\ncos-patch", ["field-misplaced:block"] * 3),
    ("patch-class", "cos-patch: bug\n", "", ["class-missing:block"]),
    ("patch-class", "cos-patch: bug\n", "cos-patch: bug\ncos-patch: security\n", ["class-repeated:block"]),
    ("patch-class", "cos-patch: bug", "cos-patch: nice", ["class-unknown:block"]),
    ("patch-class", "Fixed a crash.\n\ncos-patch: bug", "None\n\ncos-patch: security", ["security-without-note:block"]),
    ("change-id", "Change-Id: I", "Change-Id: J", ["change-id-malformed:block"]),
    ("change-id", "Change-Id: ", "X-Id: ", ["change-id-missing:block"]),
    ("change-id", "It was broken.\n", f"It was broken.\n\nChange-Id: I{'1' * 40}\n", ["change-id-repeated:block"]),
    ("message", "mm: fix it\n", "mm: fix it" + "x" * 100 + "\n", ["subject-long:warn"]),
    ("message", "It was broken.", "It was \x1b[31mred.", ["control-character:block"]),
    ("message", "It was broken.", "It was \u202edetrevni.", ["deceiving-character:block"]),
    ("message", "It was broken.\n", "It was broken.\n---\n", ["divider-line:warn"]),
    ("origin", "cherry picked from commit ", "cherry picked from commit " + "0" * 8,
     ["origin-malformed:block", "origin-unknown:block"]),
    ("origin", "mm: fix it\n", "mm: mend it\n", ["origin-subject:warn"]),
    ("signoff", f"Signed-off-by: {ENGINEER}\n", "", ["signoff-missing:block"]),
    ("signoff", f"Signed-off-by: {ENGINEER}\n", "Signed-off-by: .* <.*>\n", ["signoff-committer:block"]),
    ("signoff", f"Signed-off-by: {UPSTREAM}\n", "", ["signoff-author:block"]),
    ("signoff", f"Signed-off-by: {UPSTREAM}\n", "Signed-off-by: Up Stream <other@x>\n", ["signoff-author:warn"]),
    ("bot-trailers", "Change-Id:", "Tested-by: Cusky <c@x>\nChange-Id:", ["gerrit-tag:block"]),
    ("bot-trailers", "(cherry", "Main-Branch-Verified: Cusky <c@x>\n(cherry", ["gerrit-tag:block"]),
    ("bot-trailers", "(cherry", "Acked-by: Cusky Presubmit Bot <c@x>\n(cherry", ["bot-name:block"]),
    ("bot-trailers", "(cherry", "Acked-by: Cusky\u00a0 Presubmit  Bot <c@x>\n(cherry", ["bot-name:block"]),
    ("bot-trailers", "(cherry", "Main\u2010Branch-Verified: Cusky <c@x>\n(cherry", ["gerrit-tag:block"]),
    ("bot-trailers", "(cherry", "Tested\u2013by: Cusky <c@x>\n(cherry", ["gerrit-tag:block"]),
])  # fmt: skip
def test_a_wrong_message(house: House, check: str, old: str, new: str, rules: list[str]) -> None:
    house.extra = '[presubmit]\nbots = ["cusky presubmit bot"]\n'
    fix = house.fix()
    good = house.message(fix)
    assert house.rules(check, house.pick(fix, message=good)) == []
    assert old in good
    assert house.rules(check, house.pick(fix, message=good.replace(old, new, 1))) == rules


@pytest.mark.parametrize(("tag", "rules"), [
    ('Fixes: {sha} ("mm: start")', []),
    ("Fixes: mm: start", ["fixes-no-sha:block"]),
    ('Fixes: commit {sha} ("mm: start")', ["fixes-leading-word:block"]),
    ('Fixes: {short} ("mm: start")', ["fixes-short-sha:block"]),
    ("Fixes: {sha}", ["fixes-no-subject:block"]),
    ('Fixes: {sha}("mm: start")', ["fixes-no-space:block"]),
    ('Fixes: {sha} ("mm: start"', ["fixes-parentheses:block"]),
    ("Fixes: {sha} (mm: start)", ["fixes-quotes:block"]),
    ('Fixes: 0123456789ab ("mm: start")', ["fixes-unknown:block"]),
    ('Fixes: {sha} ("mm: st")', ["fixes-subject:block"]),
    ('Fixes: {side} ("mm: side")', ["fixes-not-ancestor:block"]),
    ("", ["fixes-lost:warn"]),
])  # fmt: skip
def test_each_class_of_a_wrong_fixes_tag(house: House, tag: str, rules: list[str]) -> None:
    side = house.git.commit({FILE: edit(30, "side")}, "mm: side", branch="side", parents=[house.first])
    fix = house.fix()
    right = f'Fixes: {house.first[:12]} ("mm: start")\n'
    wrong = tag.format(sha=house.first[:12], short=house.first[:8], side=side[:12])
    message = house.message(fix).replace(right, f"{wrong}\n" if wrong else "")
    assert house.rules("fixes", house.pick(fix, message=message)) == rules


def test_a_fixes_tag_between_blank_lines(house: House) -> None:
    fix = house.fix()
    tag = f'Fixes: {house.first[:12]} ("mm: start")\n'
    message = house.message(fix).replace(tag, f"\n{tag}\n")
    assert house.rules("fixes", house.pick(fix, message=message)) == ["fixes-blank-lines:block"]


def test_what_upstream_wrote_wrong_is_told_and_not_held_against_the_pick(house: House) -> None:
    fix = house.fix(message=f"mm: fix it\n\nBody.\n\nFixes: {house.first[:8]}\nSigned-off-by: {UPSTREAM}\n")
    result = house.result("fixes", house.pick(fix))
    assert [(each.rule, each.severity) for each in result.findings] == [("fixes-short-sha", "info")]
    assert "so it is in the commit" in result.findings[0].message


def test_no_fixes_tag_anywhere_and_a_feature_needs_none(house: House) -> None:
    fix = house.fix(message=f"mm: fix it\n\nBody.\n\nSigned-off-by: {UPSTREAM}\n")
    assert house.rules("fixes", house.pick(fix)) == ["fixes-none:warn"]
    feature = house.message(fix).replace("cos-patch: bug", "cos-patch: feature")
    assert house.rules("fixes", house.pick(fix, message=feature)) == []


def test_an_origin_that_upstream_has_not_merged(house: House) -> None:
    side = house.git.commit({FILE: edit(5, "int five;")}, f"mm: side\n\nBody.\n\nSigned-off-by: {UPSTREAM}\n",
                            branch="side", parents=[house.first])  # fmt: skip
    pick = house.pick(side, message=house.message(side))
    assert house.rules("origin", pick) == ["origin-not-upstream:block"]
    marked = house.pick(side, message="FROMGIT: " + house.message(side))
    assert house.rules("origin", marked) == []


def test_another_author(house: House) -> None:
    fix = house.fix()
    assert house.rules("origin", house.pick(fix, author="Else One <else@example.org>")) == ["origin-author:block"]
    assert house.rules("origin", house.pick(fix, author="UP STREAM <new@example.org>")) == [
        "origin-author-spelled:warn"
    ]


def test_an_author_s_name_is_no_pattern(house: House) -> None:
    fix = house.git.commit({FILE: edit(5, "int five;")}, "mm: fix it\n\nB.\n\nSigned-off-by: Mallory <m@x>\n",
                           author=".* <.*>")  # fmt: skip
    message = house.message(fix).replace("Mallory <m@x>", "Mallory Else <m@y>")
    assert "signoff-author:info" in house.rules("signoff", house.pick(fix, message=message, author=".* <.*>"))


def test_without_upstream_nothing_is_said_of_the_origin(house: House) -> None:
    fix = house.fix()
    pick = house.pick(fix)
    house.upstream = ""
    result = house.result("origin", pick)
    assert result.state is State.COULD_NOT_RUN
    assert "upstream.ref" in result.reason


def test_gerrit_s_trailers_are_good_where_they_were_copied_from_what_landed(house: House) -> None:
    fix = house.fix()
    votes = "Reviewed-by: R <r@x>\nTested-by: Cusky Presubmit Bot <c@x>\n"
    main = house.pick(fix, message=house.message(fix) + votes)
    release = house.git.message(main).decode() + f"(cherry picked from commit {main})\nSigned-off-by: {ENGINEER}\n"
    forged = release + "Main-Branch-Verified: Cusky Presubmit Bot <c@x>\n"
    house.git("update-ref", "refs/changes/7", main)  # an open change, which no branch leads to
    house.git.branch("pick", "release-1")
    pick = house.pick(fix, "release-1", message=release, on="refs/heads/pick")
    assert house.rules("bot-trailers", pick, "release-1") == ["gerrit-tag:block"] * 2  # main's has not landed
    house.git.branch("cos-6.1", main)
    assert house.rules("bot-trailers", main) == []  # it has landed
    assert house.rules("bot-trailers", pick, "release-1") == []
    changed = house.pick(fix, "release-1", message=release.replace("R <r@x>", "S <s@x>"))
    assert house.rules("bot-trailers", changed, "release-1") == ["gerrit-tag:block"]
    assert house.rules("bot-trailers", house.pick(fix, "release-1", message=forged), "release-1") == [
        "gerrit-tag:block"
    ]


def test_the_stable_profile_has_rules_of_its_own(house: House) -> None:
    house.profile = "stable"
    fix = house.fix()
    theirs = house.git.message(fix).decode()
    subject, _, rest = theirs.partition("\n\n")
    message = f"{subject}\n\ncommit {fix} upstream.\n\n{rest}Signed-off-by: {ENGINEER}\n"
    report = house.judge(house.pick(fix, message=message))
    assert [each for each in report.findings if each.severity != "info"] == []
    states = {each.check: each.state for each in report.checks}
    assert states["fields"] is states["change-id"] is states["patch-class"] is State.NOT_APPLICABLE
    other = house.pick(fix, message=message, new="int cinq;")
    assert house.rules("upstream-patch", other) == ["patch-differs:block"]
    said = message.replace("It was broken.\n", "It was broken.\n\nHere it is spelled in French.\n")
    assert house.rules("upstream-patch", house.pick(fix, message=said, new="int cinq;")) == ["patch-adapted:info"]
