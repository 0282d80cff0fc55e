from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from cosport.cli import schema
from cosport.cli.missing_view import applies
from cosport.cli.output import Styled
from cosport.history.missing_trials import Applies, Tried
from cosport.model.result import Conflict, ConflictKind
from tests.cve import records
from tests.support import invoke

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support import Git

CONFIG = """\
[upstream]
ref = "refs/heads/main"
[[branch]]
name = "cos-5.4"
[[branch]]
name = "cos-5.10"
"""


@pytest.fixture
def shas(git: Git) -> dict[str, str]:
    """Both branches hold the bugs. cos-5.10 has the first fix; the second one conflicts there."""
    git.commit({"a": "0\n", "b": "0\n"}, "start")
    one = git.commit({"a": "bug\n"}, "a: bug")
    two = git.commit({"b": "bug\n"}, "b: bug")
    git.branch("cos-5.4")
    git.branch("cos-5.10")
    fix = git.commit({"a": "good\n"}, f'a: fix\n\nFixes: {one[:12]} ("a: bug")\n')
    other = git.commit({"b": "good\n"}, f'b: fix\n\nFixes: {two[:12]} ("b: bug")\n')
    git.commit({"a": "good\n"}, f"a: fix\n\ncommit {fix} upstream.\n", branch="cos-5.10")
    git.commit({"b": "own\n"}, "own", branch="cos-5.10")
    folder = git.path / ".git/cosport"
    folder.mkdir()
    (folder / "cosport.toml").write_text(CONFIG)
    return {"one": one, "two": two, "fix": fix, "other": other}


def answer(git: Git, *args: str, check: int = 1) -> dict[str, Any]:
    found: dict[str, Any] = invoke("missing", "--json", *args, cwd=git.path, check=check).json()
    jsonschema.Draft202012Validator(schema.of("missing")).validate(found)
    return found


def names(branch: dict[str, Any], key: str = "missing") -> list[str]:
    return [each["sha"] for each in branch[key]]


def test_each_branch_is_told_what_it_lacks_and_how_that_applies(git: Git, shas: dict[str, str]) -> None:
    found = answer(git)
    assert found["schema"] == "cosport.missing/1"
    assert found["upstream"] == {"ref": "refs/heads/main", "commit": git.sha("main")}
    first, second = found["branches"]
    assert (first["branch"], first["tip"], first["error"]) == ("cos-5.4", git.sha("cos-5.4"), None)
    assert names(first) == [shas["fix"], shas["other"]]
    assert [each["trial"]["outcome"] for each in first["missing"]] == ["clean", "clean"]
    assert names(second) == [shas["other"]]
    (line,) = second["missing"]
    assert line["verdict"] == "missing-commit"
    assert line["severity"] == "unknown"
    assert [each["path"] for each in line["trial"]["conflicts"]] == ["b"]
    assert [(each["kind"], each["sha"]) for each in line["reasons"]] == [("fixes", shas["two"])]
    assert line["reasons"][0]["held"][0]["kind"] == "ancestor"


def test_nothing_missing_is_success(git: Git, shas: dict[str, str]) -> None:
    git.branch("cos-5.4", "main")
    assert names(answer(git, "--branch", "cos-5.4", check=0)["branches"][0]) == []
    assert "nothing is missing" in invoke("missing", "--branch", "cos-5.4", cwd=git.path, check=0).out


def test_any_branch_can_be_asked_of(git: Git, shas: dict[str, str]) -> None:
    git.branch("topic", "cos-5.10")
    (found,) = answer(git, "--branch", "topic")["branches"]
    assert (found["branch"], names(found)) == ("topic", [shas["other"]])


def test_the_list_for_people_names_the_fix_and_why(git: Git, shas: dict[str, str]) -> None:
    out = invoke("missing", "--branch", "cos-5.10", cwd=git.path, check=1).out
    assert "cos-5.10 lacks 1 fix" in out
    assert shas["other"][:12] in out
    assert f"fixes {shas['two'][:12]}" in out
    assert "conflict" not in out  # not tried where nobody looks on


def test_a_conflict_in_many_files_names_the_first_and_counts_the_rest() -> None:
    conflicts = tuple(Conflict(f"{name}.c", ConflictKind.CONTENT) for name in "abcde")
    assert applies(Tried(Applies.CONFLICT, conflicts)) == Styled("conflict: a.c, b.c and 3 more", "red")
    assert applies(Tried(Applies.CONFLICT, conflicts[:2])) == Styled("conflict: a.c, b.c", "red")


def test_trials_come_after_the_list_and_are_remembered(git: Git, shas: dict[str, str]) -> None:
    first = invoke("missing", "--branch", "cos-5.10", "--try", cwd=git.path, check=1).out
    assert first.splitlines()[-1].split() == [shas["other"][:12], "conflict:", "b"]
    second = invoke("missing", "--branch", "cos-5.10", "--try", cwd=git.path, check=1).out
    assert "conflict: b" in second.splitlines()[2]
    assert len(second.splitlines()) == 3
    assert answer(git, "--no-try")["branches"][1]["missing"][0]["trial"]["outcome"] == "conflict"


def test_without_trials_json_says_that_none_was_made(git: Git, shas: dict[str, str]) -> None:
    assert answer(git, "--no-try")["branches"][0]["missing"][0]["trial"] is None


def test_a_pick_that_changes_nothing_is_there_already(git: Git, shas: dict[str, str]) -> None:
    git.commit({"b": "good\n", "x": "more\n"}, "own: all in one", branch="cos-5.4")
    first = answer(git)["branches"][0]
    assert {each["sha"]: each["verdict"] for each in first["missing"]}[shas["other"]] == "ok-commit-present"


def test_severity_comes_before_age(git: Git, shas: dict[str, str]) -> None:
    (git.path / ".git/cosport/severities.toml").write_text(f'[severity]\n"{shas["other"][:12]}" = "critical"\n')
    first = answer(git)["branches"][0]
    assert names(first) == [shas["other"], shas["fix"]]
    assert first["missing"][0]["severity"] == "critical"


def test_a_branch_that_is_not_here_holds_up_no_other(git: Git, shas: dict[str, str]) -> None:
    git("update-ref", "-d", "refs/heads/cos-5.10")
    found = answer(git, check=2)
    assert [each["branch"] for each in found["branches"]] == ["cos-5.4", "cos-5.10"]
    assert found["branches"][0]["missing"]
    assert "cos-5.10" in found["branches"][1]["error"]["what"]


def test_without_a_known_upstream_it_says_what_to_do(git: Git) -> None:
    git.commit({"a": "0\n"}, "start", branch="cos-5.4")
    git("symbolic-ref", "HEAD", "refs/heads/cos-5.4")
    known = invoke("missing", "--branch", "cos-5.4", cwd=git.path, check=2)
    assert "upstream" in known.err
    assert "hint:" in known.err


def test_it_works_in_a_bare_repository_that_cannot_be_written(git: Git, shas: dict[str, str]) -> None:
    before = git.refs()
    answer(git)
    assert git.refs() == before
    git.fsck()


def test_cves_and_their_severities_come_from_the_configured_data(
    git: Git, shas: dict[str, str], tmp_path: Path
) -> None:
    data = tmp_path / "vulns"
    for name, number, score in (("other", 7, 9.8), ("fix", 8, 5.0)):
        record = records.cve(f"CVE-2024-1000{number}", [(shas["one"], shas[name])], score=score)
        records.write(data, f"cve/published/2024/CVE-2024-1000{number}.json", record)
    config = git.path / ".git/cosport/cosport.toml"
    config.write_text(f'{CONFIG}[cve]\ndata = "{data}"\n')
    first = answer(git, "--no-try")["branches"][0]
    told = [(each["sha"], each["severity"], each["cves"]) for each in first["missing"]]
    assert told == [
        (shas["other"], "critical", ["CVE-2024-10007"]),
        (shas["fix"], "medium", ["CVE-2024-10008"]),
    ]
    assert "critical CVE-2024-10007" in invoke("missing", "--no-try", cwd=git.path, check=1).out
    # The team knows better.
    (config.parent / "severities.toml").write_text(f'[severity]\n"{shas["other"][:12]}" = "low"\n')
    first = answer(git, "--no-try")["branches"][0]
    assert [each["severity"] for each in first["missing"]] == ["medium", "low"]
    shown = invoke("show", shas["other"], "--json", cwd=git.path, check=0).json()
    assert [(each["id"], each["severity"]) for each in shown["cves"]] == [("CVE-2024-10007", "critical")]
    assert "fixes CVE-2024-10007 (critical)" in invoke("show", shas["other"], cwd=git.path, check=0).out


def test_a_new_cve_brings_a_declined_fix_back_everywhere(git: Git, shas: dict[str, str], tmp_path: Path) -> None:
    data = tmp_path / "vulns"

    def assign(number: int) -> str:
        name = f"CVE-2024-1000{number}"
        records.write(data, f"cve/published/2024/{name}.json", records.cve(name, [(shas["one"], shas["other"])]))
        return name

    def outcome() -> str:
        (result,) = invoke("plan", shas["other"], "--to", "cos-5.4", "--json", cwd=git.path).json()["results"]
        return str(result["outcome"])

    known = assign(1)
    (git.path / ".git/cosport/cosport.toml").write_text(f'{CONFIG}[cve]\ndata = "{data}"\n')
    put = ("decline", shas["other"], "--branch", "cos-5.4", "--reason", "no such hardware", "--json")
    assert invoke(*put, cwd=git.path, check=0).json()["decline"]["cves"] == [known]
    assert shas["other"] not in names(answer(git, "--no-try")["branches"][0])
    assert outcome() == "declined"
    new = assign(2)
    (line,) = [each for each in answer(git, "--no-try")["branches"][0]["missing"] if each["sha"] == shas["other"]]
    assert line["decline"]["back"] == f"it was declined before it was known to fix {new}"
    assert outcome() == "picked"
    plan = invoke("plan", "--missing", "--json", cwd=git.path).out.splitlines()
    (row,) = [row for row in map(json.loads, plan) if row["upstream"] == shas["other"]]
    assert row["cves"] == [known, new]
    assert row["results"][0]["outcome"] == "picked"
