"""The tester's hold, with a real second user and a real network namespace: what it can read, write and reach."""

from __future__ import annotations

import os
import pwd
import shutil
import site
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cosport.bot import confine
from cosport.bot.judges import judge
from cosport.bot.protocol import Job
from cosport.errors import UsageError
from tests.presubmit.house import House
from tests.support import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cosport.bot.confine import Hold
    from tests.support import Git

ROOTS = os.geteuid() == 0
USER = "nobody"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody may enter: what is hidden in it is hidden by its own mode."""
    made = Path(tempfile.mkdtemp(prefix="cosport-test-bot-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def house(git: Git, folder: Path) -> House:
    """A pick, and the bot's clone with it."""
    made = House(git)
    made.pick(made.fix())
    git("clone", "-q", "--mirror", str(git.path), str(folder / "clone.git"))
    (folder / "bot.toml").write_text(made.config)
    token = folder / "token"
    token.touch(0o600)
    token.write_text("cusky:secret")
    return made


@pytest.fixture(scope="session")
def libraries() -> Iterator[tuple[str, ...]]:
    """Where another user can read this Python's libraries and cosport: linked elsewhere if their home is closed."""
    packages = [each for each in site.getsitepackages() if Path(each).is_dir()]
    here = (*packages, str(ROOT))
    if not ROOTS or all(_can("test", "-r", f"{each}/.") for each in here):
        yield here
        return
    place = Path(tempfile.mkdtemp(prefix="cosport-test-libraries-"))
    place.chmod(0o755)
    copies = [(Path(each), place / f"libraries-{number}") for number, each in enumerate(packages)]
    ours = place / "ours"
    copies += [(ROOT / name, ours / name) for name in ("cosport", "templates", "patches", "pipelines")]
    for source, copy in copies:
        shutil.copytree(source, copy, copy_function=_linked)
    yield (*(str(copy) for _, copy in copies if copy.parent == place), str(ours))
    shutil.rmtree(place)


def _linked(source: str, copy: str) -> str:
    try:
        os.link(source, copy)
    except OSError:  # another file system
        shutil.copy2(source, copy)
    return copy


@pytest.fixture
def python(folder: Path, libraries: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python that the other user can start: this one, else the system's with this one's libraries."""
    if not ROOTS or _can(sys.executable, "-I", "-c", "import cosport, msgspec"):
        return
    system = f"/usr/bin/python3.{sys.version_info.minor}"
    subprocess.run([system, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    (packages,) = (folder / "venv" / "lib").glob("python3*/site-packages")
    (packages / "these.pth").write_text("\n".join(libraries))
    monkeypatch.setattr(sys, "executable", str(folder / "venv" / "bin" / "python"))


def _can(*argv: str) -> bool:
    entry = pwd.getpwnam(USER)
    become = ("setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups", "--")
    return subprocess.run([*become, *argv], capture_output=True, check=False).returncode == 0


def held(folder: Path, user: str = USER) -> Hold:
    return confine.hold(folder, folder / "clone.git", folder / "bot.toml", user=user, token=folder / "token")


def within(hold: Hold, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*hold.prefix, *argv], env=hold.environment(), capture_output=True, text=True, check=False)


@pytest.mark.usefixtures("house", "python")
def test_whoever_is_not_root_cannot_become_another_user(folder: Path) -> None:
    if ROOTS:
        assert held(folder).user == USER
    else:
        with pytest.raises(UsageError, match="only root can become another user"):
            held(folder)


@pytest.mark.usefixtures("house", "python")
@pytest.mark.skipif(not ROOTS, reason="only root can become another user: CI does")
class TestAsAnotherUser:
    """What `nobody` can do."""

    def test_it_reads_no_token(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COSPORT_GERRIT_TOKEN", "secret")
        hold = held(folder)
        assert within(hold, "id", "-un").stdout.split() == [USER]
        assert within(hold, "id", "-G").stdout.split() == [str(pwd.getpwnam(USER).pw_gid)]
        done = within(hold, "cat", str(folder / "token"))
        assert (done.returncode != 0, "secret" in done.stdout, "denied" in done.stderr) == (True, False, True)
        assert within(hold, "cat", f"/proc/{os.getpid()}/environ").returncode != 0
        assert "secret" not in within(hold, "env").stdout
        (folder / "token").chmod(0o644)  # the same place, told apart by the mode alone
        assert within(hold, "cat", str(folder / "token")).stdout == "cusky:secret"

    def test_it_reaches_no_network(self, folder: Path) -> None:
        hold = held(folder)
        shown = within(hold, "cat", "/proc/net/dev").stdout.splitlines()[2:]
        assert ([line.split(":")[0].strip() for line in shown] == ["lo"]) is (hold.network == "")

    def test_it_writes_nothing_that_the_bot_reads(self, house: House, folder: Path) -> None:
        hold = held(folder)
        clone = str(hold.clone)
        tip = within(hold, "git", "-C", clone, "rev-parse", "refs/heads/cos-6.1")
        assert tip.stdout.strip() == house.first
        for argv in (
            ("git", "-C", clone, "update-ref", "refs/heads/cos-6.1", "refs/heads/main"),
            ("git", "-C", clone, "config", "core.sshCommand", "touch /tmp/pwned"),
            ("touch", f"{clone}/HEAD"), ("rm", f"{clone}/refs"), ("touch", str(folder / "clone.git" / "pwned")),
            ("touch", str(folder / "journal.sqlite")),
        ):  # fmt: skip
            assert within(hold, *argv).returncode != 0, argv
        assert within(hold, "touch", f"{clone}/cosport/index.sqlite").returncode == 0

    def test_it_judges_all_the_same_and_sees_what_the_bot_fetches(self, house: House, folder: Path) -> None:
        hold = held(folder)
        jobs = [Job(1, house.git.sha("refs/changes/1"), "cos-6.1")]
        ((_, answer),) = judge(hold, folder / "bot.toml", jobs, patience=60.0)
        assert answer.report is not None, answer.trouble
        assert answer.report.verdict == "pass"
        other = house.pick(house.fix(9, "int nine;"), message="x\n")
        house.git("-C", str(folder / "clone.git"), "fetch", "-q", str(house.git.path), "+refs/*:refs/*")
        ((_, answer),) = judge(hold, folder / "bot.toml", [Job(2, other, "cos-6.1")], patience=60.0)
        assert answer.report is not None, answer.trouble
        assert answer.report.verdict == "fail"
        assert (folder / "tester/clone.git/cosport/index.sqlite").stat().st_uid == pwd.getpwnam(USER).pw_uid
        assert not (folder / "clone.git/cosport").exists()

    def test_another_one_than_before_has_a_state_of_its_own(self, folder: Path) -> None:
        state = held(folder).clone / "cosport"
        (state / "index.sqlite").touch()
        os.chown(state, 1, 1)
        assert (held(folder).clone / "cosport").stat().st_uid == pwd.getpwnam(USER).pw_uid
        assert list(state.iterdir()) == []

    @pytest.mark.parametrize(("user", "why"), [("root", "can read everything"), ("no-such-user", "there is no user")])
    def test_a_user_that_helps_nothing_is_refused(self, folder: Path, user: str, why: str) -> None:
        with pytest.raises(UsageError, match=why):
            held(folder, user)

    def test_a_user_who_owns_the_token_or_cannot_read_the_clone_is_refused(self, folder: Path) -> None:
        entry = pwd.getpwnam(USER)
        os.chown(folder / "token", entry.pw_uid, entry.pw_gid)
        with pytest.raises(UsageError, match="belongs to nobody"):
            held(folder)
        os.chown(folder / "token", 0, 0)
        (folder / "clone.git").chmod(0o700)
        with pytest.raises(UsageError, match=r"nobody cannot run a tester: PermissionError"):
            held(folder)


@pytest.mark.usefixtures("house")
def test_without_a_token_file_nobodys_is_looked_at(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if ROOTS:
        (folder / "theirs").mkdir()
        os.chown(folder / "theirs", pwd.getpwnam(USER).pw_uid, 0)
        monkeypatch.chdir(folder / "theirs")
    monkeypatch.setattr(confine, "_try", lambda *_: None)
    user = USER if ROOTS else ""
    assert confine.hold(folder, folder / "clone.git", None, user=user, token=None).user == user


@pytest.mark.usefixtures("house")
def test_a_network_that_cannot_be_taken_away_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hold = held(folder, "")
    assert (hold.user, hold.network == "", bool(hold.prefix)) == ("", bool(hold.prefix), hold.network == "")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    hold = held(folder, "")
    assert (hold.prefix, hold.network) == ((), "unshare (util-linux) is not installed")
