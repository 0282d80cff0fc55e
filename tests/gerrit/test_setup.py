"""What `bot init` writes into a real project, and what `doctor` says of a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cosport.errors import GerritError
from cosport.gerrit.client import path
from tests.support import invoke

if TYPE_CHECKING:
    from tests.gerrit.team import Team


def test_init_writes_labels_requirements_and_rights_and_twice_is_as_good(team: Team) -> None:
    team.init_bot()
    team.init_bot()
    name = path("projects", team.project)
    labels = {each["name"]: each for each in team.admin.get(f"{name}/labels/", tuple[dict[str, Any], ...])}
    for label in ("Verified", "Main-Branch-Verified"):
        assert set(labels[label]["values"]) == {"-1", " 0", "+1"}
        assert labels[label]["copy_condition"] == "changekind:NO_CHANGE"
    found = team.admin.get(f"{name}/submit_requirements/", tuple[dict[str, Any], ...])
    rules = {each["name"]: each for each in found}
    assert rules["Verified"]["applicability_expression"] == 'branch:"refs/heads/cos-5.4" OR branch:"refs/heads/R85"'
    assert rules["Main-Branch-Verified"]["applicability_expression"] == 'branch:"refs/heads/R85"'
    assert rules["Main-Branch-Verified"]["submittability_expression"].startswith("label:Main-Branch-Verified=MAX")


def test_nobody_but_the_bots_can_vote(team: Team) -> None:
    team.init_bot()
    number = team.backport(team.fix())["review"]["number"]
    with pytest.raises(GerritError, match="restricted"):
        team.vote(number, team.reviewer, Verified=1)


def test_init_without_branches_is_refused(team: Team) -> None:
    team.init_bot(shared=True)
    lone = team.folder / "lone.toml"
    lone.write_text(team.bot_config.read_text())
    assert "no branches" in invoke("bot", "init", "--config", str(lone), cwd=team.folder, check=2).err


def test_doctor_says_as_whom_gerrit_knows_us(team: Team) -> None:
    def said() -> dict[str, Any]:
        checks = invoke("doctor", "--json", cwd=team.git.path).json()["checks"]
        return next(each for each in checks if each["name"] == "gerrit account")

    assert (said()["state"], said()["detail"]) == ("ok", "Kernel Engineer (engineer)")
    token = team.folder / "engineer.token"
    token.chmod(0o644)
    assert "others may read it" in said()["detail"]
    token.chmod(0o600)
    token.write_text("engineer:wrong-token")
    assert said()["state"] == "broken"
    assert "wrong-token" not in str(said())
    token.unlink()
    assert said()["state"] == "missing"
