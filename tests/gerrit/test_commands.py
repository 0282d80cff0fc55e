"""Commands in comments, records of votes, and Gerrit's event stream, on a real Gerrit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from cosport.errors import ConfigError
from cosport.gerrit import events
from cosport.gerrit.client import path
from tests.support import invoke

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gerrit.team import Team


@pytest.fixture
def ready(team: Team) -> Team:
    team.init_bot()
    return team


def test_only_members_of_the_group_are_obeyed_and_each_is_answered_once(ready: Team) -> None:
    number = ready.backport(ready.fix())["review"]["number"]
    ready.bot_once()
    ready.say(number, ready.engineer, "/cosport recheck")  # no commander
    assert ready.bot_once()["judged"] == 0
    ready.say(number, ready.reviewer, "please:\n\n/cosport recheck")
    assert ready.bot_once()["judged"] == 1
    assert ready.bot_once()["judged"] == 0
    ready.say(number, ready.reviewer, "/cosport make coffee")
    ready.bot_once()
    ready.bot_once()
    answers = [said for said in ready.bot_says(number) if "(to " in said]
    assert len(answers) == 2
    assert "judged anew" in answers[0]
    assert "the commands are" in answers[1]
    for file in ready.bot_dir.glob("journal.sqlite*"):
        file.unlink()
    ready.bot_once()  # the commands are carried out again, and not answered again
    assert len([said for said in ready.bot_says(number) if "(to " in said]) == 2


def test_a_check_is_skipped_for_the_patch_set_that_it_was_said_on(ready: Team) -> None:
    number = ready.backport(ready.fix(), "cos-5.4", "--class", "security", "--release-note", "none")["review"]["number"]
    assert ready.bot_votes(number) == {"Verified": -1}
    ready.say(number, ready.reviewer, "/cosport skip no-such-check because")
    assert ready.bot_votes(number) == {"Verified": -1}
    ready.say(number, ready.reviewer, "/cosport skip fields users are told elsewhere")
    ready.say(number, ready.reviewer, "/cosport skip patch-class users are told elsewhere")
    assert ready.bot_votes(number) == {"Verified": 1}
    assert "Vaibhav Reviewer: users are told elsewhere" in ready.bot_says(number)[-1]
    message = ready.change(number).patch_set.commit.message
    with ready.server.client(ready.engineer) as engineer:
        engineer.put(path("changes", number, "message"), {"message": message.replace("It hung.", "It hung, often.")})
    assert ready.bot_votes(number) == {"Verified": -1}


def test_a_cherrypick_that_waits_for_main_is_made_when_that_has_landed(ready: Team) -> None:
    number = ready.backport(ready.fix())["review"]["number"]
    ready.bot_once()
    ready.say(number, ready.reviewer, "/cosport cherrypick nowhere")
    ready.say(number, ready.reviewer, "/cosport cherrypick R85")
    ready.bot_once()
    ready.bot_once()
    says = [said for said in ready.bot_says(number) if "(to " in said]
    assert len(says) == 2
    assert "name configured branches" in says[0]
    assert "R85: waits-for-main" in says[1]
    ready.vote(number, ready.reviewer, Code_Review=2)
    landed = ready.submit(number)
    assert ready.bot_once()["open"] == 0
    assert "R85: picked, created" in ready.bot_says(number)[-1]
    (pick,) = ready.open_changes()
    assert (pick.branch, pick.change_id) == ("R85", ready.change(number).change_id)
    assert f"(cherry picked from commit {landed})" in ready.change(pick.number).patch_set.commit.message
    assert ready.bot_votes(pick.number) == {"Verified": 1, "Main-Branch-Verified": 1}
    ready.bot_once()
    assert ready.change(pick.number).patch_set.number == 1


def test_a_record_can_be_held_against_what_gerrit_has(ready: Team) -> None:
    number = ready.backport(ready.fix())["review"]["number"]
    ready.bot_once()
    (file,) = (ready.bot_dir / "votes" / str(number)).iterdir()
    argv = ("bot", "verify", str(file), "--config", str(ready.bot_config), "--json")
    told = invoke(*argv, cwd=ready.folder, check=0).json()
    assert told["said"]
    record = json.loads(file.read_text())
    assert record["labels"] == {"Verified": 1, "Main-Branch-Verified": 0}
    assert ready.bot.credentials.token not in file.read_text()
    record["labels"]["Verified"] = -1
    file.write_text(json.dumps(record))
    assert "changed since" in invoke(*argv, cwd=ready.folder, check=2).err
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cosport.bot.record.digest", lambda _vote: record["digest"])
        invoke(*argv, cwd=ready.folder, check=0)
        record["digest"] = "0" * 32
        file.write_text(json.dumps(record))
        patch.setattr("cosport.bot.record.digest", lambda _vote: "0" * 32)
        assert not invoke(*argv, cwd=ready.folder, check=1).json()["said"]


def test_gerrits_own_events_wake_the_bot_over_ssh_with_a_pinned_key(ready: Team, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    httpx.post(
        f"{ready.server.url}/a/accounts/self/sshkeys", content=key.with_suffix(".pub").read_text(), trust_env=False,
        headers={"Content-Type": "text/plain", "Authorization": ready.bot.credentials.header},
    ).raise_for_status()  # fmt: skip
    rule = {"rules": {"global:Registered-Users": {"action": "ALLOW"}}}
    rights = {"GLOBAL_CAPABILITIES": {"permissions": {"streamEvents": rule}}}
    ready.admin.post(path("projects", "All-Projects", "access"), {"add": rights})
    hosts = tmp_path / "known_hosts"
    argv = events.stream_argv(f"cusky@127.0.0.1:{ready.server.ssh_port}", str(hosts))
    argv[1:1] = ["-i", str(key), "-o", "IdentitiesOnly=yes", "-F", os.devnull]
    hosts.write_text("")
    refused = subprocess.run(argv, capture_output=True, check=False, timeout=60)
    assert refused.returncode == 255  # a host that is not pinned
    hosts.write_text(ready.server.host_key)
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as stream:
        assert stream.stdout is not None
        time.sleep(1.0)
        number = ready.backport(ready.fix())["review"]["number"]
        found = next(event for event in events.read(stream.stdout) if event.change == number)
        stream.kill()
    assert found.project == ready.project
    assert events.matters(found, ready.project)
    assert not events.matters(found, "another")


@pytest.mark.parametrize(
    "address", ["", "host", "user@", "-oProxyCommand=x@host", "user@-oProxyCommand=x", "user@host:99999999", "u@h/x"]
)
def test_what_is_no_address_never_reaches_ssh(address: str) -> None:
    with pytest.raises(ConfigError):
        events.stream_argv(address, "/known")


def test_a_stream_without_a_pinned_key_is_refused() -> None:
    with pytest.raises(ConfigError, match="known_hosts"):
        events.stream_argv("u@h", "")


def test_the_tester_gets_no_token(ready: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    number = ready.backport(ready.fix())["review"]["number"]
    seen = ready.folder / "seen"
    code = f"import os,sys; open({str(seen)!r},'w').write(repr(dict(os.environ))+repr(sys.argv)); sys.stdin.readline()"
    monkeypatch.setattr(
        "cosport.bot.tester.argv", lambda clone, config: [sys.executable, "-c", code, str(clone), str(config)]
    )
    monkeypatch.setenv("COSPORT_GERRIT_TOKEN", ready.bot.credentials.token)
    monkeypatch.setenv("COSPORT_GERRIT_USER", "cusky")
    ready.bot_once(check=3)
    told = seen.read_text()
    assert ready.bot.credentials.token not in told
    assert "COSPORT_GERRIT" not in told
    assert number
    (said,) = ready.bot_says(number)
    assert "could not judge" in said
