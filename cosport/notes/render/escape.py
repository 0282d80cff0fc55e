"""Escapes foreign text for the place that it goes to; templates need not think of it: what they print goes through.

The texts of a document are single lines without control characters. A text that must not be escaped again is `Safe`.
"""

from __future__ import annotations

import re
from typing import Final

_MARKDOWN: Final = re.compile(r"[\\`*_\[\]<|~@$]|&(?=[A-Za-z#])|#(?=\d)|:(?=//)|(?<=\b[Ww][Ww][Ww])\.")
_LIST_NUMBER: Final = re.compile(r"\d{1,9}[.)](?=\s|$)")


class Safe(str):
    """Text that stands in the output as it is."""

    __slots__ = ()


def markdown(text: str) -> Safe:
    """Text that reads the same in CommonMark and GitHub's dialect: no markup, no HTML, no link, no mention.

    Every character that begins any of these gets a backslash (CommonMark 0.31, section 2.4).
    """
    escaped = _MARKDOWN.sub(r"\\\g<0>", text)
    if escaped[:1] in ("+", "-", "=", "#", ">"):
        escaped = "\\" + escaped
    elif found := _LIST_NUMBER.match(escaped):
        escaped = f"{escaped[: found.end() - 1]}\\{escaped[found.end() - 1 :]}"
    return Safe(escaped)


def web(url: str) -> str:
    """An address if it is one of the web, else "": a document from elsewhere may hold `javascript:` ones."""
    return url if url.startswith(("https://", "http://")) else ""


def markdown_link(name: str, url: str) -> Safe:
    """A link, or the name alone where there is no address."""
    target = web(url)
    if not target:
        return markdown(name)
    quoted = "".join(char if char.isalnum() or char in ":/?#@!$&*+,;=-._~%" else _percent(char) for char in target)
    return Safe(f"[{markdown(name)}]({quoted})")


def _percent(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogateescape"))
