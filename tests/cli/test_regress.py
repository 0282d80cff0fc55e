from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from jsonschema import Draft202012Validator

from cosport.cli import regress, schema
from cosport.model.regress import ArmName, RegressVerdict
from cosport.regress.result import Judgement, Result
from tests.regress.results import bad, good, panic, result, sample
from tests.support import invoke

if TYPE_CHECKING:
    from pathlib import Path


def save(folder: Path, found: Result) -> str:
    folder.mkdir()
    (folder / "result.json").write_bytes(msgspec.json.encode(found))
    return str(folder)


def test_the_workloads_are_explained(tmp_path: Path) -> None:
    text = invoke("regress", "list", cwd=tmp_path, check=0).out
    for word in ("balloon-oom", "da10329cb057", "profile upstream: 65536 MiB, 16 CPUs", "deflate-on-oom"):
        assert word in text
    listed = invoke("regress", "list", "--json", cwd=tmp_path, check=0).json()
    Draft202012Validator(schema.of("workloads")).validate(listed)
    assert [each["name"] for each in listed["workloads"]] == ["balloon", "balloon-boot", "balloon-cycle", "balloon-oom"]


def test_a_result_is_shown_with_its_exit_code(tmp_path: Path) -> None:
    shown = invoke("regress", "show", save(tmp_path / "a", result(sample())), cwd=tmp_path, check=0)
    assert "balloon: fixes" in shown.out
    assert "> 45" in shown.out
    dead = invoke(
        "regress",
        "show",
        save(tmp_path / "b", result([panic(1, ArmName.WITH, under_load=False)])),
        cwd=tmp_path,
        check=3,
    )
    assert "Kernel panic - not syncing" in dead.out
    assert "\x1b" not in dead.out


def test_the_newest_result_is_shown_by_itself(tmp_path: Path, seal: Path) -> None:
    none = invoke("regress", "show", cwd=tmp_path, check=2)
    assert "run one: cosport regress run balloon" in none.err
    place = seal / ".local/share/cosport/regress"
    place.mkdir(parents=True)
    save(place / "balloon-1", result(sample()))
    assert "balloon: fixes" in invoke("regress", "show", cwd=tmp_path, check=0).out


@pytest.mark.parametrize("text", ["{}", "no json", '{"schema": "cosport.backport/1"}'])
def test_what_is_no_result_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "result.json").write_text(text, encoding="utf-8")
    answer = invoke("regress", "show", str(tmp_path), cwd=tmp_path, check=2)
    assert "no result of a regression job" in answer.err


def test_two_results_are_compared(tmp_path: Path) -> None:
    fine = save(tmp_path / "fine", result(sample()))
    worse = save(
        tmp_path / "worse", result([*(bad(n) for n in range(1, 5)), *(bad(n, ArmName.WITH) for n in range(5, 9))])
    )
    answer = invoke("regress", "compare", fine, worse, cwd=tmp_path, check=1)
    assert "the second is worse (p = 0.014)" in answer.out
    assert "not reached" in answer.out
    assert "better" in invoke("regress", "compare", worse, fine, cwd=tmp_path, check=0).out
    document = invoke("regress", "compare", fine, fine, "--json", cwd=tmp_path, check=0).json()
    Draft202012Validator(schema.of("regress-compare")).validate(document)
    assert document["worse"] is document["better"] is False


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (RegressVerdict.HOLDS, 0), (RegressVerdict.FIXES, 0), (RegressVerdict.NOT_APPLICABLE, 0),
        (RegressVerdict.FAILS, 1), (RegressVerdict.NO_EFFECT, 1), (RegressVerdict.REGRESSES, 1),
        (RegressVerdict.INCONCLUSIVE, 125), (RegressVerdict.NOT_REPRODUCED, 125), (RegressVerdict.HARNESS_ERROR, 125),
    ],
)  # fmt: skip
def test_bisect_gets_the_codes_that_it_knows(verdict: RegressVerdict, code: int) -> None:
    found = result([good(1)], judgement=Judgement(verdict, (), 0.02))
    assert regress.bisect_code(found) == code
    assert regress.bisect_code(found, fix=True) == {0: 1, 1: 0}.get(code, code)


def test_bisect_stops_where_no_commit_can_be_tested(tmp_path: Path) -> None:
    answer = invoke("regress", "run", "balloon", "--with", "HEAD", "--bisect-run", "--out", "out", cwd=tmp_path)
    assert answer.code == 128
    assert "is not in a git repository" in answer.err


@pytest.mark.parametrize(
    ("option", "value"),
    [("--mode", "both"), ("--accel", "hvf"), ("--profile", "huge"), ("--fragment", "nowhere.config")],
)
def test_a_wrong_option_is_told_before_anything_is_made(tmp_path: Path, option: str, value: str) -> None:
    answer = invoke("regress", "run", "balloon", option, value, "--out", "out", cwd=tmp_path, check=2)
    assert value in answer.err
    assert "hint: " in answer.err
    assert not (tmp_path / "out").exists()
