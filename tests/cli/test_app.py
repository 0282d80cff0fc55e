from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import cosport as package
from cosport.cli.app import COMMANDS, COMPLETE
from tests.support import ROOT, cosport, invoke

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support import Git

BASH = {"COMP_CWORD": "1"}


def imported_by(*args: str, cwd: Path) -> set[str]:
    """The modules that a run of cosport imports."""
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print(*sys.modules, sep='\\n', file=sys.stderr))\n"
        f"sys.argv = ['cosport', *{args!r}]\n"
        "from cosport.__main__ import main\nmain()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, check=False)
    return set(done.stderr.decode().split())


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each_command_shows_the_shared_options_and_ends_with_an_example(name: str, tmp_path: Path) -> None:
    text = invoke(name, "--help", cwd=tmp_path, check=0).out
    if "COMMAND [ARGS]" in text:
        names = [line.split()[0] for line in text.partition("Commands:\n")[2].splitlines() if line.startswith("  ")]
        assert names
        texts = [(f"cosport {name} {each}", invoke(name, each, "--help", cwd=tmp_path, check=0).out) for each in names]
    else:
        texts = [(f"cosport {name}", text)]
    for what, shown in texts:
        for option in ("--repo", "--config", "--json", "--quiet", "--no-color", "--help"):
            assert option in shown, (what, option)
        assert "<str>" not in shown, what
        assert " range>" not in shown, what
        example = shown.partition("Example:\n")[2].strip().splitlines()
        assert example, what
        assert any(what in line for line in example), (what, example)


@pytest.mark.parametrize(("words", "typed"), [
    (("notes", "--format", "bogus"), "cosport notes"),
    (("notes", "write", "--format", "bogus"), "cosport notes write"),
    (("message", "lint", "--bogus"), "cosport message lint"),
    (("bogus",), "cosport"),
    (("backport", "--to"), "cosport backport"),
    (("notes", "A..B", "--template"), "cosport notes"),
])  # fmt: skip
def test_wrong_usage_names_the_command_as_it_was_typed(words: tuple[str, ...], typed: str, tmp_path: Path) -> None:
    assert f"hint: see: {typed} --help\n" in invoke(*words, cwd=tmp_path, check=2).err


def test_top_level_help_lists_every_command(tmp_path: Path) -> None:
    text = cosport("--help", cwd=tmp_path, check=0).out
    for name in COMMANDS:
        assert f"\n  {name} " in text


@pytest.mark.parametrize("args", [["--version"], ["--version", "doctor"]])
def test_version(args: list[str], tmp_path: Path) -> None:
    assert cosport(*args, cwd=tmp_path, check=0).out == f"cosport {package.__version__}\n"


def test_version_and_help_import_no_heavy_library(tmp_path: Path) -> None:
    assert "typer" not in imported_by("--version", cwd=tmp_path)
    heavy = {"rich", "jinja2", "git", "unidiff", "msgspec", "cosport.cli.backport", "cosport.config"}
    assert not imported_by("--help", cwd=tmp_path) & heavy


def test_a_command_imports_no_other(tmp_path: Path) -> None:
    modules = imported_by("schema", cwd=tmp_path)
    assert "cosport.cli.schema" in modules
    assert not modules & {"cosport.cli.backport", "cosport.cli.doctor", "cosport.cli.init", "git", "jinja2"}


@pytest.mark.parametrize(("typed", "offered"), [("b", ["backport", "bot"]), ("do", ["doctor"]), ("zz", [])])
def test_bash_completes_command_names(typed: str, offered: list[str], tmp_path: Path) -> None:
    env = {COMPLETE: "complete_bash", "COMP_WORDS": f"cosport {typed}", **BASH}
    assert cosport(cwd=tmp_path, env=env, check=0).out.split() == offered


def test_options_of_a_command_are_completed(tmp_path: Path) -> None:
    env = {COMPLETE: "complete_bash", "COMP_WORDS": "cosport init --sh", "COMP_CWORD": "2"}
    assert cosport(cwd=tmp_path, env=env, check=0).out.split() == ["--shared"]


@pytest.mark.parametrize(("typed", "offered"), [
    ("plan --to cos", ["cos-5.4", "cos-6.1"]),
    ("backport x --branch cos-6", ["cos-6.1"]),
    ("presubmit --only fix", ["fixes", "fixes-target"]),
    ("presubmit back", ["backport/cos-6.1/x"]),
    ("message lint --profile c", ["chromeos", "cos"]),
    ("regress run balloon-c", ["balloon-cycle"]),
    ("schema bot-", ["bot-init", "bot-verify"]),
])  # fmt: skip
def test_what_the_repository_and_tables_know_is_completed(typed: str, offered: list[str], git: Git) -> None:
    tip = git.commit({"a": "1"}, "one", branch="refs/heads/cos-6.1")
    for name in ("cos-5.4", "cos-$(touch${IFS}pwned)", "cos-`x`", "cos-;x", "backport/cos-6.1/x", "elsewhere"):
        git("update-ref", f"refs/heads/{name}", tip)
    env = {COMPLETE: "complete_bash", "COMP_WORDS": f"cosport {typed}", "COMP_CWORD": str(len(typed.split()))}
    assert cosport(cwd=git.path, env=env, check=0).out.split() == offered


def test_configured_branches_are_completed_alone_and_no_repository_is_no_error(git: Git, tmp_path: Path) -> None:
    git("update-ref", "refs/heads/cos-5.4", git.commit({"a": "1"}, "one"))
    config = tmp_path / "c.toml"
    config.write_text('[[branch]]\nname = "cos-6.1"\n', encoding="utf-8")
    for options, cwd, offered in ((["--config", str(config)], git.path, ["cos-6.1"]), ([], tmp_path, [])):
        words = ["plan", *options, "--to", "cos"]
        env = {COMPLETE: "complete_bash", "COMP_WORDS": " ".join(["cosport", *words]), "COMP_CWORD": str(len(words))}
        assert cosport(cwd=cwd, env=env, check=0).out.split() == offered


def test_zsh_and_fish_get_help_with_the_names(tmp_path: Path) -> None:
    zsh = cosport(cwd=tmp_path, env={COMPLETE: "complete_zsh", "_TYPER_COMPLETE_ARGS": "cosport doc"}, check=0).out
    assert '"doctor":"Say what works' in zsh
    fish = cosport(
        cwd=tmp_path,
        env={
            COMPLETE: "complete_fish",
            "_TYPER_COMPLETE_ARGS": "cosport doc",
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        },
        check=0,
    ).out
    assert fish.startswith("doctor\tSay what works")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_is_shown_and_installed(shell: str, tmp_path: Path, seal: Path) -> None:
    env = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    shown = cosport("--show-completion", shell, cwd=tmp_path, env=env, check=0).out
    assert COMPLETE in shown
    assert "cosport" in shown
    cosport("--install-completion", shell, cwd=tmp_path, env=env, check=0)
    files = [file for file in seal.rglob("*") if file.is_file() and COMPLETE.encode() in file.read_bytes()]
    assert files


@pytest.mark.skipif(not os.path.exists("/bin/bash"), reason="needs bash")  # noqa: PTH110
def test_a_real_bash_completes(tmp_path: Path) -> None:
    script = cosport(
        "--show-completion", "bash", cwd=tmp_path, env={"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    ).out
    wrapper = tmp_path / "cosport"
    wrapper.write_text(f'#!/bin/sh\nexec {sys.executable} -m cosport "$@"\n', encoding="utf-8")
    wrapper.chmod(0o755)
    asked = (
        f"{script}\nCOMP_WORDS=(cosport back); COMP_CWORD=1; "
        "$(complete -p cosport | sed 's/.*-F \\([^ ]*\\) .*/\\1/') cosport; echo ${COMPREPLY[@]}"
    )
    done = subprocess.run(
        ["/bin/bash", "--norc", "-c", asked],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode().split() == ["backport"], done.stderr


@pytest.mark.parametrize("words", [
    ("plan", "X"), ("show", "X"), ("notes", "X..X"), ("presubmit", "main", "--branch", "X"), ("message", "lint", "X"),
    ("decline", "main", "--branch", "main", "--reason", "X"), ("pipeline", "run", "X"), ("schema", "X"),
    ("pipeline", "run", "backport-and-prove", "--set", "fix=X"), ("regress", "run", "X"),
    ("plan", "main", "--config", "X"),
    ("export", "X", "--out", "X"), ("notes", "main~1..main", "--template", "X"), ("backport", "main", "--to", "X"),
])  # fmt: skip
def test_words_that_are_no_utf8_are_wrong_usage_and_no_bug(words: tuple[str, ...], git: Git) -> None:
    git.commit({"a": "1"})
    git.commit({"a": "2"})
    word = os.fsdecode(b"caf\xe9")
    answer = invoke(*(each.replace("X", word) for each in words), cwd=git.path, check=2)
    assert "\nhint: " in answer.err
