from __future__ import annotations

import io
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosport.cli.output import Printer, Styled, Text, encode
from cosport.cli.text import safe
from cosport.cli.working import tell
from cosport.model.commit import Sha
from cosport.model.result import Conflict, ConflictKind, Outcome, Place, Result

HOSTILE = "\x1b[2Jx\x9b31m\x07\u202ey\u2028\r\n\t\udcff\x7f"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def color_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")


def printed(**options: bool) -> tuple[Printer, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), io.StringIO()
    return Printer(out=out, err=err, **options), out, err


def test_control_characters_become_escapes() -> None:
    assert safe(HOSTILE) == "\\x1b[2Jx\\x9b31m\\x07\\u202ey\\u2028\\r\\n\\t\\xff\\x7f"
    assert safe("a\n\tb\r", lines=True) == "a\n\tb\\r"
    assert safe("ärger, 日本, 🐧") == "ärger, 日本, 🐧"


@given(st.text())
def test_safe_text_holds_no_control_character_and_encodes(text: str) -> None:
    shown = safe(text)
    assert not any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in shown)
    assert safe(shown) == shown


@given(st.binary())
def test_any_bytes_of_a_path_can_be_printed(data: bytes) -> None:
    safe(os.fsdecode(data)).encode("utf-8")


def test_every_way_to_print_escapes_foreign_text() -> None:
    printer, out, err = printed()
    printer.say("subject: ", HOSTILE)
    printer.note(HOSTILE)
    printer.table(["head\x1b"], [[HOSTILE]])
    for text in (out.getvalue(), err.getvalue()):
        assert "\x1b" not in text
        assert "\x9b" not in text
        assert "\u202e" not in text


def test_a_table_on_a_terminal_escapes_and_takes_no_markup() -> None:
    out = Terminal()
    Printer(out=out, err=io.StringIO()).table(["branch"], [[Styled("[red]x[/red]\x1b]0;t\x07", "green")]])
    assert "[red]x[/red]\\x1b]0;t\\x07" in out.getvalue()
    assert "\x1b]" not in out.getvalue()


def test_json_is_one_document_and_silences_text() -> None:
    printer, out, _ = printed(json=True)
    printer.say("for people")
    printer.table(["a"], [["b"]])
    printer.json({"a": 1})
    assert json.loads(out.getvalue()) == {"a": 1}
    with pytest.raises(AssertionError):
        printer.json({})


def test_json_of_a_result_has_the_names_of_the_fields() -> None:
    data = json.loads(encode(Result(Sha("a" * 40), "cos-5.4", Outcome.PICKED)))
    assert data["upstream"] == "a" * 40
    assert data["outcome"] == "picked"
    assert data["conflicts"] == []


def test_json_gives_undecodable_bytes_back() -> None:
    @dataclass(frozen=True)
    class Named:
        path: Path

    for indent in (0, 2):
        data = json.loads(encode(Named(Path(os.fsdecode(b"caf\xe9"))), indent=indent))
        assert os.fsencode(data["path"]) == b"caf\xe9"


def test_json_lines_are_one_line_each() -> None:
    printer, out, _ = printed(json=True)
    printer.line({"a": "x\ny"})
    printer.line({"b": 1})
    assert [json.loads(line) for line in out.getvalue().splitlines()] == [{"a": "x\ny"}, {"b": 1}]


def test_quiet_silences_remarks_but_not_the_answer() -> None:
    printer, out, err = printed(quiet=True)
    printer.note("a remark")
    printer.say("the answer")
    assert (out.getvalue(), err.getvalue()) == ("the answer\n", "")


@pytest.mark.parametrize(
    ("environment", "no_color", "colored"),
    [({}, False, True), ({}, True, False), ({"NO_COLOR": "1"}, False, False), ({"NO_COLOR": ""}, False, True),
     ({"TERM": "dumb"}, False, False)],
)  # fmt: skip
def test_colors_only_where_they_are_wanted(
    environment: dict[str, str], no_color: bool, colored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    out = Terminal()
    Printer(out=out, err=io.StringIO(), no_color=no_color).say(Styled("ok", "green"))
    assert ("\x1b[32m" in out.getvalue()) is colored
    assert "ok" in out.getvalue()


def test_no_colors_where_output_is_no_terminal() -> None:
    printer, out, _ = printed()
    printer.say(Styled("ok", "green"))
    printer.table(["a", "bb"], [["long cell", Styled("x", "red")], ["y", "z"]])
    assert out.getvalue() == "ok\na          bb\nlong cell  x\ny          z\n"


def test_a_reason_that_several_changes_of_a_hunk_share_is_told_once() -> None:
    places = tuple(Place(line=line, why="lacks them", needs="rewrite", base=(str(line),)) for line in (8, 8, 9))
    conflict = Conflict(path="a.c", kind=ConflictKind.CONTENT, places=places)
    out = io.StringIO()
    result = Result(upstream=Sha("1" * 40), branch="cos-5.4", outcome=Outcome.CONFLICT, conflicts=(conflict,))
    tell(Printer(out=out, err=io.StringIO()), [result])
    assert out.getvalue().count("a.c:8 was not resolved") == 1
    assert out.getvalue().count("a.c:9 was not resolved") == 1


@pytest.mark.parametrize("columns", [50, 200])
def test_a_table_without_colours_fits_the_terminal_too(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")
    out = Terminal()
    Printer(out=out, err=io.StringIO()).table(["upstream", "why"], [[Styled("553a8fe2b8d4", "red"), "word " * 60]])
    assert "\x1b" not in out.getvalue()
    assert max(map(len, out.getvalue().splitlines())) <= columns


def test_a_table_that_is_too_wide_for_the_terminal_becomes_records(monkeypatch: pytest.MonkeyPatch) -> None:
    heads = ["upstream", "branch", "outcome", "how and where"]
    ref = "backport/release-R113/553a8fe2b8d4-and-more-of-it"
    rows: list[list[Text]] = [
        ["553a8fe2b8d4", "release-R113", Styled("waits-for-main", "dim"), ref],
        ["553a8fe2b8d4", "b", "", "x"],
    ]
    for columns, whole in ((200, True), (80, True), (79, False), (50, False), (30, False)):
        monkeypatch.setenv("COLUMNS", str(columns))
        out = Terminal()
        Printer(out=out, err=io.StringIO()).table(heads, rows)
        lines = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue()).splitlines()
        assert max(map(len, lines)) <= columns
        assert any("553a8fe2b8d4" in line for line in lines)
        assert any("upstream" in line and "outcome" in line for line in lines) == whole
        shown = "".join(line[-columns:].strip().split("  ")[-1] for line in lines)
        assert ref in shown.replace(" ", "")
