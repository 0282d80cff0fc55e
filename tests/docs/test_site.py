"""The commands in docs/site.md are run, and what it shows is what they print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.docs import session
from tests.support import ROOT, cosport

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_page_shows_what_is_printed(seal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = session.prepare(seal, monkeypatch)
    cosport("init", cwd=folder, check=0)
    session.check(ROOT / "docs" / "site.md", folder, seal)
