"""docs/configuration.md: its commands are run, its example is a configuration, and it names every key that there is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cosport import config
from tests.docs import session
from tests.support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PAGE = ROOT / "docs" / "configuration.md"


def test_the_page_shows_what_is_printed(seal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = session.prepare(seal, monkeypatch)
    session.check(PAGE, folder, seal)


def test_the_example_is_a_configuration() -> None:
    (example,) = re.findall(r"^```toml\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    read = config.parse(example.encode(), "the example")
    assert [branch.name for branch in read.branches] == ["cos-6.1", "release-R113"]


def test_every_key_is_told_and_no_other() -> None:
    told = set(re.findall(r"^\| `([a-z]+\.[a-z_]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    there = set()
    for table, hint in config.Document.__annotations__.items():
        kind = getattr(config, re.search(r"[A-Z]\w+", str(hint))[0])  # type: ignore[index]
        there |= {f"{table}.{key}" for key in kind.__struct_fields__}
    assert told == there
