"""Resolved picks and the people who take them over: what the message says of the rules, and who has accepted what.

A pick that resolvers made stands on its ref like any other, and counts as one only when a person has looked at it: that
is a record beside its commit (cosport.records), so it is shared as they are, and lasts as long as the commit does.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

from cosport.git import identity, refs
from cosport.message import charset
from cosport.message.edit import with_note
from cosport.message.parse import Kind as Trailer
from cosport.message.parse import parse
from cosport.model.commit import Sha, is_full_sha
from cosport.model.result import Fidelity, Outcome, Result, RuleUsed
from cosport.records import notes
from cosport.records.record import Kind, Record, record

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cosport.backport.commit import Draft
    from cosport.backport.context import Context
    from cosport.git.objects import ObjectReader

AUTHOR = "cosport"
"""Whose note it is in a message that tells the rules."""

_RULE = "rule "


def with_rules(made: Draft, result: Result) -> Draft:
    """The draft with a note for each rule that resolved a conflict: `[cosport: rule adjacent, mm/oom.c:5]`."""
    message = made.message
    for name in dict.fromkeys(each.rule for each in result.rules):
        places = ", ".join(f"{each.path}:{each.line}" for each in result.rules if each.rule == name)
        message = with_note(message, AUTHOR, f"{_RULE}{name}, {places}")
    return replace(made, message=message)


def is_open(reader: ObjectReader, commit: Sha) -> bool:
    """Whether a commit is a pick that resolvers made and nobody has accepted; by its message where no record tells."""
    records = notes.read(reader, commit)
    if _newest(records, Kind.ACCEPTED) is not None:
        return False
    if (pick := _newest(records, Kind.PICK)) is not None:
        return pick.data.get("outcome") == Outcome.RESOLVED
    made = reader.commit(commit)
    trailers = parse(charset.decode(made.message, made.encoding).text).trailers
    return any(each.kind is Trailer.NOTE and each.key == AUTHOR and each.value.startswith(_RULE) for each in trailers)


def known(reader: ObjectReader, result: Result) -> Result:
    """A resolved pick as picked, where a person has accepted that very commit; any other as it is."""
    if result.outcome is not Outcome.RESOLVED or result.commit is None:
        return result
    accepted = _newest(notes.read(reader, result.commit), Kind.ACCEPTED)
    return _accepted(result, accepted) if accepted is not None else result


def waiting(context: Context, branch: str | None) -> tuple[Result, ...]:
    """The resolved picks that wait for a person, on `branch` or on all."""
    found = []
    for commit, records in notes.read_all(context.reader).items():
        pick = _newest(records, Kind.PICK)
        if pick is None or _newest(records, Kind.ACCEPTED) is not None or pick.data.get("outcome") != Outcome.RESOLVED:
            continue
        result = _result(commit, pick.data)
        if (branch is None or result.branch == branch) and _stands(context, result):
            found.append(result)
    return tuple(sorted(found, key=lambda each: (each.branch, each.ref or "")))


def accept(context: Context, picks: Sequence[Result], note: str | None) -> tuple[Result, ...]:
    """Record that the user takes these picks over; the picks, accepted."""
    who = identity.committer(context.repository)
    now = dt.datetime.now(tz=dt.UTC)
    data: dict[str, Any] = {"note": note} if note else {}
    new = record(Kind.ACCEPTED, data, at=now, by=who.signature)
    notes.append(context.reader, {each.commit: [new] for each in picks if each.commit is not None})
    return tuple(_accepted(each, new) for each in picks)


def _accepted(result: Result, accepted: Record) -> Result:
    said = f": {accepted.data['note']}" if accepted.data.get("note") else ""
    remark = f"its conflict was resolved by rule, and {accepted.by} accepted that{said}"
    return replace(result, outcome=Outcome.PICKED, notes=(*result.notes, remark))


def _newest(records: Sequence[Record], kind: Kind) -> Record | None:
    return next((each for each in reversed(records) if each.kind is kind), None)


def _stands(context: Context, result: Result) -> bool:
    """Whether the pick is still on its ref: not thrown away, nor made anew since."""
    tip = refs.read(context.repository, result.ref) if result.ref else None
    return tip is not None and (
        tip == result.commit
        or context.repository.attempt("merge-base", "--is-ancestor", str(result.commit), tip).status == 0
    )


def _result(commit: Sha, data: dict[str, Any]) -> Result:
    """A recorded pick as a result, as far as its record goes. Others write records too: what is none is left out."""
    upstream = str(data.get("upstream", ""))
    rules = [each for each in data.get("rules") or () if isinstance(each, dict)]
    fidelity = data.get("fidelity")
    return Result(
        Sha(upstream if is_full_sha(upstream) else ""),
        str(data.get("branch", "")),
        Outcome.RESOLVED,
        commit=commit,
        ref=str(data["ref"]) if data.get("ref") else None,
        tree=Sha(str(data["tree"])) if data.get("tree") else None,
        change_id=data.get("change_id"),
        fidelity=Fidelity(fidelity) if fidelity in set(Fidelity) else None,
        rules=tuple(_rule(each) for each in rules),
        confidence=data.get("confidence"),
    )


def _rule(data: dict[str, Any]) -> RuleUsed:
    return RuleUsed(
        int(data.get("rung", 0)),
        str(data.get("rule", "")),
        str(data.get("path", "")),
        int(data.get("line", 0)),
        str(data.get("detail", "")),
        tuple(str(each) for each in data.get("doubts") or ()),
    )
