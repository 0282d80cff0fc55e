"""A small house of branches for tests of presubmit checks: upstream on `main`, a main branch and its release branch."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cosport.config import parse
from cosport.git.objects import ObjectReader
from cosport.git.repository import Repository
from cosport.history.index import History
from cosport.message.changeid import derive
from cosport.model.commit import Sha
from cosport.presubmit import runner
from cosport.presubmit.context import Context, target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cosport.presubmit.finding import Finding
    from cosport.presubmit.report import CheckResult, Report
    from tests.support import File, Git

FILE = "mm/oom.c"
LINES = "".join(f"line {number}\n" for number in range(1, 41))
UPSTREAM = "Up Stream <up@example.org>"
ENGINEER = "Kernel Engineer <engineer@example.com>"
FIELDS = "BUG=b/1\nTEST=boot\nRELEASE_NOTE=Fixed a crash.\n"


def edit(number: int, new: str, text: str = LINES) -> str:
    """`text` with one line (from 1) replaced."""
    lines = text.splitlines(keepends=True)
    lines[number - 1] = new + "\n"
    return "".join(lines)


@dataclass
class House:
    """One repository, its configuration, and the judgement on its commits."""

    git: Git
    profile: str = "cos"
    extra: str = ""
    upstream: str = "refs/heads/main"
    names: list[str] = field(default_factory=lambda: ["cos-6.1", "release-1:cos-6.1"])

    def __post_init__(self) -> None:
        self.first = self.git.commit({FILE: LINES, "Makefile": "VERSION = 6\nPATCHLEVEL = 1\n"}, "mm: start")
        for name in self.names:
            self.git.branch(name.partition(":")[0], self.first)

    @property
    def config(self) -> str:
        """The text of cosport.toml."""
        text = f'{self.extra}\n[upstream]\nref = "{self.upstream}"\n[message]\nprofile = "{self.profile}"\n'
        for entry in self.names:
            name, _, main = entry.partition(":")
            text += f'[[branch]]\nname = "{name}"\nkind = "{"release" if main else "main"}"\n'
            text += f'main = "{main}"\n' if main else ""
        return text

    def configure(self) -> None:
        """Write it where the clone's own configuration lies."""
        folder = self.git.path / ".git" / "cosport"
        folder.mkdir(exist_ok=True)
        (folder / "cosport.toml").write_text(self.config, encoding="utf-8")

    def fix(
        self,
        line: int = 5,
        new: str = "int five;",
        message: str = "mm: fix it",
        files: Mapping[str, File] | None = None,
    ) -> str:
        """A commit upstream, signed off by its author; it changes one line of the one file unless `files` says more."""
        before = self.git.read("refs/heads/main", FILE).decode()
        tag = f'Fixes: {self.first[:12]} ("mm: start")'
        body = f"{message}\n\nIt was broken.\n\n{tag}\nSigned-off-by: {UPSTREAM}\n" if "\n" not in message else message
        return self.git.commit(files or {FILE: edit(line, new, before)}, body)

    def pick(
        self,
        upstream: str,
        branch: str = "cos-6.1",
        *,
        line: int = 5,
        new: str = "int five;",
        message: str | None = None,
        files: Mapping[str, File] | None = None,
        author: str = UPSTREAM,
        on: str | None = None,
    ) -> str:
        """A pick of it as a commit on top of `branch` that no branch holds yet (`on`: a ref to put it on)."""
        before = self.git.read(branch, FILE).decode()
        text = self.message(upstream) if message is None else message
        ref = on or "refs/changes/1"
        if on is None:
            self.git("update-ref", ref, self.git.sha(branch))
        sha = self.git.commit(files or {FILE: edit(line, new, before)}, text, branch=ref, author=author)
        return self.committed(sha, ref)

    def committed(self, sha: str, ref: str, who: str = ENGINEER) -> str:
        """The same commit with another committer, as a pick has."""
        raw = self.git.raw("cat-file", "commit", sha).decode("utf-8", "surrogateescape")
        head, _, body = raw.partition("\n\n")
        lines = [f"committer {who} 1700000000 +0000" if x.startswith("committer ") else x for x in head.split("\n")]
        data = "\n".join(lines) + "\n\n" + body
        new = self.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=data.encode("utf-8", "surrogateescape"))
        self.git("update-ref", ref, new)
        return new

    def message(self, upstream: str, *, note: str = "", extra: str = "") -> str:
        """The message that `cosport backport` would give a pick."""
        theirs = self.git.message(upstream).decode().rstrip("\n")
        body, _, trailers = theirs.rpartition("\n\n")
        return (
            f"{body}\n\n{FIELDS}\ncos-patch: bug\n{trailers}\n{note}"
            f"(cherry picked from commit {upstream})\n{extra}Change-Id: {derive(Sha(upstream))}\n"
            f"Signed-off-by: {ENGINEER}\n"
        )

    def judge(
        self, commit: str, branch: str = "cos-6.1", *only: str, skip: Mapping[str, str] | None = None, head: str = ""
    ) -> Report:
        """The report on a commit."""
        with self.context() as context:
            reader = context.reader
            aim = target(context, branch)
            given = reader.resolve(commit)
            return runner.run(context, given, aim, only=only, skip=skip or {}, head=Sha(head) if head else None)

    @contextmanager
    def context(self) -> Iterator[Context]:
        """What the checks work with."""
        with ExitStack() as stack:
            repository = Repository.open(self.git.path)
            reader = stack.enter_context(ObjectReader(repository))
            upstream = reader.resolve(self.upstream).sha if self.upstream else None
            history = stack.enter_context(History.open(repository, upstream=upstream))
            config = parse(self.config.encode(), "cosport.toml")
            yield Context.of(repository, reader, history, config, upstream)

    def result(self, check: str, commit: str, branch: str = "cos-6.1", head: str = "") -> CheckResult:
        """What one check says of it."""
        (result,) = self.judge(commit, branch, check, head=head).checks
        return result

    def rules(self, check: str, commit: str, branch: str = "cos-6.1") -> list[str]:
        """The rules that one check finds broken, with their severity: `field-missing:block`."""
        return [f"{each.rule}:{each.severity}" for each in self.result(check, commit, branch).findings]


def by_rule(report: Report) -> dict[str, Finding]:
    """The findings of a report by rule."""
    return {each.rule: each for each in report.findings}
