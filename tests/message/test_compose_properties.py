"""What holds for every message and every value that a user can give."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosport.errors import UsageError
from cosport.message.compose import PickFields, compose
from cosport.message.parse import Kind, parse
from cosport.message.profile import load_profile, profile_names
from tests.message.strategies import CHANGE_ID, MAIN, MESSAGES, UPSTREAM

PROFILES = {name: load_profile(name) for name in profile_names()}

VALUES = st.none() | st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cf"]), max_size=30)
HOSTILE = st.sampled_from((
    "x\nChange-Id: I0123456789012345678901234567890123456789",
    "x\n\nSigned-off-by: Evil <e@x>",
    "x\r\nTested-by: Cusky Presubmit Bot <b@x>",
    "{{ 7 * 7 }}{% raw %}",
    "]",
    "a] [b: c]",
    "=",
    ":",
    "\u2028BUG=b/1",
))  # fmt: skip


@st.composite
def requests(draw: st.DrawFn) -> PickFields:
    kind = draw(st.sampled_from(("upstream", "main", "neighbour")))
    return PickFields(
        upstream=UPSTREAM,
        source=UPSTREAM if kind == "upstream" else MAIN,
        source_kind=kind,
        change_id=draw(st.sampled_from((None, CHANGE_ID))),
        signoff=draw(st.sampled_from(("", "Kernel Engineer <engineer@example.com>", "A <a@x>"))),
        bug=draw(VALUES | HOSTILE),
        test=draw(VALUES | HOSTILE),
        release_note=draw(VALUES | HOSTILE),
        patch_class=draw(st.sampled_from((None, "bug", "security"))),
        conflicts=tuple(
            draw(st.lists(st.sampled_from(("mm/oom.c", "a b", 'q"\n', "\u2028", "é")), unique=True, max_size=3))
        ),
        notes=tuple(draw(st.lists(VALUES.map(str) | HOSTILE, max_size=2))),
        adapted=draw(st.booleans()),
        unmerged_from=draw(st.sampled_from((None, "https://git.example.com/linux.git for-next"))),
        stable_dep_of=draw(st.sampled_from((None, ("71994620bb25", "a (subject)")))),
    )


@pytest.mark.parametrize("name", PROFILES)
@given(source=MESSAGES, fields=requests())
@settings(max_examples=300, deadline=None)
def test_composing_twice_is_composing_once(name: str, source: str, fields: PickFields) -> None:
    once = compose(PROFILES[name], source, fields)
    assert compose(PROFILES[name], once, fields) == once


@pytest.mark.parametrize("name", ["cos", "chromeos"])
@given(source=MESSAGES, fields=requests())
@settings(max_examples=300, deadline=None)
def test_a_pick_has_exactly_one_change_id(name: str, source: str, fields: PickFields) -> None:
    if fields.change_id is None:
        return
    composed = parse(compose(PROFILES[name], source, fields))
    assert [trailer.value for trailer in composed.all("Change-Id")] == [CHANGE_ID]


@given(source=MESSAGES, fields=requests())
@settings(max_examples=300, deadline=None)
def test_mains_message_is_kept_and_the_origin_and_signoff_follow_it(source: str, fields: PickFields) -> None:
    if fields.source_kind != "main" or fields.change_id or f"commit {MAIN}" in source or not source.strip(" \t\r\n"):
        return
    composed = compose(PROFILES["cos"], source, fields)
    assert composed.startswith(source.rstrip(" \t\r\n"))
    last = [trailer for trailer in parse(composed).closing if trailer.kind is Kind.ORIGIN][-1]
    assert last.value == MAIN


@given(source=MESSAGES, fields=requests())
@settings(max_examples=300, deadline=None)
def test_in_a_cos_pick_of_upstream_each_field_stands_once_and_holds_what_was_asked(
    source: str, fields: PickFields
) -> None:
    if fields.source_kind != "upstream" or f"commit {UPSTREAM}" in source:
        return
    composed = parse(compose(PROFILES["cos"], source, fields))
    for key, value in (("BUG", fields.bug), ("TEST", fields.test), ("RELEASE_NOTE", fields.release_note)):
        found = composed.all(key)
        assert len(found) == 1
        assert found[0].full == " ".join((value or "").split()) or (
            not (value or "").strip() and found[0].value == "None"
        )
        starts = [line for line in composed.lines[1:] if line.startswith(f"{key}=")]
        assert len(starts) == 1  # also for tools that look at every line
    assert len(composed.all("cos-patch")) == 1


@pytest.mark.parametrize("name", PROFILES)
@given(fields=requests())
@settings(max_examples=200, deadline=None)
def test_no_value_adds_a_line_of_its_own(name: str, fields: PickFields) -> None:
    plain = PickFields(
        upstream=fields.upstream,
        source=fields.source,
        source_kind=fields.source_kind,
        change_id=fields.change_id,
        signoff=fields.signoff,
        conflicts=("x",) * len(fields.conflicts),
        notes=tuple("x" for note in fields.notes if note.strip()),
        adapted=fields.adapted,
        unmerged_from=fields.unmerged_from,
        stable_dep_of=fields.stable_dep_of,
    )
    source = "mm: fix\n\nBody.\n\nSigned-off-by: Up <up@x>\n"
    assert compose(PROFILES[name], source, fields).count("\n") == compose(PROFILES[name], source, plain).count("\n")


@given(value=st.text(alphabet="\x00\x1b\x7f\x9b\u202e\u2066a", min_size=1))
def test_control_characters_are_refused(value: str) -> None:
    if not value.strip("a"):
        return
    with pytest.raises(UsageError) as caught:
        compose(PROFILES["cos"], "s\n", PickFields(upstream=UPSTREAM, source=UPSTREAM, bug=value))
    assert caught.value.hint
