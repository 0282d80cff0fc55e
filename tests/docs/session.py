"""Runs the console sessions of a page of the docs: what it shows is what cosport prints.

COSPORT_DOCS=update pytest tests/docs writes what is printed into the pages; look at the diff before you commit it.
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

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
UPDATE = os.environ.get("COSPORT_DOCS") == "update"  # read before the seal takes it away


def prepare(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kernel repository in the home folder, and `cosport` on PATH; the repository's folder."""
    folder = home / "kernel"
    kernel.build(folder)
    commands = home / "bin"
    commands.mkdir()
    script = commands / "cosport"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m cosport "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return folder


def check(page: Path, folder: Path, home: Path) -> None:
    """Run all sessions of a page in `folder`; fail where it shows anything else than what they print."""
    written = page.read_text(encoding="utf-8")

    def run(block: re.Match[str]) -> str:
        lines: list[str] = []
        for line in block[1].splitlines():
            if line.startswith("$ "):
                lines += [line, *_output(line[2:], folder, home)]
        return "```console\n" + "".join(f"{line}\n" for line in lines) + "```"

    printed = BLOCK.sub(run, written)
    if UPDATE:
        page.write_text(printed, encoding="utf-8")
    assert printed == page.read_text(encoding="utf-8")


def _output(command: str, folder: Path, home: Path) -> list[str]:
    """What a terminal would show without colours, the home folder as `~`, without the blank lines at its end."""
    shell = shutil.which("sh")
    assert shell is not None
    done = subprocess.run([shell, "-c", command + " 2>&1"], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout.replace(str(home), "~").rstrip("\n").split("\n") if done.stdout.strip() else []
