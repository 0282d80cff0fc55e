"""What a person is told to copy into a shell is one word there, whatever a branch is called."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cosport.pipeline import reasons


def answered(outcome: str, **more: Any) -> bytes:
    result: dict[str, Any] = {
        "upstream": "1" * 40, "branch": "cos;touch${IFS}x", "outcome": outcome, "review": None, "prerequisites": [],
        "conflicts": [{"path": "a.c", "worktree": "/home/ada lovelace/w"}], "rules": [], "ref": "refs/heads/x",
    }  # fmt: skip
    return msgspec.json.encode({"results": [{**result, **more}]})


@pytest.mark.parametrize(
    ("outcome", "more", "command"),
    [
        ("conflict", {}, "cosport backport --continue --branch"),
        ("conflict", {"prerequisites": [{"sha": "2" * 40}]}, f"cosport backport {'1' * 12} --to"),
        ("resolved", {}, "cosport backport --accept --branch"),
    ],
)
def test_a_command_to_copy_is_quoted(outcome: str, more: dict[str, Any], command: str) -> None:
    told = reasons.of("backport", answered(outcome, **more), here=True)
    assert f"{command} 'cos;touch${{IFS}}x'" in told


def test_the_place_of_a_conflict_is_quoted() -> None:
    assert "resolve it in '/home/ada lovelace/w'," in reasons.of("backport", answered("conflict"), here=True)


def test_a_document_of_another_shape_tells_nothing() -> None:
    assert reasons.of("backport", b'{"results": [1]}', here=True) == ""
    assert reasons.of("backport", b"no document", here=True) == ""
