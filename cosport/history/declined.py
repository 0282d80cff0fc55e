"""declines.toml: the missing fixes that a team has decided not to take, with the reason, and until when.

The file is for people: it is reviewed and shared in git, so what they wrote in it stays as it is, comments too. A
decision holds for what was known when it was taken: a follow-up fix that upstream has added since brings a declined
commit back, and so does a CVE that has been assigned to it since.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import tomllib
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from cosport.config import DECLINES
from cosport.errors import ConfigError, UsageError
from cosport.history.affected import followups
from cosport.model.commit import Sha, looks_like_sha

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from cosport.history.index import History
    from cosport.history.missing import Missing

_TOP: Final = """\
# Upstream fixes that this team has decided not to take, one table each; `cosport decline` writes them.
# A follow-up fix that is not among `known` brings the commit back, and so do a CVE of it that is not among `cves`, and
# the end of the day `until`.
"""
_HEADER: Final = re.compile(r"[ \t]*\[\[[ \t]*decline[ \t]*\]\][ \t]*(?:#.*)?\Z")
_SHORTEST: Final = 12


class Decline(Struct, frozen=True, forbid_unknown_fields=True):
    """One decision: `commit` (its sha, at least 12 digits) is not taken to the branch of that name.

    `until` is the last day on which it holds; `known` are the follow-ups that upstream had when it was taken,
    `cves` the ids of the CVEs that the commit fixed by the data of that day.
    """

    commit: str
    branch: str
    reason: str
    by: str = ""
    date: dt.date | None = None
    until: dt.date | None = None
    known: tuple[str, ...] = ()
    cves: tuple[str, ...] = ()


class _Document(Struct, frozen=True, forbid_unknown_fields=True):
    decline: tuple[Decline, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """A decline that names a missing commit: `back` says why it holds no longer, "" while it does."""

    decline: Decline
    back: str


@dataclass(frozen=True, slots=True)
class Divided:
    """What a branch lacks, by decision: what to take (`back` again where it was declined once), and what was put aside.

    Put aside is also what only fixes something that was; those stand there with the decision on that.
    """

    wanted: tuple[tuple[Missing, Decision | None], ...]
    aside: tuple[tuple[Missing, Decision], ...]


def parse(data: bytes, source: str) -> tuple[Decline, ...]:
    """The declines in a file; `source` names it in errors. Raises ConfigError where it is wrong."""
    try:
        document = msgspec.convert(tomllib.loads(data.decode("utf-8")), _Document, strict=True)
    except UnicodeDecodeError as exc:
        raise ConfigError(f"{source}: byte {exc.start} is no UTF-8", hint="TOML files are UTF-8") from exc
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError(f"{source}: {exc}", hint="it must be TOML: https://toml.io") from exc
    except msgspec.ValidationError as exc:
        raise ConfigError(f"{source}: {exc}", hint="see: cosport decline --help") from exc
    for number, each in enumerate(document.decline):
        if not looks_like_sha(each.commit) or len(each.commit) < _SHORTEST:
            raise ConfigError(
                f"{source}: decline[{number}].commit: {each.commit!r} is no commit",
                hint=f"expected its sha, at least {_SHORTEST} digits",
            )
        if not each.reason.strip():
            raise ConfigError(f"{source}: decline[{number}].reason: empty", hint="say why it is not taken")
    return document.decline


def find(declines: Iterable[Decline], commit: Sha, branch: str) -> Decline | None:
    """The decision on a commit for the branch of that name: the last one, where there are several."""
    found = None
    for each in declines:
        if each.branch == branch and commit.startswith(each.commit.lower()):
            found = each
    return found


def decide(
    history: History,
    declines: Iterable[Decline],
    commit: Sha,
    branch: str,
    *,
    upstream: Sha | None,
    today: dt.date,
    cves: Callable[[Sha], Iterable[str]],
) -> Decision | None:
    """The decision on a commit, and whether it still holds; None where there is none.

    Follow-ups count where `upstream` holds them; all that are known where that is None. `cves` tells the ids of the
    CVEs that a commit fixes; it is asked only where there is a decision.
    """
    found = find(declines, commit, branch)
    if found is None:
        return None
    if found.until is not None and today > found.until:
        return Decision(found, f"it was declined until {found.until}")
    new = [
        each
        for each in followups(history, commit, within=upstream)
        if not any(each.sha.startswith(known.lower()) for known in found.known)
    ]
    if new:
        named = ", ".join(f'{each.sha[:12]} ("{each.subject}")' for each in new)
        return Decision(found, f"it was declined before upstream had its follow-up {named}")
    assigned = [each for each in cves(commit) if each not in found.cves]
    if assigned:
        return Decision(found, f"it was declined before it was known to fix {', '.join(assigned)}")
    return Decision(found, "")


def divide(missing: Sequence[Missing], decision: Callable[[Sha], Decision | None]) -> Divided:
    """Part what a branch lacks (in upstream order) by what was decided on each."""
    wanted: list[tuple[Missing, Decision | None]] = []
    aside: dict[Sha, tuple[Missing, Decision]] = {}
    for each in missing:
        decided = decision(each.commit.sha)
        if decided is not None and not decided.back:
            aside[each.commit.sha] = (each, decided)
            continue
        reasons = [reason for reason in each.reasons if reason.sha not in aside]
        if not reasons:
            aside[each.commit.sha] = (each, aside[each.reasons[0].sha][1])
            continue
        # To make all anew takes half of the time that this does.
        left = each if len(reasons) == len(each.reasons) else replace(each, reasons=tuple(reasons))
        wanted.append((left, decided))
    return Divided(tuple(wanted), tuple(aside.values()))


def added(text: str, new: Decline) -> str:
    """The file's text with one more decision at its end; earlier ones on the same commit and branch are taken out."""
    kept = removed(text, Sha(new.commit), new.branch) if text.strip() else _TOP
    table = _written(new)
    made = kept.rstrip("\n") + "\n\n" + table
    return _checked(made, [*_others(text, Sha(new.commit), new.branch), new])


def removed(text: str, commit: Sha, branch: str) -> str:
    """The file's text without the decisions on a commit and branch; all else stays as it is."""
    kept = "".join(block for block in _blocks(text) if not _is_on(block, commit, branch))
    return _checked(kept, _others(text, commit, branch))


def _others(text: str, commit: Sha, branch: str) -> list[Decline]:
    every = parse(text.encode("utf-8"), DECLINES) if text.strip() else ()
    return [each for each in every if find((each,), commit, branch) is None]


def _checked(text: str, expected: list[Decline]) -> str:
    """The text, if it says what it should: a table in an odd form is not cut apart."""
    if list(parse(text.encode("utf-8"), DECLINES)) != expected:
        raise UsageError(
            f"{DECLINES} is written in a form that cannot be changed safely",
            hint="write each decision as a table [[decline]] of its own, or change the file by hand",
        )
    return text


def _blocks(text: str) -> list[str]:
    """The text cut before each `[[decline]]` and the comment lines right above it."""
    lines = text.splitlines(keepends=True)
    cuts = []
    for number, line in enumerate(lines):
        if _HEADER.match(line.rstrip("\r\n")):
            start = number
            while start > 0 and lines[start - 1].lstrip().startswith("#") and not _is_top(lines, start - 1):
                start -= 1
            cuts.append(start)
    bounds = [0, *cuts, len(lines)]
    return ["".join(lines[begin:end]) for begin, end in pairwise(bounds)]


def _is_top(lines: list[str], number: int) -> bool:
    """Whether a comment belongs to the file's own heading, and to no table."""
    return all(line.lstrip().startswith("#") for line in lines[: number + 1])


def _is_on(block: str, commit: Sha, branch: str) -> bool:
    try:
        declines = parse(block.encode("utf-8"), DECLINES)
    except ConfigError:
        return False
    return find(declines, commit, branch) is not None


def _written(new: Decline) -> str:
    lines = ["[[decline]]", f"commit = {_quoted(new.commit)}", f"branch = {_quoted(new.branch)}"]
    lines.append(f"reason = {_quoted(new.reason)}")
    lines += [f"by = {_quoted(new.by)}"] if new.by else []
    lines += [f"date = {new.date.isoformat()}"] if new.date is not None else []
    lines += [f"until = {new.until.isoformat()}"] if new.until is not None else []
    lines += [f"known = [{', '.join(_quoted(each) for each in new.known)}]"] if new.known else []
    lines += [f"cves = [{', '.join(_quoted(each) for each in new.cves)}]"] if new.cves else []
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """`text` as a basic string of TOML: JSON's form, with DEL escaped too (https://toml.io/en/v1.0.0#string)."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
