"""References are filled in inside one argument, and no value is taken for an option or read again."""

from __future__ import annotations

import pytest

from cosport.pipeline.reference import DashError, Kind, Reference, fill, parse


def value(reference: Reference) -> str:
    return {Kind.BRANCH: "cos-5.4", Kind.INPUT: "; rm -rf ${branch}", Kind.TIP: "--upload-pack=x"}[reference.kind]


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("${branch}", "cos-5.4"),
        ("a/${branch}/${branch}", "a/cos-5.4/cos-5.4"),
        ("$${branch}", "${branch}"),
        ("${inputs.x}", "; rm -rf ${branch}"),
        ("--tip=${tip}", "--tip=--upload-pack=x"),
        ("$5 {}", "$5 {}"),
    ],
)
def test_fill(text: str, filled: str) -> None:
    assert fill(text, value) == filled


def test_a_value_is_never_an_option() -> None:
    with pytest.raises(DashError, match="would be taken for an option"):
        fill("${tip}", value)


@pytest.mark.parametrize("text", ["", "branch ", "inputs.", "jobs.a", "jobs.a.b.c", "env.HOME", "inputs.a b"])
def test_what_is_no_reference(text: str) -> None:
    assert parse(text) is None
