"""Builds the demo's repository: the commits of templates/demo/history.toml, on trees made of a kernel's source."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from cosport import process, resources
from cosport.errors import ToolError
from cosport.git.repository import Repository, environment, failure
from cosport.model.commit import Sha
from cosport.workflow.demo_source import DRIVER, FITTING, KernelSource, driver_states

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

UPSTREAM: Final = "refs/remotes/upstream/master"

_Files = dict[str, bytes]
_PLACE = re.compile(r"\{([a-z0-9.-]+)(?::(\d+))?\}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of one file: the text `before` becomes `after`; an empty `before` makes the file.

    `instead` has the two texts for kernels whose file reads otherwise.
    """

    path: str
    before: str
    after: str
    instead: tuple[str, str] | None = None

    def on(self, files: _Files) -> Edit:
        """The edit in the words of these files."""
        if self.instead is None or not self.before or files[self.path].count(self.before.encode()) == 1:
            return self
        return Edit(self.path, *self.instead)


@dataclass(frozen=True, slots=True)
class Planned:
    """One commit of the history. `driver` names the balloon driver's state from here on, "" where it stays."""

    name: str
    author: str
    date: str
    message: str
    driver: str = ""
    edit: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """A line of commits: upstream's, or a branch's that leaves another line after its commit `start`."""

    branch: str
    kind: str
    commit: tuple[Planned, ...]
    start: str = ""
    main: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """What was built: the commits by their names in history.toml, the lines, and the fix resolved for each branch.

    `resolutions` are the balloon driver's text on each branch once the fix is in, as a careful person would leave it.
    """

    repository: Repository
    source: KernelSource
    commits: dict[str, Sha]
    lines: tuple[Line, ...]
    resolutions: dict[str, bytes] = field(repr=False)


def plan() -> tuple[Line, ...]:
    """The lines that history.toml describes, upstream first."""
    raw = tomllib.loads(resources.text("templates", "demo", "history.toml"))
    for line in raw["line"]:
        line["start"] = line.pop("from", "")
    return msgspec.convert(raw["line"], tuple[Line, ...])


def build(folder: Path, source: KernelSource) -> History:
    """Make a repository in the empty or missing `folder` and write the whole history and its refs into it."""
    lines = plan()
    states = driver_states(source)
    trees = _upstream_trees(lines[0].commit, source.files, states)
    for line in lines[1:]:
        for each, files in zip(line.commit, _forward(trees[line.start], line.commit), strict=True):
            trees[each.name] = files
    done = process.run(["git", "init", "-q", "--initial-branch=my-work", str(folder)], env=environment())
    if done.status:
        raise failure(done, ("init",))
    repository = Repository.open(folder)
    commits: dict[str, Sha] = {}
    for line in lines:
        parent = line.start
        for each in line.commit:
            parents = (commits[parent],) if parent else ()
            commits[each.name] = _commit(repository, each, trees[each.name], parents, _words(commits, source))
            parent = each.name
        ref = UPSTREAM if line.kind == "upstream" else f"refs/heads/{line.branch}"
        repository.run("update-ref", ref, commits[parent])
    return History(repository, source, commits, lines, _resolutions(lines, trees, states))


def _upstream_trees(commits: tuple[Planned, ...], files: _Files, states: dict[str, bytes]) -> dict[str, _Files]:
    """The tree of each upstream commit, made backwards from the package's own files, which are the last one's."""
    trees: dict[str, _Files] = {}
    undone: list[Edit] = []
    for index, each in reversed(list(enumerate(commits))):
        state = next(one.driver for one in reversed(commits[: index + 1]) if one.driver)
        tree = {**files, DRIVER: states[state]}
        for edit in undone:
            _apply(tree, edit.path, edit.after, edit.before)
        trees[each.name] = tree
        undone.extend(each.edit)
    return trees


def _forward(start: _Files, commits: tuple[Planned, ...]) -> Iterable[_Files]:
    """The trees of a branch's own commits."""
    tree = dict(start)
    for each in commits:
        for planned in each.edit:
            edit = planned.on(tree)
            _apply(tree, edit.path, edit.before, edit.after)
        yield dict(tree)


def _apply(tree: _Files, path: str, old: str, new: str) -> None:
    """Change one file of a tree; the text to change must stand in it exactly once."""
    if not old:
        tree[path] = new.encode()
        return
    if tree[path].count(old.encode()) != 1:
        raise ToolError(
            f"the demo's history does not fit this kernel source: {path} holds {old!r} not exactly once",
            hint=FITTING,
        )
    tree[path] = tree[path].replace(old.encode(), new.encode())


def _resolutions(lines: tuple[Line, ...], trees: dict[str, _Files], states: dict[str, bytes]) -> dict[str, bytes]:
    """The driver of each branch once it has the fix: the fixed state, and what else differs there stays as it is."""
    resolved: dict[str, bytes] = {}
    for line in lines[1:]:
        tip = trees[line.commit[-1].name][DRIVER]
        fixed = {DRIVER: states["notifier"]}
        for edit in (edit for each in lines[0].commit for edit in each.edit):
            if edit.path == DRIVER and edit.after.encode() not in tip:
                _apply(fixed, DRIVER, edit.after, edit.before)
        resolved[line.branch] = fixed[DRIVER]
    return resolved


def _words(commits: dict[str, Sha], source: KernelSource) -> dict[str, str]:
    return {**commits, "version": source.version, "source": source.package}


def _commit(
    repository: Repository, each: Planned, files: _Files, parents: tuple[Sha, ...], words: dict[str, str]
) -> Sha:
    """Write one commit with its tree. The index that it goes through is a file of its own."""
    index = {"GIT_INDEX_FILE": str(repository.git_dir / "cosport-demo-index")}
    entries = []
    for path, content in sorted(files.items()):
        blob = repository.text("hash-object", "-w", "--stdin", stdin=content)
        entries.append(f"100644 {blob}\t{path}\n")
    repository.run("read-tree", "--empty", env=index)
    repository.run("update-index", "--index-info", stdin="".join(entries).encode(), env=index)
    tree = repository.text("write-tree", env=index)
    name, mail = each.author.removesuffix(">").split(" <")
    who = {
        "GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": mail, "GIT_AUTHOR_DATE": each.date,
        "GIT_COMMITTER_NAME": "Kernel Demo", "GIT_COMMITTER_EMAIL": "demo@example.com", "GIT_COMMITTER_DATE": each.date,
    }  # fmt: skip
    message = _PLACE.sub(lambda place: words[place[1]][: int(place[2]) if place[2] else None], each.message)
    above = [part for parent in parents for part in ("-p", parent)]
    return Sha(repository.text("commit-tree", tree, *above, stdin=message.encode(), env=who))
