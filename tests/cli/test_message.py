from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.message.test_lint import GOOD
from tests.support import ROOT, invoke

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support import Git

EXAMPLE = ROOT / "tests/data/message/cos-balloon.txt"


def test_lint_tells_the_findings_and_exits_with_1(tmp_path: Path) -> None:
    answer = invoke("message", "lint", "--profile", "cos", str(EXAMPLE), cwd=tmp_path, check=1)
    lines = answer.out.splitlines()
    assert lines[0] == "block there is no BUG= line [field-missing]"
    assert "info line 69: a blank line too many [blank-lines] (fix removes it)" in lines
    assert len(lines) == 19


def test_a_clean_message_exits_with_0(tmp_path: Path) -> None:
    answer = invoke("message", "lint", "--profile", "cos", "-", cwd=tmp_path, stdin=GOOD, check=0)
    assert answer.out == ""


def test_lint_as_json(tmp_path: Path) -> None:
    answer = invoke("message", "lint", "--json", "--profile", "cos", "-", cwd=tmp_path, stdin=GOOD + "\n", check=0)
    assert answer.json() == {
        "schema": "cosport.message-lint/1",
        "profile": "cos",
        "findings": [
            {
                "id": "blank-lines",
                "severity": "info",
                "line": 15,
                "text": "a blank line ends the message",
                "fix": "removes it",
            }
        ],
    }


def test_the_configured_profile_and_required_fields_hold(git: Git) -> None:
    sha = git.commit({"a": "1\n"}, GOOD.replace("BUG=b/123, chromium:5\n", ""))
    settings = git.path / "cosport.toml"
    settings.write_text('[message]\nprofile = "cos"\nrequired = ["TEST"]\n', encoding="utf-8")
    invoke("message", "lint", "--config", str(settings), sha, cwd=git.path, check=0)
    settings.write_text('[message]\nprofile = "cos"\n', encoding="utf-8")
    invoke("message", "lint", "--config", str(settings), sha, cwd=git.path, check=1)


def test_parse_gives_every_trailer_in_order(git: Git) -> None:
    git.commit({"a": "1\n"}, EXAMPLE.read_bytes())
    git.checkout()
    document = invoke("message", "parse", "--json", cwd=git.path, check=0).json()
    assert document["schema"] == "cosport.message/1"
    assert len(document["trailers"]) == 23
    assert document["trailers"][1] == {
        "kind": "field",
        "key": "RELEASE_NOTE",
        "separator": "=",
        "value": "Improve CPU usage for certain workloads with heavy page cache usage",
        "line": 71,
        "paragraph": 12,
        "continuation": [],
    }
    table = invoke("message", "parse", "HEAD", cwd=git.path, check=0).out.splitlines()
    assert len(table) == 24
    assert table[-1].split() == ["93", "tag", "Main-Branch-Verified", "Cusky", "Presubmit", "Bot", "<>"]


def test_a_message_in_another_charset_is_read_by_its_header(git: Git) -> None:
    text = "s\n\nSigned-off-by: Krzysztof Hałasa <k@x>\n"
    sha = git.commit({"a": "1\n"}, text.encode("latin2"), encoding="ISO-8859-2")
    document = invoke("message", "parse", "--json", sha, cwd=git.path, check=0).json()
    assert document["trailers"][0]["value"] == "Krzysztof Hałasa <k@x>"


def test_control_characters_do_not_reach_a_terminal(tmp_path: Path) -> None:
    answer = invoke("message", "parse", "-", cwd=tmp_path, stdin="s\n\nCc: \x1b[2J\u202ex\n", check=0)
    assert "\x1b" not in answer.out
    assert "\\x1b[2J\\u202ex" in answer.out


def test_fix_prints_the_message_byte_for_byte(tmp_path: Path) -> None:
    bad = GOOD.replace("BUG=b/123", "BUG=123").replace("Body.", "B\udcffdy. ")
    answer = invoke(
        "message", "fix", "--profile", "cos", "-", cwd=tmp_path, stdin=bad.encode("utf-8", "surrogateescape"), check=0
    )
    assert answer.out == GOOD.replace("Body.", "B\udcffdy.")


def test_fix_writes_the_file_only_when_told(tmp_path: Path) -> None:
    file = tmp_path / "COMMIT_EDITMSG"
    bad = GOOD.replace("kernel.\n\ncos", "kernel.\ncos")
    file.write_text(bad, encoding="utf-8")
    file.chmod(0o640)
    assert invoke("message", "fix", "--profile", "cos", "COMMIT_EDITMSG", cwd=tmp_path, check=0).out == GOOD
    assert file.read_text(encoding="utf-8") == bad
    answer = invoke("message", "fix", "--json", "--write", "--profile", "cos", str(file), cwd=tmp_path, check=0)
    assert answer.json() == {"schema": "cosport.message-fix/1", "changed": True, "text": GOOD}
    assert file.read_text(encoding="utf-8") == GOOD
    assert file.stat().st_mode & 0o777 == 0o640
    assert [each.name for each in tmp_path.iterdir()] == ["COMMIT_EDITMSG"]


@pytest.mark.parametrize(("arguments", "what"), [
    (("lint", "nosuch"), "there is no file 'nosuch', and no branch, tag or commit named 'nosuch' here"),
    (("lint", "-x"), "no such option"),
    (("lint", "--profile", "nosuch", "HEAD"), "no message profile is named 'nosuch'"),
    (("fix", "--write", "HEAD"), "--write needs a file"),
])  # fmt: skip
def test_wrong_usage_is_2_with_a_hint(git: Git, arguments: tuple[str, ...], what: str) -> None:
    git.commit({"a": "1\n"}, "s")
    git.checkout()
    answer = invoke("message", *arguments, cwd=git.path, check=2)
    assert what in answer.err
    assert "hint: " in answer.err
    assert answer.out == ""


def test_outside_of_a_repository_a_commit_is_no_answer(tmp_path: Path) -> None:
    assert "not in a git repository" in invoke("message", "parse", "HEAD", cwd=tmp_path, check=2).err


def test_json_of_text_that_is_no_utf8_is_json(tmp_path: Path) -> None:
    answer = invoke("message", "parse", "--json", "-", cwd=tmp_path, stdin=b"s\xff\n\nCc: \xfe\n", check=0)
    assert json.loads(answer.out)["trailers"][0]["value"] == "\udcfe"
