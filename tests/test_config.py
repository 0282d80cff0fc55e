from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosport import config
from cosport.config import BranchKind, Config
from cosport.errors import ConfigError
from tests.support import invoke

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support import Git

FULL = b"""
[upstream]
ref = "upstream/master"
url = "https://example.org/linux.git"
[message]
profile = "cos"
required = ["BUG", "TEST", "RELEASE_NOTE"]
defaults = { BUG = "None" }
[[branch]]
name = "cos-5.4"
ref = "refs/heads/cos-5.4"
kind = "main"
defconfigs = ["arch/x86/configs/lakitu_defconfig"]
[[branch]]
name = "release-R85"
kind = "release"
main = "cos-5.4"
[gerrit]
url = "https://gerrit.example.com"
project = "third_party/kernel"
token_file = "~/.config/cosport/token"
[cve]
data = "~/src/vulns"
"""


def parse(text: str) -> Config:
    return config.parse(text.encode(), "cosport.toml")


def branches(*tables: str) -> str:
    return "".join(f"[[branch]]\n{table}\n" for table in tables)


def test_reads_every_key() -> None:
    read = config.parse(FULL, "here")
    assert read.source == "here"
    assert read.upstream_ref == "upstream/master"
    assert read.message.profile == "cos"
    assert read.message.required == ("BUG", "TEST", "RELEASE_NOTE")
    assert read.message.defaults == {"BUG": "None"}
    assert read.branch("cos-5.4").defconfigs == ("arch/x86/configs/lakitu_defconfig",)
    assert read.branch("release-R85").kind is BranchKind.RELEASE
    assert read.branch("release-R85").ref == "refs/heads/release-R85"
    assert read.gerrit.project == "third_party/kernel"
    assert read.cve.data == "~/src/vulns"


def test_an_empty_file_is_a_configuration() -> None:
    assert parse("") == Config(source="cosport.toml")


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("upstraem = 1", "upstraem", "expected one of: upstream, message"),
        ("[upstream]\nreff = 'x'", "upstream.reff", "expected one of: ref, url"),
        (branches("name = 'a'", "name = 'b'\nkin = 'main'"), "branch[1].kin", "expected one of: name, ref, kind"),
        (branches("name = 'a'", "name = 7"), "branch[1].name", "expected a string, got an integer"),
        (branches("ref = 'refs/heads/a'"), "branch[0].name", "missing"),
        (branches("name = 'a'\nkind = 'mian'"), "branch[0].kind", "expected one of: main, release"),
        ("branch = 'a'", "branch", "expected an array, got a string"),
        ("upstream = 'master'", "upstream", "expected a table, got a string"),
        ("[message]\nrequired = ['BUG', 1]", "message.required[1]", "expected a string, got an integer"),
        (branches("name = 'a'", "name = 'a'"), "branch[1].name", "also the name of branch[0]"),
        (branches("name = 'a'\nkind = 'release'"), "branch[0].main", "expected the name of the branch"),
        (branches("name = 'a'\nkind = 'release'\nmain = 'b'"), "branch[0].main", "no branch is named 'b'"),
        (branches("name = 'a'\nmain = 'a'"), "branch[0].main", "only a release branch has a main"),
        (branches("name = 'a'\nref = 'heads/a'"), "branch[0].ref", "expected one such as refs/heads/a"),
        (branches("name = 'a'\nref = 'refs/heads/a..b'"), "branch[0].ref", "is no full ref name"),
        (branches("name = 'a b'"), "branch[0].name", "cannot be part of a ref"),
        (branches("name = ''"), "branch[0].name", "cannot be part of a ref"),
        ("[bot]\ninterval = 0", "bot.interval", "expected a float > 0"),
        ("[bot]\ninterval = -1.5", "bot.interval", "expected a float > 0"),
        ("[bot]\npatience = inf", "bot.patience", "expected a float <= 86400"),
        ("[bot]\nhourly = -1", "bot.hourly", "expected an integer >= 0"),
        ("[gerrit]\nurl = 'ftp://gerrit.example.com'", "gerrit.url", "expected one that begins with https://"),
        ("[upstream]\nref = '--all'", "upstream.ref", "is no revision"),
        ("[upstream]\nurl = 'https://['", "upstream.url", "is no address"),
        ("[gerrit]\nurl = 'https://['", "gerrit.url", "is no address"),
        ("[gerrit]\nremote = 'ssh://me:s3cret@gerrit.example.com/p'", "gerrit.remote", "expected it without"),
        ("[upstream]\nurl = 'https://s3cret@git.example.com/linux'", "upstream.url", "expected it without"),
    ],
)
def test_says_file_key_and_what_was_expected(text: str, key: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert caught.value.what.startswith(f"cosport.toml: {key}: ")
    assert expected in caught.value.what
    assert caught.value.exit_code == 2
    assert "s3cret" not in caught.value.what + caught.value.hint


def test_the_home_of_nobody_is_a_wrong_configuration_and_no_bug(git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    tip = git.commit({"a": "1"}, "one")
    file = git.path / "c.toml"
    file.write_text('[upstream]\nref = "HEAD"\n[cve]\ndata = "~no-such-user/vulns"\n')
    said = "~no-such-user/vulns: there is no such home\nhint: set HOME, or name the place in full"
    assert said in invoke("show", tip, "--config", str(file), cwd=git.path, check=2).err
    assert "~no-such-user/vulns is no folder" in invoke("doctor", "--config", str(file), cwd=git.path).out
    monkeypatch.setenv(config.VARIABLE, "~no-such-user/c.toml")
    assert "~no-such-user/c.toml: there is no such home" in invoke("plan", tip, cwd=git.path, check=2).err


def test_an_address_for_ssh_may_name_its_account() -> None:
    assert parse("[gerrit]\nremote = 'ssh://me@gerrit.example.com:29418/p'").gerrit.remote.startswith("ssh://me@")
    assert parse("[gerrit]\nremote = 'me@gerrit.example.com:p'").gerrit.remote


def test_a_circle_of_mains_is_shown_whole() -> None:
    text = branches("name = 'a'\nkind = 'release'\nmain = 'b'", "name = 'b'\nkind = 'release'\nmain = 'a'")
    with pytest.raises(ConfigError, match="a -> b -> a"):
        parse(text)


def test_a_release_of_a_release_is_fine() -> None:
    text = branches(
        "name = 'm'", "name = 'r'\nkind = 'release'\nmain = 'm'", "name = 'rr'\nkind = 'release'\nmain = 'r'"
    )
    assert parse(text).branch("rr").main == "r"


def test_broken_toml_names_the_line() -> None:
    with pytest.raises(ConfigError, match=r"cosport\.toml: .*line 2"):
        parse("[upstream]\nref = \n")


def test_a_near_miss_is_offered() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(branches("name = 'a'\ndefconfig = []"))
    assert caught.value.hint == "did you mean defconfigs?"
    with pytest.raises(ConfigError) as unknown:
        config.parse(FULL, "f").branch("cos-5.5")
    assert unknown.value.hint == "did you mean cos-5.4?"


def test_a_file_of_brackets_is_an_error() -> None:
    with pytest.raises(ConfigError, match="nested too deep"):
        config.parse(b"a = " + b"[" * 100_000, "here")


def test_bytes_that_are_no_utf8_are_an_error() -> None:
    with pytest.raises(ConfigError, match="byte 7 is no UTF-8"):
        config.parse(b"a = 'b\n\xff'"[:7] + b"\xff'", "f")


@given(st.binary(max_size=200))
def test_any_bytes_give_a_configuration_or_a_config_error(data: bytes) -> None:
    with contextlib.suppress(ConfigError):
        assert config.parse(data, "f").source == "f"


@given(st.text(alphabet="abA0./-@{~^:?*[\\ \x01\x7fé.lock", max_size=12))
def test_ref_names_are_what_git_takes(name: str) -> None:
    ref = f"refs/heads/{name}"
    if "\0" in ref:
        return
    taken = subprocess.run(["git", "check-ref-format", ref], check=False).returncode == 0
    assert config.is_refname(ref) == taken


class TestLookup:
    """The order in which configurations are looked for."""

    def named(self, ref: str) -> bytes:
        return f'[upstream]\nref = "{ref}"\n'.encode()

    def find(self, state: Path, explicit: Path | None = None, shared: bytes | None = None, guess: str = "") -> Config:
        return config.find(explicit=explicit, state_dir=state, read_shared=lambda: shared, guess_upstream=lambda: guess)

    def test_each_place_in_its_turn(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        shared = self.named("shared")
        assert self.find(tmp_path, guess="g").upstream_ref == "g"
        assert self.find(tmp_path, shared=shared).upstream_ref == "shared"
        (tmp_path / "cosport.toml").write_bytes(self.named("local"))
        assert self.find(tmp_path, shared=shared).upstream_ref == "local"
        (tmp_path / "env.toml").write_bytes(self.named("env"))
        monkeypatch.setenv("COSPORT_CONFIG", str(tmp_path / "env.toml"))
        assert self.find(tmp_path, shared=shared).upstream_ref == "env"
        (tmp_path / "flag.toml").write_bytes(self.named("flag"))
        assert self.find(tmp_path, tmp_path / "flag.toml", shared).upstream_ref == "flag"

    def test_a_named_file_that_is_not_there_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="No such file"):
            self.find(tmp_path, tmp_path / "nowhere.toml")

    def test_nothing_known_of_upstream_is_an_error_only_when_asked(self, tmp_path: Path) -> None:
        nothing = self.find(tmp_path)
        assert nothing.branches == ()
        with pytest.raises(ConfigError, match="upstream"):
            _ = nothing.upstream_ref

    def test_reads_the_shared_ref_and_guesses_from_refs(self, git: Git) -> None:
        from cosport.cli.configuration import find
        from cosport.git.repository import Repository

        first = git.commit({"a": "1\n"}, "one", branch="main")
        assert find(Repository.open(git.path)).upstream_ref == "refs/heads/main"
        git("update-ref", "refs/remotes/origin/main", first)
        git("update-ref", "refs/remotes/upstream/master", first)
        assert find(Repository.open(git.path)).upstream_ref == "refs/remotes/upstream/master"
        git.commit({"cosport.toml": self.named("shared")}, "share", branch="refs/meta/cosport")
        assert find(Repository.open(git.path)).upstream_ref == "shared"
        assert find(Repository.open(git.path)).source == "refs/meta/cosport:cosport.toml"
