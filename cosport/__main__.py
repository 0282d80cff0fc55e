"""Where `cosport` and `python -m cosport` start, kept light: a command pays only for what it uses."""

from __future__ import annotations

import gc
import os
import sys

from cosport import __version__


def main() -> None:
    """Run the command line and end the process with its exit code."""
    from cosport.cli import frame

    gc.set_threshold(50_000)  # start-up makes many objects that stay: looking for garbage among them takes 5 ms of it
    frame.main(lambda: dispatch(sys.argv[1:]))


def dispatch(argv: list[str]) -> int:
    """Answer the cheap requests here; Typer takes 50 ms to import, so it comes only when it is needed."""
    if argv == ["--version"]:
        print(f"cosport {__version__}")  # noqa: T201 - the printer would cost more than the answer
        return 0
    quick = {"show": _show, "backport": _backport}.get(argv[0]) if argv else None
    if quick is not None and "_COSPORT_COMPLETE" not in os.environ and (code := quick(argv[1:])) is not None:
        return code
    from cosport.cli.app import run

    return run(argv)


def _show(argv: list[str]) -> int | None:
    """`cosport show SHA` in its plain form; None where Typer must look."""
    from cosport.cli import quick

    line = quick.parse(argv)
    if line is None or len(line.words) != 1:
        return None
    from cosport.cli import show
    from cosport.cli.session import Session

    with Session(**line.shared) as session:
        return show.run(session, line.words[0])


def _backport(argv: list[str]) -> int | None:
    """`cosport backport` in its plain form; None where Typer must look."""
    from cosport.cli import backport, quick

    line = quick.parse(argv, flags=backport.FLAGS, values=backport.VALUES, lists=backport.LISTS)
    if line is None:
        return None
    from cosport.cli.session import Session

    with Session(**line.shared) as session:
        session.begin()
        return backport.run(session, backport.Asked(sha=line.words, **line.own))


if __name__ == "__main__":
    main()
