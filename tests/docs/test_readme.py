"""The README's session is run, command by command, and what it shows is what cosport prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.docs import kernel, session
from tests.support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

EDITOR = """#!/bin/sh
cat "$RESOLVED" > "$1"
"""


def test_the_session_prints_what_the_readme_shows(seal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = session.prepare(seal, monkeypatch)
    editor, resolved = seal / "editor", seal / "resolved.c"
    editor.write_text(EDITOR, encoding="utf-8")
    editor.chmod(0o755)
    resolved.write_text(kernel.RESOLVED, encoding="utf-8")
    monkeypatch.setenv("EDITOR", str(editor))
    monkeypatch.setenv("RESOLVED", str(resolved))
    session.check(ROOT / "README.md", folder, seal)
