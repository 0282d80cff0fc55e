"""Checks what users put into a message, so that no value adds a line, hides text or reorders it on a terminal."""

from __future__ import annotations

import re
import unicodedata

from cosport.errors import UsageError

_BREAKS = re.compile(r"[\s\x1c-\x1f\x85\u2028\u2029]+")
_HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_IDENT = re.compile(r"[^<>]*[^<>\s][^<>]*<[^<>\s]*>\Z")
_C_QUOTES = {
    "\a": "\\a",
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\v": "\\v",
    "\f": "\\f",
    "\r": "\\r",
    '"': '\\"',
    "\\": "\\\\",
}


def one_line(what: str, text: str) -> str:
    """`text` on one line: runs of white space and line ends become one space.

    Raises UsageError for control characters and for those that change the direction of text; `what` names the value.
    """
    folded = _BREAKS.sub(" ", text.replace("\r\n", "\n")).strip()
    if (match := _HIDDEN.search(folded)) is not None:
        code = f"U+{ord(match[0]):04X} ({unicodedata.name(match[0], 'control character')})"
        raise UsageError(
            f"{what} holds {code}, which a message must not hold", hint="type it again instead of pasting it"
        )
    return folded


def ident(what: str, text: str) -> str:
    """`text` if it is `Name <mail>`. Raises UsageError otherwise."""
    checked = one_line(what, text)
    if checked != text or not _IDENT.match(text):
        raise UsageError(
            f"{what} is not of the form `Name <mail>`: {checked!r}", hint="set user.name and user.email with git config"
        )
    return text


def quoted_path(path: str) -> str:
    """A path as git prints it: in C quotes where it holds a quote, a backslash or a control character."""
    if not re.search(r"[\x00-\x1f\x7f\"\\\x80-\x9f\u2028\u2029]", path):
        return path
    return '"' + "".join(_C_QUOTES.get(char) or (_octal(char) if _HIDDEN.match(char) else char) for char in path) + '"'


def _octal(char: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in char.encode("utf-8"))
