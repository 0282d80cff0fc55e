"""`cosport show` as Typer sees it: its help, its completion, and the spellings that the quick way leaves to Typer."""

from __future__ import annotations

from typing import Annotated

import typer

from cosport.cli.options import command
from cosport.cli.session import Session
from cosport.cli.show import run


@command(example="cosport show da10329cb057\ncosport show da10329cb057 --json")
def show(session: Session, sha: Annotated[str, typer.Argument(help="An upstream commit.")]) -> int:
    """Tell all that is known of one commit: what it fixes, what fixes or reverts it, which branches hold it.

    The configured branches are told of; where none is configured, all branches and tags that hold the commit.
    """
    return run(session, sha)
