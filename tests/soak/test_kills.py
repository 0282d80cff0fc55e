"""SIGKILL at random moments: the repository stays sound, the user's things stay as they are, and a rerun completes.

`make soak` kills 200 times, `make test` a tenth of it. Moments are spread over the time that the undisturbed command
takes on this machine. Kinds of command take turns, and so does whether git's processes die with cosport or live on for
a moment as orphans. A failure names the number of the kill.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from cosport.git.objects import ObjectReader
from cosport.git.repository import Repository
from cosport.records import notes
from tests.support import Git, cosport

if TYPE_CHECKING:
    from collections.abc import Callable

KILLS: Final = 200 if os.environ.get("COSPORT_SOAK") else 20
SEED: Final = int(os.environ.get("COSPORT_SOAK_SEED", "1"))

_WORDS: Final = ("--bug", "b/1", "--test", "none", "--release-note", "None", "--quiet")
_CONFIG: Final = """\
[upstream]
ref = "main"
[[branch]]
name = "A"
ref = "refs/heads/A"
kind = "main"
[[branch]]
name = "B"
ref = "refs/heads/B"
kind = "main"
"""


@dataclass(frozen=True)
class Scene:
    """A repository in which work is under way, and two fixes: both fit branch A, the second conflicts on branch B."""

    git: Git
    fixes: tuple[str, str]
    resolved: str = "int limit = 3; /* the branch's own */\n"

    @classmethod
    def make(cls, folder: Path) -> Scene:
        """Make it: forty files, the user on a branch of their own with staged and unstaged changes."""
        git = Git.init(folder)
        files = {f"drivers/d{n % 5}/f{n}.c": "".join(f"int v{n}_{i};\n" for i in range(40)) for n in range(40)}
        base = git.commit({**files, "mm/limit.c": "int limit = 1;\n"}, "mm: start")
        git.branch("A", base)
        git.branch("B", base)
        git.commit({"mm/limit.c": "int limit = 2; /* the branch's own */\n"}, "B: another limit", branch="B")
        git.commit({"drivers/d0/f0.c": files["drivers/d0/f0.c"].replace("v0_3;", "v0_3 = 1;")}, "A: own", branch="A")
        for number in range(30):
            git.commit({f"drivers/d1/new{number}.c": f"int n{number};\n"}, f"drivers: add {number}")
        tag = f'Fixes: {base[:12]} ("mm: start")'
        first = git.commit(
            {"drivers/d2/f2.c": files["drivers/d2/f2.c"].replace("v2_9;", "v2_9 = 9;")}, f"d2: set\n\n{tag}"
        )
        second = git.commit({"mm/limit.c": "int limit = 3;\n"}, f"mm: raise the limit\n\n{tag}")
        git.branch("mine", base)
        git.checkout("mine")
        (folder / "drivers/d3/f3.c").write_text("int mine;\n", encoding="utf-8")
        (folder / "mm/limit.c").write_text("int limit = 100; /* mine */\n", encoding="utf-8")
        (folder / "untracked.txt").write_text("mine\n", encoding="utf-8")
        git("add", "mm/limit.c")
        config = folder / ".git" / "cosport" / "cosport.toml"
        config.parent.mkdir()
        config.write_text(_CONFIG, encoding="utf-8")
        return cls(git, (first, second))

    def copy(self, folder: Path) -> Scene:
        """The same at another place. Only for a repository without linked work trees, whose paths are absolute."""
        shutil.copytree(self.git.path, folder, symlinks=True)
        return Scene(Git(folder), self.fixes)

    def users(self) -> tuple[object, ...]:
        """What is the user's: HEAD, index, files, git's configuration and cosport's."""
        return (*self.git.user_state(), (self.git.path / ".git/cosport/cosport.toml").read_bytes())

    def resolve(self) -> None:
        """Do what a person does about the conflict on B."""
        (self.worktree / "mm/limit.c").write_text(self.resolved, encoding="utf-8")

    @property
    def worktree(self) -> Path:
        """Where the conflict is."""
        return next(Path(conflict["worktree"]) for each in self.status() for conflict in each["conflicts"])

    def status(self) -> list[dict[str, Any]]:
        """The conflicts that wait."""
        results: list[dict[str, Any]] = cosport("backport", "--status", "--json", cwd=self.git.path).json()["results"]
        return results

    def outcome(self) -> dict[str, object]:
        """All that a run leaves for the user: refs, what is on record, and files in conflict with their contents."""
        waiting = [
            (
                each["branch"],
                each["outcome"],
                conflict["path"],
                (Path(conflict["worktree"]) / conflict["path"]).read_bytes(),
            )
            for each in self.status()
            for conflict in each["conflicts"]
        ]
        refs = self.git.refs()
        refs.pop("refs/notes/cosport", None)  # its name has the time of the run in it; what it says has not
        return {"refs": refs, "records": self.records(), "waiting": waiting}

    def records(self) -> dict[str, list[tuple[str, object]]]:
        """What is on record of each commit."""
        with ObjectReader(Repository.open(self.git.path)) as reader:
            return {
                name: [(each.kind.value, each.data) for each in records]
                for name, records in notes.read_all(reader).items()
            }


@dataclass(frozen=True)
class Command:
    """A command to be killed: its words, what comes before it, and its exit code.

    `done` is the code of a run that finds all done already: for `--continue` it is wrong usage, nothing waits.
    """

    name: str
    words: Callable[[Scene], list[str]]
    code: int
    done: int
    prepare: Callable[[Scene], None] = field(default=lambda _: None)


def _conflict(scene: Scene) -> None:
    cosport(*BACKPORT.words(scene), cwd=scene.git.path, check=1)
    scene.resolve()


BACKPORT = Command("backport", lambda s: ["backport", *s.fixes, "--to", "A", "--to", "B", *_WORDS], 1, 1)
CONTINUE = Command("--continue", lambda _: ["backport", "--continue", "--note", "kept", "--quiet"], 0, 2, _conflict)
IN_PLACE = Command("--in-place", lambda s: ["backport", *s.fixes, "--to", "A", "--in-place", *_WORDS], 0, 0)
COMMANDS: Final = (BACKPORT, CONTINUE, BACKPORT, IN_PLACE)


@dataclass(frozen=True)
class Reference:
    """What a command does where nobody disturbs it: how long it takes, in seconds, and what it leaves."""

    seconds: float
    outcome: dict[str, object]


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _SEALED.items():
            patch.setenv(name, value)
        return Scene.make(tmp_path_factory.mktemp("scene") / "repo")


_SEALED: Final = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Kernel Engineer",
    "GIT_AUTHOR_EMAIL": "engineer@example.com",
    "GIT_COMMITTER_NAME": "Kernel Engineer",
    "GIT_COMMITTER_EMAIL": "engineer@example.com",
    "GIT_COMMITTER_DATE": "1700000000 +0000",
    "GIT_AUTHOR_DATE": "1700000000 +0000",
}
_REFERENCES: dict[str, Reference] = {}


def _reference(command: Command, scene: Scene, folder: Path) -> Reference:
    """Measured once for each kind of command."""
    if command.name not in _REFERENCES:
        times = []
        for number in range(3):
            fresh = scene.copy(folder / f"reference{number}")
            command.prepare(fresh)
            begin = time.monotonic()
            answer = cosport(*command.words(fresh), cwd=fresh.git.path)
            times.append(time.monotonic() - begin)
            assert answer.code == command.code, answer.err
        _REFERENCES[command.name] = Reference(sorted(times)[1], fresh.outcome())
    return _REFERENCES[command.name]


@pytest.mark.soak
@pytest.mark.parametrize("number", range(KILLS))
def test_a_killed_command_leaves_all_sound_and_a_rerun_completes(number: int, scene: Scene, tmp_path: Path) -> None:
    chance = random.Random(SEED * 1_000_003 + number)
    command = COMMANDS[number % len(COMMANDS)]
    reference = _reference(command, scene, tmp_path)
    victim = scene.copy(tmp_path / "victim")
    if chance.random() < 0.5:  # with a warm index, as on most days, or while it is being made
        cosport("plan", victim.fixes[0], "--quiet", cwd=victim.git.path)
    command.prepare(victim)
    before = victim.users()

    _kill(command.words(victim), victim.git.path, chance.uniform(0, reference.seconds), alone=chance.random() < 0.5)

    victim.git.fsck()
    assert victim.users() == before
    expected = command.code
    if command is CONTINUE and victim.outcome() == reference.outcome:
        expected = command.done
    answer = cosport(*command.words(victim), cwd=victim.git.path)
    assert answer.code == expected, answer.err
    assert victim.users() == before
    assert victim.outcome() == reference.outcome
    victim.git.fsck()


def _kill(words: list[str], folder: Path, after: float, *, alone: bool) -> None:
    """Start the command and kill it `after` seconds: cosport `alone`, or with all processes that it started."""
    child = subprocess.Popen(
        [sys.executable, "-m", "cosport", *words],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    time.sleep(after)
    for pid in [child.pid] if alone else _session(child.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    child.wait()
    deadline = time.monotonic() + 30
    while _session(child.pid):  # orphans end by themselves: their pipes are closed
        assert time.monotonic() < deadline, "a process of the killed command lives on"
        time.sleep(0.005)


def _session(leader: int) -> list[int]:
    """The processes of a session; cosport's git processes have groups of their own within it (proc(5), stat)."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
                if int(fields[3]) == leader and fields[0] != "Z":
                    found.append(int(entry.name))
    return sorted(found, key=lambda pid: pid != leader)
