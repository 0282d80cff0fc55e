"""A small house of branches for tests of the main job: upstream on `main`, stable branches that left it early."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support import Answer, Git, invoke

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.support import File

FILE = "mm/oom.c"
LINES = "".join(f"line {number}\n" for number in range(1, 41))
SIGNOFF = "Signed-off-by: Kernel Engineer <engineer@example.com>"


def edit(text: str, **changes: str) -> str:
    """`text` with lines replaced: `edit(LINES, l5="int five;")`; "" removes a line."""
    lines = text.splitlines(keepends=True)
    for key, new in changes.items():
        lines[int(key[1:]) - 1] = f"{new}\n" if new else ""
    return "".join(lines)


@dataclass
class House:
    """One repository, its configuration and the commands under test."""

    git: Git

    @classmethod
    def build(cls, git: Git, branches: Iterable[str] = ("cos-5.4",), profile: str = "cos") -> House:
        """A house whose branches all start at upstream's first commit."""
        house = cls(git)
        first = git.commit({FILE: LINES, "README": "kernel\n"}, "mm: start")
        for name in branches:
            git.branch(name.partition(":")[0], first)
        house.configure(branches, profile)
        return house

    def configure(self, branches: Iterable[str], profile: str = "cos", extra: str = "") -> None:
        """Write the configuration. A branch `release:main` is a release branch that takes its fixes from `main`."""
        text = f'{extra}\n[upstream]\nref = "refs/heads/main"\n[message]\nprofile = "{profile}"\n'
        for entry in branches:
            name, _, main = entry.partition(":")
            text += f'[[branch]]\nname = "{name}"\nkind = "{"release" if main else "main"}"\n'
            text += f'main = "{main}"\n' if main else ""
        folder = self.common / "cosport"
        folder.mkdir(exist_ok=True)
        (folder / "cosport.toml").write_text(text)

    @property
    def common(self) -> Path:
        """Git's common directory."""
        inside = self.git.path / ".git"
        return inside if inside.is_dir() else self.git.path

    def fix(self, text: str | None = None, message: str | bytes = "mm: fix it", **more: Any) -> str:
        """A commit upstream that changes the one file to `text`."""
        files: dict[str, File] = {FILE: edit(LINES, l5="int five;") if text is None else text}
        return self.git.commit(files, message, **more)

    def land(self, branch: str, text: str, message: str | bytes, **more: Any) -> str:
        """A commit on a branch that changes the one file to `text`."""
        return self.git.commit({FILE: text}, message, branch=branch, **more)

    def run(self, *args: str, check: int | None = None) -> Answer:
        """`cosport backport ARGS --json`."""
        return invoke("backport", *args, "--json", cwd=self.git.path, check=check)

    def results(self, *args: str, check: int | None = 0) -> list[dict[str, Any]]:
        """The results of such a run."""
        document = self.run(*args, check=check).json()
        assert document["schema"] == "cosport.backport/1"
        found: list[dict[str, Any]] = document["results"]
        return found

    def one(self, *args: str, check: int | None = 0) -> dict[str, Any]:
        """The result of a run that has one."""
        (result,) = self.results(*args, check=check)
        return result

    def pick(self, sha: str, branch: str = "cos-5.4", *args: str, check: int | None = 0) -> dict[str, Any]:
        """The result of one commit onto one branch."""
        return self.one(sha, "--to", branch, *args, check=check)

    def text(self, rev: str, path: str = FILE) -> str:
        """A file's contents in a commit."""
        return self.git.read(rev, path).decode()

    def objects(self) -> int:
        """How many objects the repository holds."""
        return len(self.git("cat-file", "--batch-all-objects", "--batch-check").splitlines())

    def frozen(self) -> tuple[object, ...]:
        """All that a failed or dry run must leave as it is: refs, objects, and what is the user's."""
        return self.git.refs(), self.objects(), self.git.user_state()


def evidence(result: dict[str, Any]) -> dict[str, str]:
    """A result's evidence by kind."""
    return {each["kind"]: each["detail"] for each in result["evidence"]}
