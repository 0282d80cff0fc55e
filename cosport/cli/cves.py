"""What the CVE data says of fixes, for the commands that show it; nothing where no data is configured."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from cosport.model.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cosport.cli.session import Session
    from cosport.cve.index import CveIndex
    from cosport.cve.record import Record
    from cosport.model.commit import Sha


@dataclass(frozen=True, slots=True)
class Known:
    """The records by the first seven digits of the commits that fix them: all in memory, for thousands of questions."""

    fixing: dict[str, list[tuple[str, Record]]] = field(default_factory=dict)

    def of(self, commit: Sha) -> tuple[Record, ...]:
        """The CVEs that a commit fixes, in the order of their ids."""
        near = self.fixing.get(commit[:7])
        if not near:
            return ()
        from cosport.cve.record import id_order, same_commit

        found = {record.id: record for name, record in near if same_commit(commit, name)}
        return tuple(found[each] for each in sorted(found, key=id_order))


@lru_cache(maxsize=1)
def known(session: Session) -> Known:
    """All that the configured data knows, read once a run. Raises ConfigError and CveDataError as `CveIndex.open`."""
    index = opened(session)
    if index is None:
        return Known()
    fixing: dict[str, list[tuple[str, Record]]] = defaultdict(list)
    with index:
        for record in index.records():
            for name in record.fixes:
                fixing[name[:7]].append((name, record))
    return Known(fixing)


def ids(session: Session, commit: Sha) -> tuple[str, ...]:
    """The ids of the CVEs that a commit fixes. Raises what `known` does."""
    return tuple(record.id for record in known(session).of(commit))


def opened(session: Session) -> CveIndex | None:
    """The index of the configured data, brought up to date; None where none is configured."""
    data = session.config.cve.data
    if not data:
        return None
    from cosport.cve.index import CveIndex

    with session.printer.progress("indexing CVE records") as step:
        index = CveIndex.open(data, session.repository.state_dir / "cve.sqlite", progress=step)
    if index.note:
        session.printer.note(index.note)
    return index


def worst(records: Iterable[Record]) -> Severity:
    """The worst severity that these records name."""
    return min((record.severity for record in records), key=lambda each: each.order, default=Severity.UNKNOWN)
