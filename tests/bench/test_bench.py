"""The bench measures what it says: its repository is sound, its peers do the same work as cosport."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cosport.backport.context import Context
from cosport.backport.prerequisites import Found, Need, Status
from cosport.config import Config
from cosport.git.objects import ObjectReader
from cosport.git.repository import Repository
from cosport.history.index import History
from cosport.model.commit import Sha
from tests.bench import generate, ladder, measure, missing, pairs, prerequisites, raw
from tests.bench.prereq_misses import Cause, causes
from tests.support import Git, cosport

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.generate import Made
    from tests.support import File

TINY = replace(generate.SMALL, files=120, folders=12, upstream=60, per_branch=24, fixes=3, hot=30, swept=20)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return generate.cached(TINY)


@pytest.fixture
def git(made: Made) -> Git:
    return Git(made.git_dir)


def test_the_generated_repository_is_sound_and_as_large_as_asked(git: Git, made: Made) -> None:
    git("fsck", "--strict", "--full")
    assert len(git("ls-tree", "-r", "--name-only", generate.UPSTREAM).splitlines()) == TINY.files
    swept = TINY.branches  # one commit between the times at which two branches leave
    assert int(git("rev-list", "--count", generate.UPSTREAM)) == 1 + TINY.upstream + swept + TINY.fixes
    assert len(made.fixes) == TINY.fixes


def test_the_same_numbers_make_the_same_repository(made: Made, git: Git, tmp_path: Path) -> None:
    generate.generate(tmp_path / "again", TINY)
    assert Git(tmp_path / "again").sha(generate.UPSTREAM) == git.sha(generate.UPSTREAM)
    for branch in made.branches:
        assert Git(tmp_path / "again").sha(branch) == git.sha(branch)


def test_each_pair_is_a_backport_that_names_its_upstream_commit(made: Made, git: Git) -> None:
    assert len(made.pairs) > TINY.branches * 5
    for pair in made.pairs:
        assert pair.upstream in git("log", "-1", "--format=%B", pair.stable)
        assert git.sha(f"{pair.stable}^") == pair.parent
        assert git.tree(pair.stable) == pair.tree


def test_quotations_in_reverts_are_no_backports(tmp_path: Path) -> None:
    git = Git.init(tmp_path / "repo")
    base = git.commit({"a": "1\n"}, "start")
    fix = git.commit({"a": "2\n"}, "fix")
    git.branch("stable", base)
    picked = git.commit({"a": "2\n"}, f"fix\n\ncommit {fix} upstream.\n", branch="stable")
    git.commit({"a": "1\n"}, f'Revert "fix"\n\n  commit {fix} upstream.\n', branch="stable")
    assert [pair.stable for pair in pairs.extract(git.path, ["stable"])] == [picked]


def test_the_raw_peer_makes_the_trees_that_cherry_pick_makes(made: Made, git: Git, tmp_path: Path) -> None:
    chosen = made.pairs[:8]
    trees = list(raw.merge(made.git_dir, [f"{pair.upstream} {pair.parent}" for pair in chosen]))
    work = tmp_path / "work"
    git("worktree", "add", "-q", "--detach", str(work), chosen[0].parent)
    for pair, tree in zip(chosen, trees, strict=True):
        Git(work)("checkout", "-q", "-f", "--detach", pair.parent)
        done = Git(work).attempt("cherry-pick", "--allow-empty", pair.upstream)
        assert tree == (Git(work).tree("HEAD") if done.returncode == 0 else "conflict")
    git("worktree", "remove", "--force", str(work))


def test_plan_answers_each_pair_with_the_raw_peer_s_tree(made: Made) -> None:
    lines = [f"{pair.upstream} {pair.parent}" for pair in made.pairs]
    # From upstream alone: the branches hold the very backports, which a neighbour's pick would find.
    words = ("plan", "--stdin", "--json", "--from", "upstream")
    answer = cosport(*words, stdin="\n".join(lines) + "\n", cwd=made.git_dir)
    trees = list(raw.merge(made.git_dir, lines))
    assert [each["upstream"] for each in answer.lines()] == [pair.upstream for pair in made.pairs]
    for each, tree in zip(answer.lines(), trees, strict=True):
        if each["outcome"] in ("picked", "conflict"):
            assert (each["tree"] or "conflict") == tree


def test_wilson_s_interval_is_the_known_one() -> None:
    low, high = ladder.wilson(8, 10)
    assert (round(low, 3), round(high, 3)) == (0.49, 0.943)  # Wilson 1927; Newcombe 1998, method 3
    assert ladder.wilson(0, 0) == (0.0, 1.0)
    assert ladder.wilson(10, 10)[1] == 1.0


def test_the_ladder_is_measured_against_what_people_committed(tmp_path: Path) -> None:
    git = Git.init(tmp_path / "repo")
    lines = "".join(f"line {number}\n" for number in range(20))
    base = git.commit({"a.c": lines}, "start")
    git.branch("stable", base)
    git.commit({"a.c": lines.replace("line 6\n", "six\n")}, "six")
    fix = git.commit({"a.c": lines.replace("line 6\n", "six\n").replace("line 5\n", "five\n")}, "fix")
    picked = lines.replace("line 5\n", "five\n")
    git.commit({"a.c": picked}, f"fix\n\ncommit {fix} upstream.\n", branch="stable")
    report = measure.Report()
    ladder.bench(report, "made", git.path / ".git", pairs.extract(git.path, ["stable"]))
    told = {row.what: row.value for row in report.rows}
    assert told["made: conflicts"] == 1
    assert told["made: highest rung 2: whole tree identical"] == 1
    usual = ladder.DEFAULT
    assert told[f"made: default (rung {usual.max_rung}, {usual.min_confidence:g}): files in conflict identical"] == 1
    assert told["made: patch -F3 identical"] == 1


def test_a_fix_fits_every_branch(made: Made) -> None:
    answer = cosport("plan", made.fixes[0], "--json", cwd=made.git_dir)
    assert [each["outcome"] for each in answer.json()["results"]] == ["picked"] * len(made.branches)


def test_a_run_tells_time_and_memory_of_the_child(tmp_path: Path) -> None:
    code = "import time; held = bytearray(60_000_000); time.sleep(0.2)"
    run = measure.run([sys.executable, "-c", code], stdout=tmp_path / "out")
    assert run.seconds > 0.2
    assert 57 < run.own_mib < 120
    assert 57 < run.peak_mib < 120


def test_a_child_that_fails_ends_the_bench() -> None:
    with pytest.raises(SystemExit, match="no such thing"):
        measure.run([sys.executable, "-c", "raise SystemExit('no such thing')"])


def test_a_target_is_reached_or_missed(capsys: pytest.CaptureFixture[str]) -> None:
    report = measure.Report()
    report.add("group", "quick", 1.5, "x", at_most=2)
    report.add("group", "slow", 2.5, "x", at_most=2)
    report.add("group", "many", 5, "x", at_least=3)
    report.add("group", "told", 5, "x")
    assert [row.reached for row in report.rows] == [True, False, True, None]
    assert [row.what for row in report.missed] == ["slow"]
    assert "MISSED" in capsys.readouterr().out.splitlines()[1]


def test_recall_counts_what_people_took_for_what_the_base_held(tmp_path: Path) -> None:
    git = Git.init(tmp_path / "repo")
    bug = git.commit({"a": "bug\n", "b": "bug\n"}, "bug")
    git("tag", "base", bug)
    tagged = git.commit({"a": "good\n"}, f'a: fix\n\nFixes: {bug[:12]} ("bug")\n')
    told = git.commit({"b": "good\n"}, f"b: fix\n\nThis was broken by commit {bug[:10]}.\n")
    other = git.commit({"c": "1\n"}, "c: a feature")
    git.branch("stable", bug)
    for sha in (tagged, told, other):
        subject = git("log", "-1", "--format=%s", sha)
        git.commit({sha[:6]: "1\n"}, f"{subject}\n\ncommit {sha} upstream.\n", branch="stable")
    found = missing.recall(git.path, "main", "base", "stable")
    assert (found.tagged, found.prose, found.fixes) == ((tagged,), (told,), 1)
    assert set(found.taken) == {tagged, told, other}
    assert set(found.named) == {tagged, told}


@pytest.mark.parametrize(
    ("stated", "count"), [("commit {sha:.20} upstream.", 1), ("", 1), ("(cherry picked from commit {sha})", 0)]
)
def test_prerequisites_are_measured_against_what_people_brought_and_so_are_the_peers(
    tmp_path: Path, stated: str, count: int
) -> None:
    git = with_a_series(tmp_path / "series", stated)
    report = measure.Report()
    prerequisites.bench(report, "small", git.path, ["stable"], mainline="main", limit=5)
    found = {row.what: row.value for row in report.rows}
    assert found["cases"] == 1
    for title in ("series", "upstream", *(f"peer: {name}" for name, _ in prerequisites.PEERS)):
        assert (found[f"{title}: found"], found[f"{title}: just what people brought"]) == (100, 1), title
    assert found["upstream: commits of the truth known by part of a sha, or by patch-id"] == count
    assert found["upstream, whole shas alone: found"] == (0 if count else 100)
    assert found["upstream: another set, proven and no larger"] == 0
    assert {what: value for what, value in found.items() if "lacks, as" in what}.keys() == {
        f"upstream: lacks, as {cause}" for cause in Cause
    }
    assert not any(value for what, value in found.items() if "lacks, as" in what)


def with_a_series(folder: Path, stated: str) -> Git:
    """A fix that needs another commit, both picked to `stable`; how the first pick states its origin."""

    def text(line: str) -> dict[str, File]:
        return {"a.c": "".join(f"line {number}\n" if number != 20 else line for number in range(40))}

    git = Git.init(folder)
    git.commit(text("line 20\n"), "start")
    git.branch("stable")
    needed = git.commit(text("needed\n"), "needed")
    fix = git.commit(text("fixed\n"), "fix it")
    for number in range(12):
        git.commit({"other.c": f"int step_{number};\n"}, "other: step", branch="stable")
    git.commit(text("needed\n"), f"needed\n\n{stated.format(sha=needed)}", branch="stable")
    git.commit(text("fixed\n"), f"fix it\n\n(cherry picked from commit {fix})", branch="stable")
    return git


def test_what_an_answer_lacks_is_sorted_by_cause(tmp_path: Path) -> None:
    git = Git.init(tmp_path / "repo")
    start = git.commit({"a.c": "1\n"}, "start")
    fitted, named = git.commit({"a.c": "2\n"}, "a: two"), git.commit({"a.c": "3\n"}, "a: three")
    pick = git.commit({"a.c": "4\n"}, "a: four")
    beside = git.commit({"b.c": "1\n"}, "b: one", branch="side", parents=[start])
    git.commit({"a.c": "4\n", "b.c": "1\n"}, "Merge side", parents=[pick, beside])
    own = git.commit({"a.c": "own\n"}, "own", branch="stable", parents=[start])
    repository = Repository.open(git.path)
    with ObjectReader(repository) as reader, History.open(repository) as history:
        context = Context(repository, reader, history, Config(source="test"), Sha(git.sha("main")))
        history.ensure([Sha(own)])
        wanted = [frozenset(map(Sha, (fitted, named, beside, own)))]

        def lacking(found: Found) -> dict[str, int]:
            return {cause.name: count for cause, count in causes(context, Sha(pick), wanted, found).items()}

        nothing = Found(Status.NONE, (), (), None, 0, (), (), "")
        by_hand = replace(nothing, by_hand=(Need(Sha(named), "a: three"),))
        proven = replace(nothing, sets=((Need(Sha(named), "a: three"),),))
        everywhere = {"ELSEWHERE": 1, "OWN": 1}
        assert lacking(nothing) == {"MISSED": 2, **everywhere}
        assert lacking(by_hand) == {"FITTED": 1, **everywhere}
        assert lacking(proven) == {"ANOTHER": 1, **everywhere}


def test_a_set_that_does_as_well_as_what_people_brought_is_told_beside_and_counts_as_wrong() -> None:
    one, two = Sha("1" * 40), Sha("2" * 40)
    right = prerequisites.score([frozenset({one})], [one], 0.1, proven=True)
    other = prerequisites.score([frozenset({one})], [two], 0.1, proven=True)
    guessed = prerequisites.score([frozenset({one})], [two], 0.1)
    larger = prerequisites.score([frozenset({one})], [one, two], 0.1, proven=True)
    assert [each.exact for each in (right, other, guessed, larger)] == [True, False, False, False]
    assert [each.equivalent for each in (right, other, guessed, larger)] == [False, True, False, False]
    assert [each.hit for each in (right, other, guessed, larger)] == [1, 0, 0, 1]
