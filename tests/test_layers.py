"""The rooms, as ARCHITECTURE.md and the import contract tell them, are the rooms that stand."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support import ROOT

PACKAGE = ROOT / "cosport"
ROOMS = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()} - {
    "__init__"
}


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def test_imports_point_one_way() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([str(tool), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_room_has_its_layer_and_its_line_in_the_map() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    named = [name.strip() for layer in layers for name in re.split(r"[|:]", layer)]
    assert set(named) == ROOMS
    described = set(re.findall(r"^\| `(?:cosport/)?(\w+)(?:\.py|/)?`", _architecture(), re.MULTILINE))
    assert described == ROOMS


def _architecture() -> str:
    return (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


BELOW = [file for file in sources() if not file.is_relative_to(PACKAGE / "cli") and file.name != "__main__.py"]


@pytest.mark.parametrize("file", BELOW, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_below_the_command_line_nothing_exits_prints_or_asks(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in {"print", "input", "exit", "quit", "sys.exit", "os._exit", "os.chdir"}, called


def test_only_process_starts_children() -> None:
    for file in sources():
        if file == PACKAGE / "process.py":
            continue
        names = {
            alias.name
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for alias in node.names
        }
        assert not names & {"subprocess", "Popen", "pexpect"}, file


def test_the_command_line_is_the_only_user_of_typer_and_rich() -> None:
    for file in BELOW:
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"^\s*(?:import|from) (?:typer|rich|click)\b", text, re.MULTILINE), file
