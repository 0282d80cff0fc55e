"""Objects by name: each name that leads to no commit says why, and objects that are not here are told."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from cosport.errors import CosportError, MissingObjectError, RevisionError
from cosport.git.diff import patches
from cosport.git.merge import Merge, merge_trees
from cosport.git.objects import ObjectReader
from cosport.git.quarantine import quarantine
from cosport.git.repository import Repository
from cosport.model.commit import Sha
from tests.support import Git

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def reader(git: Git) -> Iterator[ObjectReader]:
    with ObjectReader(Repository.open(git.path)) as found:
        yield found


def test_every_form_of_name(git: Git, reader: ObjectReader) -> None:
    first = git.commit({"a": "1"}, "first")
    second = git.commit({"a": "2"}, "second")
    git("tag", "-a", "-m", "x", "v1", first)
    git("tag", "-a", "-m", "x", "v1-again", "v1")
    git("branch", "odd/ünïcode", first)
    for name in ("v1", "v1-again", "main^", "main~1", first, first[:7], first.upper(), "odd/ünïcode", ":/first"):
        assert reader.resolve(name).sha == first, name
    for name in ("main", "HEAD", "@", "refs/heads/main", "HEAD^{/second}"):
        assert reader.resolve(name).sha == second, name


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nothing", "no branch, tag or commit named 'nothing'"),
        ("", "is no revision"),
        ("two\nlines", "is no revision"),
        ("nul\0", "is no revision"),
        ("-x", "starts with a dash"),
        ("--all", "starts with a dash"),
        ("deadbeef", "no commit deadbeef"),
        ("d" * 40, "no commit d"),
        ("abc", "no branch, tag or commit named 'abc'"),
        ("main:a", "is a blob, not a commit"),
        ("main^{tree}", "is a tree, not a commit"),
        ("tagged", "is a blob, not a commit"),
        ("HEAD@{99}", "no commit named"),
        ("main@{99}", "no commit named"),
        ("main^5", "no branch, tag or commit"),
        (":/no such text", "no branch, tag or commit"),
        (":/[", "no branch, tag or commit"),
        ("main..main", "no branch, tag or commit"),
        ("a b", "no branch, tag or commit"),
        ("a 5", "no branch, tag or commit"),
        ("unborn-head", "no branch, tag or commit"),
        ("\udcff", "no branch, tag or commit"),
    ],
)
def test_a_name_that_leads_to_no_commit_says_why(git: Git, reader: ObjectReader, name: str, why: str) -> None:
    git.commit({"a": "1"}, "first")
    git("tag", "-a", "-m", "x", "tagged", "main:a")
    with pytest.raises(RevisionError) as raised:
        reader.resolve(name)
    assert why in str(raised.value)
    assert raised.value.hint
    assert reader.resolve("main").subject == "first"  # and the reader goes on


def test_an_unborn_branch(git: Git, reader: ObjectReader) -> None:
    with pytest.raises(RevisionError, match="HEAD is unborn: refs/heads/main has no commit yet"):
        reader.resolve("HEAD")


def test_an_ambiguous_name_shows_what_it_could_be(git: Git, reader: ObjectReader) -> None:
    names: dict[str, str] = {}
    for number in range(2000):
        name = git("commit-tree", "-m", str(number), git("mktree"))
        if name[:4] in names:
            break
        names[name[:4]] = name
    with pytest.raises(RevisionError, match=f"{name[:4]} is ambiguous: ") as raised:
        reader.resolve(name[:4])
    assert name[:16] in str(raised.value)


def test_contents_come_as_they_are(git: Git, reader: ObjectReader) -> None:
    data = os.urandom(3_000_000) + b"\n\0"
    git.commit({"big": data, "empty": b""})
    assert reader.blob(Sha(git("rev-parse", "main:big"))) == data
    assert reader.blob(Sha(git("rev-parse", "main:empty"))) == b""
    with pytest.raises(MissingObjectError):
        reader.blob(Sha(git.tree("main")))
    with pytest.raises(MissingObjectError):
        reader.commit(Sha(git.tree("main")))
    assert reader.read("main:nothing") is None


def test_a_commit_is_kept_and_the_cache_has_an_end(
    git: Git, reader: ObjectReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cosport.git.objects._CACHED_COMMITS", 2)
    names = [Sha(git.commit({"a": str(number)})) for number in range(4)]
    first = reader.commit(names[0])
    assert reader.commit(names[0]) is first
    for name in (*names, names[0]):
        assert reader.commit(name).sha == name
    assert reader.commit(names[0]) is not first


def test_replaced_commits_are_shown_as_they_are(git: Git, reader: ObjectReader) -> None:
    one, two = git.commit({"a": "1"}, "one"), git.commit({"a": "2"}, "two")
    git("replace", one, two)
    assert reader.commit(Sha(one)).subject == "one"


def test_a_damaged_object_is_told_and_the_reader_goes_on(git: Git, reader: ObjectReader) -> None:
    git.commit({"a": "1"})
    blob = git("hash-object", "-w", "--stdin", stdin="contents")
    path = git.path / ".git/objects" / blob[:2] / blob[2:]
    path.chmod(0o644)
    path.write_bytes(b"garbage")
    with pytest.raises(CosportError) as raised:
        reader.blob(Sha(blob))
    assert blob in str(raised.value)
    assert reader.resolve("main").sha == git.sha("main")


# --- clones that do not hold everything -----------------------------------------------------------------------------


def upstream(make_git: Callable[..., Git]) -> Git:
    git = make_git("upstream")
    git("config", "uploadpack.allowFilter", "true")
    git("config", "uploadpack.allowAnySHA1InWant", "true")
    base = git.commit({"f": "1\n2\n3\n"}, "base")
    git.commit({"f": "1\n2\nthree\n"}, "fix")
    git.commit({"f": "one\n2\n3\n"}, "stable", branch="stable", parents=[base])
    return git


def test_a_shallow_clone_says_so(make_git: Callable[..., Git], tmp_path: Path) -> None:
    git = upstream(make_git)
    git("clone", "-q", "--depth=1", "--no-local", f"file://{git.path}", str(tmp_path / "clone"))
    home = Repository.open(tmp_path / "clone")
    assert home.is_shallow
    with ObjectReader(home) as reader:
        assert reader.resolve("HEAD").subject == "fix"
        with pytest.raises(RevisionError) as unknown:
            reader.resolve(git.sha("main^"))
        assert "git fetch --unshallow" in unknown.value.hint
        [parent] = reader.resolve("HEAD").parents
        with pytest.raises(MissingObjectError) as missing:
            reader.commit(parent)
        assert "git fetch --unshallow" in missing.value.hint


def partial(git: Git, place: Path) -> Repository:
    git("clone", "-q", "--no-checkout", "--filter=blob:none", f"file://{git.path}", str(place))
    return Repository.open(place)


def names(git: Git) -> Merge:
    return Merge(*(Sha(git.tree(name)) for name in ("main^", "stable", "main")))


def test_a_partial_clone_fetches_what_a_trial_needs_and_keeps_it_only_where_accepted(
    make_git: Callable[..., Git], tmp_path: Path
) -> None:
    git = upstream(make_git)
    wanted = names(git)
    home = partial(git, tmp_path / 'cl"one')
    assert home.is_partial
    before = {path.name for path in (home.common_dir / "objects/pack").iterdir()}
    with quarantine(home) as place:
        [merged] = merge_trees(place, [wanted])
        assert merged.clean
        [patch] = patches(place.repository, [(wanted.ours, merged.tree)])
        assert b"+three\n" in patch
        assert {path.name for path in (home.common_dir / "objects/pack").iterdir()} == before
        place.accept([merged.tree])
    clone = Git(tmp_path / 'cl"one')
    clone("fsck")
    assert clone.attempt("cat-file", "-e", merged.tree).returncode == 0


def test_a_partial_clone_whose_remote_is_gone_says_so(make_git: Callable[..., Git], tmp_path: Path) -> None:
    git = upstream(make_git)
    wanted = names(git)
    blob = Sha(git("rev-parse", "main:f"))
    home = partial(git, tmp_path / "clone")
    shutil.rmtree(git.path)
    with ObjectReader(home) as reader:
        with pytest.raises(MissingObjectError, match=blob) as missing:
            reader.blob(blob)
        assert "check the remote" in missing.value.hint
        assert reader.resolve("HEAD").subject == "fix"
        with pytest.raises(CosportError):
            reader.resolve("e" * 40)
        assert reader.resolve("HEAD").subject == "fix"
    with quarantine(home) as place, pytest.raises(MissingObjectError) as trial:
        merge_trees(place, [wanted])
    assert "check the remote" in trial.value.hint
    with quarantine(home) as place, pytest.raises(MissingObjectError):
        patches(place.repository, [(wanted.base, wanted.theirs)])
