"""Finds sentences that say which commit brought what a message repairs: "broken by commit X", "since commit X ...".

Before the `Fixes:` tag became a habit (in Linux around 2013) this was how a fix named its culprit, and people still do
it so. It is weaker than a tag: a sentence may tell the history of something that was never wrong. So what is found here
is told as such, and never decides alone that a branch is affected.
"""

from __future__ import annotations

import re
from typing import Final

_NAMED: Final = re.compile(rb"commit(?:-id| id)?:?\s+\(?#?(?<![0-9a-z])([0-9a-f]{7,64})(?![0-9a-z])")
_TROUBLE: Final = (
    rb"(?:introduced|caused|broken|broke|exposed|triggered|uncovered|unveiled|revealed|regress(?:ion|ions|ed)|brought|"
    rb"fallout|breakage|bug|problem|issue|mistake|oversight|typo|leak|due|thanks|side.effect|left ?over|missed|"
    rb"overlooked|forgotten)"
)
_BEFORE: Final = re.compile(
    rb"(?:\b"
    + _TROUBLE
    + rb",?(?: (?!fixed\b|solved\b|addressed\b)[\w'-]+){0,4}? (?:by|in|with|from|since|after|of|to|on)"
    rb"(?: (?:the|this|upstream|mainline|following|recent|earlier|previous|my|git|our))*"
    # "Fix the check of commit X"; but what "was fixed in commit X" was not brought by it.
    rb"|\bfix(?:es|ed|ing|up|ups)?(?: (?!in\b|by\b|from\b|with\b|see\b|like\b|as\b|after\b)[\w'-]+){0,4}"
    rb"|\bsince(?: the)?(?: merge of)?) commit $"
)
_AFTER: Final = re.compile(
    rb"\)?,?(?: ?\(?[\"'][^\"']{0,100}[\"']?\)?,?)?(?: ?\([^)]{0,100}\),?)?"
    rb"(?: ?(?:has|had|also|which|that|it|seems to have|seems to|may have|i|we)\b)*? ?"
    rb"(?:introduced|introduces|broke|breaks|broken|caused|causes|regressed|forgot|missed|misses|exposed|triggered|"
    rb"overlooked|neglected|failed to|fails to|(?:is|was) (?:wrong|broken|buggy|incorrect|incomplete)|did ?n[o']t|"
    rb"does ?n[o']t|botched|accidentally|inadvertently|unintentionally|erroneously|wrongly|incorrectly|mistakenly)\b"
)

_TIDYING: Final = re.compile(
    rb"(?:[^\n]*?[:\]] )?(?:remove|drop|kill|delete|rename|clean|clean ?up|get rid|document)(?:s|d|ed|ing)?\b"
)
"""The subject of a commit that repairs nothing: what it removes has become useless since another commit, mostly."""

_LEADING: Final = frozenset(
    (
        b"by in with from since after of to on the this upstream mainline following recent earlier previous my git our"
    ).split()
)
"""Words before "commit" with which `_BEFORE` can end, but for a fix, behind which any word may stand."""

_AROUND: Final = 190
"""Bytes before the word "commit", and after the sha, that are looked at."""


def blamed(low: bytes) -> tuple[str, ...]:
    """The shas, as written, of the commits that a message in lower case blames, in their order.

    Takes time linear in its length: each mention of a commit is looked at by itself.
    """
    found: dict[str, None] = {}
    at = low.find(b"commit")
    while at >= 0:
        if named := blames(low, at):
            found[named.decode()] = None
        at = low.find(b"commit", at + 6)
    return tuple(found) if found and not _TIDYING.match(low.lstrip()) else ()


def blames(low: bytes, at: int) -> bytes:
    """The sha behind the word "commit" at `at` if the words before it or behind it blame that commit, else b"".

    It is enough to see the words around it: more text before and behind changes nothing that is found.
    """
    named = _NAMED.match(low, at)
    if named is None or named[1].isalpha():
        return b""
    around = low[max(0, at - _AROUND) : at]
    before = around.split()
    may = before and (before[-1] in _LEADING or before[-1].endswith(b"since") or b"fix" in around)
    if may and _BEFORE.search(b" ".join(before) + b" commit "):
        return named[1]
    return named[1] if _AFTER.match(b" ".join(low[named.end() : named.end() + _AROUND].split())) else b""
