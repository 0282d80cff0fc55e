"""Reads Gerrit's events: lines of `gerrit stream-events`, of a recorded file, and of the events-log plugin.

Events are hints: any field may be missing, and one may come twice, late or never. What they are about is read anew over
REST; only which change to look at is taken from them. Events carry no id, so one is known by the hash of its contents.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import msgspec

from cosport import process
from cosport.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cosport.gerrit.client import Client

LONGEST: Final = 1 << 20
"""Characters of one event; a longer line is none."""

_DIGITS: Final = 18

_SILENCE: Final = 3600.0
"""Seconds without an event after which the stream is opened anew: ssh can hang without a word (buildbot issue 7419)."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `change` is 0 where it is about none (a branch that moved), `project` "" where it does not say."""

    hash: str
    type: str
    project: str
    change: int
    ref: str = ""


def parse(line: str | bytes) -> Event | None:
    """The event in a line of JSON; None where it is none."""
    if not line.strip() or len(line) > LONGEST:
        return None
    try:
        said = msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    change, update = _part(said.get("change")), _part(said.get("refUpdate"))
    project = change.get("project") or update.get("project") or said.get("project")
    if isinstance(project, dict):  # as the events-log plugin writes it
        project = project.get("name")
    ref = update.get("refName")
    return Event(
        hash=hashlib.sha256(msgspec.json.encode(said, order="deterministic")).hexdigest(),
        type=str(said.get("type", "")),
        project=project if isinstance(project, str) else "",
        change=_number(change.get("number")),
        ref=ref if isinstance(ref, str) else "",
    )


def _number(value: Any) -> int:
    """The number of a change; 0 where it is none. Gerrit's have 32 bits, and Python reads none of 5,000 digits."""
    text = str(value) if isinstance(value, int | str) else ""
    return int(text) if text.isdecimal() and len(text) <= _DIGITS else 0


def _part(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def matters(event: Event, project: str) -> bool:
    """Whether a look at the open changes is due: something about the project changed, other than a patch set's ref."""
    if event.project and event.project != project:
        return False
    return not event.ref.startswith("refs/changes/")


def read(lines: Iterable[str | bytes]) -> Iterator[Event]:
    """The events in lines; what is none is passed over."""
    for line in lines:
        event = parse(line)
        if event is not None:
            yield event


def logged(client: Client, since: str) -> Iterator[Event]:
    """What the events-log plugin kept since a time (UTC, `YYYY-MM-DD HH:MM:SS`). Raises GerritError without it."""
    return read(client.text("/plugins/events-log/events/", [("t1", since)]).splitlines())


def stream_argv(address: str, known_hosts: str) -> list[str]:
    """The ssh that prints events as they come, from `user@host:port`; the host's key must be in `known_hosts`.

    Raises ConfigError for what is no address, and where no key is pinned.
    """
    parts = urlsplit(f"ssh://{address}")
    try:
        port = parts.port or 29418
    except ValueError:
        port = 0
    host, user = parts.hostname or "", parts.username or ""
    if not port or not host or not user or address.startswith("-") or parts.path or host.startswith("-"):
        raise ConfigError(f"bot.ssh: {address!r} is no address", hint="such as cosport-bot@gerrit.example.com:29418")
    if not known_hosts:
        raise ConfigError("bot.known_hosts: missing", hint=f"pin the host's key: ssh-keyscan -p {port} {host} > FILE")
    options = {
        "BatchMode": "yes", "StrictHostKeyChecking": "yes", "UserKnownHostsFile": known_hosts,
        "GlobalKnownHostsFile": "/dev/null", "UpdateHostKeys": "no", "ServerAliveInterval": "30",
        "ServerAliveCountMax": "3", "ClearAllForwardings": "yes", "PermitLocalCommand": "no",
    }  # fmt: skip
    flags = [part for key, value in options.items() for part in ("-o", f"{key}={value}")]
    return ["ssh", "-T", *flags, "-p", str(port), "-l", user, "--", host, "gerrit", "stream-events"]


def stream(argv: list[str]) -> Iterator[Event]:
    """Events as they come. Raises ProcessError, with ssh's words, where the connection ends or hangs."""
    with process.Conversation(argv, timeout=_SILENCE) as child:
        while True:
            event = parse(child.line())
            if event is not None:
                yield event
