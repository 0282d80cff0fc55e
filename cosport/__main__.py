"""Where `cosport` and `python -m cosport` start, kept light: a command pays only for what it uses."""

from __future__ import annotations

import sys

from cosport import __version__


def main() -> None:
    """Run the command line and end the process with its exit code."""
    from cosport.cli import frame

    frame.end(frame.guard(lambda: dispatch(sys.argv[1:])))


def dispatch(argv: list[str]) -> int:
    """Answer the cheap requests here; Typer takes 50 ms to import, so it comes only when it is needed."""
    if argv == ["--version"]:
        print(f"cosport {__version__}")  # noqa: T201 - the printer would cost more than the answer
        return 0
    from cosport.cli.app import run

    return run(argv)


if __name__ == "__main__":
    main()
