"""Commands in comments, records of votes, and Gerrit's event stream, on a real Gerrit."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import pytest

from cosport import config as settings
from cosport.bot import record, service
from cosport.bot.voter import Voter
from cosport.errors import ConfigError, GerritError, ProcessError
from cosport.gerrit import events
from cosport.gerrit.client import Client, path
from tests.backport.house import FILE, edit
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
    ready.bot_once()
    assert len([said for said in ready.bot_says(number) if "(to " in said]) == 2


def test_what_was_answered_is_not_carried_out_again_when_the_journal_has_forgotten_it(ready: Team) -> None:
    number = ready.backport(ready.fix())["review"]["number"]
    ready.say(number, ready.reviewer, "/cosport cherrypick cos-5.4")
    ready.say(number, ready.reviewer, "/cosport cherrypick R85")
    ready.bot_once()
    assert len([said for said in ready.bot_says(number) if "(to " in said]) == 2
    told: list[str] = []
    config = settings.load(ready.bot_config)
    with service.opened(ready.bot_dir, config, ready.bot_config, log=lambda event, **_: told.append(event)) as bot:
        bot.journal._clock = lambda: time.time() + 40 * 86400
        bot.round()  # forgets what is older than a month
        told.clear()
        bot.round()
    assert "command" not in told
    ready.vote(number, ready.reviewer, Code_Review=2)
    ready.submit(number)
    ready.bot_once()
    assert "R85: picked, created" in ready.bot_says(number)[-1]  # what waited for that is still done


def test_commands_beyond_what_an_hour_may_have_are_answered_and_not_carried_out(team: Team) -> None:
    team.init_bot(extra="hourly = 1")
    number = team.backport(team.fix())["review"]["number"]
    for _ in range(3):
        team.say(number, team.reviewer, "/cosport recheck")
    team.bot_once()
    answers = [said for said in team.bot_says(number) if "(to " in said]
    assert ["judged anew" in each for each in answers] == [True, False, False]
    assert "too many commands in the last hour" in answers[-1]


def test_an_answer_that_gerrit_refuses_does_not_end_the_round(ready: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    number = ready.backport(ready.fix())["review"]["number"]
    ready.say(number, ready.reviewer, "/cosport make coffee")

    def refused(*_: object) -> None:
        raise GerritError("no", status=403)

    monkeypatch.setattr(Voter, "reply", refused)
    assert ready.bot_votes(number) == {"Verified": 1}


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


def test_a_cherrypick_that_conflicts_says_so_and_is_in_nobodys_way(ready: Team) -> None:
    fix = ready.fix()
    stuck = ready.backport(fix)["review"]["number"]
    mine = edit(ready.git.read("refs/remotes/origin/cos-5.4", FILE).decode(), l5="int mine;")
    ready.push_on_top("cos-5.4", {FILE: mine})
    ready.say(stuck, ready.reviewer, "/cosport cherrypick cos-5.4")
    ready.bot_once()
    (said,) = [said for said in ready.bot_says(stuck) if "(to " in said]
    assert f"cos-5.4: conflict ({FILE}; pick it by hand: cosport backport {fix[:12]} --to cos-5.4 --push)" in said
    clean = ready.backport(ready.fix(30, "mm: another"))["review"]["number"]
    for number in (clean, stuck):  # a conflict that waits in the bot's clone would keep others from the branch
        ready.say(number, ready.reviewer, "/cosport cherrypick cos-5.4")
    ready.bot_once()
    (said,) = [said for said in ready.bot_says(clean) if "(to " in said]
    assert "cos-5.4: picked" in said
    said = [said for said in ready.bot_says(stuck) if "(to " in said][-1]
    assert "cos-5.4: conflict (" in said
    assert not [*(ready.bot_dir / "clone.git/cosport/worktrees").glob("*")]


def test_a_record_can_be_held_against_what_gerrit_has(ready: Team) -> None:
    number = ready.backport(ready.fix())["review"]["number"]
    ready.bot_once()
    (file,) = (ready.bot_dir / "votes" / str(number)).iterdir()
    argv = ("bot", "verify", str(file), "--config", str(ready.bot_config), "--json")
    told = invoke(*argv, cwd=ready.folder, check=0).json()
    assert (told["said"], told["account"], told["name"]) == (True, ready.bot.number, "Cusky Presubmit Bot")
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


def test_a_record_that_somebody_made_up_is_no_vote_though_the_bot_repeats_its_digest(ready: Team) -> None:
    number = ready.backport(ready.fix())["review"]["number"]
    ready.bot_once()
    (file,) = (ready.bot_dir / "votes" / str(number)).iterdir()
    forged = record.sealed(msgspec.structs.replace(record.read(file), labels={"Verified": 1}, patch_set=2, digest=""))
    file = record.write(ready.folder, forged)
    message = ready.change(number).patch_set.commit.message
    mark = f"(verdict {'0' * 16}, record {forged.digest})"
    with ready.server.client(ready.engineer) as engineer:
        text = message.replace("Fixes:", f"{mark}: x\nFixes:").replace("BUG=", f"BUG={mark} ")
        engineer.put(path("changes", number, "message"), {"message": text.replace("Change-Id", f"{mark}\nChange-Id")})
    ready.bot_once()
    assert any(forged.digest in said for said in ready.bot_says(number))  # in a finding, that is
    argv = ("bot", "verify", str(file), "--config", str(ready.bot_config), "--json")
    assert not invoke(*argv, cwd=ready.folder, check=1).json()["said"]


def test_a_record_of_another_server_is_not_held_against_that_one(ready: Team) -> None:
    number = ready.backport(ready.fix())["review"]["number"]
    ready.bot_once()
    (file,) = (ready.bot_dir / "votes" / str(number)).iterdir()
    elsewhere = msgspec.structs.replace(record.read(file), server="http://127.0.0.1:1", digest="")
    other = record.write(ready.folder, record.sealed(elsewhere))
    argv = ("bot", "verify", str(other), "--config", str(ready.bot_config))
    assert "the record is of http://127.0.0.1:1, and not of" in invoke(*argv, cwd=ready.folder, check=2).err


class Wire:
    """A way to Gerrit's ssh that can be cut: a proxy on loopback."""

    def __init__(self, port: int) -> None:
        self.to = port
        self.open: list[socket.socket] = []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.server.getsockname()[1])
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.server.accept()
                far = socket.create_connection(("127.0.0.1", self.to))
                self.open += [near, far]
                for one, other in ((near, far), (far, near)):
                    self._threads.append(threading.Thread(target=self._carry, args=(one, other), daemon=True))
                    self._threads[-1].start()

    @staticmethod
    def _carry(one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError), one:
            while data := one.recv(65536):
                other.sendall(data)
            other.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        for each in self.open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self.open.clear()

    def close(self) -> None:
        self.server.shutdown(socket.SHUT_RDWR)
        self.cut()
        for each in self._threads:
            each.join(10)
        self.server.close()


@pytest.fixture
def key(ready: Team, tmp_path: Path) -> Path:
    """The bot's key, which Gerrit knows."""
    key = _new_key(tmp_path / "key")
    httpx.post(
        f"{ready.server.url}/a/accounts/self/sshkeys", content=key.with_suffix(".pub").read_text(), trust_env=False,
        headers={"Content-Type": "text/plain", "Authorization": ready.bot.credentials.header},
    ).raise_for_status()  # fmt: skip
    rule = {"rules": {"global:Registered-Users": {"action": "ALLOW"}}}
    rights = {"GLOBAL_CAPABILITIES": {"permissions": {"streamEvents": rule}}}
    ready.admin.post(path("projects", "All-Projects", "access"), {"add": rights})
    return key


def ssh(key: Path, port: int, hosts: Path) -> list[str]:
    argv = events.stream_argv(f"cusky@127.0.0.1:{port}", str(hosts))
    argv[1:1] = ["-i", str(key), "-o", "IdentitiesOnly=yes", "-F", os.devnull]
    return argv


class TestEventsOverSsh:
    """Gerrit's own stream, with a pinned key."""

    def test_only_the_pinned_key_is_spoken_to(self, ready: Team, key: Path, tmp_path: Path) -> None:
        hosts = tmp_path / "known_hosts"
        argv = ssh(key, ready.server.ssh_port, hosts)
        other = _new_key(tmp_path / "other").with_suffix(".pub").read_text()
        for pinned, why in (("", "No ED25519 host key is known"), (f"[127.0.0.1]:{ready.server.ssh_port} {other}",
                            "REMOTE HOST IDENTIFICATION HAS CHANGED")):  # fmt: skip
            hosts.write_text(pinned)
            with pytest.raises(ProcessError, match="Host key verification failed") as caught:
                next(events.stream(argv))
            assert why in caught.value.tail
        hosts.write_text(ready.server.host_key)
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as stream:
            assert stream.stdout is not None
            time.sleep(1.0)
            number = ready.backport(ready.fix())["review"]["number"]
            lines = iter(stream.stdout.readline, b"")
            line = next(line for line in lines if (event := events.parse(line)) and event.change == number)
            stream.kill()
        (found,) = events.read([line])
        assert found.project == ready.project
        assert events.matters(found, ready.project)
        assert not events.matters(found, "another")

    def test_a_stream_that_is_cut_is_told_and_opened_again(self, ready: Team, key: Path, tmp_path: Path) -> None:
        wire = Wire(ready.server.ssh_port)
        hosts = tmp_path / "known_hosts"
        hosts.write_text(ready.server.host_key.replace(f":{ready.server.ssh_port} ", f":{wire.port} "))
        wake, stop = threading.Event(), threading.Event()
        told: list[str] = []
        config = settings.load(ready.bot_config)
        with service.opened(ready.bot_dir, config, ready.bot_config, log=lambda event, **_: told.append(event)) as bot:
            argv = ssh(key, wire.port, hosts)
            listener = threading.Thread(target=service._listen, args=(bot, argv, wake, stop), daemon=True)
            listener.start()
            number = ready.backport(ready.fix())["review"]["number"]
            for cut in (False, True):
                if cut:
                    wire.cut()
                wake.clear()
                deadline = time.monotonic() + 60
                while not wake.wait(0.5) and time.monotonic() < deadline:
                    ready.say(number, ready.reviewer, f"hello {time.monotonic()}")  # until the stream stands
                assert wake.is_set()
                assert ("stream-failed" in told) is cut
            stop.set()
            wire.cut()
            listener.join(20)
            assert not listener.is_alive()
            wire.close()


def _new_key(file: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)], check=True)
    return file


class Plugin(BaseHTTPRequestHandler):
    """What the events-log plugin serves: lines of JSON, each an event as stream-events prints it."""

    lines: ClassVar[list[bytes]] = []
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        place, _, query = self.path.partition("?")
        self.asked.append(self.path)
        known = "Authorization" in self.headers
        found = place == "/a/plugins/events-log/events/" and "t1=" in query
        self.send_response((200 if known else 401) if found else 404)
        self.end_headers()
        if known and found:
            self.wfile.write(b"".join(line + b"\n" for line in self.lines))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's own name
        """Say nothing."""


def test_what_the_events_log_kept_is_gone_over(ready: Team, key: Path, tmp_path: Path) -> None:
    """The plugin itself cannot be had; its documented form is served, with events that this Gerrit sent by ssh."""
    hosts = tmp_path / "known_hosts"
    hosts.write_text(ready.server.host_key)
    argv = ssh(key, ready.server.ssh_port, hosts)
    Plugin.lines, Plugin.asked = [], []
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as stream:
        assert stream.stdout is not None
        time.sleep(1.0)
        number = ready.backport(ready.fix())["review"]["number"]
        for line in iter(stream.stdout.readline, b""):
            said = json.loads(line)
            Plugin.lines.append(line.strip())
            if said["type"] == "patchset-created" and said["change"]["number"] == number:
                break
        stream.kill()
    whole = json.loads(Plugin.lines[-1])
    whole["change"]["project"] = {"name": ready.project}  # the plugin writes a project as an object
    Plugin.lines[-1:] = [json.dumps(whole).encode(), b"", b"not JSON"]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Plugin)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with Client(f"http://127.0.0.1:{server.server_port}", ready.bot.credentials) as client:
            found = list(events.logged(client, "2026-01-31 12:00:00"))
        with Client(f"http://127.0.0.1:{server.server_port}") as client, pytest.raises(GerritError):
            list(events.logged(client, "2026-01-31 12:00:00"))
    finally:
        server.shutdown()
        server.server_close()
    asked = urlsplit(Plugin.asked[0])
    assert (asked.path, parse_qs(asked.query)) == ("/a/plugins/events-log/events/", {"t1": ["2026-01-31 12:00:00"]})
    assert (found[-1].change, found[-1].project) == (number, ready.project)
    config = settings.load(ready.bot_config)
    ready.push("+refs/remotes/upstream/master:refs/heads/upstream")
    with service.opened(ready.bot_dir, config, ready.bot_config) as bot:
        assert service.replay(bot, found).posted == 1
        assert service.replay(bot, found).open == 0  # each event once
    assert ready.change(number).votes_of(ready.bot.number) == {"Verified": 1}


def test_events_count_as_seen_when_the_round_went_well(ready: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    number = ready.backport(ready.fix())["review"]["number"]
    event = json.dumps({"type": "comment-added", "change": {"project": ready.project, "number": number}})
    config = settings.load(ready.bot_config)
    ready.push("+refs/remotes/upstream/master:refs/heads/upstream")
    with service.opened(ready.bot_dir, config, ready.bot_config) as bot:
        with monkeypatch.context() as patch:
            patch.setattr("cosport.gerrit.changes.get", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                service.replay(bot, events.read([event]))
        assert service.replay(bot, events.read([event])).posted == 1
        assert service.replay(bot, events.read([event])).open == 0


def test_a_number_that_is_none_of_gerrits_is_about_no_change() -> None:
    found = events.parse(json.dumps({"type": "x", "change": {"number": "9" * 5000}}))
    assert found is not None
    assert found.change == 0


def test_a_gerrit_without_the_events_log_says_so(ready: Team) -> None:
    argv = ("bot", "replay", "--since", "2026-01-31 12:00:00", "--config", str(ready.bot_config), "--dir", "bot")
    assert "Gerrit answers 404" in invoke(*argv, cwd=ready.folder, check=3).err


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
