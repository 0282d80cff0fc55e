from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosport.errors import UsageError
from cosport.message import values


@given(text=st.text())
def test_a_value_is_one_line_or_is_refused(text: str) -> None:
    try:
        line = values.one_line("it", text)
    except UsageError as exc:
        assert "it holds U+" in exc.what  # noqa: PT017 - both ways out are right
        return
    assert len(line.splitlines()) <= 1
    assert line == values.one_line("it", line)


@pytest.mark.parametrize(("path", "shown"), [
    ("mm/oom kill.c", "mm/oom kill.c"),
    ("é.c", "é.c"),
    ("a\nb", '"a\\nb"'),
    ('"', '"\\""'),
    ("\x1b", '"\\033"'),
    ("\u202e", "\u202e"),
])  # fmt: skip
def test_paths_as_git_prints_them(path: str, shown: str) -> None:
    assert values.quoted_path(path) == shown
