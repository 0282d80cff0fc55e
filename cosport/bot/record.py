"""The JSON record of each vote: what was judged, by which checks, on what inputs, and what was voted.

A record names itself by a digest, and the review on Gerrit quotes it. So whoever holds the file can tell later that it
is what the bot's account said then: Gerrit is the notary, no key of ours is needed.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from cosport import __version__, files
from cosport.bot.protocol import Waiver
from cosport.errors import DiskError, UsageError
from cosport.presubmit.report import Report

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA: Final = "cosport.vote/1"


class Vote(Struct, frozen=True, forbid_unknown_fields=True):
    """One vote. Times are seconds since 1970 (UTC); `digest` is of all the rest."""

    project: str
    change: int
    patch_set: int
    revision: str
    labels: dict[str, int]
    report: Report
    waivers: tuple[Waiver, ...]
    judged: float
    schema: str = SCHEMA
    server: str = ""
    account: int = 0
    voted: float = 0.0
    cosport: str = __version__
    digest: str = ""


def sealed(vote: Vote) -> Vote:
    """The vote with its digest."""
    return msgspec.structs.replace(vote, digest=digest(vote))


def digest(vote: Vote) -> str:
    """The digest of a vote's contents."""
    data = msgspec.json.encode(msgspec.structs.replace(vote, digest=""), order="sorted")
    return hashlib.sha256(data).hexdigest()[:32]


def write(folder: Path, vote: Vote) -> Path:
    """Write a record, so that there is never half a one. Raises DiskError."""
    place = folder / str(vote.change)
    file = place / f"{vote.patch_set}-{vote.digest}.json"
    try:
        place.mkdir(parents=True, exist_ok=True)
        files.replace(file, msgspec.json.format(msgspec.json.encode(vote), indent=1))
    except OSError as exc:
        raise DiskError(f"{file}: {exc.strerror}", hint="free space; the bot votes when it can write again") from exc
    return file


def read(file: Path) -> Vote:
    """The record in a file. Raises UsageError where it is none, or was changed since it was written."""
    try:
        vote = msgspec.json.decode(file.read_bytes(), type=Vote, strict=True)
    except OSError as exc:
        raise UsageError(f"{file}: {exc.strerror}") from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise UsageError(f"{file} is no record of a vote: {exc}") from exc
    if vote.schema != SCHEMA or vote.digest != digest(vote):
        raise UsageError(f"{file} was changed since it was written", hint="its digest does not fit its contents")
    return vote
