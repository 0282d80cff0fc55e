from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import jsonschema
import pytest

from cosport.cli import schema
from cosport.errors import ToolError, UsageError
from cosport.workflow import demo
from tests.support import Git, cosport

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("kernel_source")


def test_the_demo_goes_the_whole_way(archive: Path, tmp_path: Path) -> None:
    options = ("--source", str(archive), "--repeats", "0", "--json")
    answer = cosport("demo", str(tmp_path / "demo"), *options, cwd=tmp_path)
    assert answer.code == 0, answer.err
    document = answer.json()
    jsonschema.validate(document, schema.of("demo"))
    fix, git = document["fix"], Git(tmp_path / "demo" / "kernel")
    assert [step["status"] for step in document["steps"] if step["command"][0] == "git"].count(0) > 3

    for branch, names in (
        ("cos-6.1", [fix]),
        ("cos-5.15", [fix]),
        ("cos-5.10", [fix]),
        ("release-R113", [fix, git.sha("cos-6.1")]),
    ):
        message = git("log", "-1", "--format=%B", f"backport/{branch}/{fix[:12]}")
        assert [line for line in message.splitlines() if line.startswith("(cherry picked")] == [
            f"(cherry picked from commit {name})" for name in names
        ]
    assert not git.exists(f"backport/cos-4.14/{fix[:12]}")
    resolved = git("log", "-1", "--format=%B", "cos-5.10")
    by_rule = git("log", "-1", "--format=%B", "cos-5.15")
    assert "[cosport: rule adjacent, drivers/virtio/virtio_balloon.c:" in by_rule
    assert "Conflicts:\n\tdrivers/virtio/virtio_balloon.c\n[Kernel Engineer: " in resolved
    said = {" ".join(step["command"][:2]): step["output"] for step in document["steps"]}
    assert ": pick: pass" in said["cosport presubmit"]
    assert "Fixed guests that stall" in said["cosport notes"]
    assert (tmp_path / "demo" / "site" / "index.html").is_file()
    assert git("status", "--short") == " M mm/oom_kill.c"
    assert git("worktree", "list").count("\n") == 0


def test_a_demo_is_made_anew_and_nothing_else_in_its_folder_goes(archive: Path, tmp_path: Path) -> None:
    made = demo.make(tmp_path / "demo", archive)
    (made.kernel / "stray").touch()
    (made.folder / "notes.txt").write_text("mine", encoding="utf-8")
    again = demo.make(tmp_path / "demo", archive)
    assert again.fix == made.fix
    assert not (again.kernel / "stray").exists()
    assert (made.folder / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_a_folder_that_is_no_demo_is_refused_and_left_alone(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "kernel").mkdir()
    (tmp_path / "kernel" / "precious").write_text("work", encoding="utf-8")
    answer = cosport("demo", str(tmp_path), "--source", str(archive), cwd=tmp_path)
    assert answer.code == 2
    assert "is not empty" in answer.err
    assert (tmp_path / "kernel" / "precious").read_text(encoding="utf-8") == "work"


def test_a_file_in_the_folder_s_place_is_refused(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is a file"):
        demo.make(tmp_path / "file", archive)


def test_options_that_mean_nothing_to_the_demo_are_refused(archive: Path, tmp_path: Path) -> None:
    answer = cosport("demo", str(tmp_path / "demo"), "--source", str(archive), "--repo", str(tmp_path), cwd=tmp_path)
    assert answer.code == 2
    assert not (tmp_path / "demo").exists()


class _Stage:
    """A stage on which every command ends with the same status."""

    def __init__(self, status: int) -> None:
        self.status = status

    def tell(self, text: str) -> None:
        pass

    def run(self, argv: Sequence[str], cwd: Path) -> int:
        return self.status

    def ask(self, argv: Sequence[str], cwd: Path) -> bytes:
        return b"{}"


def test_a_command_that_ends_otherwise_ends_the_demo(archive: Path, tmp_path: Path) -> None:
    made = demo.make(tmp_path / "demo", archive)
    with pytest.raises(ToolError, match="ended with 70 instead of 1"):
        demo.walk(made, _Stage(70), repeats=0)


def test_a_demo_without_its_repository_is_made_again(archive: Path, tmp_path: Path) -> None:
    shutil.rmtree(demo.make(tmp_path / "demo", archive).kernel)
    assert demo.make(tmp_path / "demo", archive).kernel.is_dir()
