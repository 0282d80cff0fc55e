"""Records how each published pick came about, beside its commit: later stages read that, and guess nothing."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from cosport.backport.document import plain
from cosport.records import notes
from cosport.records.record import Kind, Record, record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cosport.git.identity import Identity
    from cosport.git.objects import ObjectReader
    from cosport.model.commit import Sha
    from cosport.model.result import Result

_KEPT = (
    "upstream",
    "branch",
    "outcome",
    "ref",
    "tree",
    "change_id",
    "source",
    "fidelity",
    "conflicts",
    "rules",
    "confidence",
    "notes",
)
"""The parts of a result that stay true of the commit. What is known of the branch changes, and is asked anew."""


def record_picks(reader: ObjectReader, results: Iterable[Result], who: Identity) -> None:
    """Record the picks among these results that stand on a ref, as `who` made them; one that is on record so is left.

    Raises what `cosport.records.notes.append` raises.
    """
    now = dt.datetime.now(tz=dt.UTC)
    made: dict[Sha, list[Record]] = {
        result.commit: [record(Kind.PICK, _data(result), at=now)]
        for result in results
        if result.commit is not None
        and result.ref is not None
        and result.outcome.made
        and not (_comes_again(result) and notes.read(reader, result.commit))
    }
    notes.append(reader, made, who)


def _comes_again(result: Result) -> bool:
    """Whether a pick is the very commit that it was made from: how that came about is what counts."""
    return result.source is not None and result.source.commit == result.commit


def _data(result: Result) -> dict[str, Any]:
    whole = plain(result)
    return {key: whole[key] for key in _KEPT}
