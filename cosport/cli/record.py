"""`cosport record`: what is on record of commits, and how a team shares it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cosport.cli.options import command, group, register
from cosport.cli.session import Session

if TYPE_CHECKING:
    from cosport.records.record import Record

SCHEMA: Final = "cosport.records/1"
SHARED: Final = "cosport.records-shared/1"

Remote = Annotated[str, typer.Argument(metavar="[REMOTE]", help="The remote that the team shares.")]


@command(example="cosport record show HEAD\ncosport record show --json backport/cos-6.1/da10329cb057")
def show(
    session: Session, rev: Annotated[list[str] | None, typer.Argument(metavar="[REV]...", help="Commits.")] = None
) -> int:
    """Show what is on record of a commit: how it was picked, its checks, its regression verdicts, its votes.

    The records are git notes on refs/notes/cosport, one JSON object a line. Exits with 1 where there are none.
    """
    from cosport.git.objects import ObjectReader
    from cosport.records import notes

    with ObjectReader(session.repository) as reader:
        commits = [reader.resolve(name) for name in rev or ["HEAD"]]
        found = [(commit, notes.read(reader, commit.sha)) for commit in commits]
    if session.json:
        document = [{"commit": commit.sha, "records": [_plain(each) for each in records]} for commit, records in found]
        session.printer.json({"schema": SCHEMA, "commits": document})
    for commit, records in found:
        session.printer.say(f"{commit.sha[:12]} {commit.subject}")
        rows = [(each.at, each.kind.value, each.by, _brief(each.data)) for each in records]
        if rows:
            session.printer.table(("when", "what", "by", "says"), rows)
        else:
            session.printer.note(f"{commit.sha[:12]}: nothing is on record")
    return 0 if all(records for _, records in found) else 1


@command(example="cosport record fetch\ncosport record fetch upstream-team")
def fetch(session: Session, remote: Remote = "origin") -> int:
    """Fetch a remote's records and unite them with those here; nobody's are lost."""
    from cosport.git.objects import ObjectReader
    from cosport.records import notes

    with ObjectReader(session.repository) as reader:
        changed = notes.fetch(reader, remote)
    return _told(session, remote, changed)


@command(example="cosport record push\ncosport record push upstream-team")
def push(session: Session, remote: Remote = "origin") -> int:
    """Give the records here to a remote, after taking in those that others gave it meanwhile."""
    from cosport.git.objects import ObjectReader
    from cosport.records import notes

    with ObjectReader(session.repository) as reader:
        changed = notes.push(reader, remote)
    return _told(session, remote, changed)


def _told(session: Session, remote: str, changed: int) -> int:
    if session.json:
        session.printer.json({"schema": SHARED, "remote": remote, "taken": changed})
    session.printer.say(f"{remote}: records of {changed} commits were new here")
    return 0


def _plain(each: Record) -> dict[str, Any]:
    return {"kind": each.kind.value, "at": each.at, "by": each.by, "data": each.data}


def _brief(data: dict[str, Any]) -> str:
    """The parts of a record that are a word or a number, in one line; the rest is in the JSON."""
    return ", ".join(f"{key} {value}" for key, value in data.items() if isinstance(value, (str, int, float)))


app = group("Show and share what is on record of commits.")
register(app, "show", show)
register(app, "fetch", fetch)
register(app, "push", push)
