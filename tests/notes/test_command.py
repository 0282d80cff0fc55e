"""`cosport notes` as users call it: ranges, releases, --check, explain, lint, notes.toml, templates, errors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from cosport.cli import schema
from cosport.notes.render import Format
from tests.cve import records
from tests.notes.story import change
from tests.support import invoke

if TYPE_CHECKING:
    from pathlib import Path

    from tests.notes.story import Story
    from tests.support import Answer, Git


def told(story: Story, *args: str) -> Answer:
    return invoke("notes", *args, "--config", str(story.config), cwd=story.git.path)


def explained(story: Story, what: str, *args: str) -> Any:
    answer = told(story, "explain", what, "cos-121-1..cos-121-2", "--json", *args).json()
    jsonschema.Draft202012Validator(schema.of("notes-explain")).validate(answer)
    return answer


# --- --check, dates, bytes


def test_check_is_0_for_the_same_bytes_and_tells_the_first_line_that_differs(story: Story, tmp_path: Path) -> None:
    file = tmp_path / "notes.md"
    file.write_text(told(story, "--release", "cos-121-2").out, encoding="utf-8")
    same = told(story, "--release", "cos-121-2", "--check", str(file))
    assert (same.code, same.out) == (0, "")
    file.write_text(file.read_text().replace("a leak", "leaks"), encoding="utf-8")
    other = told(story, "--release", "cos-121-2", "--check", str(file))
    assert other.code == 1
    assert "differs from line 22 on" in other.err
    assert "- * Fixed leaks in virtio." in other.err
    assert told(story, "--release", "cos-121-2", "--check", str(tmp_path / "no")).code == 2


def test_source_date_epoch_is_the_date(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert told(story, "--release", "cos-121-2").out.startswith("## 2023-11-14\n")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "soon")
    assert told(story, "--release", "cos-121-2").code == 2


def test_a_second_clone_and_a_new_index_give_the_same_bytes(story: Story, tmp_path: Path) -> None:
    story.git("clone", "-q", "--mirror", str(story.git.path), str(tmp_path / "clone.git"))
    for form in ("json", "html", "atom", "openvex"):
        here = told(story, "cos-121-1..cos-121-2", "--format", form).out
        there = invoke(
            "notes", "cos-121-1..cos-121-2", "--format", form, "--config", str(story.config), cwd=tmp_path / "clone.git"
        )
        assert there.out == here


def test_cves_that_come_back_are_told_on_standard_error(story: Story) -> None:
    answer = told(story, "--release", "cos-121-2")
    assert "CVE-2024-1005 was fixed in cos-121-1 and is reverted in cos-121-2" in answer.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "name one range"),
        (("a..b", "--release", "x"), "name one range"),
        (("HEAD",), "is no range"),
        (("a...b",), "is no range"),
        (("no..HEAD",), "no branch, tag or commit named 'no'"),
        (("--release", "no"), "no branch, tag or commit named 'no'"),
        (("HEAD~1..HEAD", "--profile", "no"), "no message profile"),
        (("--document", "/no/file"), "No such file"),
        (("explain", "HEAD"), "hint: give FROM..TO"),
        (("lint",), "hint: give FROM..TO"),
    ],
)
def test_wrong_usage_is_told(story: Story, args: tuple[str, ...], said: str) -> None:
    answer = told(story, *args)
    assert answer.code == 2
    assert said in answer.err


def test_damaged_cve_data_stops_the_notes_and_names_the_file(story: Story) -> None:
    file = records.write(story.config.parent / "vulns", "cve/published/2024/CVE-2024-1001.json", '{"cveMetadata": ')
    answer = told(story, "--release", "cos-121-2")
    assert (answer.code, answer.out) == (3, "")
    assert str(file) in answer.err


# --- releases


def test_candidates_collapse_and_count_among_themselves(git: Git) -> None:
    for number in range(6):
        git.commit({"a": f"{number}"}, f"a: change {number}\n\nRELEASE_NOTE=Change {number}.\n")
    for name, at in (("v1.0", "HEAD~5"), ("v1.1-rc1", "HEAD~3"), ("v1.1-rc2", "HEAD~1"), ("v1.1", "HEAD")):
        git("tag", name, at)

    def previous(name: str) -> str:
        out = invoke("notes", "--release", name, "--profile", "cos", "--json", cwd=git.path, check=0).json()
        return str(out["previous"]["name"])

    assert [previous(name) for name in ("v1.1", "v1.1-rc2", "v1.1-rc1", "v1.0")] == ["v1.0", "v1.1-rc1", "v1.0", ""]


def test_a_tag_that_a_merge_brings_is_not_the_release_before(git: Git) -> None:
    git.commit({"a": "1"}, "one")
    git("tag", "v1.0")
    git.branch("side")
    git.commit({"b": "1"}, "two")
    git("tag", "v1.1")
    side = git.commit({"c": "1"}, "side", branch="side")
    git("tag", "v1.9-side", side)
    git.commit({"d": "1"}, "Merge", parents=[git.sha("main"), side])
    git("tag", "v1.2")
    shown = invoke("notes", "--release", "v1.2", "--profile", "plain", "--json", cwd=git.path, check=0).json()
    assert shown["previous"]["name"] == "v1.1"
    assert [account["fate"] for account in shown["commits"]] == ["told", "merge"]


# --- explain


def test_explain_says_why_or_why_not(story: Story) -> None:
    made = story.commits
    told_of = {
        made["leak1"]: (True, "the entry, under Fixed: Fixed a leak in virtio."),
        made["leak"]: (True, "the entry, under Fixed: Fixed a leak in virtio."),
        made["gone1"]: (False, "it is taken back by"),
        made["gone1-off"]: (False, "it takes back"),
        made["kept2"]: (False, "it is in the release before"),
        made["plain"]: (False, "users need not know"),
        made["old"]: (True, "under Security: Reverted"),
        made["side-fix"]: (True, "its text comes from: inherited"),
        made["fork"]: (True, "its text comes from: override"),
        made["old-pick"]: (True, "it takes back or brings back"),
        made["bug"]: (False, "the release before holds it already"),
        made["sibling"]: (False, "the release does not hold it"),
        "CVE-2024-1001": (True, "its state in cos-121-2: fixed"),
        "cve-2024-1003": (True, "its state in cos-121-2: partial"),
        "CVE-2024-1009": (False, "its state in cos-121-2: rejected"),
        "CVE-2024-9999": (False, "the CVE data has no record of it"),
    }
    for what, (is_told, reason) in told_of.items():
        answer = explained(story, what)
        assert answer["told"] == is_told, answer
        assert any(reason in each for each in answer["reasons"]), answer
    assert told(story, "explain", made["leak1"], "cos-121-1..cos-121-2").code == 0
    assert told(story, "explain", made["gone1"], "--release", "cos-121-2").code == 1
    assert told(story, "explain", "no-such-commit", "cos-121-1..cos-121-2").code == 2


# --- lint


LINTED = """\
{subject}

Words.

{note}

cos-patch: {kind}
"""


@pytest.mark.parametrize(
    ("note", "kind", "ids"),
    [
        ("RELEASE_NOTE=Fixed a leak.", "bug", []),
        ("RELEASE_NOTE=None", "bug", []),
        ("RELEASE_NOTE=", "bug", ["field-empty"]),
        ("Nothing.", "bug", ["field-missing"]),
        ("RELEASE_NOTE=Fixed a leak\nof pages.", "bug", ["field-wrapped"]),
        ("RELEASE_NOTES=Fixed a leak.", "bug", ["field-misspelled"]),
        ("RELEASE_NOTE=Fixed CVE-2024-1111,1112.", "security", ["cve-form"]),
        ("RELEASE_NOTE=Fixed cve 2024 1111.", "security", ["cve-form"]),
        ("RELEASE_NOTE=n/a", "bug", ["release-note-none"]),
        ("RELEASE_NOTE=None", "security", ["security-without-note"]),
        ("RELEASE_NOTE=Fixed\u202e it.", "bug", ["note-hidden-characters"]),
        ("RELEASE_NOTE=" + "Long words. " * 50, "bug", ["note-long"]),
    ],
)
def test_lint_tells_what_will_read_badly(git: Git, note: str, kind: str, ids: list[str]) -> None:
    git.commit({"a": "1"}, "start")
    git.commit({"a": "2"}, LINTED.format(subject="a: change", note=note, kind=kind))
    answer = invoke("notes", "lint", "HEAD~1..HEAD", "--profile", "cos", "--json", cwd=git.path)
    jsonschema.Draft202012Validator(schema.of("notes-lint")).validate(answer.json())
    found = [finding["id"] for commit in answer.json()["commits"] for finding in commit["findings"]]
    assert found == ids
    grades = [finding["severity"] for commit in answer.json()["commits"] for finding in commit["findings"]]
    assert answer.code == (1 if {"block", "warn"} & set(grades) else 0)


def test_lint_leaves_out_what_users_never_see(story: Story) -> None:
    answer = told(story, "lint", "cos-121-1..cos-121-2", "--json").json()
    found = {
        commit["subject"]: [(each["id"], each["severity"]) for each in commit["findings"]]
        for commit in answer["commits"]
    }
    assert found == {
        "smb: check the length": [("security-without-note", "block")],
        "kvm: check the index": [("field-missing", "block")],
        "hwmon: read it twice": [("field-empty", "info")],
        "Documentation: fix a word": [("field-missing", "block")],
    }


# --- notes.toml


def house(story: Story, text: str) -> Answer:
    (story.config.parent / "notes.toml").write_text(text, encoding="utf-8")
    return told(story, "--release", "cos-121-2")


def test_overrides_change_text_section_or_both(story: Story) -> None:
    made = story.commits
    answer = house(
        story,
        f"""
[[override]]
commit = "{made["leak1"][:12]}"
was = "Fixed a leak in virtio."
note = "None"
[[override]]
commit = "{made["plain"]}"
was = "absent"
note = "Said a word right."
[[override]]
change_id = "I{change(42)}"
was = "Made fork() faster."
section = "Speed"
""",
    )
    assert answer.code == 0
    assert "leak" not in answer.out
    assert "#### Changed\n\n* Said a word right.\n" in answer.out
    assert "#### Speed\n\n* Made fork() faster.\n" in answer.out


def test_an_override_whose_commit_says_something_else_by_now_is_an_error(story: Story) -> None:
    text = f'[[override]]\nchange_id = "I{change(42)}"\nwas = "Made fork() slower."\nnote = "x"\n'
    answer = house(story, text)
    assert (answer.code, answer.out) == (2, "")
    assert "it replaces 'Made fork() slower.'" in answer.err
    assert "says 'Made fork() faster.'" in answer.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[override]]\nwas = 'x'\nnote = 'y'", "expected a commit or a change_id"),
        ("[[override]]\ncommit = 'abc'\nwas = 'x'\nnote = 'y'", "no sha of at least 12 digits"),
        ("[[override]]\ncommit = '0123456789ab'\nwas = 'x'\nnote = 'y'", "names no one commit"),
        ("[[override]]\nchange_id = 'I12'\nwas = 'x'\nnote = 'y'", "is no Change-Id"),
        ("[[override]]\ncommit = '0123456789ab'\nwas = 'x'", "it changes nothing"),
        ("[[overide]]\n", "unknown field `overide`"),
        ("[[erratum]]\nrelease = 'x'\ndate = 'soon'\ntext = 'y'", "$.erratum[0].date"),
        ("[[override\n", "notes.toml"),
    ],
)
def test_wrong_files_are_told_with_their_place(story: Story, text: str, said: str) -> None:
    answer = house(story, text)
    assert answer.code == 2
    assert said in answer.err
    assert "notes.toml" in answer.err


# --- templates of users


def test_a_user_s_template_sees_the_document_and_may_extend_the_page(story: Story, tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("{% for s in sections %}{{ s.name }} {{ s.entries|length }}\n{% endfor %}", encoding="utf-8")
    assert told(story, "--release", "cos-121-2", "--template", str(mine)).out == "Security 4\nFixed 6\nFeature 3\n"
    page = tmp_path / "page.html"
    page.write_text('{% extends "notes.html.j2" %}{% block body %}<p>{{ release.name }}</p>{% endblock %}')
    made = told(story, "--release", "cos-121-2", "--template", str(page)).out
    assert "<p>cos-121-2</p>" in made
    assert made.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ nothing }}", "'nothing' is undefined"),
        ("a\n{% if %}", "mine.md:2"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{% include '/etc/passwd' %}", "/etc/passwd"),
    ],
)
def test_a_wrong_template_is_told(story: Story, tmp_path: Path, text: str, said: str) -> None:
    mine = tmp_path / "mine.md"
    mine.write_text(text, encoding="utf-8")
    answer = told(story, "--release", "cos-121-2", "--template", str(mine))
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err


def test_openvex_without_a_cve_is_refused(git: Git) -> None:
    git.commit({"a": "1"}, "one")
    git.commit({"a": "2"}, "two")
    answer = invoke("notes", "HEAD~1..HEAD", "--format", "openvex", cwd=git.path)
    assert answer.code == 2
    assert "must state something" in answer.err


def test_documents_of_another_kind_are_refused(git: Git, tmp_path: Path) -> None:
    git.commit({"a": "1"}, "one")
    for text in ("{", "{}", json.dumps({"schema": "cosport.notes/2"})):
        file = tmp_path / "d.json"
        file.write_text(text, encoding="utf-8")
        assert invoke("notes", "--document", str(file), cwd=git.path).code == 2


def test_a_document_from_elsewhere_is_no_less_safe_than_one_of_ours(story: Story, tmp_path: Path) -> None:
    made = told(story, "cos-121-1..cos-121-2", "--json").json()
    file = tmp_path / "d.json"
    entry = made["sections"][0]["entries"][0]
    entry["text"] = "red \x1b[31m\n# heading \u202e"
    made["sections"][0]["name"] = "a\x1bb"
    file.write_text(json.dumps(made), encoding="utf-8")
    for form in Format:
        said = invoke("notes", "--document", str(file), "--format", form.value, cwd=story.git.path, check=0).out
        assert not {"\x1b", "\u202e"} & set(said), form
        assert "\n# heading" not in said, form
    entry["cves"] = ["CVE-2999-1"]
    file.write_text(json.dumps(made), encoding="utf-8")
    for form in Format:
        answer = invoke("notes", "--document", str(file), "--format", form.value, cwd=story.git.path, check=2)
        assert "names CVE-2999-1, of which the document says nothing" in answer.err
