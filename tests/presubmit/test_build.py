"""Builds of touched objects: real make and compiler in a real sandbox, on a tree with a Makefile of kbuild's shape."""

from __future__ import annotations

import contextlib
import resource
import shutil
from typing import TYPE_CHECKING

import pytest

from cosport.kbuild import objects, sandbox
from cosport.kbuild.cache import cache_folder
from cosport.presubmit import registry
from cosport.presubmit.check import State
from tests.kbuild.trees import ARCH, BUILDABLE
from tests.presubmit.house import House

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support import File, Git

DEFCONFIG = f"arch/{ARCH}/configs/lakitu_defconfig"
FILES: dict[str, File] = {
    "Makefile": BUILDABLE,
    "mm/Makefile": "obj-y += oom.o\n",
    "mm/oom.c": "int oom(void) { return 1; }\n",
    DEFCONFIG: "CONFIG_MM=y\n",
}


@pytest.fixture
def house(git: Git) -> House:
    made = House(git)
    git.commit(FILES, "COS: a tree that builds", branch="cos-6.1")
    return made


def _config(house: House, monkeypatch: pytest.MonkeyPatch, defconfig: str = DEFCONFIG) -> None:
    plain = type(house).config.fget  # type: ignore[attr-defined]

    def config(self: House) -> str:
        text: str = plain(self)
        return text.replace('kind = "main"\n', f'kind = "main"\ndefconfigs = ["{defconfig}"]\n')

    monkeypatch.setattr(House, "config", property(config))


def _change(house: House, files: dict[str, File], ref: str = "refs/changes/1") -> str:
    return house.git.commit(files, "COS: mm: change", branch=ref, parents=[house.git.sha("cos-6.1")])


def test_what_compiles_passes_and_what_does_not_blocks(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    _config(house, monkeypatch)
    good = _change(house, {"mm/oom.c": "int oom(void) { return 2; }\n", "mm/new.c": "int n;\n"})
    result = house.result("build", good)
    assert (result.state, result.reason) == (State.PASSED, "")
    bad = _change(house, {"mm/oom.c": "int oom(void)\n{ return two; }\n"})
    (finding,) = house.result("build", bad).findings
    assert (finding.rule, finding.severity) == ("build-failed", "block")
    assert (finding.place.path, finding.place.line) == ("mm/oom.c", 2)
    assert "'two' undeclared" in finding.message
    assert house.result("build", good).state is State.PASSED  # and again, where the other one was laid out


def test_a_branch_that_is_broken_itself_is_no_fault_of_the_change(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    _config(house, monkeypatch)
    house.git.commit({"mm/oom.c": "broken;\n"}, "COS: break it", branch="cos-6.1")
    assert house.rules("build", _change(house, {"mm/oom.c": "broken too;\n"})) == ["build-broken-before:warn"]


def test_documentation_has_nothing_to_compile(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    _config(house, monkeypatch)
    assert house.result("build", _change(house, {"Documentation/x.rst": "x\n"})).state is State.NOT_APPLICABLE


@pytest.mark.parametrize(("defconfig", "why"), [
    ("arch/nosuch/configs/x_defconfig", "needs a cross compiler"),
    ("configs/x", "no defconfig of an architecture"),
    (f"arch/{ARCH}/configs/absent_defconfig", "cannot be configured"),
])  # fmt: skip
def test_what_cannot_be_built_here_is_no_pass(
    house: House, monkeypatch: pytest.MonkeyPatch, defconfig: str, why: str
) -> None:
    _config(house, monkeypatch, defconfig)
    result = house.result("build", _change(house, {"mm/oom.c": "int x;\n"}))
    assert result.state is State.COULD_NOT_RUN
    assert why in result.reason


def test_without_a_sandbox_nothing_is_built(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    _config(house, monkeypatch)
    monkeypatch.setattr(sandbox, "_trouble", lambda: "user namespaces are not allowed")
    result = house.result("build", _change(house, {"mm/oom.c": "int x;\n"}))
    assert result.state is State.COULD_NOT_RUN
    assert "user namespaces are not allowed" in result.reason


def test_it_runs_only_where_it_is_asked_for(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    _config(house, monkeypatch)
    change = _change(house, {"mm/oom.c": "int x;\n"})
    assert _states(house, change)["build"] is State.NOT_ASKED
    house.extra = "[presubmit]\nbuild = true\n"
    assert _states(house, change)["build"] is State.PASSED
    assert {check.id for check in registry.checks() if check.asked} == {"build", "boot"}


def _states(house: House, change: str) -> dict[str, State]:
    return {each.check: each.state for each in house.judge(change).checks}


def test_what_a_foreign_build_leaves_serves_no_later_one(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """An object that is newer than its source would be linked, or not be compiled, by everybody's next build."""
    _config(house, monkeypatch)
    plant = BUILDABLE.replace("\t@test -f", "\t@touch $(O)/planted\n\t@test -f")
    evil = _change(house, {"Makefile": plant, "mm/oom.c": "int x;\n"})
    assert house.result("build", evil).state is State.PASSED
    on_top = house.git.commit({"mm/oom.c": "int y;\n"}, "COS: mm: more", branch="refs/changes/2", parents=[evil])
    assert house.result("build", on_top).state is State.PASSED  # what it stands on has not landed either
    assert [each.name for each in (cache_folder() / "objects").glob("*/output*")] == ["output"]
    assert not list((cache_folder() / "objects").glob("*/output/planted"))


def test_a_build_that_prints_without_end_is_ended_and_takes_no_memory(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    _config(house, monkeypatch)
    monkeypatch.setattr(objects, "_SECONDS", 5.0)
    change = _change(house, {"Makefile": BUILDABLE.replace("\t$(CC)", "\tyes\n\t$(CC)"), "mm/oom.c": "int x;\n"})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = house.result("build", change)
    assert result.state is State.COULD_NOT_RUN
    assert "did not end within 5 seconds" in result.reason
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10  # KiB


def _kept(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    """Where what builds left is kept, to be looked at: else it is gone."""
    real = sandbox.output

    @contextlib.contextmanager
    def output(place: Path, trust: sandbox.Trust) -> Iterator[Path]:
        with real(place, trust) as found:
            yield found
            shutil.copytree(found, folder, symlinks=True, dirs_exist_ok=True)

    monkeypatch.setattr(sandbox, "output", output)
    return folder


def test_an_evil_makefile_reaches_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, seal: Path, tmp_path: Path
) -> None:
    _config(house, monkeypatch)
    (seal / "token").write_text("secret")
    outside = tmp_path / "outside"
    outside.mkdir()
    monkeypatch.setenv("COSPORT_GERRIT_TOKEN", "secret")
    evil = BUILDABLE.replace(
        "\t$(CC)",
        f"""\
\t-env > $(O)/env
\t-cat {seal}/token > $(O)/token
\t-cat /proc/net/dev > $(O)/net
\t-touch {outside}/pwned {house.git.path}/pwned /source/pwned /usr/pwned
\t-ps ax -o args > $(O)/ps
\t$(CC)""",
    )
    change = _change(house, {"Makefile": evil, "mm/oom.c": "int x;\n", "mm/$(shell touch /output/shell).c": "int y;\n"})
    output = _kept(monkeypatch, tmp_path / "left")
    assert house.result("build", change).state is State.PASSED
    assert "secret" not in (output / "env").read_text()
    assert (output / "token").read_text() == ""
    assert [line.split(":")[0].strip() for line in (output / "net").read_text().splitlines()[2:]] == ["lo"]
    assert "-m pytest" not in (output / "ps").read_text()
    assert not list(tmp_path.rglob("pwned"))
    assert not (output / "shell").exists()
