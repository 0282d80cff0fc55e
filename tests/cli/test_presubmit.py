from __future__ import annotations

from typing import TYPE_CHECKING

import jsonschema
import pytest

from cosport.cli import schema
from tests.presubmit.house import House
from tests.support import invoke

if TYPE_CHECKING:
    from tests.support import Git


@pytest.fixture
def house(git: Git) -> House:
    made = House(git)
    made.configure()
    return made


def test_a_good_pick_is_0_and_a_bad_one_1(house: House) -> None:
    fix = house.fix()
    assert invoke("presubmit", house.pick(fix), cwd=house.git.path, check=0).out.rstrip().endswith("pick: pass")
    answer = invoke("presubmit", house.pick(fix, message="mm: x\n"), cwd=house.git.path, check=1)
    assert "[kind/kind-unknown]" in answer.out
    assert "kind-unknown: Every commit" in answer.err


def test_json_and_the_list_follow_their_schemas(house: House) -> None:
    pick = house.pick(house.fix())
    document = invoke("presubmit", pick, "--json", cwd=house.git.path, check=0).json()
    jsonschema.validate(document, schema.of("presubmit"))
    assert document["reports"][0]["branch"] == "cos-6.1"
    checks = invoke("presubmit", "--list", "--json", cwd=house.git.path, check=0).json()
    jsonschema.validate(checks, schema.of("presubmit-list"))
    assert invoke("presubmit", "--list", cwd=house.git.path, check=0).out.splitlines()[1].startswith("kind ")


def test_a_range_is_judged_oldest_first(house: House) -> None:
    one, two = house.fix(), house.fix(9, "int nine;", "mm: nine")
    house.git.branch("topic", "cos-6.1")
    first = house.pick(one, on="refs/heads/topic")
    second = house.pick(two, "topic", line=9, new="int nine;", on="refs/heads/topic")
    words = ("presubmit", "cos-6.1..topic", "--json", "--branch", "cos-6.1")
    reports = invoke(*words, cwd=house.git.path).json()["reports"]
    assert [each["commit"] for each in reports] == [first, second]


@pytest.mark.parametrize(("arguments", "what"), [
    (("nosuch",), "nosuch"),
    (("main", "--only", "nosuch"), "no presubmit check is called 'nosuch'"),
    (("main", "--branch", "nosuch"), "nosuch"),
    (("main", "--format", "nosuch"), "nosuch"),
])  # fmt: skip
def test_wrong_usage_is_2(house: House, arguments: tuple[str, ...], what: str) -> None:
    assert what in invoke("presubmit", *arguments, cwd=house.git.path, check=2).err


@pytest.mark.parametrize("form", ["text", "json", "junit", "sarif", "gerrit"])
def test_nothing_to_judge_is_0(house: House, form: str) -> None:
    answer = invoke("presubmit", "main..main", "--format", form, cwd=house.git.path, check=0)
    assert answer.err == "main..main: nothing to judge\n"
    assert bool(answer.out) == (form != "text")


def test_a_range_the_wrong_way_round_does_not_pass(house: House) -> None:
    house.fix()
    answer = invoke("presubmit", "main..cos-6.1", cwd=house.git.path, check=2)
    assert "main..cos-6.1 has no commits\nhint: the older end stands first" in answer.err


def test_a_verdict_is_put_on_record(house: House) -> None:
    pick = house.pick(house.fix(), message="mm: x\n")
    for _ in range(2):
        invoke("presubmit", pick, "--record", cwd=house.git.path, check=1)
    (said,) = invoke("record", "show", pick, "--json", cwd=house.git.path, check=0).json()["commits"]
    (record,) = said["records"]
    assert record["data"]["verdict"] == "fail"
    assert "kind-unknown" in record["data"]["blocking"]
    assert record["data"]["inputs"]["target refs/heads/cos-6.1"] == house.first
