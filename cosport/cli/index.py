"""`cosport index`: brings the history index up to date. Other commands do it by themselves."""

from __future__ import annotations

import time
from typing import Annotated, Final

import typer

from cosport.cli.options import command
from cosport.cli.session import Session
from cosport.history.index import History

SCHEMA: Final = "cosport.index/1"


@command(example="cosport index\ncosport index --rebuild")
def index(
    session: Session,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Throw the index away and make it anew.")] = False,
) -> int:
    """Bring the history index up to date for all branches, remote branches and tags.

    The other commands do so by themselves; run this after a large fetch to have it done.
    """
    started = time.monotonic()
    repository, done = session.repository, 0
    with session.printer.progress("indexing") as step:

        def report(added: int) -> None:
            nonlocal done
            done += added
            step(added)

        with History.open(repository, rebuild=rebuild, progress=report) as history:
            commits, note, path = history.count(), history.note, history.store.path
    size = path.stat().st_size if path is not None else 0
    if note:
        session.printer.note(note)
    if session.json:
        session.printer.json({"schema": SCHEMA, "path": path, "commits": commits, "added": done, "bytes": size})
    else:
        spent = time.monotonic() - started
        session.printer.say(f"{commits} commits, {done} of them new; {size / 1e6:.1f} MB; {spent:.1f} seconds")
    return 0
