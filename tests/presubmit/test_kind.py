from __future__ import annotations

import pytest

from cosport.presubmit.kind import Kind, Signs, classify
from tests.presubmit.house import ENGINEER, FILE, House, edit


@pytest.mark.parametrize(("signs", "kind"), [
    (Signs(), Kind.UNKNOWN),
    (Signs(origins=1), Kind.PICK),
    (Signs(origins=1, from_pick=True), Kind.PICK_OF_PICK),
    (Signs(origins=2, chain=True, from_pick=True), Kind.PICK_OF_PICK),
    (Signs(origins=2), Kind.SQUASH),
    (Signs(reverts=True), Kind.REVERT),
    (Signs(reverts=True, origins=1), Kind.REVERT),  # it quotes the origin line of what it takes back
    (Signs(reverts=True, origins=1, source_reverts=True), Kind.PICK),
    (Signs(reverts=True, reapplies=True), Kind.REAPPLY),
    (Signs(config_only=True), Kind.CONFIG),
    (Signs(distribution=True), Kind.DISTRIBUTION),
    (Signs(merge=True, lts="v6.6.52", origins=1), Kind.LTS_MERGE),
    (Signs(merge=True), Kind.UNKNOWN),
])  # fmt: skip
def test_signs_tell_the_kind(signs: Signs, kind: Kind) -> None:
    assert classify(signs).kind is kind


def test_kinds_of_real_commits(house: House) -> None:
    fix, other = house.fix(), house.fix(9, "int nine;", "mm: fix more")
    pick = house.pick(fix)
    assert house.judge(pick).kind is Kind.PICK
    house.git.branch("cos-6.1", pick)
    release = house.git.message(pick).decode() + f"(cherry picked from commit {pick})\nSigned-off-by: {ENGINEER}\n"
    assert house.judge(house.pick(fix, "release-1", message=release), "release-1").kind is Kind.PICK_OF_PICK
    both = house.message(fix, extra=f"(cherry picked from commit {other})\n")
    assert house.judge(house.pick(fix, message=both)).kind is Kind.SQUASH
    assert house.judge(house.pick(fix, message=f'Revert "x"\n\nThis reverts commit {pick}.\n')).kind is Kind.REVERT
    assert house.judge(house.pick(fix, message='Reapply "mm: fix it"\n\nAgain.\n')).kind is Kind.REAPPLY
    assert house.judge(house.pick(fix, message="COS: mm: ours\n")).kind is Kind.DISTRIBUTION
    config = house.pick(fix, message="enable it\n", files={"arch/x86/configs/lakitu_defconfig": "CONFIG_X=y\n"})
    assert house.judge(config).kind is Kind.CONFIG


def test_a_merge_of_a_stable_release_and_no_other(house: House) -> None:
    git = house.git
    git.branch("stable", house.first)
    release = git.commit({"Makefile": "VERSION = 6\nSUBLEVEL = 2\n"}, "Linux 6.1.2", branch="stable")
    files = {"Makefile": "VERSION = 6\nSUBLEVEL = 2\n"}
    tip = git.commit({FILE: edit(3, "own")}, "COS: ours", branch="cos-6.1")
    merge = git.commit(files, "Merge v6.1.2 into cos-6.1", branch="refs/changes/1", parents=[tip, release])
    assert house.judge(merge).kind is Kind.LTS_MERGE
    other = git.commit(files, "Merge v6.1.3 into cos-6.1", branch="refs/changes/2", parents=[tip, release])
    report = house.judge(other)
    assert report.kind is Kind.UNKNOWN
    assert [each.rule for each in report.findings if each.check == "kind"] == ["kind-unknown"]
