from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import jsonschema
import msgspec
import pytest

from cosport.cli import schema
from cosport.config import parse
from cosport.errors import ConfigError
from cosport.git.objects import ObjectReader
from cosport.git.repository import Repository
from cosport.history.index import History
from cosport.presubmit import registry
from cosport.presubmit.check import Check, State
from cosport.presubmit.context import Context
from cosport.presubmit.inputs import config_version
from cosport.presubmit.kind import EVERY
from cosport.presubmit.report import Document, Report, Verdict, document

if TYPE_CHECKING:
    from cosport.presubmit.change import Change
    from tests.presubmit.house import House


def test_what_cosport_would_write_passes(house: House) -> None:
    report = house.judge(house.pick(house.fix()))
    assert [each for each in report.findings if each.severity != "info"] == []
    assert report.verdict is Verdict.PASS


def test_the_team_s_severities_go_before_the_rule_s(house: House) -> None:
    pick = house.pick(house.fix(), message="mm: fix it\n")
    assert "kind-unknown:block" in house.rules("kind", pick)
    house.extra = '[presubmit.severity]\nkind-unknown = "info"\n'
    assert house.rules("kind", pick) == ["kind-unknown:info"]
    house.extra = '[presubmit.severity]\nkind-unknown = "off"\n'
    assert house.result("kind", pick).state is State.PASSED


@pytest.mark.parametrize("extra", [
    '[presubmit.severity]\nkind-unknwn = "info"\n', '[presubmit]\nskip = ["kinds"]\n',
])  # fmt: skip
def test_a_name_that_is_no_rule_or_check_is_an_error(house: House, extra: str) -> None:
    house.extra = extra
    with pytest.raises(ConfigError, match="no presubmit"):
        house.judge(house.pick(house.fix()))


def test_a_skipped_check_keeps_its_reason_and_is_no_pass(house: House) -> None:
    report = house.judge(house.pick(house.fix(), message="x\n"), skip={"kind": "asked for by r@example.com"})
    (result,) = (each for each in report.checks if each.check == "kind")
    assert (result.state, result.reason) == (State.SKIPPED, "asked for by r@example.com")


def test_a_check_that_breaks_has_no_answer_and_the_others_run(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def judge(_change: Change) -> tuple[()]:
        raise ZeroDivisionError("x")

    kinds = registry.checks()[0]
    broken = Check("broken", "It breaks.", EVERY, kinds.rules, judge)
    monkeypatch.setattr(registry, "checks", lambda: (broken, kinds))
    report = house.judge(house.pick(house.fix()))
    assert [each.state for each in report.checks] == [State.COULD_NOT_RUN, State.PASSED]
    assert "ZeroDivisionError" in report.checks[0].reason
    assert report.verdict is Verdict.INCOMPLETE
    assert report.labels == {"Verified": Verdict.INCOMPLETE}


def test_inputs_are_what_the_checks_read(house: House) -> None:
    pick = house.pick(house.fix())
    inputs = {each.kind: each.value for each in house.judge(pick, "cos-6.1", "origin").inputs}
    assert inputs["upstream"] == house.git.sha("main")
    assert "main" not in inputs
    again = {each.kind: each.value for each in house.judge(pick, "cos-6.1", "origin").inputs}
    assert again == inputs
    house.extra = '[presubmit.severity]\nkind-unknown = "info"\n'
    assert {each.kind: each.value for each in house.judge(pick, "cos-6.1", "kind").inputs}["config"] != inputs["config"]


def test_a_report_is_json_by_its_schema_and_back(house: House) -> None:
    report = house.judge(house.pick(house.fix(), message="mm: x \udcff\x1b\n"))
    data = msgspec.json.encode(document([report]))
    jsonschema.validate(msgspec.json.decode(data), schema.of("presubmit"))
    assert msgspec.json.decode(data, type=Document) == Document("cosport.presubmit/1", (report,))
    assert isinstance(replace(report, branch="x"), Report)


def test_where_the_configuration_lies_changes_no_judgement(house: House) -> None:
    pick = house.pick(house.fix())
    before = house.judge(pick, "cos-6.1", "kind").inputs
    house.extra = "# a comment"
    assert house.judge(pick, "cos-6.1", "kind").inputs == before
    with ExitStack() as stack:
        repository = Repository.open(house.git.path)
        reader = stack.enter_context(ObjectReader(repository))
        history = stack.enter_context(History.open(repository))
        versions = {
            config_version(Context.of(repository, reader, history, parse(house.config.encode(), source), None))
            for source in ("cosport.toml", "refs/meta/cosport:cosport.toml")
        }
    assert len(versions) == 1
