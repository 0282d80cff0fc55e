"""What upstream did with a fix later: told with each pick, brought on request; what it took back is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.backport.house import LINES, House, edit, evidence
from tests.support import cosport, invoke

ONE = edit(LINES, l5="int five;")
TWO = edit(ONE, l9="nine")
THREE = edit(TWO, l30="thirty")


def fixes(sha: str, subject: str, text: str = "mm: more") -> str:
    return f'{text}\n\nFixes: {sha[:12]} ("{subject}")\n'


def reverts(sha: str, subject: str) -> str:
    return f'Revert "{subject}"\n\nThis reverts commit {sha}.\n'


def names(result: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["sha"], each["kind"]) for each in result["followups"]]


def test_a_pick_tells_what_upstream_fixed_in_it_and_in_that(house: House) -> None:
    fix = house.fix()
    second = house.fix(TWO, fixes(fix, "mm: fix it"))
    third = house.fix(THREE, fixes(second, "mm: more", "mm: once more"))
    assert names(house.pick(fix, "cos-5.4", "--dry-run")) == [(second, "fixes"), (third, "fixes")]
    out = invoke("backport", fix, "--to", "cos-5.4", cwd=house.git.path, check=0)
    assert f"cos-5.4: upstream later fixed something in it: {second[:12]} mm: more" in out.err
    (planned,) = invoke("plan", fix, "--json", cwd=house.git.path, check=0).json()["results"]
    assert names(planned) == [(second, "fixes"), (third, "fixes")]


def test_what_the_branch_holds_already_is_not_told_of(house: House) -> None:
    fix = house.fix()
    second = house.fix(TWO, fixes(fix, "mm: fix it"))
    house.land("cos-5.4", ONE, f"mm: fix it\n\n(cherry picked from commit {fix})\n")
    held = house.pick(fix)
    assert (held["outcome"], names(held)) == ("already-applied", [(second, "fixes")])
    house.land("cos-5.4", TWO, f"mm: more\n\n(cherry picked from commit {second})\n")
    assert names(house.pick(fix)) == []


def test_a_follow_up_that_upstream_took_back_is_left_out_with_its_revert(house: House) -> None:
    fix = house.fix()
    second = house.fix(TWO, fixes(fix, "mm: fix it"))
    house.fix(ONE, reverts(second, "mm: more"))
    assert names(house.pick(fix)) == []


def test_with_followups_brings_them_in_order_as_a_series(house: House) -> None:
    fix = house.fix()
    second = house.fix(TWO, fixes(fix, "mm: fix it"))
    third = house.fix(THREE, fixes(second, "mm: more", "mm: once more"))
    results = house.results(fix, "--to", "cos-5.4", "--with-followups")
    assert [(each["upstream"], each["outcome"]) for each in results] == [
        (fix, "picked"), (second, "picked"), (third, "picked"),
    ]  # fmt: skip
    ref = f"refs/heads/backport/cos-5.4/{fix[:12]}-{third[:12]}"
    assert {each["ref"] for each in results} == {ref}
    assert house.text(ref) == THREE
    assert all(each["followups"] == [] for each in results)
    again = house.results(fix, "--to", "cos-5.4", "--with-followups")
    assert [each["commit"] for each in again] == [each["commit"] for each in results]


def test_with_followups_each_branch_gets_what_it_lacks(two: House) -> None:
    fix = two.fix()
    second = two.fix(TWO, fixes(fix, "mm: fix it"))
    two.land("cos-5.10", ONE, f"mm: fix it\n\n(cherry picked from commit {fix})\n")
    two.land("cos-5.10", TWO, f"mm: more\n\n(cherry picked from commit {second})\n")
    results = two.results(fix, "--all", "--with-followups")
    assert [(each["branch"], each["upstream"], each["outcome"]) for each in results] == [
        ("cos-5.4", fix, "picked"), ("cos-5.4", second, "picked"), ("cos-5.10", fix, "already-applied"),
    ]  # fmt: skip


def test_on_a_release_branch_follow_ups_wait_for_main_too(release: House) -> None:
    fix = release.fix()
    second = release.fix(TWO, fixes(fix, "mm: fix it"))
    release.land("cos-5.4", ONE, f"mm: fix it\n\n(cherry picked from commit {fix})\n")
    results = release.results(fix, "--to", "R85", "--with-followups")
    assert [(each["upstream"], each["outcome"]) for each in results] == [(fix, "picked"), (second, "waits-for-main")]


def test_what_upstream_reverted_is_refused_unless_asked_for(house: House) -> None:
    fix = house.fix()
    gone = house.fix(LINES, reverts(fix, "mm: fix it"))
    before = house.frozen()
    result = house.pick(fix, check=1)
    assert result["outcome"] == "reverted-upstream"
    assert gone[:12] in evidence(result)["reverted"]
    assert "--force" in result["notes"][0]
    assert names(result) == [(gone, "reverts")]
    assert house.frozen() == before
    for more in ((), ("--with-followups",)):
        forced = house.results(fix, "--to", "cos-5.4", "--force", *more)
        assert [each["outcome"] for each in forced] == ["picked"]
        assert evidence(forced[0])["reverted"].endswith("picked all the same, with --force")


def test_a_stream_answers_whether_it_would_apply_all_the_same(house: House) -> None:
    fix = house.fix()
    gone = house.fix(LINES, reverts(fix, "mm: fix it"))
    (line,) = cosport("plan", "--stdin", cwd=house.git.path, check=0, stdin=f"{fix} cos-5.4\n").lines()
    assert line["outcome"] == "picked"
    assert gone[:12] in evidence(line)["reverted"]


@pytest.mark.parametrize(
    "message",
    [
        'Revert "Revert "mm: fix it""\n\nThis reverts commit {gone}.\n',
        'Reapply "mm: fix it"\n\nThis reverts commit {gone}.\n',
        "mm: fix it, second try\n\nThis reapplies commit {fix}.\n",
    ],
)
def test_what_upstream_reverted_and_took_again_is_picked(house: House, message: str) -> None:
    fix = house.fix()
    gone = house.fix(LINES, reverts(fix, "mm: fix it"))
    house.fix(ONE, message.format(fix=fix, gone=gone))
    result = house.pick(fix)
    assert (result["outcome"], names(result)) == ("picked", [])


def test_a_branch_that_holds_what_upstream_reverted_is_told_and_gets_the_revert(house: House) -> None:
    fix = house.fix()
    gone = house.fix(LINES, reverts(fix, "mm: fix it"))
    house.land("cos-5.4", ONE, f"mm: fix it\n\n(cherry picked from commit {fix})\n")
    result = house.pick(fix)
    assert (result["outcome"], names(result)) == ("already-applied", [(gone, "reverts")])
    both = house.results(fix, "--to", "cos-5.4", "--with-followups")
    assert [(each["upstream"], each["outcome"]) for each in both] == [(fix, "already-applied"), (gone, "picked")]
    assert house.text(both[1]["commit"]) == LINES
