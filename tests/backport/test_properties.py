"""Picks in memory are what `git cherry-pick` makes in a work tree: the same trees, the same conflicts."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.backport.house import House
from tests.support import Git

PATHS = ("a.c", "dir/b.c")
TEXT = [f"line {number}" for number in range(12)]

Edits = list[tuple[str, int, str]]

edits: st.SearchStrategy[Edits] = st.lists(
    st.tuples(
        st.sampled_from(PATHS),
        st.integers(0, len(TEXT) - 1),
        st.sampled_from(["change one", "change two", "insert", "remove", "delete file", "rename"]),
    ),
    min_size=1,
    max_size=3,
)


def apply(files: dict[str, list[str]], wanted: Edits) -> dict[str, list[str]]:
    files = {path: list(lines) for path, lines in files.items()}
    for path, at, how in wanted:
        if path not in files:
            continue
        if how == "delete file":
            del files[path]
        elif how == "rename":
            files[f"moved/{path}"] = files.pop(path)
        elif how == "remove":
            del files[path][at : at + 1]
        elif how == "insert":
            files[path].insert(at, f"new at {at}")
        else:
            files[path][at : at + 1] = [how]
    return files


def commit(git: Git, old: dict[str, list[str]], new: dict[str, list[str]], message: str, branch: str) -> str:
    changes: dict[str, str | None] = {path: None for path in old if path not in new}
    changes |= {path: "".join(f"{line}\n" for line in lines) for path, lines in new.items()}
    return git.commit(changes, message, branch=branch)


@settings(
    max_examples=10,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],  # an example takes a second, so shrinking would take an hour
)
@given(before=edits, fix=edits, local=edits, resolution=edits)
def test_a_pick_is_what_cherry_pick_makes(before: Edits, fix: Edits, local: Edits, resolution: Edits) -> None:
    folder = Path(tempfile.mkdtemp(prefix="cosport-property-"))
    try:
        compare(folder, before, fix, local, resolution)
    finally:
        shutil.rmtree(folder)


def compare(folder: Path, before: Edits, fix: Edits, local: Edits, resolution: Edits) -> None:
    git = Git.init(folder / "repo")
    house = House(git)
    start = {path: list(TEXT) for path in PATHS}
    git.commit({path: "".join(f"{line}\n" for line in lines) for path, lines in start.items()}, "start")
    git.branch("cos-5.4")
    house.configure(["cos-5.4"])
    changed = apply(start, before)
    commit(git, start, changed, "before", "main")
    sha = commit(git, changed, apply(changed, fix), "fix", "main")
    mine = apply(start, local)
    commit(git, start, mine, "local", "cos-5.4")

    work = Git(folder / "work")
    git("worktree", "add", "-q", "--detach", str(work.path), "cos-5.4")
    settings_ = ("-c", "merge.directoryRenames=conflict", "-c", "merge.conflictStyle=merge")
    done = work.attempt(*settings_, "cherry-pick", "--allow-empty", "--keep-redundant-commits", sha)
    (result,) = house.results(sha, "--to", "cos-5.4", "--from", "upstream", "--max-rung", "0", check=None)

    if result["outcome"] == "already-applied":
        assert done.returncode == 0
        assert work.tree() == git.tree("cos-5.4")
    elif result["outcome"] == "picked":
        assert done.returncode == 0
        assert result["tree"] == work.tree()
        assert git.tree(result["commit"]) == work.tree()
    else:
        assert result["outcome"] == "conflict"
        assert done.returncode != 0
        resolve(house, result, mine, apply(mine, resolution))
    git.fsck()


def resolve(house: House, result: dict[str, object], mine: dict[str, list[str]], wanted: dict[str, list[str]]) -> None:
    """A person makes the work tree hold exactly `wanted`; the pick is exactly that."""
    conflicts = result["conflicts"]
    assert isinstance(conflicts, list)
    there = Git(Path(conflicts[0]["worktree"]))
    there("read-tree", "--reset", "-u", "HEAD")
    for path in mine:
        if path not in wanted:
            there("rm", "-q", "-f", "--cached", "--sparse", path)
            (there.path / path).unlink(missing_ok=True)
    for path, lines in wanted.items():
        (there.path / path).parent.mkdir(parents=True, exist_ok=True)
        (there.path / path).write_text("".join(f"{line}\n" for line in lines))
        there("add", "--sparse", path)  # git passes over files that it hides: cosport takes them all the same
    house.git.branch("scratch", "cos-5.4")
    tree = house.git.tree(commit(house.git, mine, wanted, "as wanted", "scratch"))
    (done,) = house.results("--continue", "--note", "as a person wants it", check=None)
    if tree == house.git.tree("cos-5.4"):
        assert done["outcome"] == "conflict"
        assert "--skip" in done["notes"][0]
    else:
        assert (done["outcome"], done["tree"]) == ("picked", tree)
