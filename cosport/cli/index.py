"""`cosport index`: brings the history index up to date. Other commands do it by themselves."""

from __future__ import annotations

import contextlib
import time
from typing import Annotated, Final

import typer

from cosport.cli.options import command
from cosport.cli.session import Session
from cosport.cli.show import branches_of
from cosport.errors import ConfigError
from cosport.history.ahead import work_out
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
            if done:
                _work_out(session, history)
    size = path.stat().st_size if path is not None else 0
    if note:
        session.printer.note(note)
    if session.json:
        session.printer.json({"schema": SCHEMA, "path": path, "commits": commits, "added": done, "bytes": size})
    else:
        spent = time.monotonic() - started
        session.printer.say(f"{commits} commits, {done} of them new; {size / 1e6:.1f} MB; {spent:.1f} seconds")
    return 0


def _work_out(session: Session, history: History) -> None:
    """Let no question wait for what the configured branches make known."""
    with contextlib.suppress(ConfigError):  # the commands that need it say what is wrong
        branches_of(session, history)
        work_out(history)
