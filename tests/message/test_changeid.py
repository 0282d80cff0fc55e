from __future__ import annotations

import hashlib

import pytest

from cosport.message import changeid
from tests.message.strategies import MAIN, UPSTREAM


def test_the_derived_id_never_changes_between_releases() -> None:
    assert changeid.derive(UPSTREAM) == "I2553ed07edd80966e62afc84d7f33f1810b1a24e"
    assert changeid.derive(UPSTREAM, 1) == "I6951b9eeb0c814cf104edb8e5aaa1834b1be999e"


def test_it_is_the_sha1_that_the_docstring_tells() -> None:
    text = f"cosport change-id 1\n{UPSTREAM}\n7\n"
    assert changeid.derive(UPSTREAM, 7) == "I" + hashlib.sha1(text.encode()).hexdigest()


def test_fixes_and_generations_differ() -> None:
    ids = {changeid.derive(sha, generation) for sha in (UPSTREAM, MAIN) for generation in range(3)}
    assert len(ids) == 6
    assert all(changeid.valid(each) for each in ids)


def test_a_negative_generation_is_refused() -> None:
    with pytest.raises(ValueError, match="counts from 0"):
        changeid.derive(UPSTREAM, -1)


@pytest.mark.parametrize(
    "text", ["", "I", "I" + "0" * 39, "I" + "0" * 41, "i" + "0" * 40, "I" + "G" * 40, "I" + "0" * 40 + "\n"]
)
def test_what_is_no_change_id(text: str) -> None:
    assert not changeid.valid(text)
