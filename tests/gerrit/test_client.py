from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from cosport.config import Gerrit
from cosport.errors import ConfigError, GerritError, GerritUnreachable
from cosport.gerrit import credentials
from cosport.gerrit.client import Client, path
from cosport.gerrit.credentials import Credentials
from tests.gerrit.server import ADMIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.gerrit.server import GerritServer

SECRET = "s3cr3t-t0ken"


def test_a_real_gerrit_answers_as_the_account(gerrit: GerritServer) -> None:
    with gerrit.client() as admin:
        assert admin.get(path("accounts", "self"), dict[str, Any])["username"] == "admin"


def test_a_name_with_slashes_stays_one_part_of_the_path(gerrit: GerritServer) -> None:
    with gerrit.client() as admin:
        admin.put(path("projects", "odd/na-me+x/y"), {"create_empty_commit": True})
        assert admin.get(path("projects", "odd/na-me+x/y"), dict[str, Any])["name"] == "odd/na-me+x/y"


def test_a_wrong_token_is_an_error_that_shows_none_of_it(gerrit: GerritServer) -> None:
    with Client(gerrit.url, Credentials("admin", SECRET)) as client, pytest.raises(GerritError) as caught:
        client.get(path("accounts", "self"), dict[str, Any])
    assert caught.value.status == 401
    assert SECRET not in repr(caught.value.__dict__) + str(caught.value) + repr(client.account)


def test_what_is_not_there_is_none(gerrit: GerritServer) -> None:
    with gerrit.client() as admin:
        assert admin.find(path("projects", "no such project"), dict[str, Any]) is None


def faulty(answer: Callable[[int], httpx.Response | Exception]) -> tuple[Client, list[float], list[httpx.Request]]:
    """A client whose n-th request gets `answer(n)`, with the pauses it made and the requests it sent."""
    pauses: list[float] = []
    asked: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        what = answer(len(asked))
        if isinstance(what, Exception):
            raise what
        return what

    account = Credentials("bot", SECRET)
    transport = httpx.MockTransport(handle)
    return Client("https://gerrit.example.com", account, transport=transport, sleep=pauses.append), pauses, asked


@pytest.mark.parametrize(
    "trouble",
    [httpx.Response(500), httpx.Response(503), httpx.ReadTimeout("slow"), httpx.ReadError("cut"),
     httpx.ConnectError("no"), httpx.RemoteProtocolError("cut short"),
     httpx.Response(200, content=b"<html>a proxy's page</html>")],
)  # fmt: skip
def test_what_may_go_better_is_tried_three_times_with_growing_pauses(trouble: httpx.Response | Exception) -> None:
    client, pauses, asked = faulty(lambda _n: trouble)
    with pytest.raises(GerritUnreachable):
        client.get("/x", dict[str, Any])
    if isinstance(trouble, httpx.Response) and trouble.status_code == 200:
        assert len(asked) == 1  # it answered; asking again at once would give the same page
        return
    assert len(asked) == 3
    assert pauses == [0.5, 1.0]


def test_trouble_that_passes_leaves_no_trace() -> None:
    client, _, asked = faulty(lambda n: httpx.Response(500) if n < 3 else httpx.Response(200, content=b")]}'\n{}"))
    assert client.get("/x", dict[str, Any]) == {}
    assert len(asked) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 422])
def test_a_refusal_is_never_asked_for_twice(status: int) -> None:
    client, pauses, asked = faulty(lambda _n: httpx.Response(status, text="change is closed\nfor good"))
    with pytest.raises(GerritError, match="change is closed for good") as caught:
        client.put("/x", {})
    assert not isinstance(caught.value, GerritUnreachable)
    assert (caught.value.status, len(asked), pauses) == (status, 1, [])


def test_what_must_happen_once_is_not_sent_again_when_the_answer_got_lost() -> None:
    client, _, asked = faulty(lambda _n: httpx.ReadError("cut"))
    with pytest.raises(GerritUnreachable):
        client.post("/x", {})
    assert len(asked) == 1


def test_a_redirect_is_not_followed_so_the_token_stays() -> None:
    client, _, asked = faulty(lambda _n: httpx.Response(302, headers={"Location": "https://evil.example.com/"}))
    with pytest.raises(GerritError):
        client.get("/x", dict[str, Any])
    assert [request.url.host for request in asked] == ["gerrit.example.com"]


@pytest.mark.parametrize(
    "url",
    ["ftp://x", "gerrit.example.com", f"https://bot:{SECRET}@gerrit.example.com", f"https://:{SECRET}@x", "",
     "https://x:port", "https://x\n", "https://x?a", "https://x#a"],
)  # fmt: skip
def test_what_is_no_address_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"gerrit\.url") as caught:
        Client(url)
    assert SECRET not in caught.value.what + caught.value.hint


def test_a_token_that_travels_unencrypted_is_shown_to_no_proxy(gerrit: GerritServer, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy, pytest.MonkeyPatch.context() as patch:
        proxy.settimeout(0.2)
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            patch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        for name in ("no_proxy", "NO_PROXY"):
            patch.delenv(name, raising=False)
        with gerrit.client() as admin:
            assert admin.get(path("accounts", "self"), dict[str, Any])["username"] == "admin"
        env = {**os.environ, **credentials.for_git(gerrit.url, ADMIN)}
        argv = ["git", "ls-remote", f"{gerrit.url}/a/All-Projects"]
        subprocess.run(argv, env=env, cwd=tmp_path, capture_output=True, check=True, timeout=60)
        with pytest.raises(TimeoutError):
            proxy.accept()


def test_a_token_is_not_sent_unencrypted() -> None:
    with pytest.raises(ConfigError, match="not encrypted"):
        Client("http://gerrit.example.com", Credentials("bot", SECRET))


class TestCredentials:
    def test_come_from_a_file_of_ones_own(self, tmp_path: Path) -> None:
        file = tmp_path / "token"
        file.write_text(f"bot:{SECRET}\n")
        file.chmod(0o600)
        assert credentials.read(Gerrit(token_file=str(file)), {}) == Credentials("bot", SECRET)

    def test_a_file_that_others_may_read_is_refused(self, tmp_path: Path) -> None:
        file = tmp_path / "token"
        file.write_text(f"bot:{SECRET}\n")
        file.chmod(0o640)
        with pytest.raises(ConfigError, match="others may read it") as caught:
            credentials.read(Gerrit(token_file=str(file)), {})
        assert SECRET not in str(caught.value)

    def test_the_environment_goes_before_the_file(self) -> None:
        found = credentials.read(Gerrit(user="me"), {"COSPORT_GERRIT_TOKEN": SECRET})
        assert found == Credentials("me", SECRET)
        assert SECRET not in repr(found)

    def test_a_token_without_an_account_is_refused_without_being_shown(self) -> None:
        with pytest.raises(ConfigError) as caught:
            credentials.read(Gerrit(), {"COSPORT_GERRIT_TOKEN": SECRET})
        assert SECRET not in str(caught.value)

    def test_none_is_an_answer(self, tmp_path: Path) -> None:
        assert credentials.read(Gerrit(token_file=str(tmp_path / "none")), {}) is None
        assert credentials.read(Gerrit(token_file=""), {}) is None

    @pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
    def test_what_is_no_plain_file_is_refused_at_once(self, make: Callable[[Path], None], tmp_path: Path) -> None:
        make(tmp_path / "token")
        with pytest.raises(ConfigError, match="is no plain file"):
            credentials.read(Gerrit(token_file=str(tmp_path / "token")), {})

    def test_the_home_of_nobody_is_an_error_of_the_configuration(self) -> None:
        with pytest.raises(ConfigError, match="there is no such home"):
            credentials.read(Gerrit(token_file="~no-such-user/token"), {})

    def test_git_shows_them_to_the_one_server(self) -> None:
        env = credentials.for_git("https://gerrit.example.com", Credentials("bot", SECRET))
        keys = [value for key, value in env.items() if key.startswith("GIT_CONFIG_KEY")]
        assert "http.https://gerrit.example.com/.extraHeader" in keys
