"""`cosport demo`: makes a small kernel repository and does the main job on it, command by command, as a user would.

The commands are the real ones, and what they print is theirs. This module tells in between what happens, plays the
person who resolves the conflict, and plays Gerrit, which lands changes on main. A command that ends otherwise than it
should ends the demo with an error.
"""

from __future__ import annotations

import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from cosport import process
from cosport.errors import ToolError, UsageError
from cosport.git.repository import environment, failure
from cosport.kbuild import distribution
from cosport.workflow import demo_history, demo_source
from cosport.workflow.demo_source import DRIVER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.model.commit import Sha
    from cosport.workflow.demo_history import History, Line

MARK: Final = ".cosport-demo"
"""The file by which a folder is known to be a demo's, and may be made anew."""

_CONFLICTING: Final = "cos-5.10"
_BESIDE: Final = "cos-5.15"
_MAIN: Final = "cos-6.1"
_RELEASE: Final = "release-R113"
_MODULE: Final = "virtio_balloon"
_CONFIG: Final = """\
[upstream]
ref = "upstream/master"

[message]
profile = "cos"
required = ["BUG", "TEST", "RELEASE_NOTE"]
"""
_OWN_WORK: Final = b"\n/* What you were working on. */\n"


class Stage(Protocol):
    """Where the demo is shown."""

    def tell(self, text: str) -> None:
        """Say something between two commands."""

    def run(self, argv: Sequence[str], cwd: Path) -> int:
        """Show a command line and run it there, its output shown too; its exit status."""

    def ask(self, argv: Sequence[str], cwd: Path) -> bytes:
        """Run a command unseen; its standard output."""


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that stands ready: its folder, the repository's work tree in it, and the fix that is to be backported.

    `archive` is the kernel source that it was made of, `version` that kernel's ("6.1.192").
    """

    folder: Path
    kernel: Path
    archive: Path
    version: str
    fix: Sha
    introduced: Sha
    resolution: bytes


def make(folder: Path, archive: Path | None = None) -> Demo:
    """Make the demo's repository in `folder`, from a kernel source `archive` or the newest one that is installed.

    A demo that stands there is made anew; any other folder that is not empty is refused with UsageError.
    """
    archive = (archive if archive is not None else demo_source.find()).absolute()
    source = demo_source.read(archive)
    folder = folder.absolute()
    _clear(folder)
    kernel = folder / "kernel"
    history = demo_history.build(kernel, source)
    _configure(history, kernel)
    _start_working(history, kernel)
    commits = history.commits
    resolution = history.resolutions[_CONFLICTING]
    return Demo(folder, kernel, archive, source.version, commits["fix"], commits["introduce"], resolution)


def walk(demo: Demo, stage: Stage, *, repeats: int) -> None:
    """Do the main job on the demo's repository: from the plan to the release notes and the site.

    `repeats` is how often each kernel of the regression job boots; 0 leaves the job out, and says so. Raises ToolError
    where a command does not end as it should.
    """
    player = _Player(demo, stage)
    before = player.checkout()
    player.look()
    player.backport()
    player.check()
    player.accept()
    player.resolve()
    player.prove(repeats)
    player.land()
    player.publish()
    if player.checkout() != before:
        raise ToolError(
            "the demo changed the checkout, which cosport must never do", hint="please report this as a bug"
        )
    player.end(repeats)


@dataclass(frozen=True, slots=True)
class _Player:
    demo: Demo
    stage: Stage

    def look(self) -> None:
        self.stage.tell(
            f"A kernel repository stands in {self.demo.kernel}, made of files of {self.demo.archive.name}.\n"
            f"Upstream has a fix for the balloon driver, {self.demo.fix[:12]}. Which stable branches need it?"
        )
        self._run("cosport", "plan", self.demo.fix, expect=1)

    def backport(self) -> None:
        self.stage.tell("Backport it to all of them. Two conflict for git; that holds up no other.")
        self._run(
            "cosport", "backport", self.demo.fix, "--all", "--bug", "b/123456",
            "--test", "inflated the balloon against page cache in QEMU",
            "--release-note", "Fixed guests that stall when their balloon inflates while they read large files.",
            expect=1,
        )  # fmt: skip
        self.stage.tell(f"The pick for {_MAIN} stands on a branch of its own, its message finished:")
        self._run("git", "--no-pager", "log", "-1", "--format=%B", self._pick(_MAIN))

    def check(self) -> None:
        self.stage.tell(
            "What the hooks and the Gerrit bot would say of it; a check that could not run is never a pass:"
        )
        self._run("cosport", "presubmit", self._pick(_MAIN))

    def accept(self) -> None:
        self.stage.tell(
            f"On {_BESIDE} a comment of the branch's own stands beside a line that the fix changes. A rule\n"
            "resolved that; the message tells which one and where, and it does not count before a person has looked:"
        )
        self._run("cosport", "backport", "--show", "--branch", _BESIDE, expect=1)
        self._run("cosport", "backport", "--accept", "--branch", _BESIDE, "--note", "the comment stays as it is")

    def resolve(self) -> None:
        asked = self.stage.ask(
            ["cosport", "backport", "--status", "--branch", _CONFLICTING, "--json"], self.demo.kernel
        )
        place = Path(msgspec.json.decode(asked)["results"][0]["conflicts"][0]["worktree"])
        self.stage.tell(
            f"{_CONFLICTING} lacks a change of the lines that the fix takes away. A person looks at it, in a work\n"
            "tree that holds just the file in conflict (the demo plays the person, and writes the resolution):"
        )
        self._run("git", "status", "--short", cwd=place)
        (place / DRIVER).write_bytes(self.demo.resolution)
        note = "the shrinker that goes is its first version here"
        self._run("cosport", "backport", "--continue", "--branch", _CONFLICTING, "--note", note)
        self.stage.tell("The message tells what was changed; a reviewer need not ask:")
        self._show_trailers(_CONFLICTING)

    def prove(self, repeats: int) -> None:
        """Boot the branch without the pick and with it. A verdict that is none is shown, and the demo goes on."""
        if not repeats:
            self.stage.tell("(The regression job in QEMU is left out: --repeats 0.)")
            return
        self.stage.tell(
            f"A clean apply proves nothing. So boot {_MAIN} in QEMU, {repeats} times without the pick and with it,\n"
            "inflate a balloon while the guest reads a large file, and compare. This takes some minutes:"
        )
        if why_not := distribution.unfit(_MODULE, [self.demo.version]):
            self.stage.tell(
                f"Two whole kernels are built for that, of {self.demo.archive.name}, with the fix and without,\n"
                f"as the driver cannot be exchanged alone here: {why_not}."
            )
            arms: tuple[str, ...] = ("--mode", "kernel", "--tree", str(self.demo.archive))
        else:
            arms = ("--mode", "module", "--without", f"refs/heads/{_MAIN}", "--with", self._pick(_MAIN))
        status = self._run(
            "cosport", "regress", "run", "balloon", *arms,
            "--repeats", str(repeats), "--out", str(self.demo.folder / "job"), expect=(0, 1),
        )  # fmt: skip
        if status == 1:
            self.stage.tell("These runs were too few, or this machine is too busy, for a verdict. The rest goes on.")

    def land(self) -> None:
        self.stage.tell("Review lands the picks (Gerrit moves the branches; here they are moved by hand).")
        for branch in (_MAIN, _BESIDE, _CONFLICTING):
            self._run("git", "update-ref", f"refs/heads/{branch}", self._pick(branch))
        self.stage.tell(f"Now {_RELEASE} may have it: from the commit that landed, its message kept as it is.")
        self._run("cosport", "backport", self.demo.fix, "--to", _RELEASE)
        self._show_trailers(_RELEASE)
        self.stage.tell("Where everything stands now:")
        self._run("cosport", "plan", self.demo.fix)

    def publish(self) -> None:
        self.stage.tell(f"The release note travelled along. What users of {_MAIN} will read:")
        self._run("cosport", "notes", f"{_MAIN}~1..{_MAIN}")
        self.stage.tell("And all of it as a site for a browser, without a server:")
        self._run("cosport", "site", str(self.demo.folder / "site"))

    def end(self, repeats: int) -> None:
        self.stage.tell("All the while your own checkout was left alone, the change that you have not committed too:")
        self._run("git", "status", "--short")
        kernel = self.demo.kernel
        report = f"and the job's report: {self.demo.folder / 'job' / 'report.html'}\n" if repeats else ""
        self.stage.tell(
            f"Open in a browser: {self.demo.folder / 'site' / 'index.html'}\n"
            f"{report}The repository stays in {kernel}. Things to try there:\n"
            f"  cd {shlex.quote(str(kernel))}\n"
            f"  cosport show {self.demo.introduced[:12]}\n"
            f"  cosport message lint backport/{_CONFLICTING}/{self.demo.fix[:12]}\n"
            f"  cosport export backport/{_RELEASE}/{self.demo.fix[:12]} --out /tmp/patches"
        )

    def checkout(self) -> tuple[bytes, ...]:
        """What must not change: HEAD, the index and every file of the work tree."""
        git = self.demo.kernel / ".git"
        files = sorted(path for path in self.demo.kernel.rglob("*") if path.is_file() and git not in path.parents)
        return ((git / "HEAD").read_bytes(), (git / "index").read_bytes(), *(path.read_bytes() for path in files))

    def _show_trailers(self, branch: str) -> None:
        self._run("git", "--no-pager", "log", "-1", "--format=%(trailers)", self._pick(branch))

    def _pick(self, branch: str) -> str:
        return f"refs/heads/backport/{branch}/{self.demo.fix[:12]}"

    def _run(self, *argv: str, expect: int | tuple[int, ...] = 0, cwd: Path | None = None) -> int:
        status = self.stage.run(argv, cwd if cwd is not None else self.demo.kernel)
        wanted = expect if isinstance(expect, tuple) else (expect,)
        if status not in wanted:
            raise ToolError(
                f"the demo went off its way: {argv[0]} {argv[1]} ended with {status} instead of "
                f"{' or '.join(str(each) for each in wanted)}",
                hint="run it again; if it stays so, please report it with the output above",
            )
        return status


def _clear(folder: Path) -> None:
    """Make way for a demo in `folder`. Nothing goes that a demo did not make."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file", hint="name a folder for the demo")
    if folder.is_dir() and not (folder / MARK).exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty, and no demo of cosport's", hint="name a new or an empty folder")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).write_text(
        "Made by `cosport demo`, which makes kernel/, job/ and site/ anew when it runs again.\n", encoding="ascii"
    )
    for made in ("kernel", "job", "site"):
        if (folder / made).exists():
            shutil.rmtree(folder / made)


def _configure(history: History, kernel: Path) -> None:
    """What a user has set up before: who they are, and cosport.toml."""
    _git(kernel, "config", "user.name", "Kernel Engineer")
    _git(kernel, "config", "user.email", "engineer@example.com")
    config = history.repository.state_dir / "cosport.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(_CONFIG + "".join(_table(line) for line in history.lines[1:]), encoding="utf-8")


def _table(line: Line) -> str:
    main = f'main = "{line.main}"\n' if line.main else ""
    return (
        f'\n[[branch]]\nname = "{line.branch}"\nref = "refs/heads/{line.branch}"\nkind = "{line.kind}"\n{main}'
        'defconfigs = ["arch/x86/configs/lakitu_defconfig"]\n'
    )


def _start_working(history: History, kernel: Path) -> None:
    """Check a branch out and change a file there, so that there is something which cosport must leave alone."""
    _git(kernel, "update-ref", "refs/heads/my-work", history.commits["base"])
    _git(kernel, "checkout", "-q", "my-work")
    with (kernel / "mm" / "oom_kill.c").open("ab") as file:
        file.write(_OWN_WORK)


def _git(folder: Path, *args: str) -> None:
    done = process.run(["git", *args], cwd=folder, env=environment())
    if done.status:
        raise failure(done, args)
