"""What goes wrong around the bot: answers that fail or get lost, events twice or never, restarts, kills."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from cosport.bot import service
from cosport.bot.rounds import Bot
from cosport.bot.summary import LABELS
from cosport.bot.voter import Voter
from cosport.config import load
from cosport.gerrit.client import Client
from tests.gerrit.server import GerritServer
from tests.gerrit.team import Team
from tests.support import invoke

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Faults(httpx.BaseTransport):
    """The real transport, with answers spoilt by `spoil(request number, request)`: a Response, an error, or "lost"."""

    def __init__(self, spoil: Callable[[int, httpx.Request], httpx.Response | Exception | str | None]) -> None:
        self._real = httpx.HTTPTransport()
        self._spoil = spoil
        self._count = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._count += 1
        what = self._spoil(self._count, request)
        if isinstance(what, httpx.Response):
            return what
        if isinstance(what, Exception):
            raise what
        answer = self._real.handle_request(request)
        if what == "lost":  # Gerrit did it, and its answer never came
            answer.close()
            raise httpx.ReadError("connection reset")
        return answer

    def close(self) -> None:
        self._real.close()


@contextmanager
def faulty_bot(
    team: Team, spoil: Callable[[int, httpx.Request], httpx.Response | Exception | str | None]
) -> Iterator[Bot]:
    """The bot of a team, over a transport that spoils answers."""
    config = load(team.bot_config)
    with service.opened(team.bot_dir, config, team.bot_config) as bot:
        client = Client(team.server.url, team.bot.credentials, transport=Faults(spoil), sleep=lambda _s: None)
        voter = Voter(client, team.bot.number, team.bot_dir / "votes", sleep=lambda _s: None)
        yield Bot(bot.clone, bot.journal, voter, config, team.bot_config, time.time, bot.log, bot.hold)
        client.close()


def one_vote_each(team: Team, wanted: dict[int, dict[str, int]]) -> None:
    """Each change has exactly the votes that it should have, once, and one remark that gives them."""
    for number, votes in wanted.items():
        change = team.change(number)
        assert change.votes_of(team.bot.number) == votes, number
        for name in LABELS:
            cast = [vote for vote in change.labels[name].all if vote.value]
            assert len(cast) == (name in votes), (number, name)
        said = [each.message for each in change.messages if each.author.number == team.bot.number
                and "(verdict " in each.message and each.patch_set == change.patch_set.number]  # fmt: skip
        assert len(said) == len(set(said)), number


def changes_for(team: Team, count: int) -> dict[int, dict[str, int]]:
    """Open changes, good and bad by turns, and the votes that each should get."""
    wanted: dict[int, dict[str, int]] = {}
    for line in range(1, count + 1):
        fix = team.fix(5 * line, f"mm: fix {line}")
        args = ("--release-note", "Fixed a hang.") if line % 2 else ("--class", "security", "--release-note", "none")
        number = team.backport(fix, "cos-5.4", *args)["review"]["number"]
        wanted[number] = {"Verified": 1 if line % 2 else -1}
    return wanted


@pytest.fixture
def prepared(team: Team) -> Team:
    team.init_bot()
    return team


def posts(request: httpx.Request) -> bool:
    return request.method == "POST" and request.url.path.endswith("/review")


@pytest.mark.parametrize(
    "spoilt", ["500", "409", "time-out", "cut before", "lost", "not json"],
)  # fmt: skip
def test_each_vote_is_there_once_whatever_becomes_of_an_answer(prepared: Team, spoilt: str) -> None:
    team = prepared
    wanted = changes_for(team, 2)
    team.push("+refs/remotes/upstream/master:refs/heads/upstream")
    left = {"posts": 2, "gets": 2}

    def spoil(_n: int, request: httpx.Request) -> httpx.Response | Exception | str | None:
        kind = "posts" if posts(request) else "gets"
        if not left[kind] or (spoilt == "409" and kind == "gets"):
            return None
        left[kind] -= 1
        answers: dict[str, httpx.Response | Exception | str] = {
            "500": httpx.Response(500), "503": httpx.Response(503), "409": httpx.Response(409, text="busy"),
            "time-out": httpx.ReadTimeout("slow"), "cut before": httpx.ConnectError("no"), "lost": "lost",
            "not json": httpx.Response(200, content=b"<html>") if kind == "gets" else "lost",
        }  # fmt: skip
        return answers[spoilt]

    with faulty_bot(team, spoil) as bot:
        for _ in range(4):
            try:
                bot.round()
            except Exception as error:
                assert "Gerrit" in type(error).__name__, error  # noqa: PT017
        bot.round()
    one_vote_each(team, wanted)


def test_a_second_round_says_nothing_and_a_lost_journal_neither(prepared: Team) -> None:
    wanted = changes_for(prepared, 2)
    assert prepared.bot_once()["posted"] == 2
    assert prepared.bot_once()["posted"] == 0
    for file in prepared.bot_dir.glob("journal.sqlite*"):
        file.unlink()
    again = prepared.bot_once()
    assert (again["judged"], again["posted"]) == (2, 0)
    one_vote_each(prepared, wanted)


def test_a_vote_that_somebody_took_away_is_cast_again(prepared: Team) -> None:
    (number,) = changes_for(prepared, 1)
    prepared.bot_once()
    prepared.admin.post(f"/changes/{number}/reviewers/{prepared.bot.number}/votes/Verified/delete", {})
    assert prepared.bot_votes(number) == {"Verified": 1}


def test_events_twice_late_and_broken_make_one_vote(prepared: Team) -> None:
    wanted = changes_for(prepared, 2)
    first, second = wanted
    event = {"type": "patchset-created", "change": {"project": prepared.project, "number": first}, "eventCreatedOn": 1}
    lines = [json.dumps(event)] * 3 + ["", "{", "[]", '{"type":7,"change":[]}', json.dumps({"type": "x"}),
             json.dumps({"type": "ref-updated", "refUpdate": {"refName": "refs/changes/01/1/1"}}),
             json.dumps({**event, "change": {"project": {"name": prepared.project}, "number": str(second)}}),
             json.dumps({**event, "change": {"project": "another", "number": 1}})]  # fmt: skip
    file = prepared.folder / "events.jsonl"
    file.write_text("\n".join(lines))

    def replay(*args: str) -> dict[str, Any]:
        found: dict[str, Any] = invoke(
            "bot", "replay", str(file), "--config", str(prepared.bot_config), "--dir", str(prepared.bot_dir), "--json",
            *args, cwd=prepared.folder, check=0,
        ).json()  # fmt: skip
        return found

    prepared.push("+refs/remotes/upstream/master:refs/heads/upstream")
    assert replay("--dry-run")["posted"] == 2  # said, and not done
    assert prepared.change(first).votes_of(prepared.bot.number) == {}
    assert replay()["posted"] == 2
    assert replay()["posted"] == 0
    one_vote_each(prepared, wanted)


def test_events_that_never_come_are_made_up_for_by_the_next_round(prepared: Team) -> None:
    wanted = changes_for(prepared, 1)
    prepared.bot_once()
    number = next(iter(wanted))
    message = prepared.change(number).patch_set.commit.message
    with prepared.server.client(prepared.engineer) as engineer:
        engineer.put(f"/changes/{number}/message", {"message": message.replace("It hung.", "It hung, often.")})
    prepared.bot_once()
    one_vote_each(prepared, wanted)


def test_a_newer_patch_set_never_gets_an_older_ones_vote(prepared: Team) -> None:
    (number,) = changes_for(prepared, 1)
    prepared.push("+refs/remotes/upstream/master:refs/heads/upstream")
    done = False

    def spoil(_n: int, request: httpx.Request) -> None:
        nonlocal done
        if posts(request) and not done:  # between the last look and the vote
            done = True
            message = prepared.change(number).patch_set.commit.message
            with prepared.server.client(prepared.engineer) as engineer:
                engineer.put(f"/changes/{number}/message", {"message": message.replace("TEST=booted in QEMU\n", "")})

    with faulty_bot(prepared, spoil) as bot:
        bot.round()
        assert done
        assert prepared.change(number).votes_of(prepared.bot.number) == {}
        bot.round()
    assert prepared.change(number).votes_of(prepared.bot.number) == {"Verified": -1}


def test_a_tester_that_dies_or_lies_costs_no_vote_and_is_told_once(
    prepared: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = changes_for(prepared, 1)
    (number,) = wanted
    now = [time.time()]
    script = "import sys; line = sys.stdin.readline(); sys.stdout.write({!r}); sys.stdout.flush()"
    config = load(prepared.bot_config)
    prepared.push("+refs/remotes/upstream/master:refs/heads/upstream")
    good = json.dumps({"change": number, "revision": "0" * 40, "unchanged": True}) + "\n"
    with service.opened(prepared.bot_dir, config, prepared.bot_config) as bot:
        patient = Bot(bot.clone, bot.journal, bot.voter, config, prepared.bot_config, lambda: now[0], bot.log, bot.hold)
        bot.journal._clock = lambda: now[0]
        for output in ("", "nonsense\n", good, '{"change": 1}\n', "[" * 100000 + "\n"):
            monkeypatch.setattr(
                "cosport.bot.tester.argv", lambda _c, _f, said=output: [sys.executable, "-c", script.format(said)]
            )
            assert [line.outcome for line in patient.round().lines] == ["trouble"]
            assert patient.round().lines == []  # it waits before it tries again
            now[0] += 4000
        monkeypatch.undo()
        assert len(prepared.bot_says(number)) == 1
        assert "could not judge" in prepared.bot_says(number)[0]
        assert prepared.change(number).votes_of(prepared.bot.number) == {}
        patient.round()
    one_vote_each(prepared, wanted)


@pytest.mark.soak
def test_a_bot_killed_at_random_moments_beside_a_gerrit_that_restarts(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    kills = 100 if os.environ.get("COSPORT_SOAK") else 8
    chance = random.Random(kills)
    server = GerritServer.make(tmp_path / "own")
    server.start()
    request.addfinalizer(server.stop)
    team = Team.build(server, tmp_path)
    request.addfinalizer(team.admin.close)
    team.init_bot()
    wanted = changes_for(team, 6)
    team.push("+refs/remotes/upstream/master:refs/heads/upstream")
    argv = [sys.executable, "-m", "cosport", "bot", "run", "--config", str(team.bot_config), "--dir", str(team.bot_dir)]
    numbers = list(wanted)
    for kill in range(kills):
        with (tmp_path / "bot.log").open("ab") as log:
            bot = subprocess.Popen(argv, stderr=log, stdout=log, cwd=tmp_path)
        time.sleep(chance.uniform(0.2, 4.0))
        if kill % 4 == 1:  # something to judge anew
            number = numbers[kill % len(numbers)]
            message = team.change(number).patch_set.commit.message
            with server.client(team.engineer) as engineer:
                text = message.replace("It hung", f"It hung {kill},", 1)
                engineer.put(f"/changes/{number}/message", {"message": text})
        if kill == kills // 2:
            server.stop()
            server.start()
        bot.kill()
        bot.wait()
    team.bot_once()
    team.bot_once()
    one_vote_each(team, wanted)


def test_the_service_goes_on_when_gerrit_is_away_and_says_how_it_is(prepared: Team) -> None:
    from cosport.bot import health as wellness

    config = load(prepared.bot_config)
    wanted = changes_for(prepared, 1)
    prepared.push("+refs/remotes/upstream/master:refs/heads/upstream")
    down = True

    def spoil(_n: int, _request: httpx.Request) -> Exception | None:
        return httpx.ConnectError("away") if down else None

    with faulty_bot(prepared, spoil) as bot:
        state = wellness.Health(config.bot.interval)
        server = wellness.serve(state, ("127.0.0.1", 0))
        url = f"http://127.0.0.1:{server.server_address[1]}/healthz"
        stop = threading.Event()
        trouble: list[BaseException] = []

        def watch() -> None:
            nonlocal down
            try:
                until(lambda: state.failures > 0)
                answer = httpx.get(url, trust_env=False)
                assert answer.status_code == 200  # not for long yet
                assert answer.json()["failures"] > 0
                state.started = 0.0
                assert httpx.get(url, trust_env=False).status_code == 503
                assert httpx.get(url.replace("healthz", ""), trust_env=False).status_code == 404
                down = False
                until(lambda: state.rounds > 0)
                assert httpx.get(url, trust_env=False).json()["ok"]
            except BaseException as error:
                trouble.append(error)
            finally:
                stop.set()

        watcher = threading.Thread(target=watch)
        watcher.start()
        service.run(bot, state, stop=stop)
        watcher.join()
        server.shutdown()
        server.server_close()
    assert not trouble
    one_vote_each(prepared, wanted)


def until(answer: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not answer():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


def test_a_tester_that_fails_on_everything_is_the_bots_trouble_and_not_told_on_each_change(
    prepared: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = changes_for(prepared, 7)
    monkeypatch.setattr(
        "cosport.bot.tester.argv", lambda _clone, _config: [sys.executable, "-c", "raise SystemExit(9)"]
    )
    assert "one patch set after the other" in prepared.bot_fails()
    told = [number for number in wanted if prepared.bot_says(number)]
    assert len(told) == 5


def test_the_service_ends_well_when_it_is_told_to(prepared: Team) -> None:
    argv = [sys.executable, "-m", "cosport", "bot", "run", "--config", str(prepared.bot_config)]
    with subprocess.Popen([*argv, "--dir", str(prepared.bot_dir)], stderr=subprocess.PIPE, cwd=prepared.folder) as bot:
        assert bot.stderr is not None
        try:
            assert any(line.startswith(b"<6>started") for line in bot.stderr)  # warnings of the tester come first
            again = prepared.bot_fails()
            assert "another bot works in" in again
            bot.terminate()
            status, said = bot.wait(60), bot.stderr.read()
            assert status == 0, said
            assert b"<6>stopped" in said
        finally:
            bot.kill()
