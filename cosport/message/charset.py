"""Turns the bytes of a message into text and back without loss, so that all other modules here work on `str`.

A commit's `encoding` header names the charset of its message and of its author and committer lines (git-commit(1),
"DISCUSSION"); without one it is UTF-8 by convention, and old history breaks that convention.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from cosport.model.charset import is_known, is_name, is_usable

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
    if name and is_usable(name):
        try:
            text = data.decode(name)
            if text.encode(name) == data:
                return Text(text, name)
        except UnicodeError:
            pass
        return Text(data.decode("utf-8", "surrogateescape"))
    kept = name if is_name(name) and not is_known(name) else DEFAULT
    return Text(data.decode("utf-8", "surrogateescape"), kept)


def encode(text: str, codec: str = DEFAULT) -> tuple[bytes, bytes | None]:
    """The bytes of `text`, and the `encoding` header that a commit with them needs (None: UTF-8, no header).

    Text decoded by `decode` and not changed gives its own bytes. Where new text cannot be written in `codec` (a name
    with letters that ISO-8859-1 lacks), the whole message goes to UTF-8 and the header is dropped; `transcode` then
    does the same for the author line. Lone surrogates become the bytes that they stand for.
    """
    if is_usable(codec):
        if codecs.lookup(codec).name != DEFAULT:
            try:
                return text.encode(codec), codec.encode("ascii")
            except UnicodeError:
                pass
    elif is_name(codec) and not any("\x7f" < char < "\udc80" or char > "\udcff" for char in text):
        return text.encode("utf-8", "surrogateescape"), codec.encode("ascii")
    try:
        return text.encode("utf-8", "surrogateescape"), None
    except UnicodeEncodeError:  # a surrogate that stands for no byte: it came from no commit and no command line
        return text.encode("utf-8", "replace"), None


def transcode(data: bytes, codec: str, header: bytes | None) -> bytes:
    """The author line of a commit whose message had `codec`, for a commit with the `encoding` header `header`.

    The same bytes, unless the message had to go from another charset to UTF-8.
    """
    if header is not None or not is_usable(codec):
        return data
    try:
        return data.decode(codec).encode("utf-8")
    except UnicodeError:
        return data
