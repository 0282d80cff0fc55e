"""Which of Python's codecs are charsets that people write messages in.

The others (idna, punycode, unicode_escape, utf-7) are none, and some take quadratic time on hostile input. A commit's
`encoding` header is written by whoever made the commit.
"""

from __future__ import annotations

import codecs
import re
from typing import Final

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,39}\Z")

_FAMILIES: Final = re.compile(
    r"(?:ascii|utf-8|latin-1|iso8859-\d+|cp\d+|koi8-[rtu]|mac-[a-z]+|ptcp154|hp-roman8|tis-620|"
    r"euc_jp|euc_jis_2004|euc_jisx0213|euc_kr|shift_jis|shift_jis_2004|shift_jisx0213|iso2022_(?:jp|kr)\w*|johab|"
    r"gb2312|gbk|gb18030|hz|big5|big5hkscs)\Z"
)


def is_name(name: str) -> bool:
    """Whether `name` has the form of a charset's name."""
    return _NAME.match(name) is not None


def is_known(name: str) -> bool:
    """Whether Python has a codec of that name, be it a charset of messages or not."""
    return is_name(name) and _codec(name) != ""


def is_usable(name: str) -> bool:
    """Whether `name` is a charset of messages that Python can read and write."""
    return is_name(name) and _FAMILIES.match(_codec(name)) is not None


def _codec(name: str) -> str:
    """The codec's own name, "" where there is none."""
    try:
        found = codecs.lookup(name).name
    except LookupError:
        return ""
    return "latin-1" if found == "iso8859-1" else found
