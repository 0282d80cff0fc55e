"""One build cache for all tests of a run: what is built is what is tested elsewhere (tests/kbuild)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def built_once(seal: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep builds in a folder that the test processes of this run share; `seal` has set another."""
    assert seal.is_dir()
    base = tmp_path_factory.getbasetemp()
    monkeypatch.setenv("XDG_CACHE_HOME", str((base.parent if base.name.startswith("popen-") else base) / "built"))
