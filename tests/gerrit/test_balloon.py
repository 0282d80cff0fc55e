"""The one example, end to end: the balloon fix goes to main, then to a release branch; its message comes out right."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from cosport.message.parse import parse
from cosport.workflow import demo_source
from cosport.workflow.demo_source import DRIVER
from tests.gerrit import team as house
from tests.gerrit.team import UPSTREAM, Team
from tests.support import ROOT, invoke

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.gerrit.server import GerritServer

LANDED = (ROOT / "tests/data/message/cos-balloon.txt").read_text(encoding="utf-8")
"""A message that such a bot let in: what ours must look like, mail addresses left out."""

FIX, BLAMED = "da10329cb057e49be7f099eb7864d16f7705f798", "71994620bb25"
SAID = ("--test", "presubmit, manual test as described in the commit message", "--release-note",
        "Improve CPU usage for certain workloads with heavy page cache usage")  # fmt: skip


def upstreams(blamed: str) -> str:
    """The message that the fix has upstream: without what the backport and the bots added, with addresses."""
    body, _, rest = LANDED.partition("\n\n\nTEST=")
    trailers = rest[rest.index("Fixes: ") : rest.index("(cherry picked")]
    text = f"{body}\n\n{trailers}".replace(BLAMED, blamed[:12])
    return re.sub(
        r"([A-Z]\S*) (\S+)( \S+)* <>", lambda match: match[0].replace("<>", f"<{match[2]}@example.org>"), text
    )


def blank(text: str, names: dict[str, str]) -> str:
    """A message with mail addresses left out, and commits and Change-Ids by the names that they have in the example."""
    for ours, theirs in names.items():
        text = text.replace(ours, theirs)
    return re.sub(r"<\S*@\S*>", "<>", text)


def test_the_balloon_fix_lands_with_the_message_that_the_example_has(
    gerrit: GerritServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house, "CONFIG", house.CONFIG.replace('"BUG", ', ""))  # the example names no bug
    team = Team.build(gerrit, tmp_path)
    with contextlib.closing(team.admin):
        _goes_all_the_way(team)


def _goes_all_the_way(team: Team) -> None:
    states = demo_source.driver_states(demo_source.read(demo_source.find()))
    first = team.git.sha(UPSTREAM)
    blamed = team.git.commit(
        {DRIVER: states["shrinker"]}, "virtio_balloon: replace oom notifier with shrinker", branch=UPSTREAM
    )
    team.push(f"{blamed}:refs/heads/cos-5.4", f"{blamed}:refs/heads/R85")
    team.fetch()
    fix = team.git.commit({DRIVER: states["notifier"]}, upstreams(blamed), branch=UPSTREAM,
                          author="David Hildenbrand <Hildenbrand@example.org>")  # fmt: skip
    assert first != blamed
    team.init_bot()
    roy = team.server.add_account("r-yang", "Roy Yang", "yang@example.com")
    vaibhav = team.server.add_account("v-rustagi", "Vaibhav Rustagi", "rustagi@example.com")

    landed: dict[str, str] = {}
    change_ids = set()
    for branch, labels in (("cos-5.4", {"Verified"}), ("R85", {"Verified", "Main-Branch-Verified"})):
        argv = ("backport", fix, "--to", branch, "--push", "--json", *SAID)
        (result,) = invoke(*argv, cwd=team.git.path, check=0).json()["results"]
        assert (result["outcome"], result["fidelity"]) == ("picked", "identical")
        number = result["review"]["number"]
        change_ids.add(result["change_id"])
        assert team.bot_votes(number) == dict.fromkeys(labels, 1), team.bot_says(number)
        for reviewer in (vaibhav, roy):
            team.vote(number, reviewer, Code_Review=2)
        landed[branch] = team.submit(number)

    (change_id,) = change_ids
    names = {
        fix: FIX, blamed[:12]: BLAMED, landed["cos-5.4"]: "47b0ae241be71d51b875c5f22b0b7950277e67f5",
        change_id: "I3868a66f701ed594dc4c5f3ee985efea8ac5649e",
    }  # fmt: skip
    ours, theirs = parse(blank(team.git.message(landed["R85"]).decode(), names)), parse(LANDED)
    assert ours.subject == theirs.subject
    assert ours.body.rstrip() == theirs.body.rstrip()
    keys = [(each.key, each.full) for each in ours.trailers]
    engineer = ("Signed-off-by", "Kernel Engineer <>")  # whoever picks signs off: this house is stricter
    added = [each for each in keys if each in (engineer, ("BUG", "None")) or each[0] == "Reviewed-on"]
    assert [key for key, _ in added] == ["BUG", *["Signed-off-by", "Reviewed-on"] * 2]
    expected = [(each.key, each.full) for each in theirs.trailers]
    assert sorted(each for each in keys if each not in added) == sorted(expected)
    for order in ("TEST", "RELEASE_NOTE", "cos-patch", "Fixes"), ("Fixes", "Reported-by", "Change-Id", "Reviewed-by"):
        places = [next(n for n, (key, _) in enumerate(keys) if key == each) for each in order]
        assert places == sorted(places)
    told = {"cherry picked from", "Change-Id", "Main-Branch-Verified"}
    assert [each for each in keys if each[0] in told] == [each for each in expected if each[0] in told]
    cusky = ("Tested-by", "Cusky Presubmit Bot <>")
    second = [n for n, (key, _) in enumerate(keys) if key == "cherry picked from"][1]
    assert keys.index(cusky) < second  # main's vote stands above the line that names main's commit
