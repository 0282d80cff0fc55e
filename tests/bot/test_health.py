"""How the bot tells that it is well: where it answers, and how grave a line of its log is."""

from __future__ import annotations

import http.client
import socket

import pytest

from cosport.bot import health
from cosport.errors import UsageError


def ask(host: str) -> int:
    server = health.serve(health.Health(30.0), (host, 0))
    try:
        asked = http.client.HTTPConnection(host, server.server_address[1], timeout=10)
        asked.request("GET", "/healthz")
        return asked.getresponse().status
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_it_answers_over_both_kinds_of_addresses(host: str) -> None:
    if host == "::1" and not _has_ipv6():
        with pytest.raises(UsageError, match="::1 port 0"):
            ask(host)
        return
    assert ask(host) == 200


def _has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def test_an_address_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"--health: 127.0.0.1 port {port}: Address already in use"):
            health.serve(health.Health(30.0), ("127.0.0.1", port))


def test_what_somebody_should_look_at_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    health.log("tester-is-same-user", why="not set")
    health.log("vote", change=1, why="a\n<0>b\x1b")
    assert capsys.readouterr().err.splitlines() == [
        '<4>tester-is-same-user why="not set"', '<6>vote change=1 why="a\\n<0>b\\u001b"'
    ]  # fmt: skip
