from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from cosport.compare.patchid import TouchedPaths, patch_ids
from cosport.git.repository import Repository
from cosport.model.commit import Sha

if TYPE_CHECKING:
    from tests.support import Git


def ids(git: Git, *shas: str) -> dict[Sha, str]:
    return patch_ids(Repository.open(git.path), [Sha(sha) for sha in shas])


def test_it_is_gits_own_patch_id(git: Git) -> None:
    git.commit({"a": "1\n2\n3\n", "b": "x\n"}, "start")
    sha = git.commit({"a": "1\n2\n4\n", "b": "y\n"}, "change")
    patch = git.raw("diff-tree", "-p", "--no-renames", sha)
    expected = subprocess.run(
        ["git", "patch-id", "--verbatim"], input=patch, capture_output=True, check=True, cwd=git.path
    ).stdout.split()[0]
    assert ids(git, sha) == {sha: expected.decode()}


def test_many_commits_keep_their_own(git: Git) -> None:
    shas = [git.commit({"a": f"{number}\n"}, f"c{number}") for number in range(40)]
    found = ids(git, *shas, shas[0])
    assert len(found) == 40
    assert len(set(found.values())) == 40
    assert all(found[Sha(sha)] == ids(git, sha)[Sha(sha)] for sha in (shas[0], shas[17], shas[39]))


def test_the_same_patch_elsewhere_in_the_file_has_the_same_id(git: Git) -> None:
    git.commit({"a": "".join(f"{n}\n" for n in range(30))}, "start")
    git.branch("b")
    here = git.commit({"a": "".join(f"{n}\n" for n in range(30)).replace("20\n", "twenty\n")}, "here")
    git.commit({"a": "new\nnew\n" + "".join(f"{n}\n" for n in range(30))}, "above", branch="b")
    there = git.commit(
        {"a": "new\nnew\n" + "".join(f"{n}\n" for n in range(30)).replace("20\n", "twenty\n")}, "there", branch="b"
    )
    found = ids(git, here, there)
    assert found[Sha(here)] == found[Sha(there)]


def test_merges_and_empty_commits_have_none_and_roots_have_one(git: Git) -> None:
    root = git.commit({"a": "1\n"}, "root")
    git.branch("side")
    side = git.commit({"b": "1\n"}, "side", branch="side")
    git.commit({"c": "1\n"}, "on")
    merge = git.commit({"b": "1\n"}, "merge", parents=[git.sha("main"), side])
    empty = git.commit({}, "empty")
    assert set(ids(git, root, merge, empty)) == {root}


def test_binary_files_count_with_their_blobs(git: Git) -> None:
    git.commit({"a": b"\01"}, "start")
    git.branch("b")
    git.branch("c")
    one = git.commit({"a": b"\02"}, "one")
    same = git.commit({"a": b"\02"}, "same", branch="b")
    other = git.commit({"a": b"\03"}, "other", branch="c")
    found = ids(git, one, same, other)
    assert found[Sha(one)] == found[Sha(same)] != found[Sha(other)]


def test_a_users_settings_change_nothing(git: Git) -> None:
    git.commit({"a": "1\n2\n3\n4\n5\n6\n7\n8\n9\n"}, "start")
    sha = git.commit({"a": "1\n2\n3\n4\nfive\n6\n7\n8\n9\n"}, "change")
    before = ids(git, sha)
    settings = ("diff.context=1", "diff.noprefix=true", "diff.algorithm=patience", "diff.renames=copies",
                "diff.mnemonicPrefix=true", "patchid.stable=false")  # fmt: skip
    for setting in settings:
        git("config", *setting.split("="))
    assert ids(git, sha) == before


def test_touched_paths_tell_sets_of_paths_apart(git: Git) -> None:
    git.commit({"a": "1\n", "b": "1\n", "ü\n": "1\n"}, "start")
    first = git.commit({"a": "2\n"}, "a")
    second = git.commit({"a": "3\n"}, "a again")
    both = git.commit({"a": "4\n", "b": "4\n"}, "both")
    odd = git.commit({"ü\n": "2\n"}, "odd name")
    empty = git.commit({}, "nothing")
    with TouchedPaths(Repository.open(git.path)) as touched:
        keys = list(touched.keys([Sha(sha) for sha in (first, second, both, odd, empty)]))
        again = list(touched.keys([Sha(odd)] * 600))
    assert keys[0] == keys[1] != keys[2]
    assert len(set(keys)) == 4
    assert keys[4] == 0
    assert set(again) == {keys[3]}


def test_white_space_counts(git: Git) -> None:
    git.commit({"a.c": "if (x)\n\tgo();\n"}, "start")
    indent = git.commit({"a.c": "if (x)\n\t\tgo();\n"}, "indent")
    back = git.commit({"a.c": "if (x)\n\tgo();\n"}, "take it back")
    found = ids(git, indent, back)
    assert found[Sha(indent)] != found[Sha(back)]
