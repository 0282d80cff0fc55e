"""--fix: messages repaired as new commits, nothing else touched."""

from __future__ import annotations

import pytest

from tests.presubmit.house import House
from tests.support import Git, invoke


@pytest.fixture
def house(git: Git) -> House:
    made = House(git)
    made.configure()
    git.branch("topic", "cos-6.1")
    return made


def _broken(house: House, fix: str) -> str:
    message = house.message(fix).replace("BUG=b/1", "BUG=1").replace("RELEASE_NOTE=", "RELEASE_NOTES=")
    message = message.replace(f"Fixes: {house.first[:12]}", f"Fixes: {house.first[:8]}").replace("broken.", "broken.  ")
    message = message.replace("\n\ncos-patch", "\ncos-patch").replace("Change-Id", "X-Id")
    return message.replace("(cherry", "Tested-by: Cusky <c@x>\n(cherry")


def test_what_needs_no_judgement_is_repaired(house: House) -> None:
    fix = house.fix()
    pick = house.pick(fix, "topic", message=_broken(house, fix), on="refs/heads/topic")
    before = house.git.user_state()
    answer = invoke("presubmit", "topic", "--fix", cwd=house.git.path, check=0)
    assert "topic is at" in answer.err
    assert house.git.message("topic").decode().replace("X-Id: ", "Change-Id: ") != house.git.message(pick).decode()
    report = house.judge("topic")
    assert [each for each in report.findings if each.severity == "block"] == []
    assert house.git.tree("topic") == house.git.tree(pick)
    assert house.git("log", "-1", "--format=%an %ae %ad %cn", "topic") == house.git(
        "log", "-1", "--format=%an %ae %ad %cn", pick
    )
    assert house.git.user_state() == before
    assert "nothing to repair" in invoke("presubmit", "topic", "--fix", cwd=house.git.path, check=0).err


def test_a_series_is_rewritten_from_the_first_repair_on(house: House) -> None:
    one, two, three = house.fix(), house.fix(9, "int nine;", "mm: nine"), house.fix(11, "int x;", "mm: eleven")
    first = house.pick(one, "topic", on="refs/heads/topic")
    second = house.pick(two, "topic", line=9, new="int nine;", message=_broken(house, two), on="refs/heads/topic")
    house.pick(three, "topic", line=11, new="int x;", on="refs/heads/topic")
    invoke("presubmit", "cos-6.1..topic", "--fix", cwd=house.git.path, check=0)
    new = house.git("rev-list", "--reverse", "cos-6.1..topic").split()
    assert new[0] == first
    assert new[1] != second
    assert house.git.tree(new[1]) == house.git.tree(second)
    assert house.git.subjects("cos-6.1..topic") == ["mm: eleven", "mm: nine", "mm: fix it"]


def test_what_is_checked_out_is_left_to_its_owner(house: House) -> None:
    fix = house.fix()
    pick = house.pick(fix, "topic", message=_broken(house, fix), on="refs/heads/topic")
    house.git("symbolic-ref", "HEAD", "refs/heads/topic")
    house.git.checkout("topic")
    before = house.git.user_state()
    answer = invoke("presubmit", "--fix", cwd=house.git.path, check=0)
    assert "git reset --soft" in answer.err
    assert house.git.sha("topic") == pick
    assert house.git.user_state() == before
    house.git("reset", "--soft", answer.err.partition("git reset --soft ")[2].split()[0])
    assert house.git("status", "--porcelain") == ""


def test_what_has_landed_is_never_rewritten(house: House) -> None:
    fix = house.fix()
    house.pick(fix, message=_broken(house, fix), on="refs/heads/cos-6.1")
    answer = invoke("presubmit", "cos-6.1", "--fix", "--branch", "cos-6.1", cwd=house.git.path, check=2)
    assert "has landed" in answer.err


def test_a_signature_of_the_old_message_is_left_out(house: House) -> None:
    fix = house.fix()
    pick = house.pick(fix, "topic", message=_broken(house, fix), on="refs/heads/topic")
    raw = house.git.raw("cat-file", "commit", pick).decode()
    signed = raw.replace("\n\n", "\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n iQ==\n -----END\n\n", 1)
    house.git("update-ref", "refs/heads/topic", house.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=signed))
    invoke("presubmit", "topic", "--fix", cwd=house.git.path, check=0)
    assert b"gpgsig" not in house.git.raw("cat-file", "commit", "topic")
    house.git.fsck()
