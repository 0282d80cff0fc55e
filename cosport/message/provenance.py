"""Reads out of a commit's message what it says of other commits: where it comes from, what it fixes, what it reverts.

It works on raw bytes, line by line, and takes a statement only where the field writes statements: on a line of its own,
and, where the words could be prose ("commit X upstream"), at the start of a paragraph. A commit that merely mentions
another one is no backport of it: a missed statement costs a patch-id, a false one costs a fix. A whole history is read
at about 2 microseconds a message, because few messages hold any of the words that begin a statement.
"""

from __future__ import annotations

import re
from typing import Final

from cosport.model.provenance import FixesTag, Origin, OriginForm, Provenance

_SHA: Final = rb"(?<![0-9a-z])([0-9a-f]{7,64})(?![0-9a-z])"
_AND: Final = rb"(?:\s*,\s*and\s+|\s*,\s*|\s+and\s+|\s*&\s*)(?:commit\s+)?"
_SHAS: Final = rb"(?<![0-9a-z])([0-9a-f]{7,64}(?:" + _AND + rb"[0-9a-f]{7,64})*)(?![0-9a-z])"
_ANY_SHA: Final = re.compile(_SHA)
_TREE: Final = rb"(?:upst?r?e?am?'?s?|mainline|linus'?s?(?: tree)?)"

# (form, whether it must begin a paragraph, pattern of the line in lower case without indentation)
_ORIGINS: Final = tuple(
    (form, paragraph, re.compile(pattern))
    for form, paragraph, pattern in (
        # (cherry picked from commit X), (cherry-picked from X), (cherry picked from X commit): git's own in 2005 and
        # now.
        (OriginForm.CHERRY_PICKED, False,
         rb"[(\[]\s*cherry[- ]?picked (?:from|of) (?:the )?(?:" + _TREE + rb" )?(?:commits?:? ){0,2}" + _SHAS),
        (OriginForm.CHERRY_PICKED, True,
         rb"cherry[- ]?picked from (?:" + _TREE + rb" )?(?:commits?:? ){0,2}" + _SHA + rb"(?: commit)?\s*\.?\s*$"),
        (OriginForm.BACKPORTED, False,
         rb"[(\[]\s*back-?ported from (?:the )?(?:" + _TREE + rb" )?(?:commits?:? ){0,2}" + _SHAS),
        (OriginForm.BACKPORTED, True,
         rb"(?:\[\s*)?(?:this (?:patch )?is )?(?:an? )?(?:back-?port(?:ed)?) (?:of|from) (?:the )?(?:" + _TREE
         + rb" )?commits?:? " + _SHAS + rb"(?: " + _TREE + rb")?(?:\s*[.,(\[\])-]|\s*$)"),
        # commit X upstream. / Commit: X upstream / commit commit X upstream / commits X and Y upstream, with what
        # follows only where it is no sentence that goes on.
        (OriginForm.COMMIT_UPSTREAM, True,
         rb"[(\[]?\s*(?:this is |also )?(?:" + _TREE + rb" )?commits?:?\s+(?:commit:?\s+)?" + _SHAS
         + rb",?\s+(?:\(\"[^\"]*\"\)\s+)?(?:in |from )?" + _TREE
         + rb"(?:\s+(?:tree|merged together))?\s*(?:[.,;:\])(-]|$)"),
        (OriginForm.UPSTREAM_COMMIT_TAG, False, rb"upstream-commit:\s*(?:commit\s+)?" + _SHA),
        (OriginForm.UPSTREAM_COMMIT, False,
         rb"[(\[]\s*(?:this is )?" + _TREE + rb" commits?:?\s+(?:commit:?\s+)?" + _SHAS),
        (OriginForm.UPSTREAM_COMMIT, True,
         rb"(?:this is )?" + _TREE + rb" commits?(?: id)?:?\s+(?:commit:?\s+)?" + _SHAS + rb"\s*(?:[.,(\])-]\s*|$)"),
        (OriginForm.GIT_COMMIT_TAG, False, rb"git-commit:\s*" + _SHA),
        (OriginForm.COMMIT_LINE, False, rb"commit:?\s+(?:commit:?\s+)?" + _SHA + rb"\s*$"),
    )
)  # fmt: skip

_FIXES: Final = re.compile(rb"fixes:\s*(?:commit:?\s+)?" + _SHA)
_DEP: Final = re.compile(rb"stable-dep-of:\s*(?:commit:?\s+)?" + _SHA)
_CC: Final = re.compile(rb"cc:.*\bstable@(?:vger\.)?kernel\.org\s*\"?\s*>?\s*(?:[,;]\s*)?(.*)$")
_CHANGE_ID: Final = re.compile(rb"change-id:\s*i([0-9a-f]{40})\s*$")
_REVERTS: Final = re.compile(
    rb"(?:^|\n)[ \t]*(?:(?:hence |so |and |thus )?this reverts\s+(?:the\s+)?(?:"
    + _TREE
    + rb"\s+)?(?:commits?:?\s+)?|reverts?\s+(?:the\s+)?commits?:?\s+)"
    + _SHAS
)
_REAPPLIES: Final = re.compile(
    rb"(?:^|\n)[ \t]*this (?:reapplies|re-applies)\s+(?:the\s+)?(?:" + _TREE + rb"\s+)?(?:commits?:?\s+)?" + _SHAS
)
_REVERT_SUBJECT: Final = re.compile(
    rb"(?:^|.*?[\]:]\s+)(revert|reapply):?\s+\"(.+)\"[\s.]*$", re.IGNORECASE | re.DOTALL
)
_KEY: Final = re.compile(rb"[a-z][a-z-]{1,30}(?::|\s+\S+$)")
_QUOTE: Final = b"\"'"

_CIQ_KEYS: Final = (b"jira", b"cve", b"bugfix", b"commit-author", b"feature", b"subsystem", b"rebuild", b"bugzilla")
_NOTHING: Final = Provenance()


def scan(message: bytes) -> Provenance:
    """What `message` (everything after a commit's headers) states of other commits; shas in lower case, as written.

    The forms are those of the kernel's stable, Ubuntu, SUSE, CIQ and ChromiumOS trees and of `git cherry-pick -x`,
    `git revert` and `git revert --reapply`, with the slips that real histories hold.
    """
    low = message.lower()
    # Words without which nothing is stated; "upstream" and "backport" never come without "commit". Spelt out, as a loop
    # would double the time that nearly all messages take.
    if (
        b"commit" in low
        or b"stable" in low
        or b"fixes:" in low
        or b"revert" in low
        or b"change-id:" in low
        or b"cherry" in low
        or b"reapp" in low
    ):
        return _scan(message, low)
    return _NOTHING


def subject(message: bytes) -> bytes:
    """The first paragraph on one line, as `git log --format=%s` gives it."""
    end = message.find(b"\n")
    if end > 0 and message[end : end + 2] == b"\n\n" and not message[0:1].isspace():
        return message[:end].rstrip()
    kept: list[bytes] = []
    for line in message.split(b"\n"):
        stripped = line.strip()
        if stripped:
            kept.append(stripped)
        elif kept:
            break
    return b" ".join(kept)


def _scan(message: bytes, low: bytes) -> Provenance:
    origins: list[Origin] = []
    fixes: list[FixesTag] = []
    depends: list[str] = []
    stable: list[str] = []
    change_id = ""
    lines = low.split(b"\n")
    for number, line in enumerate(lines):
        head = line[:1]
        if head == b"f" and (found := _FIXES.match(line)):
            fixes.append(FixesTag(found[1].decode(), _quoted(message, lines, number, found.end())))
        elif head == b"c" and line.startswith(b"cc:"):
            if cc := _CC.match(line):
                stable.append(_version_text(cc[1]))
        elif head == b"c" and (found := _CHANGE_ID.match(line)):
            change_id = "I" + found[1].decode()
        elif head == b"s" and (found := _DEP.match(line)):
            depends.append(found[1].decode())
        elif number and (b"commit" in line or b"cherry" in line):
            origins += _origins(lines, number)
    named = subject(message)
    quoted = _REVERT_SUBJECT.match(named) if b"evert" in named or b"eapply" in named else None
    return Provenance(
        origins=tuple(origins),
        fixes=tuple(fixes),
        reverts=_shas(_REVERTS, low) if b"revert" in low else (),
        reapplies=_shas(_REAPPLIES, low) if b"this re" in low else (),
        reverted_subject=_reverted(quoted) if quoted else "",
        change_id=change_id,
        stable_dep_of=tuple(depends),
        cc_stable=tuple(stable),
    )


def _origins(lines: list[bytes], number: int) -> list[Origin]:
    line = lines[number].strip()
    for form, paragraph, pattern in _ORIGINS:
        found = pattern.match(line)
        if found is None or (paragraph and not _begins(lines, number)):
            continue
        if form is OriginForm.COMMIT_LINE and not _is_commit_line(lines, number):
            continue
        text = found[1]
        if line[:1] in (b"[", b"(") and b"commits" in found[0]:  # "[ Upstream commits X\n  and Y ]"
            text = (
                b"\n".join((line[found.start(1) :], *lines[number + 1 : number + 6]))
                .partition(b"]")[0]
                .partition(b")")[0]
            )
        return [Origin(sha.decode(), form) for sha in _ANY_SHA.findall(text)]
    return []


def _begins(lines: list[bytes], number: int) -> bool:
    """Whether a line begins a paragraph, or stands below lines that are statements or tags themselves."""
    above = lines[number - 1].strip()
    if not above or number == 1:
        return True
    return _KEY.match(above) is not None and (b":" in above or above.startswith((*_CIQ_KEYS, b"commit")))


def _is_commit_line(lines: list[bytes], number: int) -> bool:
    """Whether a bare "commit X" is an origin: among CIQ's keys, or above upstream's own message as RHEL pastes it.

    Elsewhere it is the result of a `git bisect`, or the wrapped end of a sentence.
    """
    if lines[number][:1] in (b" ", b"\t"):
        return False
    above = [line for line in (each.strip() for each in lines[1:number]) if line]
    below = lines[number + 1].strip() if number + 1 < len(lines) else b""
    if below.startswith(b"author: "):
        return b"    " + lines[0].rpartition(b"] ")[2].strip() in lines[number + 2 : number + 8]
    if not all(line.startswith(_CIQ_KEYS) for line in above):
        return False
    return bool(above) or below.startswith((b"commit-author", b"upstream-diff"))


def _shas(pattern: re.Pattern[bytes], low: bytes) -> tuple[str, ...]:
    return tuple(
        sha.decode() for found in pattern.finditer(low) for sha in _ANY_SHA.findall(found[1]) if not sha.isalpha()
    )


def _reverted(found: re.Match[bytes]) -> str:
    text = found[2].decode("utf-8", "surrogateescape")
    # `git revert` of a revert writes Reapply "X" since git 2.43, where it wrote Revert "Revert "X"" before.
    return f'Revert "{text}"' if found[1].lower() == b"reapply" else text


def _quoted(message: bytes, lines: list[bytes], number: int, column: int) -> str:
    """The subject quoted behind a Fixes sha, which may be wrapped over three lines; "" where there is none."""
    start = sum(len(line) + 1 for line in lines[:number]) + column if number else column
    text = b" ".join(part.strip() for part in message[start : start + 600].split(b"\n")[:3])
    text = text.lstrip(b" ,:([")
    mark = text[:1]
    if mark in (b'"', b"'"):
        for closing in (mark + b")", mark + b"]"):
            end = text.find(closing, 1)
            if end > 0:
                return text[1:end].decode("utf-8", "surrogateescape")
        first = message[start:].split(b"\n", 1)[0].strip().lstrip(b" ,:([")
        return first[1:].rstrip(b" .)").rstrip(_QUOTE).decode("utf-8", "surrogateescape") if first else ""
    rest = message[start:].split(b"\n", 1)[0].strip()
    if rest.startswith(b"(") and b")" in rest:
        return rest[1 : rest.rindex(b")")].decode("utf-8", "surrogateescape")
    return ""


def _version_text(rest: bytes) -> str:
    return rest.strip(b" \t\r#>[]()").decode("utf-8", "surrogateescape")
