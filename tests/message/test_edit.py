from __future__ import annotations

import pytest
from hypothesis import given, settings

from cosport.errors import UsageError
from cosport.message import edit
from cosport.message.parse import parse
from tests.message.strategies import CHANGE_ID, MAIN, MESSAGES

TEXT = f"""\
subject

body

BUG=b/1

[akpm: upstream's note]
Signed-off-by: A <a@x>
(cherry picked from commit {MAIN})
Change-Id: {CHANGE_ID}
"""
ORIGIN = f"(cherry picked from commit {MAIN})\n"


def test_annotations_stand_above_the_origin_line() -> None:
    text = edit.with_note(edit.with_conflicts(TEXT, ["mm/a.c", "mm/b.c"]), "Me", "said why")
    assert text == TEXT.replace(ORIGIN, f"Conflicts:\n\tmm/a.c\n\tmm/b.c\n[Me: said why]\n{ORIGIN}")


def test_a_conflict_list_is_replaced_and_taken_away() -> None:
    text = edit.with_note(TEXT, "Me", "why")
    first = edit.with_conflicts(text, ["a"])
    assert edit.with_conflicts(first, ["b", "c"]) == text.replace("[Me", "Conflicts:\n\tb\n\tc\n[Me")
    assert edit.with_conflicts(first, []) == text


def test_upstreams_notes_and_origin_lines_are_left_alone_in_a_message_without_an_origin_line_of_its_own() -> None:
    upstream = f"s\n\nbody\n\n[akpm: fix]\nSigned-off-by: L <l@x>\n(cherry picked from commit {MAIN})\n"
    ours = "Conflicts:\n\ta\n[Me: why]\nSigned-off-by: Me <me@x>\n"
    assert edit.without_notes(upstream + ours) == upstream + ours.replace("[Me: why]\n", "")
    assert edit.with_conflicts(upstream + ours, ["b"]) == upstream + ours.replace("\ta", "\tb")
    assert edit.with_note(upstream + ours, "Me", "why") == upstream + ours


def test_thousands_of_notes_are_edited_in_time() -> None:
    notes = "[a: x]\n" * 20_000
    text = f"s\n\n{notes}Signed-off-by: A <a@x>\n"
    assert edit.with_note(text, "a", "y") == f"s\n\n{notes}[a: y]\nSigned-off-by: A <a@x>\n"
    assert edit.without_notes(text) == "s\n\nSigned-off-by: A <a@x>\n"


def test_a_note_stands_once() -> None:
    text = edit.with_note(TEXT, "Me", "why")
    assert edit.with_note(text, "Me", "why") == text
    assert edit.without_notes(text) == TEXT


@pytest.mark.parametrize("path", ["a\nSigned-off-by: E <e@x>", "a\tb", 'q"', "back\\slash", "\x1b[2J", "\u2028"])
def test_paths_are_quoted_as_git_does(path: str) -> None:
    text = edit.with_conflicts(TEXT, [path])
    assert text.count("\n") == TEXT.count("\n") + 2
    assert '\t"' in text


def test_fields_are_set_and_added() -> None:
    assert edit.with_value(TEXT, "BUG", "b/2\nTEST=x") == TEXT.replace("b/1", "b/2 TEST=x")
    assert edit.with_value(TEXT, "TEST", "x") == TEXT
    assert edit.with_field(TEXT, "TEST", "x") == TEXT.replace("BUG=b/1\n", "BUG=b/1\nTEST=x\n")
    assert edit.with_field("s\n\nSigned-off-by: A <a@x>\n", "TEST", "x") == "s\n\nTEST=x\n\nSigned-off-by: A <a@x>\n"
    assert edit.with_field("s\n", "TEST", "x") == "s\n\nTEST=x\n"


def test_a_signoff_is_added_below_the_origin_line_once() -> None:
    signed = edit.with_signoff(TEXT, "A <a@x>")
    assert signed == TEXT + "Signed-off-by: A <a@x>\n"
    assert edit.with_signoff(signed, "A <a@x>") == signed


@pytest.mark.parametrize("ident", ["A", "A <a", "<a@x>", "A <a@x>\nB: c", "A <a@x> more", ""])
def test_a_signoff_needs_name_and_mail(ident: str) -> None:
    with pytest.raises(UsageError, match="Name <mail>"):
        edit.with_signoff(TEXT, ident)


def test_lines_join_the_last_block_but_not_prose_or_fields() -> None:
    assert edit.appended("s\n\nSigned-off-by: A <a@x>\n", ["Cc: b"]) == "s\n\nSigned-off-by: A <a@x>\nCc: b\n"
    assert edit.appended("s\n\nprose", ["Cc: b"]) == "s\n\nprose\n\nCc: b\n"
    assert edit.appended("s\n\nBUG=b/1\n", ["Cc: b"]) == "s\n\nBUG=b/1\n\nCc: b\n"
    assert edit.appended("s\n", []) == "s\n"


def test_one_change_id_is_left() -> None:
    two = TEXT + "Change-Id: I" + "2" * 40 + "\n"
    assert [trailer.value for trailer in parse(edit.only_change_id(two, CHANGE_ID)).all("Change-Id")] == [CHANGE_ID]
    assert edit.only_change_id(TEXT, "I" + "3" * 40) == TEXT.replace(CHANGE_ID, "I" + "3" * 40)


@given(text=MESSAGES)
@settings(max_examples=200, deadline=None)
def test_edits_done_twice_are_done_once(text: str) -> None:
    if not text.strip(" \t\r\n"):
        return  # a line added to an empty message is its subject
    for once, twice in (
        (edited := edit.with_conflicts(text, ["mm/a.c"]), edit.with_conflicts(edited, ["mm/a.c"])),
        (edited := edit.with_value(text, "BUG", "b/7"), edit.with_value(edited, "BUG", "b/7")),
        (edited := edit.only_change_id(text, CHANGE_ID), edit.only_change_id(edited, CHANGE_ID)),
    ):
        assert twice == once
