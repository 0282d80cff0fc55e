from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from cosport.config import parse
from cosport.errors import ConfigError, ToolError
from cosport.git.objects import ObjectReader
from cosport.git.repository import Repository
from cosport.history.index import History
from cosport.presubmit import registry
from cosport.presubmit.context import Context, guess_target
from tests.presubmit.house import FILE, House, edit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    registry.checks.cache_clear()
    yield
    registry.checks.cache_clear()


def _guess(house: House, rev: str, *names: str) -> str:
    with ExitStack() as stack:
        repository = Repository.open(house.git.path)
        reader = stack.enter_context(ObjectReader(repository))
        history = stack.enter_context(History.open(repository))
        config = parse(house.config.encode(), "cosport.toml")
        context = Context.of(repository, reader, history, config, None)
        return guess_target(context, reader.resolve(rev).sha, names).name


def test_the_nearest_branch_is_meant(house: House) -> None:
    git = house.git
    git.commit({"a.c": "1\n"}, "COS: own", branch="cos-6.1")
    git.commit({"b.c": "1\n"}, "release: own", branch="release-1")
    for branch in ("cos-6.1", "release-1"):
        git.branch("topic", branch)
        git.commit({FILE: edit(5, branch)}, "mm: one", branch="topic")
        git.commit({FILE: edit(6, branch)}, "mm: two", branch="topic")
        git.commit({"c.c": branch}, "COS: moved on", branch=branch)
        assert _guess(house, "topic") == branch
    assert _guess(house, "topic", "refs/heads/backport/cos-6.1/0123456789ab") == "cos-6.1"
    assert _guess(house, "cos-6.1") == "cos-6.1"


def test_nothing_tells_the_branch(house: House) -> None:
    house.git.commit({"x": "1\n"}, "another root", branch="alien", parents=[])
    with pytest.raises(ConfigError, match="is not known"):
        _guess(house, "alien")


def _package(folder: Path, target: str, code: str) -> None:
    (folder / "acme_checks.py").write_text(code, encoding="utf-8")
    info = folder / "acme-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[cosport.checks]\nshout = {target}\n", encoding="utf-8")


CODE = """
from cosport.message.finding import Severity
from cosport.presubmit.check import Check
from cosport.presubmit.finding import Rule
from cosport.presubmit.kind import PLAIN
RULE = Rule("shouts", Severity.BLOCK, "Capitals alone are hard to read.")
def judge(change):
    return (RULE.finding("it shouts"),) if change.commit.subject.isupper() else ()
CHECK = Check({id!r}, "No shouting.", PLAIN, (RULE,), judge)
WRONG = 5
"""


def test_a_package_adds_a_check(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _package(tmp_path, "acme_checks:CHECK", CODE.format(id="shouting"))
    monkeypatch.syspath_prepend(tmp_path)
    fix = house.fix()
    loud = house.pick(fix, message=house.message(fix).replace("mm: fix it", "MM: FIX IT"))
    assert house.rules("shouting", loud) == ["shouts:block"]
    house.extra = '[presubmit.severity]\nshouts = "info"\n'
    assert house.rules("shouting", loud) == ["shouts:info"]


@pytest.mark.parametrize(("target", "ident", "why"), [
    ("acme_checks:NOSUCH", "shouting", "cannot be loaded"),
    ("acme_checks:WRONG", "shouting", "is no Check"),
    ("acme_checks:CHECK", "fields", "two presubmit checks are called fields"),
])  # fmt: skip
def test_a_damaged_one_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, ident: str, why: str
) -> None:
    _package(tmp_path, target, CODE.format(id=ident))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "acme_checks", raising=False)
    with pytest.raises(ToolError, match=why):
        registry.checks()
