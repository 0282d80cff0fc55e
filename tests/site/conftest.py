"""One site, made once by the command itself from a real repository with much on record, and a browser to look at it."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from cosport.git.objects import ObjectReader
from cosport.git.repository import Repository
from cosport.model.commit import Sha
from cosport.records import notes
from cosport.records.record import Kind, record
from tests.support import Git, cosport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOSTILE = "mm: <script>alert('x')</script>\"'><img src=x onerror=alert(1)> \u202eevil\u202c &amp; {{ 7*7 }}"
CONFIG = """
[upstream]
ref = "refs/heads/main"
[message]
profile = "plain"
[[branch]]
name = "cos-5.4"
[[branch]]
name = "cos<b>-6.1"
[cve]
data = "{cves}"
"""
PLOT = '<svg xmlns="http://www.w3.org/2000/svg" width="600" height="200"><path d="M0 200L600 0" stroke="black"/></svg>'
PIPELINE = """
pipeline: prove
inputs: {fix: {}}
matrix: {branches: [cos-5.4]}
jobs:
  regress: {run: [sh, -c, 'echo "$1" > inflation.svg', "-", "${inputs.plot}"]}
"""


@dataclass(frozen=True)
class Made:
    """The site's folder, the repository, and the shas of its fixes."""

    folder: Path
    git: Git
    fixes: dict[str, str]

    def page(self, name: str) -> str:
        """The address of a page."""
        return (self.folder / name).as_uri()

    def fix(self, name: str) -> str:
        """The page of a fix."""
        return f"fix/{self.fixes[name]}.html"


@pytest.fixture(scope="session")
def kept() -> list[Made]:
    """The site, once it is made."""
    return []


@pytest.fixture
def made(kept: list[Made], tmp_path_factory: pytest.TempPathFactory) -> Made:
    if not kept:  # not session-wide itself: it is made within the seal of a test
        kept.append(build(tmp_path_factory.mktemp("made")))
    return kept[0]


def build(home: Path) -> Made:
    """A repository with picks that landed, wait, were adapted, and are missing; and its site."""
    git = Git.init(home / "kernel")
    lines = [f"line {number}\n" for number in range(60)]

    def text(**changes: str) -> str:
        return "".join(changes.get(f"l{number}", line) for number, line in enumerate(lines))

    base = git.commit({"mm/oom.c": text()}, "mm: start")
    for name in ("cos-5.4", "cos<b>-6.1"):
        git.branch(name, base)
    fixes = {
        "plain": git.commit({"mm/oom.c": text(l5="five\n")}, f'mm: fix five\n\nFixes: {base[:12]} ("mm: start")\n'),
        "hostile": git.commit({"mm/oom.c": text(l5="five\n", l20="<b>twenty</b>\n")}, f"{HOSTILE}\n\n{HOSTILE}\n"),
        "missing": git.commit({"mm/oom.c": text(l5="five\n", l20="<b>twenty</b>\n", l40="forty\n")},
                              f'mm: fix forty\n\nFixes: {base[:12]} ("mm: start")\n'),
    }  # fmt: skip
    origin = "(cherry picked from commit {})"
    landed = f"mm: fix five\n\nRELEASE_NOTE=Fixed five.\n\n{origin.format(fixes['plain'])}"
    git.commit({"mm/oom.c": text(l5="five\n")}, landed, branch="cos-5.4")
    git("tag", "cos-5.4.1", "cos-5.4")
    adapted = git.commit(
        {"mm/oom.c": text(l5="five\n", l20="<i>zwanzig</i>\n")},
        f"{HOSTILE}\n\n[ada: {HOSTILE}]\n{origin.format(fixes['hostile'])}",
        branch="cos-5.4",
    )
    pick = git.commit(
        {"mm/oom.c": text(l5="five\n")}, f"mm: fix five\n\n{origin.format(fixes['plain'])}",
        branch=f"refs/heads/backport/cos<b>-6.1/{fixes['plain'][:12]}", parents=[base],
    )  # fmt: skip
    reviewed = git.commit(
        {"mm/oom.c": text(l5="five\n")}, f"mm: fix five\n\n{origin.format(fixes['plain'])}\n",
        branch=f"refs/heads/backport/cos-5.4/{fixes['plain'][:12]}", parents=[base],
    )  # fmt: skip
    on_record(git, adapted, pick, reviewed)
    cves = home / "cves"
    cves.mkdir()
    (cves / "CVE-2026-10001.sha1").write_text(fixes["plain"] + "\n", encoding="utf-8")
    (cves / "CVE-2026-10001.dyad").write_text(f"5.4:{base}:6.1:{fixes['plain']}\n", encoding="utf-8")
    config = git.path / ".git/cosport"
    config.mkdir()
    (config / "cosport.toml").write_text(CONFIG.format(cves=cves), encoding="utf-8")
    file = home / "prove.yaml"
    file.write_text(PIPELINE.replace("inputs: {fix: {}}", "inputs: {fix: {}, plot: {}}"), encoding="utf-8")
    cosport(
        "pipeline", "run", str(file), "--set", f"fix={fixes['plain']}", "--set", f"plot={PLOT}", cwd=git.path, check=0
    )
    title = ("--title", "Kernels <of> ours", "--notes", f"{base}..cos-5.4")
    cosport("site", str(home / "site"), *title, cwd=git.path, check=0)
    return Made(home / "site", git, fixes)


def on_record(git: Git, adapted: str, pick: str, reviewed: str) -> None:
    now = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    conflicts = [{"path": "mm/<oom>.c", "kind": "content", "worktree": "", "touched_by": []}]
    told: dict[str, Any] = {"outcome": "resolved", "fidelity": "adapted", "conflicts": conflicts}
    repository = Repository.open(git.path)
    with ObjectReader(repository) as reader:
        notes.append(
            reader,
            {
                Sha(adapted): [record(Kind.PICK, told, at=now), record(Kind.REGRESS, {"verdict": "fixes"}, at=now)],
                Sha(reviewed): [record(Kind.REGRESS, {"verdict": "no-effect"}, at=now)],
                Sha(pick): [record(Kind.PICK, {"outcome": "picked", "fidelity": "identical", "conflicts": []}, at=now)],
            },
        )


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """The distribution's Chromium, without a window; `make test` installs it."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert program is not None, "no Chromium here; make test installs it"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()
