from __future__ import annotations

import csv
import io
from xml.etree import ElementTree as ET

import kcidb_io  # type: ignore[import-untyped]
import msgspec
import pytest
from jsonschema import Draft202012Validator

from cosport.cli import schema
from cosport.model.regress import ArmName
from cosport.regress import formats, report, workload
from cosport.regress.result import Point, Result
from tests.regress.results import panic, result, run, sample

WITHOUT, WITH = ArmName
BALLOON = workload.find("balloon")


def kinds() -> dict[str, Result]:
    boot = [panic(1, WITH, under_load=False)]
    load = [*sample(3, 4), panic(8, WITHOUT, under_load=True)]
    failed = [run(1, WITH, failed=("<pages> & \x00 had not come back",))]
    return {
        "fixes": result(sample()),
        "boot": result(boot),
        "load": result(load),
        "failed": result(failed),
        "none": result([]),
    }


@pytest.mark.parametrize("kind", kinds())
def test_kcidb_takes_what_is_written_for_it(kind: str) -> None:
    document = msgspec.to_builtins(formats.kcidb(kinds()[kind]))
    kcidb_io.schema.LATEST.validate(document)


def test_kcidb_tells_a_broken_harness_from_a_broken_kernel() -> None:
    def statuses(found: Result) -> list[str]:
        return [test["status"] for test in formats.kcidb(found)["tests"] if test["path"] == "cosport.balloon"]

    assert statuses(kinds()["boot"]) == ["MISS"]
    assert statuses(kinds()["load"]) == ["FAIL"] * 3 + ["PASS"] * 4 + ["ERROR"]


@pytest.mark.parametrize("kind", kinds())
def test_junit_is_xml_whose_counts_are_right(kind: str) -> None:
    root = ET.fromstring(formats.junit(kinds()[kind]))
    cases = root.findall("testcase")
    assert int(root.attrib["tests"]) == len(cases) == len(kinds()[kind].runs) + 1
    for tag, count in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        assert int(root.attrib[count]) == len(root.findall(f"testcase/{tag}"))
    assert (root.find("testcase[@name='verdict']/*") is None) is (kinds()[kind].exit_code == 0)


def test_a_record_is_read_back_as_it_was_written() -> None:
    for each in kinds().values():
        assert msgspec.json.decode(msgspec.json.encode(each), type=Result) == each


@pytest.mark.parametrize("kind", kinds())
def test_a_record_is_valid_against_its_schema(kind: str) -> None:
    Draft202012Validator(schema.of("regress")).validate(msgspec.json.decode(msgspec.json.encode(kinds()[kind])))


def test_the_series_is_csv() -> None:
    text = formats.SERIES_HEAD + formats.series_row(3, Point(1.25, 4096, "inflate"))
    assert list(csv.DictReader(io.StringIO(text))) == [
        {"run": "3", "seconds": "1.250", "pages": "4096", "phase": "inflate"}
    ]


def page(found: Result) -> str:
    series = {each.number: tuple(Point(at / 10, at * 900, "inflate") for at in range(100)) for each in found.runs}
    return report.page(found, series, BALLOON)


@pytest.mark.parametrize("kind", kinds())
def test_a_report_can_be_made_of_any_result(kind: str) -> None:
    text = page(kinds()[kind])
    assert "<script" not in text
    assert "http:" not in text.replace("http://www.w3.org", "")
    assert "https:" not in text


def test_a_report_stands_beside_upstreams_figures() -> None:
    text = page(kinds()["fixes"])
    for figure in ("542", "63", "154,828,377", "12,968,539", "11.94", "&gt; 45", "1.00", "97,280"):
        assert figure in text
    assert text.count("<svg") == 2
    assert "#0102" not in text  # the stand-ins for colours


def test_a_report_shows_what_a_guest_said_and_lets_none_of_it_act() -> None:
    text = page(kinds()["boot"])
    assert "<b>&\x1b" not in text
    assert "&lt;b&gt;" in text
    assert "linux-source, with &lt;fix&gt;" in text


def test_the_same_result_makes_the_same_report() -> None:
    assert page(kinds()["fixes"]) == page(kinds()["fixes"])
