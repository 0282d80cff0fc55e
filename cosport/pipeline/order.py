"""What travels between the engine and whoever performs a job: the order, and the answer. Plain values, both."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from cosport.pipeline.state import End

FOLDER: Final = "\0folder\0"
REPO: Final = "\0repo\0"
"""What stands in an order for paths that only the performer knows. No argument from elsewhere holds a NUL."""


class Tip(Struct, frozen=True):
    """A commit that a job needs, and the ref by which it finds it ("" where it knows the name itself)."""

    sha: str
    ref: str = ""


class NewRef(Struct, frozen=True):
    """A ref that a job wrote: its value before ("" for none) and after, and the reason in its reflog."""

    ref: str
    old: str
    new: str
    why: str


class Order(Struct, frozen=True, kw_only=True):
    """One attempt at one job. A stage answers with a document; of a command, `stdout` names the file for its output.

    `tips` are all commits that it needs; `config` is the text of cosport.toml, if any.

    `client` tells the process that gave it from an earlier one of the same run, whose orders may still be on their way.
    `holds_token`: what Gerrit knows us by stays in its environment; such an order goes to no worker.
    `alone`: a worker has died under it, so it gets one for itself, and no other job is blamed for the next death.
    """

    run: str
    node: str
    attempt: int
    argv: tuple[str, ...]
    is_stage: bool
    stdout: str
    seconds: float
    memory: int
    qemu: int
    tips: tuple[Tip, ...] = ()
    config: bytes = b""
    hash_name: str = "sha1"
    version: str = ""
    client: str = ""
    holds_token: bool = False
    alone: bool = False

    @property
    def needs_repository(self) -> bool:
        """Whether it works on commits; a command that names none has no use for a repository."""
        return self.is_stage or bool(self.tips) or any(REPO in part for part in self.argv)

    @property
    def name(self) -> str:
        """What the attempt is called, on every machine."""
        return f"{self.run}/{self.node}/{self.attempt}"


class Answer(Struct, frozen=True, kw_only=True):
    """How an attempt ended. `document` is a stage's standard output; `files` and `bundle` are what a worker sends home.

    `what` says why there is no answer; `lacks` and `has` are object names, where the worker lacks some.
    """

    end: End
    status: int = 0
    seconds: float = 0.0
    worker: str = ""
    what: str = ""
    document: bytes = b""
    files: bytes = b""
    refs: tuple[NewRef, ...] = ()
    bundle: bytes = b""
    lacks: tuple[str, ...] = ()
    has: tuple[str, ...] = ()
