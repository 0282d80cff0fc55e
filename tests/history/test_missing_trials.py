from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cosport.errors import ConfigError
from cosport.git.objects import ObjectReader
from cosport.git.repository import Repository
from cosport.history import missing_trials
from cosport.history.missing_severity import parse, severity_of
from cosport.history.missing_trials import Applies, Trials, Tried
from cosport.model.commit import Sha
from cosport.model.result import Conflict, ConflictKind
from cosport.model.severity import Severity

if TYPE_CHECKING:
    from tests.support import Git


def run(git: Git, *names: str, target: str = "stable") -> dict[str, Tried]:
    repository = Repository.open(git.path)
    with ObjectReader(repository) as reader, Trials(repository, reader, Sha(git.tree(target))) as trials:
        return {str(sha): tried for sha, tried in trials.run([Sha(git.sha(name)) for name in names])}


def known(git: Git, *names: str, target: str = "stable") -> dict[str, Tried]:
    repository = Repository.open(git.path)
    with ObjectReader(repository) as reader, Trials(repository, reader, Sha(git.tree(target))) as trials:
        return {str(sha): tried for sha, tried in trials.known([Sha(git.sha(name)) for name in names]).items()}


def lose(git: Git, name: str) -> None:
    """Take an object out of the repository."""
    for pack in (git.path / ".git/objects/pack").glob("*.pack"):
        data = pack.read_bytes()
        for each in pack.parent.glob(pack.stem + ".*"):
            each.unlink()
        git("unpack-objects", "-q", stdin=data)
    (git.path / ".git/objects" / name[:2] / name[2:]).unlink()


@pytest.fixture
def four(git: Git) -> dict[str, str]:
    git.commit({"a.c": "1\n", "b.c": "1\n", "c.c": "1\n"}, "start")
    git.branch("stable")
    git.commit({"b.c": "own\n", "c.c": "2\n"}, "own", branch="stable")
    return {
        "clean": git.commit({"a.c": "2\n"}, "a"),
        "conflict": git.commit({"b.c": "2\n"}, "b"),
        "nothing": git.commit({"c.c": "2\n"}, "c"),
    }


def test_each_trial_tells_how_the_commit_applies(git: Git, four: dict[str, str]) -> None:
    objects = git("count-objects", "-v")
    found = run(git, *four.values())
    assert found[four["clean"]] == Tried(Applies.CLEAN)
    assert found[four["conflict"]] == Tried(Applies.CONFLICT, (Conflict("b.c", ConflictKind.CONTENT),))
    assert found[four["nothing"]] == Tried(Applies.NOTHING)
    assert git("count-objects", "-v") == objects


def test_a_trial_is_made_once_for_a_tree(git: Git, four: dict[str, str]) -> None:
    found = run(git, *four.values())
    assert known(git, *four.values()) == found
    git.commit({"d.c": "more\n"}, "the branch moves on", branch="stable")
    assert known(git, *four.values()) == {}


def test_another_git_makes_the_trial_anew(git: Git, four: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    run(git, four["clean"])
    monkeypatch.setattr(missing_trials, "version", lambda: (99, 0, 0))
    assert known(git, four["clean"]) == {}


def test_what_git_cannot_try_is_an_answer_for_that_commit_alone(git: Git, four: dict[str, str]) -> None:
    lost = git.commit({"a.c": "lost\n"}, "its tree gets lost")
    tree = git.tree(lost)
    lose(git, tree)
    found = run(git, lost, four["clean"])
    assert found[lost].outcome is Applies.ERROR
    assert found[lost].error
    assert found[four["clean"]].outcome is Applies.CLEAN
    assert lost not in known(git, lost, four["clean"])


def test_a_root_commit_is_tried_as_all_that_it_brought(git: Git, four: dict[str, str]) -> None:
    root = git.commit({"new.c": "1\n"}, "a second root", parents=[], branch="root")
    assert run(git, root)[root].outcome is Applies.CLEAN


def test_old_trees_are_forgotten(git: Git, four: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missing_trials, "_TREES", 2)
    run(git, four["clean"])
    for number in range(2):
        git.commit({"d.c": f"{number}\n"}, "on", branch="stable")
        run(git, four["clean"])
    assert known(git, four["clean"]) != {}
    assert known(git, four["clean"], target="stable~1") != {}
    assert known(git, four["clean"], target="stable~2") == {}


def test_severities_are_read_by_abbreviated_shas() -> None:
    found = parse(b'[severity]\n"AAAAAAAAAAAA" = "high"\n"aaaaaaaaaaaab" = "low"\n', "s.toml")
    assert severity_of(found, Sha("a" * 40)) is Severity.HIGH
    assert severity_of(found, Sha("a" * 12 + "b" * 28)) is Severity.LOW
    assert severity_of(found, Sha("b" * 40)) is None


@pytest.mark.parametrize(
    "text", ['[severity]\n"aaaaaaaaaaaa" = "bad"\n', '[severity]\naaaa = "high"\n', "x", "[severty]\n"]
)
def test_wrong_severities_are_refused_with_the_file(text: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(text.encode(), "s.toml")
    assert "s.toml" in error.value.what
