"""What the records of a pick say, in the few words that the site shows; what is unknown is passed over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cosport.records.record import Kind
from cosport.site.model import Event

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cosport.records.record import Record


@dataclass(frozen=True, slots=True)
class Known:
    """What is on record of one pick; the newest of a kind counts."""

    outcome: str = ""
    accepted: bool = False
    fidelity: str = ""
    review: str = ""
    verdict: str = ""
    conflicts: tuple[tuple[str, str], ...] = ()
    events: tuple[Event, ...] = ()


def known_of(records: Iterable[Record]) -> Known:
    """The records of one commit, told."""
    newest: dict[Kind, dict[str, Any]] = {}
    events = []
    for each in records:
        newest[each.kind] = each.data
        events.append(Event(each.at, each.kind.value, each.by, _brief(each.data)))
    pick = newest.get(Kind.PICK, {})
    return Known(
        _word(pick, "outcome"),
        Kind.ACCEPTED in newest,
        _word(pick, "fidelity"),
        _word(newest.get(Kind.VOTE, {}), "value", "vote", "labels") or _word(newest.get(Kind.PRESUBMIT, {}), "verdict"),
        _word(newest.get(Kind.REGRESS, {}), "verdict"),
        tuple(_conflicts(pick)),
        tuple(events),
    )


def _conflicts(pick: dict[str, Any]) -> Iterable[tuple[str, str]]:
    """The paths that conflicted, each with the rule that resolved it, or its kind."""
    conflicts = pick.get("conflicts")
    for each in conflicts if isinstance(conflicts, list) else ():
        if isinstance(each, dict) and isinstance(each.get("path"), str):
            yield each["path"], _word(each, "rule", "resolver", "kind")


def _word(data: dict[str, Any], *keys: str) -> str:
    for key in keys:
        if data.get(key):
            value = data[key]
            if isinstance(value, dict):
                return ", ".join(
                    f"{name} {vote:+d}" if isinstance(vote, int) else str(name) for name, vote in value.items()
                )
            return str(value)
    return ""


def _brief(data: dict[str, Any]) -> str:
    """The words and numbers of a record, its lists by their length."""
    parts = []
    for key, value in data.items():
        if isinstance(value, (str, int, float)) and value not in ("", None):
            parts.append(f"{key}: {value}")
        elif isinstance(value, list) and value:
            parts.append(f"{key}: {len(value)}")
    return "; ".join(parts)[:400]
