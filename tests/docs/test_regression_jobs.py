"""The commands in docs/regression-jobs.md are run, and what it shows is what they print."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.docs import session
from tests.support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PAGE = ROOT / "docs" / "regression-jobs.md"


def test_the_page_shows_what_is_printed(seal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = session.prepare(seal, monkeypatch)
    file = re.search(r"^```yaml\n# big.yaml\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert file is not None
    (folder / "big.yaml").write_text(file[1], encoding="utf-8")
    session.check(PAGE, folder, seal)
