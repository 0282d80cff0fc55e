from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import jsonschema
import pytest

from cosport.cli import schema
from tests.backport.house import FILE, LINES, House, edit
from tests.support import Answer, Git, invoke

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def house(git: Git) -> House:
    return House.build(git, ("cos-5.4",))


def export(house: House, ref: str, out: Path, *args: str, check: int | None = 0) -> Answer:
    return invoke("export", ref, "--out", str(out), *args, cwd=house.git.path, check=check)


def series(house: House) -> str:
    one = house.fix(edit(LINES, l5="one"), "mm: one\n\nCc: stable@vger.kernel.org\nCc: Boss <boss@example.org>\n")
    two = house.fix(edit(LINES, l5="one", l9="two"), "mm: two")
    results = house.results(one, two, "--to", "cos-5.4")
    return str(results[0]["ref"]).removeprefix("refs/heads/")


def test_a_series_becomes_patches_that_apply(house: House, tmp_path: Path) -> None:
    ref = series(house)
    out = tmp_path / "patches"
    answer = export(house, ref, out)
    names = (out / "series").read_text().split()
    assert names == ["0001-mm-one.patch", "0002-mm-two.patch"]
    assert answer.out.splitlines() == [str(out / name) for name in names]
    assert sorted(path.name for path in out.iterdir()) == [*names, "series"]
    other = Git.init(tmp_path / "other")
    other("fetch", "-q", str(house.git.path), "cos-5.4")
    other("checkout", "-q", "FETCH_HEAD")
    other("am", "-q", *(str(out / name) for name in names))
    assert other.tree() == house.git.tree(ref)
    assert other.message() == house.git.message(ref)


def test_the_patches_name_no_recipients_whatever_the_settings(house: House, tmp_path: Path) -> None:
    for key, value in {
        "format.to": "list@example.org", "format.cc": "boss@example.org", "format.headers": "Cc: x@example.org\n",
        "format.signOff": "true", "format.thread": "true", "format.coverLetter": "true", "format.attach": "x",
        "format.from": "true", "format.suffix": ".txt", "format.subjectPrefix": "RFC", "diff.noprefix": "true",
        "format.outputDirectory": "elsewhere", "diff.external": "false", "format.notes": "true",
    }.items():  # fmt: skip
        house.git("config", key, value)
    export(house, series(house), tmp_path / "out")
    for path in (tmp_path / "out").glob("*.patch"):
        head = path.read_text().partition("\n\n")[0].lower()
        for word in ("\nto:", "\ncc:", "message-id:", "in-reply-to:", "multipart", "rfc"):
            assert word not in head
    text = (tmp_path / "out" / "0001-mm-one.patch").read_text()
    assert "Cc: stable@vger.kernel.org\n" in text
    assert "\n--- a/mm/oom.c\n" in text


def test_json_names_files_and_commits(house: House, tmp_path: Path) -> None:
    ref = series(house)
    document = export(house, ref, tmp_path / "out", "--json").json()
    jsonschema.validate(document, schema.of("export"))
    assert [each["commit"] for each in document["patches"]] == house.git(
        "rev-list", "--reverse", f"cos-5.4..{ref}"
    ).split()


def test_a_range_and_a_single_commit(house: House, tmp_path: Path) -> None:
    ref = series(house)
    export(house, f"{ref}~1..{ref}", tmp_path / "range")
    assert (tmp_path / "range" / "series").read_text() == "0001-mm-two.patch\n"
    export(house, "main", tmp_path / "one")  # upstream holds it: the one commit itself
    assert (tmp_path / "one" / "series").read_text() == "0001-mm-two.patch\n"
    export(house, "cos-5.4", tmp_path / "root")
    assert (tmp_path / "root" / "series").read_text() == "0001-mm-start.patch\n"


def test_a_root_commit_in_a_range(house: House, tmp_path: Path) -> None:
    house.git.commit({"other.c": "x\n"}, "another root", branch="orphan", parents=[])
    export(house, "main..orphan", tmp_path / "out")
    assert (tmp_path / "out" / "series").read_text() == "0001-another-root.patch\n"
    assert "+x\n" in (tmp_path / "out" / "0001-another-root.patch").read_text()


@pytest.mark.parametrize(("name", "about"), [("nope", "nope"), ("main..main", "no commit"), ("a...b", "symmetric")])
def test_names_that_give_nothing(house: House, tmp_path: Path, name: str, about: str) -> None:
    answer = export(house, name, tmp_path / "out", check=2)
    assert about in answer.err
    assert "hint: " in answer.err
    assert not (tmp_path / "out").exists()


def test_a_merge_is_refused(house: House, tmp_path: Path) -> None:
    base = house.git.sha("main")
    side = house.git.commit({"s.c": "s\n"}, "side", branch="side", parents=[base])
    own = house.git.commit({"t.c": "t\n"}, "own", branch="topic", parents=[base])
    house.git.commit({"s.c": "s\n"}, "Merge", branch="topic", parents=[own, side])
    assert "merge" in export(house, "main..topic", tmp_path / "out", check=2).err


def test_a_folder_with_other_files_is_left_alone(house: House, tmp_path: Path) -> None:
    ref, out = series(house), tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    assert "--force" in export(house, ref, out, check=2).err
    assert [path.name for path in out.iterdir()] == ["mine.txt"]
    export(house, ref, out, "--force")
    assert (out / "mine.txt").read_text() == "mine"
    assert "no folder" in export(house, ref, out / "mine.txt", check=2).err


def test_binary_files_and_odd_names_travel(house: House, tmp_path: Path) -> None:
    fix = house.git.commit({"a b\t\xe9.bin": bytes(range(256)), FILE: None, "moved.c": LINES}, "mm: $(id) %s/../x")
    ref = house.pick(fix)["ref"]
    out = tmp_path / "out"
    export(house, ref, out)
    other = Git.init(tmp_path / "other")
    other("fetch", "-q", str(house.git.path), "cos-5.4")
    other("checkout", "-q", "FETCH_HEAD")
    done = subprocess.run(["git", "am", "-q", *map(str, out.glob("*.patch"))], cwd=other.path, check=False)
    assert done.returncode == 0
    assert other.tree() == house.git.tree(ref)
