"""The README's session is run, command by command, and what it shows is what cosport prints.

COSPORT_DOCS=update pytest tests/docs writes what is printed into the README; look at the diff before you commit it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.docs import kernel
from tests.support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

README = ROOT / "README.md"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
UPDATE = os.environ.get("COSPORT_DOCS") == "update"  # read before the seal takes it away
EDITOR = """#!/bin/sh
cat "$RESOLVED" > "$1"
"""


def test_the_session_prints_what_the_readme_shows(seal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = seal / "kernel"
    kernel.build(folder)
    editor, resolved = seal / "editor", seal / "resolved.c"
    editor.write_text(EDITOR, encoding="utf-8")
    editor.chmod(0o755)
    resolved.write_text(kernel.RESOLVED, encoding="utf-8")
    commands = seal / "bin"
    commands.mkdir()
    script = commands / "cosport"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m cosport "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("EDITOR", str(editor))
    monkeypatch.setenv("RESOLVED", str(resolved))

    written = README.read_text(encoding="utf-8")

    def run(block: re.Match[str]) -> str:
        lines: list[str] = []
        for line in block[1].splitlines():
            if line.startswith("$ "):
                lines += [line, *_output(line[2:], folder, seal)]
        return "```console\n" + "".join(f"{line}\n" for line in lines) + "```"

    printed = BLOCK.sub(run, written)
    if UPDATE:
        README.write_text(printed, encoding="utf-8")
    assert printed == README.read_text(encoding="utf-8")


def _output(command: str, folder: Path, home: Path) -> list[str]:
    """What a terminal would show without colours, the home folder as `~`, without the blank lines at its end."""
    shell = shutil.which("sh")
    assert shell is not None
    done = subprocess.run([shell, "-c", command + " 2>&1"], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout.replace(str(home), "~").rstrip("\n").split("\n") if done.stdout.strip() else []
