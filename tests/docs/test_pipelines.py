"""The commands in docs/pipelines.md are run, and what it shows is what they print."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.docs import session
from tests.support import ROOT, cosport

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PAGE = ROOT / "docs" / "pipelines.md"


def test_the_page_shows_what_is_printed(seal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = session.prepare(seal, monkeypatch)
    cosport("init", cwd=folder, check=0)
    file = re.search(r"^```yaml\n# picks.yaml\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert file is not None
    (folder / "picks.yaml").write_text("# picks.yaml\n" + file[1], encoding="utf-8")
    session.check(PAGE, folder, seal)
