"""Tells a service manager how the bot is: an HTTP answer on loopback, and log lines with their gravity."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cosport.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

STALE: Final = 10
"""Intervals without a good round after which the bot calls itself unwell."""

_GRAVE: Final = frozenset(
    {"round-failed", "vote-failed", "no-judgement", "tell-failed", "stream-failed", "command-failed",
     "too-many-commands", "group-unreadable", "tester-has-network", "tester-is-same-user"}
)  # fmt: skip
"""What somebody should look at; all else is only told."""


SCHEMA: Final = "cosport.health/1"


@dataclass(frozen=True, slots=True)
class Document:
    """How the bot is, as it tells a service manager. Times are seconds since 1970; 0 for never."""

    schema: str
    ok: bool
    started: float
    last_good_round: float
    rounds: int
    failures: int
    open_changes: int
    why: str


@dataclass(slots=True)
class Health:
    """How the bot is. `interval` is the seconds between two rounds."""

    interval: float
    started: float = field(default_factory=time.time)
    last_good: float = 0.0
    rounds: int = 0
    failures: int = 0
    open: int = 0
    why: str = ""

    @property
    def ok(self) -> bool:
        """Whether a round went well not long ago."""
        return time.time() - max(self.last_good, self.started) < STALE * self.interval + 60.0

    def document(self) -> Document:
        """What the endpoint answers."""
        return Document(SCHEMA, self.ok, self.started, self.last_good, self.rounds, self.failures, self.open, self.why)


def serve(health: Health, address: tuple[str, int]) -> ThreadingHTTPServer:
    """Answer GET /healthz at the address, in a thread: 200 where the bot is well, else 503.

    Raises UsageError for an address that cannot be had.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = 5.0

        def do_GET(self) -> None:
            found = self.path == "/healthz"
            body = msgspec.json.encode(health.document() if found else {"error": "GET /healthz"}) + b"\n"
            self.send_response((200 if health.ok else 503) if found else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's own name
            """Say nothing: a service manager asks every few seconds."""

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        daemon_threads = True

    try:
        server = Server(address, Handler)
    except OSError as exc:
        where = f"{address[0]} port {address[1]}"
        raise UsageError(f"--health: {where}: {exc.strerror}", hint="name a free port of this machine") from exc
    threading.Thread(target=server.serve_forever, daemon=True, name="health").start()
    return server


def log(event: str, **values: object) -> None:
    """One line for an event: its gravity as sd-daemon(3) writes it, then `key=value` words, quoted where needed."""
    words = " ".join(f"{key.replace('_', '-')}={_word(value)}" for key, value in values.items())
    sys.stderr.write(f"<{4 if event in _GRAVE else 6}>{event}{' ' if words else ''}{words}\n")
    sys.stderr.flush()


def _word(value: object) -> str:
    text = str(value)
    return text if text and all(_plain(text)) else json.dumps(text)


def _plain(text: str) -> Iterator[bool]:
    return (char.isascii() and (char.isalnum() or char in "-_.:/+") for char in text)
