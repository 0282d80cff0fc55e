"""Commits that are booted before they land: modules of the installed kernel, really sandboxed, in a real QEMU."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cosport.errors import ToolError
from cosport.kbuild import distribution, sandbox
from cosport.regress import smoke
from cosport.workflow import boot
from tests.kbuild.trees import DRIVER
from tests.presubmit.house import House
from tests.support import cosport, invoke

if TYPE_CHECKING:
    from tests.support import Answer, Git

MODULE = """\
#include <linux/init.h>
#include <linux/module.h>
static int __init start(void)
{
	%s
	return 0;
}
module_init(start);
MODULE_LICENSE("GPL");
"""
GOOD, BETTER = MODULE % 'pr_info("one");', MODULE % 'pr_info("two");'


@pytest.fixture(autouse=True)
def built_once(seal: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep builds and what booted in a folder that the tests of this file share."""
    assert seal.is_dir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "built-for-boot"))


@pytest.fixture
def house(git: Git) -> House:
    """A branch of the installed kernel's version with that one driver."""
    made = House(git, extra='[presubmit]\nboot = "module"\n')
    numbers = zip(("VERSION", "PATCHLEVEL", "SUBLEVEL"), distribution.find().version.split("."), strict=True)
    makefile = "".join(f"{name} = {value}\n" for name, value in numbers)
    git.commit({DRIVER: GOOD, "Makefile": makefile}, "COS: a tree of this kernel", branch="cos-6.1")
    made.configure()
    return made


def change(house: House, text: str, path: str = DRIVER) -> str:
    parents = [house.git.sha("cos-6.1")]
    return house.git.commit({path: text}, "COS: virtio: change", branch="refs/changes/1", parents=parents)


def judged(house: House, commit: str, code: int) -> dict[str, Any]:
    words = ("presubmit", commit, "--branch", "cos-6.1", "--only", "boot", "--record", "--json")
    answer = cosport(*words, cwd=house.git.path, timeout=180.0, check=code)
    (result,) = answer.json()["reports"][0]["checks"]
    found: dict[str, Any] = result
    return found


def test_what_boots_passes_and_is_not_booted_again(house: House) -> None:
    good = change(house, BETTER)
    assert judged(house, good, 0)["state"] == "passed"
    assert judged(house, good, 0)["seconds"] < 5.0


def test_a_panic_in_an_initcall_blocks_and_the_verdict_is_on_record(house: House) -> None:
    bad = change(house, MODULE % 'panic("the balloon burst");')
    result = judged(house, bad, 1)
    (finding,) = result["findings"]
    assert (finding["rule"], finding["severity"]) == ("boot-failed", "block")
    assert "Kernel panic - not syncing: the balloon burst" in finding["message"]
    assert "as a module of Linux" in finding["message"]
    (record,) = invoke("record", "show", bad, "--json", cwd=house.git.path).json()["commits"][0]["records"]
    assert record["data"]["blocking"] == ["boot-failed"]


def test_a_branch_that_does_not_boot_either_is_not_the_commits_doing(house: House) -> None:
    broken = MODULE % "return -ENODEV;"
    house.git.commit({DRIVER: broken}, "COS: break it", branch="cos-6.1")
    (finding,) = judged(house, change(house, broken + "/* more */\n"), 0)["findings"]
    assert finding["rule"] == "boot-broken-before"
    assert "could not load virtio_balloon" in finding["message"]


def test_what_does_not_compile_does_not_boot(house: House) -> None:
    evil = f'#include "{house.git.path}/.git/cosport/cosport.toml"\n{GOOD}'  # the compiler would show what it reads
    (finding,) = judged(house, change(house, evil), 1)["findings"]
    assert "it cannot be built" in finding["message"]
    assert "No such file or directory" in finding["message"]


def only_boot(house: House, commit: str, *args: str) -> Answer:
    return invoke("presubmit", commit, "--branch", "cos-6.1", *args, cwd=house.git.path)


def test_what_cannot_be_booted_here_is_no_pass(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    other = change(house, "int x;\n", "mm/other.c")  # no module of its own: a kernel, but of which configuration?
    answer = only_boot(house, other, "--only", "boot")
    assert answer.code == 1
    assert "could-not-run boot: no defconfigs are configured for cos-6.1" in answer.out

    def trouble(*_: object) -> smoke.Smoke:
        raise ToolError("QEMU was killed by SIGKILL")

    monkeypatch.setattr(smoke, "boot", trouble)
    monkeypatch.setattr(boot, "_module", lambda _: None)
    monkeypatch.setattr(boot, "_kernel", lambda *_: Path("/bin/true"))
    text = house.config.replace('kind = "main"', 'kind = "main"\ndefconfigs = ["arch/x86/configs/x_defconfig"]')
    (house.git.path / ".git" / "cosport" / "cosport.toml").write_text(text)
    answer = only_boot(house, other, "--only", "boot")
    assert (answer.code, "could-not-run boot: QEMU was killed" in answer.out) == (1, True)
    monkeypatch.setattr(sandbox, "_trouble", lambda: "user namespaces are not allowed")
    assert "could-not-run boot: nothing can be built" in only_boot(house, other, "--only", "boot").out


def test_it_is_not_asked_for_by_itself_and_that_is_told(house: House) -> None:
    house.extra = ""
    house.configure()
    checks = only_boot(house, change(house, "int x;\n"), "--json").json()["reports"][0]["checks"]
    assert {each["check"]: each["state"] for each in checks}["boot"] == "not-asked"
