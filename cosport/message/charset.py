"""Turns the bytes of a message into text and back without loss, so that all other modules here work on `str`.

A commit's `encoding` header names the charset of its message and of its author and committer lines (git-commit(1),
"DISCUSSION"); without one it is UTF-8 by convention, and old history breaks that convention.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,39}\Z")

_FAMILIES = re.compile(
    r"(?:ascii|utf-8|latin-1|iso8859-\d+|cp\d+|koi8-[rtu]|mac-[a-z]+|ptcp154|hp-roman8|tis-620|"
    r"euc_jp|euc_jis_2004|euc_jisx0213|euc_kr|shift_jis|shift_jis_2004|shift_jisx0213|iso2022_(?:jp|kr)\w*|johab|"
    r"gb2312|gbk|gb18030|hz|big5|big5hkscs)\Z"
)
"""Charsets that people wrote messages in. Python's other codecs (idna, punycode, unicode_escape, utf-7) are no charsets
of messages, and some take quadratic time on hostile input."""

DEFAULT = "utf-8"


@dataclass(frozen=True, slots=True)
class Text:
    """Decoded text, and the codec that brings the same bytes back: give both to `encode`.

    `codec` is "utf-8" (undecodable bytes stand in the text as lone surrogates, PEP 383), or the charset as the commit's
    header spells it.
    """

    text: str
    codec: str = DEFAULT


def decode(data: bytes, encoding: bytes | None) -> Text:
    """The text of `data` from a commit with that `encoding` header. Never fails; `encode` gives `data` back.

    The header is believed where decoding and encoding by it give the same bytes again; else the text is UTF-8. A header
    that names a charset unknown here is kept as the codec, so that it is not lost.
    """
    name = (encoding or b"").decode("ascii", "replace")
    if name and _usable(name):
        try:
            text = data.decode(name)
            if text.encode(name) == data:
                return Text(text, name)
        except UnicodeError:
            pass
        return Text(data.decode("utf-8", "surrogateescape"))
    kept = name if _NAME.match(name) and not _python_knows(name) else DEFAULT
    return Text(data.decode("utf-8", "surrogateescape"), kept)


def encode(text: str, codec: str = DEFAULT) -> tuple[bytes, bytes | None]:
    """The bytes of `text`, and the `encoding` header that a commit with them needs (None: UTF-8, no header).

    Text decoded by `decode` and not changed gives its own bytes. Where new text cannot be written in `codec` (a name
    with letters that ISO-8859-1 lacks), the whole message goes to UTF-8 and the header is dropped; `transcode` then
    does the same for the author line. Lone surrogates become the bytes that they stand for.
    """
    if _usable(codec):
        if codecs.lookup(codec).name != DEFAULT:
            try:
                return text.encode(codec), codec.encode("ascii")
            except UnicodeError:
                pass
    elif _NAME.match(codec) and not any("\x7f" < char < "\udc80" or char > "\udcff" for char in text):
        return text.encode("utf-8", "surrogateescape"), codec.encode("ascii")
    try:
        return text.encode("utf-8", "surrogateescape"), None
    except UnicodeEncodeError:  # a surrogate that stands for no byte: it came from no commit and no command line
        return text.encode("utf-8", "replace"), None


def transcode(data: bytes, codec: str, header: bytes | None) -> bytes:
    """The author line of a commit whose message had `codec`, for a commit with the `encoding` header `header`.

    The same bytes, unless the message had to go from another charset to UTF-8.
    """
    if header is not None or not _usable(codec):
        return data
    try:
        return data.decode(codec).encode("utf-8")
    except UnicodeError:
        return data


def _usable(name: str) -> bool:
    """Whether `name` is a charset of messages that Python can read and write."""
    if not _NAME.match(name):
        return False
    try:
        return _FAMILIES.match(_canonical(name)) is not None
    except LookupError:
        return False


def _python_knows(name: str) -> bool:
    try:
        _canonical(name)
    except LookupError:
        return False
    return True


def _canonical(name: str) -> str:
    found = codecs.lookup(name).name
    return "latin-1" if found == "iso8859-1" else found
