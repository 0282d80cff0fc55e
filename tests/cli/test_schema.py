"""Schemas accept what the commands really print, and refuse what they never would."""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from cosport.backport.document import document, line
from cosport.cli import machine, schema
from cosport.model.commit import Sha
from cosport.model.evidence import Evidence, EvidenceKind, Followup
from cosport.model.result import (
    Advice,
    Conflict,
    ConflictKind,
    Fidelity,
    Outcome,
    Prerequisite,
    Result,
    Searched,
    Source,
    Stretch,
    Touch,
)
from tests.support import ROOT, invoke

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support import Git

A = Sha("a" * 40)
FULL = Result(
    upstream=A,
    branch="cos-5.4",
    outcome=Outcome.CONFLICT,
    commit=A,
    ref="refs/heads/backport/cos-5.4/aaaaaaaaaaaa",
    tree=A,
    change_id="I" + A,
    source=Source("neighbour", A, "cos-5.10"),
    fidelity=Fidelity.ADAPTED,
    evidence=(Evidence(EvidenceKind.TRAILER, "x"),),
    conflicts=(Conflict("mm/oom.c", ConflictKind.CONTENT, "/w", (Touch(A, "s"),)),),
    prerequisites=(Prerequisite(A, "s", ("mm/oom.c",), (Stretch("mm/oom.c", 3, 7), Stretch("b")), (A,), ("a.c",)),),
    searched=Searched("found", "w", 3, (A,), (Prerequisite(A, "s", ()),), Advice.PREREQUISITES),
    followups=(Followup(A, "s", "fixes"),),
    notes=("n",),
    error="e",
    hint="h",
)


def validate(name: str, value: Any) -> None:
    jsonschema.Draft202012Validator(schema.of(name)).validate(value)


@pytest.mark.parametrize("name", schema.DOCUMENTS)
def test_every_schema_is_one_and_is_printed(name: str, tmp_path: Path) -> None:
    printed = invoke("schema", name, cwd=tmp_path, check=0).json()
    jsonschema.Draft202012Validator.check_schema(printed)
    assert printed["title"] == f"cosport {name}"


def test_the_list_names_them_all(tmp_path: Path) -> None:
    named = invoke("schema", "--json", cwd=tmp_path, check=0).json()
    assert named.keys() == schema.DOCUMENTS.keys()
    validate("schemas", named)
    with pytest.raises(jsonschema.ValidationError):
        validate("schemas", {**named, "nonsense": "x"})
    listed = invoke("schema", cwd=tmp_path, check=0).out
    assert all(name in listed for name in schema.DOCUMENTS)


def test_every_document_that_the_code_names_has_a_schema() -> None:
    sources = (file.read_text(encoding="utf-8") for file in (ROOT / "cosport").rglob("*.py"))
    named = {name for text in sources for name in re.findall(r'"(cosport\.[a-z-]+/\d+)"', text)}
    kept_inside = {"cosport.record/1", "cosport.session/1", "cosport.pipeline-run/1", "cosport.pipeline/1"}
    described = "".join(json.dumps(schema.of(name)) for name in schema.DOCUMENTS)
    assert {name for name in named - kept_inside if name not in described} == set()


def test_an_unknown_name_is_wrong_usage(tmp_path: Path) -> None:
    assert "there are: config" in invoke("schema", "nonsense", cwd=tmp_path, check=2).err


@pytest.mark.parametrize("result", [FULL, Result(A, "b", Outcome.PICKED)], ids=["full", "bare"])
def test_results_fit(result: Result) -> None:
    validate("backport", document([result]))
    validate("plan", line("main", result))


def test_a_result_with_a_wrong_outcome_or_a_key_too_many_does_not_fit() -> None:
    for change in ({"outcome": "maybe"}, {"extra": 1}):
        wrong = document([FULL])
        wrong["results"][0].update(change)
        with pytest.raises(jsonschema.ValidationError):
            validate("backport", wrong)


def test_a_result_that_lacks_a_key_does_not_fit() -> None:
    wrong = line("main", FULL)
    del wrong["evidence"]
    with pytest.raises(jsonschema.ValidationError):
        validate("plan", wrong)


def test_what_init_writes_is_a_configuration(git: Git) -> None:
    git.commit({"a": "1\n"}, "one")
    git.branch("cos-5.4")
    answer = invoke("init", "--json", cwd=git.path, check=0).json()
    validate("init", answer)
    with open(answer["written"], "rb") as file:  # noqa: PTH123
        read = tomllib.load(file)
    validate("config", read)
    wrongs: list[dict[str, Any]] = [{"upstraem": {}}, {"branch": [{"name": "a", "kind": "mian"}]}, {"branch": [{}]}]
    for wrong in wrongs:
        with pytest.raises(jsonschema.ValidationError):
            validate("config", wrong)


@pytest.mark.parametrize(("name", "verb"), [("message", "parse"), ("message-lint", "lint"), ("message-fix", "fix")])
def test_what_message_prints_fits(name: str, verb: str, git: Git) -> None:
    text = (
        'mm: a fix\n\nBUG: KASAN: no\n\nBUG=1\nTEST=none\n\nFixes: 71994620bb25 ("virtio")\n[a: note]\nCc: \xe9 <a@b>\n'
    )
    git.commit({"a": "1\n"}, text)
    profile = [] if verb == "parse" else ["--profile", "cos"]
    answer = invoke("message", verb, "--json", *profile, "main", cwd=git.path).json()
    validate(name, answer)


@pytest.mark.parametrize("name", ["index", "show"])
def test_what_history_commands_print_fits(name: str, git: Git) -> None:
    bug = git.commit({"a": "1\n"}, "a: one")
    git.branch("old", git.commit({"a": "2\n"}, "a: two"))
    fix = git.commit({"a": "3\n"}, f'a: fix\n\nFixes: {bug[:12]} ("a: one")\nFixes: 123456789abc ("gone")\n')
    git.commit({"a": "2\n"}, f'Revert "a: fix"\n\nThis reverts commit {fix}.\n')
    answer = invoke(name, *([fix] if name == "show" else []), "--json", cwd=git.path, check=0).json()
    validate(name, answer)
    for wrong in (
        {**answer, "extra": 1},
        {key: value for key, value in answer.items() if key != next(reversed(answer))},
    ):
        with pytest.raises(jsonschema.ValidationError):
            validate(name, wrong)


def test_the_report_of_doctor_fits(git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("qemu", "kvm", "compiler"):
        monkeypatch.setattr(machine, name, lambda: machine.Check("x", machine.State.MISSING, "left out", "much"))
    git.commit({"a": "1\n"}, "one")
    validate("doctor", invoke("doctor", "--json", cwd=git.path, check=0).json())
