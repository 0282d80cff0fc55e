"""Reads out of a commit's message what it says of other commits: where it comes from, what it fixes, what it reverts.

It works on raw bytes, line by line, and takes a statement only where the field writes statements: on a line of its own,
and, where the words could be prose ("commit X upstream"), at the start of a paragraph. A commit that merely mentions
another one is no backport of it: a missed statement costs a patch-id, a false one costs a fix. A whole history is read
at about 2 microseconds a message, because few messages hold any of the words that begin a statement.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import accumulate, count
from typing import TYPE_CHECKING, Final

from cosport.message.blame import blamed, blames
from cosport.model.provenance import FixesTag, Origin, OriginForm, Provenance

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

_SHA: Final = rb"(?<![0-9a-z])([0-9a-f]{7,64})(?![0-9a-z])"
_AND: Final = rb"(?:\s*,\s*and\s+|\s*,\s*|\s+and\s+|\s*&\s*)(?:commit\s+)?"
_SHAS: Final = rb"(?<![0-9a-z])([0-9a-f]{7,64}(?:" + _AND + rb"[0-9a-f]{7,64})*)(?![0-9a-z])"
_ANY_SHA: Final = re.compile(_SHA)
_TREE: Final = rb"(?:upst?r?e?am?'?s?|mainline|linus'?s?(?: tree)?)"

# What may stand between the verb and the sha; and where a pick went to, or came from, behind it.
_COMMIT: Final = rb"(?:the )?(?:" + _TREE + rb" |master )?(?:(?:commits?|changeset)(?: id)?:?\s+){0,2}"
_WHERE: Final = rb"(?:,? (?:to|from|in|of|on) (?:the )?[\w./-]+(?: branch)?)?"

# (form, whether it must begin a paragraph, pattern of the line in lower case without indentation)
_ORIGINS: Final = tuple(
    (form, paragraph, re.compile(pattern))
    for form, paragraph, pattern in (
        # (cherry picked from commit X), (cherry-picked from X), (cherry picked from X commit): git's own in 2005 and
        # now; also Cherry-picked-from: X, and Gerrit's (cherry picked from https://HOST/q/commit:X).
        (OriginForm.CHERRY_PICKED, False,
         rb"[(\[]\s*cherry[- ]?pick(?:ed)?(?: from| of)?\s+" + _COMMIT + _SHAS),
        (OriginForm.CHERRY_PICKED, False, rb"[(\[]\s*cherry[- ]?picked from\s+https?://[^\s)]+[:/=]" + _SHA),
        (OriginForm.CHERRY_PICKED, False, rb"cherry[- ]?picked[- ]from(?: commit)?:\s*" + _SHA),
        # GitHub joins it to the line above where that had no newline: "Fixes #9(cherry picked from commit X)".
        (OriginForm.CHERRY_PICKED, False, rb".*[^\s(]\(cherry picked from commit ([0-9a-f]{40,64})\)\s*$"),
        (OriginForm.CHERRY_PICKED, True,
         rb"cherry[- ]?pick(?:ed)?(?: from| of)? " + _COMMIT + _SHA + rb"(?: commit)?\s*\.?\s*$"),
        (OriginForm.BACKPORTED, False, rb"[(\[]\s*back-?port(?:ed)? (?:from|of)\s+" + _COMMIT + _SHAS),
        (OriginForm.BACKPORTED, True,
         rb"[(\[]?\s*(?:this (?:patch |commit |change )?is )?(?:an? )?(?:back|cross)-?port(?:ed)? (?:of|from)\s+"
         + _COMMIT + _SHAS + rb"(?: " + _TREE + rb")?(?:\s*[.,(\[\])-]|" + _WHERE + rb"\s*[.)\]]?\s*$)"),
        # commit X upstream. / Commit: X upstream / commit commit X upstream / commits X and Y upstream, with what
        # follows only where it is no sentence that goes on.
        (OriginForm.COMMIT_UPSTREAM, True,
         rb"[(\[]?\s*(?:this is |also )?(?:" + _TREE + rb" )?commits?:?\s+(?:commit:?\s+)?" + _SHAS
         + rb",?\s+(?:\(\"[^\"]*\"\)\s+)?(?:in |from )?" + _TREE
         + rb"(?:\s+(?:tree|merged together))?\s*(?:[.,;:\])(-]|$)"),
        (OriginForm.UPSTREAM_COMMIT_TAG, False, rb"upstream-commit:\s*(?:commit\s+)?" + _SHA),
        (OriginForm.UPSTREAM_COMMIT, False,
         rb"[(\[]\s*(?:this is )?(?:from )?(?:" + _TREE + rb"|original) commits?:?\s+(?:commit:?\s+)?" + _SHAS),
        (OriginForm.UPSTREAM_COMMIT, True,
         rb"(?:this is )?" + _TREE + rb" commits?(?: id)?:?\s+(?:commit:?\s+)?" + _SHAS + rb"\s*(?:[.,(\])-]\s*|$)"),
        # master commit: X, master changeset: X, master-commit-id: X, below the tags; in a sentence: From master commit
        # X.
        (OriginForm.MASTER_COMMIT, False, rb"master[- ](?:commit|changeset)(?:-id)?:\s*" + _SHA),
        (OriginForm.MASTER_COMMIT, True, rb"(?:[\w-]+ )?from master commit " + _SHA + rb"\s*\.?\s*$"),
        (OriginForm.GIT_COMMIT_TAG, False, rb"git-commit:\s*" + _SHA),
        (OriginForm.COMMIT_LINE, False, rb"commit:?\s+(?:commit:?\s+)?" + _SHA + rb"\s*$"),
    )
)  # fmt: skip

_FIXES: Final = re.compile(rb"fixes:\s*(?:commit:?\s+)?" + _SHA)
_DEP: Final = re.compile(rb"stable-dep-of:\s*(?:commit:?\s+)?" + _SHA)
_CC: Final = re.compile(rb"cc:.*\bstable@(?:vger\.)?kernel\.org\s*\"?\s*>?\s*(?:[,;]\s*)?(.*)$")
_CHANGE_ID: Final = re.compile(rb"change-id:\s*i([0-9a-f]{40})\s*$")
_REVERTS: Final = re.compile(
    rb"[ \t]*(?:(?:hence |so |and |thus )?this reverts\s+(?:the\s+)?(?:"
    + _TREE
    + rb"\s+)?(?:commits?:?\s+)?|reverts?\s+(?:the\s+)?commits?:?\s+)"
    + _SHAS
)
_REAPPLIES: Final = re.compile(
    rb"[ \t]*this (?:reapplies|re-applies)\s+(?:the\s+)?(?:" + _TREE + rb"\s+)?(?:commits?:?\s+)?" + _SHAS
)
_REVERT_SUBJECT: Final = re.compile(
    rb"(?:^|.*?[\]:]\s+)(revert|reapply):?\s+\"(.+)\""
    rb"(?:\s+(?:(?:on|in|from)\s+stable(?:\s+(?:kernels?|trees?))?|for\s+now|and\s+its\s+fix-?ups?(?:\s+commits?)?))?[\s.]*$",
    re.IGNORECASE | re.DOTALL,
)
# sched: revert stable c6fc81a sched: Fix a race; but not "revert 7da97ec (partly)".
_REVERT_SHA_SUBJECT: Final = re.compile(
    rb"(?:^|.*?[\]:]\s+)revert:?\s+(?:(?:stable|upstream|mainline)\s+)?(?:(?:commit|changeset)\s+)?"
    + _SHA
    + rb"(?!.*\bpart)"
)
_KEY: Final = re.compile(rb"[a-z][a-z-]{1,30}(?::|\s+\S+$)")
_QUOTE: Final = b"\"'"

_CIQ_KEYS: Final = (b"jira", b"cve", b"bugfix", b"commit-author", b"feature", b"subsystem", b"rebuild", b"bugzilla")
_INCLUSION: Final = re.compile(rb"[\w.-]+ inclusion$|from:? \S")
"""What openEuler writes above its "commit X": "mainline inclusion" and "from mainline-v6.6"."""
_TOP: Final = 100
"""The last line at which the "commit X" of CIQ and openEuler stands; it is mostly the sixth."""

_NOTHING: Final = Provenance()

_LONG: Final = 500
"""Bytes within which the subject that a `Fixes:` tag quotes ends, on one line."""

_ANY_ORIGIN: Final = re.compile(b"|".join(b"(?:" + pattern.pattern + b")" for _, _, pattern in _ORIGINS))
"""What any of them finds: one look tells that a line is none, as nearly all lines are."""

_FAR: Final = 500
"""Bytes to both sides of a word in which its line begins and ends; a longer line is looked at whole."""

_BETWEEN: Final = b"\n\0"
"""What parts messages that are looked through at once: no word holds it, and each last line ends there."""

_COMMIT_WORD: Final = 1
_FIX: Final = 2
_REVERT: Final = 4
_REAPPLY: Final = 8
_STABLE: Final = 16
_CHANGE: Final = 32
_CHERRY: Final = 64
_PORT: Final = 128
_CHANGESET: Final = 256
_DEP_OF: Final = 512

_NAME: Final = rb"(?:(?:commits?|changeset)(?:[- ]id)?:?\s+)?\(?#?[0-9a-f]{7}"
_WORDS: Final = tuple(
    (word, kind, re.compile(pattern))
    for word, kind, pattern in (
        (b"commit", _COMMIT_WORD, rb"commits?(?:[- ]id)?:?\s*" + _NAME),
        (b"cherry", _CHERRY, rb"cherry[- ]?pick"),
        (b"-port", _PORT, rb"-port(?:ed)? (?:of|from)\s"),
        (b"backport", _PORT, rb"backport(?:ed)? (?:of|from)\s"),
        (b"changeset", _CHANGESET, rb"changeset(?:-id)?:\s*" + _NAME),
        (b"fixes:", _FIX, _FIXES.pattern),
        (b"revert", _REVERT, rb"reverts?:?\s+(?:\"|(?:the\s+)?(?:(?:stable|" + _TREE + rb")\s+)?" + _NAME + rb")"),
        (b"appl", _REAPPLY, rb"appl(?:ies\s|y:?\s+\")"),
        (b"stable@", _STABLE, rb"stable@(?:vger\.)?kernel\.org"),
        (b"stable-dep-of:", _DEP_OF, _DEP.pattern),
        (b"change-id:", _CHANGE, rb"change-id:\s*i[0-9a-f]{40}"),
    )
)
"""Words without which a kind of statement is not made, and what it takes for them to be more than prose.

What it takes stands at the word itself, and is less than what the statement takes; "upstream" never comes without
"commit".
"""
_ORIGIN_WORDS: Final = tuple(
    (word, kind) for word, kind, _ in _WORDS if kind in (_COMMIT_WORD, _CHERRY, _PORT, _CHANGESET)
)
_ORIGIN: Final = _COMMIT_WORD | _CHERRY | _PORT | _CHANGESET


def scan(message: bytes) -> Provenance:
    """What `message` (everything after a commit's headers) states of other commits; shas in lower case, as written.

    The forms are those of the kernel's stable, Ubuntu, SUSE, CIQ, ChromiumOS and openEuler trees, of Xen,
    and of `git cherry-pick -x`, `git revert` and `git revert --reapply`, with the slips that real histories hold.
    """
    stated = scan_many((message,))
    return stated[0][1] if stated else _NOTHING


def scan_many(messages: Sequence[bytes]) -> list[tuple[int, Provenance]]:
    """What each of many messages states, as `scan` tells it, with its number; those that state nothing are left out.

    All are looked through at once: nearly none holds any of the words, so it is the calls that would take the time.
    """
    low = _BETWEEN.join(messages).lower()
    ends = [at + number for number, at in zip(count(len(_BETWEEN), len(_BETWEEN)), accumulate(map(len, messages)))]
    held: dict[int, int] = {}
    find = low.find
    for word, kind, follows in _WORDS:
        at = find(word)
        while at >= 0:
            if follows.match(low, at) and (kind != _COMMIT_WORD or _tells(low, at)):
                number = bisect_right(ends, at)
                held[number] = held.get(number, 0) | kind
                at = find(word, ends[number])
            else:
                at = find(word, at + 1)
    found = []
    for number, kinds in sorted(held.items()):
        message = messages[number]
        end = ends[number] - len(_BETWEEN)
        said = _scan(message, low[end - len(message) : end], kinds)
        if said is not _NOTHING:
            found.append((number, said))
    return found


def _tells(low: bytes, at: int) -> bool:
    """Whether the word "commit" at `at`, with a name behind it, can make a statement: nearly all of them are prose."""
    begin, end = low.rfind(b"\n", max(0, at - _FAR), at), low.find(b"\n", at, at + _FAR)
    if begin < 0 or end < 0 or _ANY_ORIGIN.match(low[begin + 1 : end].strip()):
        return True
    return bool(blames(low, at))


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


def _scan(message: bytes, low: bytes, kinds: int) -> Provenance:
    # Lines are found by their words, not looked at one by one: nearly all of them state nothing.
    fixes: dict[int, FixesTag] = {}
    if kinds & _FIX:
        for begin, end in _lines(low, b"fixes:"):
            if found := _FIXES.match(low, begin, end):
                fixes[begin] = FixesTag(found[1].decode(), _quoted(message, found.end()))
    reverts = _reverts(low) if kinds & _REVERT else ()
    quoted = _REVERT_SUBJECT.match(subject(message)) if kinds & (_REVERT | _REAPPLY) else None
    changes = _first_groups(_CHANGE_ID, low, b"change-id:") if kinds & _CHANGE else []
    depends = _first_groups(_DEP, low, b"stable-dep-of:") if kinds & _DEP_OF else []
    stable = _first_groups(_CC, low, b"cc:") if kinds & _STABLE else []
    origins = _all_origins(low, kinds, fixes.keys()) if kinds & _ORIGIN else ()
    reapplies = _shas(_REAPPLIES, low, b"applies") if kinds & _REAPPLY else ()
    blames = blamed(low) if kinds & _COMMIT_WORD else ()
    if not (fixes or origins or reverts or quoted or stable or changes or reapplies or depends or blames):
        return _NOTHING
    return Provenance(
        origins=origins,
        fixes=tuple(fixes.values()),
        reverts=reverts,
        reapplies=reapplies,
        reverted_subject=_reverted(quoted) if quoted else "",
        change_id=f"I{changes[-1].decode()}" if changes else "",
        stable_dep_of=tuple(sha.decode() for sha in depends),
        cc_stable=tuple(map(_version_text, stable)),
        blames=blames,
    )


def _first_groups(pattern: re.Pattern[bytes], low: bytes, word: bytes) -> list[bytes]:
    """What the first group of `pattern` finds in each line that begins with `word`."""
    return [found[1] for line in _lines(low, word) if (found := pattern.match(low, *line))]


def _lines(low: bytes, word: bytes) -> Iterator[tuple[int, int]]:
    """Where the lines that begin with `word` begin and end."""
    at = 0 if low.startswith(word) else low.find(b"\n" + word) + 1 or -1
    while at >= 0:
        end = low.find(b"\n", at)
        yield at, end if end >= 0 else len(low)
        at = low.find(b"\n" + word, end) + 1 or -1 if end >= 0 else -1


def _all_origins(low: bytes, kinds: int, taken: Collection[int]) -> tuple[Origin, ...]:
    """The statements of origin, but for the subject; the lines that begin at `taken` state something else."""
    begins = {begin for word, kind in _ORIGIN_WORDS if kinds & kind for begin in _holding(low, word)}
    found: list[Origin] = []
    lines: list[bytes] = []
    number = at = 0
    for begin in sorted(begins):
        end = low.find(b"\n", begin)
        line = low[begin : end if end >= 0 else len(low)].strip()
        if begin and begin not in taken and _ANY_ORIGIN.match(line) and not low.startswith(b"cc:", begin):
            lines = lines or low.split(b"\n")
            number, at = number + low.count(b"\n", at, begin), begin
            found += _origins(lines, number)
    return tuple(found)


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
    """Whether a bare "commit X" is an origin: with the keys of CIQ or openEuler, or above what RHEL pastes.

    Elsewhere it is the result of a `git bisect`, or the wrapped end of a sentence.
    """
    if lines[number][:1] in (b" ", b"\t"):
        return False
    below = lines[number + 1].strip() if number + 1 < len(lines) else b""
    if below.startswith(b"author: "):
        return b"    " + lines[0].rpartition(b"] ")[2].strip() in lines[number + 2 : number + 8]
    if number > _TOP:
        return False
    above = [line for line in (each.strip() for each in lines[1:number]) if line]
    if any(line.endswith(b" inclusion") for line in above) and all(map(_INCLUSION.match, above)):
        return True
    if not all(line.startswith(_CIQ_KEYS) for line in above):
        return False
    return bool(above) or below.startswith((b"commit-author", b"upstream-diff"))


def _holding(low: bytes, word: bytes) -> Iterator[int]:
    """Where the lines begin that hold `word`."""
    at = low.find(word)
    while at >= 0:
        yield low.rfind(b"\n", 0, at) + 1
        end = low.find(b"\n", at)
        at = low.find(word, end) if end >= 0 else -1


def _reverts(low: bytes) -> tuple[str, ...]:
    """The commits that a message says it reverts; the subject counts where the body names none."""
    if named := _shas(_REVERTS, low, b"revert"):
        return named
    found = _REVERT_SHA_SUBJECT.match(subject(low))
    return (found[1].decode(),) if found and not found[1].isalpha() else ()


def _shas(pattern: re.Pattern[bytes], low: bytes, word: bytes) -> tuple[str, ...]:
    """The shas in what `pattern` finds from the beginning of a line on that holds `word`."""
    return tuple(
        sha.decode()
        for begin in _holding(low, word)
        if (found := pattern.match(low, begin))
        for sha in _ANY_SHA.findall(found[1])
        if not sha.isalpha()
    )


def _reverted(found: re.Match[bytes]) -> str:
    text = found[2].decode("utf-8", "surrogateescape")
    # `git revert` of a revert writes Reapply "X" since git 2.43, where it wrote Revert "Revert "X"" before.
    return f'Revert "{text}"' if found[1].lower() == b"reapply" else text


def _quoted(message: bytes, start: int) -> str:
    """The subject quoted behind a Fixes sha, which may be wrapped over three lines; "" where there is none."""
    end = message.find(b"\n", start)
    line = message[start:end] if end >= 0 else message[start:]
    if line.startswith(b' ("') and line.find(b'")', 3, _LONG) == len(line) - 2:  # nearly all
        return line[3:-2].decode("utf-8", "surrogateescape")
    text = b" ".join(part.strip() for part in message[start : start + 600].split(b"\n")[:3])
    text = text.lstrip(b" ,:([")
    mark = text[:1]
    if mark in (b'"', b"'"):
        for closing in (mark + b")", mark + b"]"):
            end = text.find(closing, 1)
            if end > 0:
                return text[1:end].decode("utf-8", "surrogateescape")
        first = line.strip().lstrip(b" ,:([")
        return first[1:].rstrip(b" .)").rstrip(_QUOTE).decode("utf-8", "surrogateescape") if first else ""
    rest = line.strip()
    if rest.startswith(b"(") and b")" in rest:
        return rest[1 : rest.rindex(b")")].decode("utf-8", "surrogateescape")
    return ""


def _version_text(rest: bytes) -> str:
    return rest.strip(b" \t\r#>[]()").decode("utf-8", "surrogateescape")
