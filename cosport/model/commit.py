"""Commits as values: what a commit object says, with its bytes as they are.

Author and committer lines, header values and the message stay `bytes`: kernel history holds latin-1 names, broken
encodings and CR line ends, and a backport must not change any of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import dropwhile, takewhile
from typing import NewType

from cosport.errors import ToolError
from cosport.model.charset import is_usable

Sha = NewType("Sha", str)
"""A full object name, lower-case hex: 40 digits (SHA-1) or 64 (SHA-256)."""

_FULL = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")
_BLANK = b" \t\r"
_HEX = re.compile(r"[0-9a-fA-F]{4,64}\Z")


def sha(text: str) -> Sha:
    """`text` as a full object name. Raises ValueError if it is none."""
    if not _FULL.match(text):
        raise ValueError(f"not a full object name: {text!r}")
    return Sha(text)


def is_full_sha(text: str) -> bool:
    """Whether `text` is a full object name in lower case."""
    return _FULL.match(text) is not None


def looks_like_sha(text: str) -> bool:
    """Whether `text` could be an object name, abbreviated or whole (git wants at least 4 digits)."""
    return _HEX.match(text) is not None


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit object.

    `author` and `committer` are whole ident lines as in the object ("Name <mail> 1585000000 +0100"); `encoding` is the
    value of the header of that name, or None; `message` is everything after the blank line.
    """

    sha: Sha
    tree: Sha
    parents: tuple[Sha, ...]
    author: bytes
    committer: bytes
    encoding: bytes | None
    message: bytes

    @property
    def is_merge(self) -> bool:
        """Whether it has more than one parent."""
        return len(self.parents) > 1

    @property
    def subject(self) -> str:
        """The first paragraph's lines joined by a space, as `git log --format=%s` shows it, for people to read."""
        lines = (line.rstrip(_BLANK) for line in self.message.split(b"\n"))
        paragraph = takewhile(bool, dropwhile(lambda line: not line, lines))
        return decode(b" ".join(paragraph), self.encoding)

    @property
    def author_name(self) -> str:
        """The author's name, for people to read."""
        return decode(self.author.rsplit(b"<", 1)[0].strip(), self.encoding)


def decode(data: bytes, encoding: bytes | None) -> str:
    """Bytes of a commit as text for people: by its encoding header, else UTF-8, else latin-1. Never fails.

    The text can always be written as UTF-8: some charsets' codecs can make surrogates.
    """
    for name in ((encoding or b"").decode("ascii", "replace"), "utf-8"):
        if is_usable(name):
            try:
                text = data.decode(name)
                text.encode("utf-8")
            except UnicodeError:
                continue
            return text
    return data.decode("latin-1")


def parse_commit(name: Sha, raw: bytes) -> Commit:
    """The commit that the contents `raw` of a commit object state (git's Documentation: gitformat-commit).

    Unknown headers (gpgsig, mergetag, ...) are passed over, their continuation lines too. Raises ToolError on damage.
    """
    head, _, message = raw.partition(b"\n\n")
    fields: dict[bytes, bytes] = {}
    parents: list[bytes] = []
    for line in head.split(b"\n"):
        key, _, value = line.partition(b" ")
        if key == b"parent":
            parents.append(value)
        elif key:  # a continuation line starts with a space: its key is empty
            fields.setdefault(key, value)
    try:
        return Commit(
            sha=name,
            tree=sha(fields[b"tree"].decode("ascii")),
            parents=tuple(sha(parent.decode("ascii")) for parent in parents),
            author=fields[b"author"],
            committer=fields[b"committer"],
            encoding=fields.get(b"encoding"),
            message=message,
        )
    except (KeyError, ValueError) as exc:
        raise ToolError(f"commit {name} is damaged: {exc}", hint="run: git fsck") from exc
