"""Picks in memory, held to `git cherry-pick` in a real work tree: the same tree, or the same sides in conflict."""

from __future__ import annotations

import os
import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from cosport.errors import MissingObjectError
from cosport.git.merge import Merge, merge_trees
from cosport.git.quarantine import quarantine
from cosport.git.repository import Repository
from cosport.model.commit import Sha
from cosport.model.result import ConflictKind as Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cosport.git.merge import Merged
    from tests.support import File, Git

TEXT = "".join(f"line {number}\n" for number in range(30))
LINK = "160000"
NAMES = (
    "a.c",
    "d/b.c",
    "d/e/f.c",
    "w h/ite",
    'quo"te',
    "tab\tstop",
    "new\nline",
    "-dash",
    "l\udce4tin",
    "ümlaut",
    "CON~1",
)


@dataclass(frozen=True)
class Case:
    """A change (`theirs`, on top of `base`) to be picked onto another (`ours`, on top of `base` too)."""

    base: str
    ours: str
    theirs: str


def edited(text: str, line: int, to: str) -> str:
    lines = text.splitlines(keepends=True)
    lines[line] = to + "\n"
    return "".join(lines)


def case(git: Git, base: Mapping[str, File], ours: Mapping[str, File], theirs: Mapping[str, File]) -> Case:
    start = git.commit({"other": "x\n", **base}, "base", branch="base", parents=())
    left = git.commit(ours, "ours", branch="ours", parents=[start])
    return Case(start, left, git.commit(theirs, "theirs", branch="theirs", parents=[start]))


def merges(git: Git, cases: list[Case]) -> list[Merge]:
    return [Merge(*(Sha(git.tree(name)) for name in (each.base, each.ours, each.theirs))) for each in cases]


def picked(git: Git, cases: list[Case]) -> list[Merged]:
    with quarantine(Repository.open(git.path)) as place:
        return merge_trees(place, merges(git, cases))


Sides = tuple[tuple[str, str, int, bytes], ...]


def cherry_pick(git: Git, given: Case) -> tuple[str, Sides]:
    """The tree ("" where there is a conflict), and the sides in conflict, of a pick in the work tree."""
    git("cherry-pick", "--quit")
    git("checkout", "-q", "-f", "--detach", given.ours)
    git("clean", "-q", "-ffdx")
    git.attempt("cherry-pick", "--allow-empty", "--keep-redundant-commits", given.theirs)
    sides = []
    for entry in git.raw("ls-files", "-u", "-z").split(b"\0")[:-1]:
        head, _, path = entry.partition(b"\t")
        mode, blob, stage = head.decode().split()
        sides.append((mode, blob, int(stage), unlabelled(path)))
    return ("" if sides else git("write-tree")), tuple(sorted(sides))


def unlabelled(path: bytes) -> bytes:
    """Without the name of a side, which git appends where a file and a folder want the same path."""
    return re.sub(
        rb"~(HEAD|[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{7,} \(theirs\)|[0-9a-f]{7,}_.theirs.)(_\d+)?$", b"~", path
    )


def sides_of(merged: Merged) -> Sides:
    return tuple(sorted((each.mode, each.blob, each.stage, unlabelled(each.path)) for each in merged.stages))


def assert_same(git: Git, cases: list[Case], results: list[Merged]) -> None:
    assert len(results) == len(cases)
    for given, merged in zip(cases, results, strict=True):
        tree, sides = cherry_pick(git, given)
        assert sides_of(merged) == sides, given
        if tree and merged.clean:
            assert merged.tree == tree, given
        else:
            assert not merged.clean, given
        assert {unlabelled(each.path) for each in merged.unmerged} >= {path for *_, path in sides}


# --- each kind of conflict by its name ------------------------------------------------------------------------------

MOVED: dict[str, File] = {f"old/{name}": TEXT + name for name in "abcd"}
CONFLICTS: dict[str, tuple[Kind, str, dict[str, File], dict[str, File], dict[str, File]]] = {
    "content": (Kind.CONTENT, "f", {"f": TEXT}, {"f": edited(TEXT, 5, "A")}, {"f": edited(TEXT, 5, "B")}),
    "add/add": (Kind.ADD_ADD, "f", {}, {"f": "one\n"}, {"f": "two\n"}),
    "modify/delete": (Kind.MODIFY_DELETE, "f", {"f": TEXT}, {"f": None}, {"f": edited(TEXT, 5, "B")}),
    "delete/modify": (Kind.MODIFY_DELETE, "f", {"f": TEXT}, {"f": edited(TEXT, 5, "B")}, {"f": None}),
    "rename/delete": (Kind.RENAME_DELETE, "g", {"f": TEXT}, {"f": None}, {"f": None, "g": TEXT}),
    "rename/rename": (Kind.RENAME_RENAME, "g", {"f": TEXT}, {"f": None, "g": TEXT}, {"f": None, "h": TEXT}),
    "rename/rename, the other name": (
        Kind.RENAME_RENAME, "h", {"f": TEXT}, {"f": None, "g": TEXT}, {"f": None, "h": TEXT},
    ),
    "binary": (Kind.BINARY, "f", {"f": b"\0" * 40}, {"f": b"\0" * 40 + b"a"}, {"f": b"\0" * 40 + b"b"}),
    "symbolic links": (Kind.CONTENT, "f", {"f": ("120000", "a")}, {"f": ("120000", "b")}, {"f": ("120000", "c")}),
    "submodule": (Kind.SUBMODULE, "s", {"s": (LINK, "1" * 40)}, {"s": (LINK, "2" * 40)}, {"s": (LINK, "3" * 40)}),
    "file and link": (Kind.MODE, "f~", {}, {"f": ("120000", "a")}, {"f": "text\n"}),
    "file/directory": (Kind.FILE_DIRECTORY, "p~", {}, {"p/in": "x\n"}, {"p": "file\n"}),
    "directory rename suggested": (
        Kind.DIRECTORY_RENAME, "new/z", MOVED,
        {**dict.fromkeys(MOVED), **{name.replace("old", "new"): text for name, text in MOVED.items()}},
        {"old/z": "added\n"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CONFLICTS)
def test_each_conflict_is_named(git: Git, name: str) -> None:
    kind, path, base, ours, theirs = CONFLICTS[name]
    given = case(git, base, ours, theirs)
    [merged] = picked(git, [given])
    assert not merged.clean
    assert (path.encode(), kind) in {(unlabelled(each.path), each.kind) for each in merged.unmerged}
    if kind is Kind.DIRECTORY_RENAME:
        return  # cherry-pick leaves such a file as added, with no sides
    assert_same(git, [given], [merged])


CLEAN: dict[str, tuple[dict[str, File], dict[str, File], dict[str, File]]] = {
    "two places of a file": ({"f": TEXT}, {"f": edited(TEXT, 2, "A")}, {"f": edited(TEXT, 25, "B")}),
    "renamed on the branch": ({"f": TEXT}, {"f": None, "g/h": TEXT}, {"f": edited(TEXT, 9, "B")}),
    "renamed upstream": ({"f": TEXT}, {"f": edited(TEXT, 9, "B")}, {"f": None, "g/h": TEXT}),
    "made to run": ({"f": TEXT}, {"f": edited(TEXT, 9, "A")}, {"f": ("100755", TEXT)}),
    "carriage returns": (
        {"f": TEXT.replace("\n", "\r\n")},
        {"f": edited(TEXT, 2, "A").replace("\n", "\r\n")},
        {"f": edited(TEXT, 25, "B").replace("\n", "\r\n")},
    ),
    "no newline at the end": ({"f": TEXT + "end"}, {"f": edited(TEXT, 2, "A") + "end"}, {"f": TEXT + "END"}),
    "binary": ({"f": b"\0a"}, {"other": "y\n"}, {"f": b"\0b"}),
    "link": ({"f": ("120000", "a")}, {"other": "y\n"}, {"f": ("120000", "b")}),
    "submodule": ({"s": (LINK, "1" * 40)}, {"other": "y\n"}, {"s": (LINK, "2" * 40)}),
    "file becomes folder": ({"f": "x\n"}, {"other": "y\n"}, {"f": None, "f/g": "z\n"}),
    "latin-1 contents": (
        {"f": TEXT.encode() + b"\xe4\n"},
        {"f": edited(TEXT, 2, "A").encode() + b"\xe4\n"},
        {"f": TEXT.encode() + b"\xfc\n"},
    ),
    "nothing left to do": ({"f": TEXT}, {"f": edited(TEXT, 2, "A")}, {"f": edited(TEXT, 2, "A")}),
    "the last file goes": ({"f": TEXT}, {"other": None}, {"f": None}),
}


def longer(files: dict[str, File]) -> dict[str, File]:
    """The same files for a repository with SHA-256, where a submodule's commit has 64 digits."""
    return {
        name: (LINK, file[1][:1] * 64) if isinstance(file, tuple) and file[0] == LINK else file
        for name, file in files.items()
    }


@pytest.mark.parametrize("name", CLEAN)
@pytest.mark.parametrize("sha256", [False, True], ids=["sha1", "sha256"])
def test_clean_picks_give_the_tree_of_cherry_pick(make_git: Callable[..., Git], name: str, *, sha256: bool) -> None:
    git = make_git(sha256=sha256)
    given = case(git, *(longer(files) if sha256 else files for files in CLEAN[name]))
    [merged] = picked(git, [given])
    assert merged.clean
    assert_same(git, [given], [merged])


@pytest.mark.parametrize("name", NAMES)
def test_names_come_through_as_bytes(git: Git, name: str) -> None:
    clean = case(git, {name: TEXT}, {name: edited(TEXT, 2, "A")}, {name: edited(TEXT, 25, "B")})
    conflict = case(git, {name: TEXT}, {name: edited(TEXT, 2, "A")}, {name: edited(TEXT, 2, "B")})
    results = picked(git, [clean, conflict])
    assert_same(git, [clean, conflict], results)
    assert [each.path for each in results[1].unmerged] == [name.encode("utf-8", "surrogateescape")]


# --- generated cases ------------------------------------------------------------------------------------------------


def change(rng: random.Random, files: dict[str, File], who: str) -> dict[str, File]:
    """One to three random changes to a tree."""
    changes: dict[str, File] = {}
    for _ in range(rng.randint(1, 3)):
        name = rng.choice(sorted(files))
        contents = files[name]
        match rng.randrange(9):
            case 0 | 1 | 2 if isinstance(contents, str):
                changes[name] = edited(contents, rng.randrange(30), rng.choice((who, "same")))
            case 3:
                changes[name] = None
            case 4 if isinstance(contents, str):
                changes |= {name: None, f"moved/{rng.choice((who, 'same'))}": contents}
            case 5:
                changes[f"new {rng.choice(NAMES)}"] = rng.choice((who, "same")) + "\n"
            case 6 if isinstance(contents, str):
                changes[name] = ("100755", contents)
            case 7:
                changes |= {name: None, f"{name}/inside": f"{who}\n"}
            case 8:
                changes[name] = rng.choice((("120000", who), b"\0" + who.encode(), (LINK, who[0] * 40)))
            case _:
                changes["other"] = f"{who}\n"
    return changes


def generated(git: Git, seed: int) -> Case:
    rng = random.Random(seed)
    names = rng.sample(NAMES, 4)
    base: dict[str, File] = {name: f"{name!r}\n" + TEXT for name in names}
    base |= {"bin": b"\0" + bytes(range(256)), "link": ("120000", "a.c")}
    return case(git, base, change(rng, base, "a" * 3), change(rng, base, "b" * 3))


COUNT = 300 if os.environ.get("COSPORT_SOAK") else 25


@pytest.mark.parametrize("start", [0, 1000, 2000])
def test_generated_picks_in_one_batch_are_those_of_cherry_pick(git: Git, start: int) -> None:
    cases = [generated(git, start + number) for number in range(COUNT)]
    results = picked(git, cases)
    assert {merged.clean for merged in results} == {True, False}
    assert_same(git, cases, results)


def test_one_at_a_time_is_as_all_at_once(git: Git) -> None:
    cases = [generated(git, seed) for seed in range(3000, 3008)]
    together = picked(git, [*cases, *cases])
    alone = [picked(git, [each])[0] for each in cases]
    assert together == [*alone, *alone]


def test_no_merges_no_process(git: Git) -> None:
    git.commit({"a": "1"})
    assert picked(git, []) == []


# --- what must not matter -------------------------------------------------------------------------------------------


def test_marker_style_is_the_callers_and_labels_are_told(git: Git) -> None:
    given = case(git, {"f": TEXT}, {"f": edited(TEXT, 5, "A")}, {"f": edited(TEXT, 5, "B")})
    with quarantine(Repository.open(git.path)) as place:
        for style in ("merge", "diff3"):
            [merged] = merge_trees(place, merges(git, [given]), style=style)
            text = place.repository.run("cat-file", "blob", f"{merged.tree}:f")
            ours, theirs, base = merged.labels
            assert b"<<<<<<< " + ours.encode() + b"\n" in text
            assert b">>>>>>> " + theirs.encode() + b"\n" in text
            assert (b"||||||| " + base[:7].encode() in text) == (style == "diff3")


SETTINGS = {
    "merge.default": "evil", "merge.evil.driver": "touch {}; true", "merge.renames": "false", "merge.renameLimit": "1",
    "merge.directoryRenames": "true", "merge.conflictStyle": "zdiff3", "merge.renormalize": "true",
    "diff.renames": "false", "diff.algorithm": "patience", "diff.external": "touch {}", "diff.noprefix": "true",
    "core.autocrlf": "true", "core.quotePath": "false", "core.bigFileThreshold": "10", "color.ui": "always",
    "i18n.logOutputEncoding": "UTF-16", "log.showSignature": "true", "core.fsmonitor": "touch {}",
    "diff.suppressBlankEmpty": "true", "submodule.recurse": "true",
}  # fmt: skip


@pytest.mark.parametrize("place", ["config", "info/attributes", ".gitattributes", "global attributes", "environment"])
def test_the_users_settings_neither_change_a_result_nor_run(
    git: Git, seal: object, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    cases = [generated(git, seed) for seed in range(4000, 4010)]
    cases.append(case(git, {"f": TEXT}, {"f": edited(TEXT, 5, "A")}, {"f": edited(TEXT, 5, "B")}))
    expected = picked(git, cases)
    ran = git.path / "ran"
    for key, value in SETTINGS.items():
        if place == "config" or key.startswith("merge.evil"):
            git("config", key, value.format(ran))
    hooks = git.path / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    for hook in ("post-index-change", "reference-transaction", "post-checkout"):
        (hooks / hook).write_text(f"#!/bin/sh\ntouch {ran}\nexit 1\n")
        (hooks / hook).chmod(0o755)
    if place == "info/attributes":
        git.path.joinpath(".git/info/attributes").write_text("* merge=evil\n")
    if place == ".gitattributes":
        for folder in (git.path, git.path / ".git"):
            (folder / ".gitattributes").write_text("* merge=evil\n")
    if place == "global attributes":
        attributes = git.path / "attributes"
        attributes.write_text("* merge=evil\n")
        git("config", "core.attributesFile", str(attributes))
    if place == "environment":
        elsewhere = git.path / "elsewhere"
        for name in (
            "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES",
            "GIT_COMMON_DIR", "GIT_CEILING_DIRECTORIES", "GIT_NAMESPACE", "GIT_GRAFT_FILE", "GIT_SHALLOW_FILE",
            "GIT_EXTERNAL_DIFF", "GIT_TEMPLATE_DIR", "GIT_ATTR_SOURCE", "GIT_DEFAULT_HASH", "GIT_QUARANTINE_PATH",
        ):  # fmt: skip
            monkeypatch.setenv(name, str(elsewhere))
        for name in ("GIT_TRACE", "GIT_LITERAL_PATHSPECS", "GIT_NO_REPLACE_OBJECTS", "GIT_FLUSH", "GIT_TRACE_SETUP"):
            monkeypatch.setenv(name, "0" if name == "GIT_FLUSH" else "1")
        monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
        monkeypatch.setenv("GIT_CONFIG_KEY_0", "merge.default")
        monkeypatch.setenv("GIT_CONFIG_VALUE_0", "evil")
        monkeypatch.setenv("GIT_DIFF_OPTS", "-u0")
    assert picked_again(git, cases) == expected
    assert not ran.exists()


def picked_again(git: Git, cases: list[Case]) -> list[Merged]:
    """As `picked`, with the trees looked up by ourselves: git itself would be led astray by now."""
    with quarantine(Repository.open(git.path)) as place:
        found = [
            Merge(*(Sha(place.repository.text("rev-parse", f"{name}^{{tree}}")) for name in (c.base, c.ours, c.theirs)))
            for c in cases
        ]
        return merge_trees(place, found)


def test_grafts_replacements_and_a_shallow_boundary_change_nothing(git: Git) -> None:
    cases = [generated(git, seed) for seed in range(5000, 5008)]
    expected = picked(git, cases)
    strange = git.commit({"strange": "1\n"}, branch="strange")
    for each in cases:
        git("replace", "-f", each.theirs, strange)
        git("replace", "-f", git.tree(each.ours), git.tree(strange)) if git.tree(each.ours) != git.tree(
            strange
        ) else None
    git.path.joinpath(".git/info/grafts").write_text("".join(f"{each.ours} {strange}\n" for each in cases))
    git.path.joinpath(".git/shallow").write_text("".join(f"{each.theirs}\n" for each in cases[:1]))
    assert picked_again(git, cases) == expected


def test_an_object_that_is_not_there_is_named(git: Git) -> None:
    given = case(git, {"f": TEXT}, {"f": edited(TEXT, 2, "A")}, {"f": edited(TEXT, 25, "B")})
    wanted = merges(git, [given])
    git("repack", "-adq")
    blob = git("rev-parse", f"{given.theirs}:f")
    for pack in (git.path / ".git/objects/pack").glob("pack-*.pack"):
        data = pack.read_bytes()
        pack.unlink()
        pack.with_suffix(".idx").unlink()
        git("unpack-objects", "-q", stdin=data)
    (git.path / ".git/objects" / blob[:2] / blob[2:]).unlink()
    with quarantine(Repository.open(git.path)) as place, pytest.raises(MissingObjectError, match=blob) as raised:
        merge_trees(place, wanted)
    assert raised.value.hint == "run: git fsck"
