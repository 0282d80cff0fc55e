"""`cosport demo`: shows the whole way on a small kernel repository that it makes."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cosport import process
from cosport.cli.options import command
from cosport.cli.output import Styled
from cosport.cli.session import Session
from cosport.errors import ToolError, UsageError
from cosport.git.repository import environment
from cosport.workflow import demo as demonstration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.cli.output import Printer

SCHEMA: Final = "cosport.demo/1"


@command(
    example="""
    cosport demo
    cosport demo /tmp/look --source ~/linux-source-6.12.tar.xz --repeats 0
    """
)
def demo(
    session: Session,
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="Where to make it; a demo that stands there is made anew.")
    ] = Path("cosport-demo"),
    source: Annotated[
        Path | None,
        typer.Option("--source", metavar="FILE", help="A kernel source archive (default: the newest in /usr/src)."),
    ] = None,
    repeats: Annotated[
        int,
        typer.Option(
            "--repeats",
            metavar="N",
            min=0,
            max=100,
            help="Boots of each kernel in the regression job; 0 leaves it out.",
        ),
    ] = 4,
) -> int:
    """Make a small kernel repository and go the whole way on it, command by command, to the notes and the site.

    The repository is made of a few files of the distribution's linux-source package: an upstream with a fix, a branch
    that it fits, one that conflicts, one that never had the bug, and a release branch. The regression job boots the
    distribution's kernel in QEMU, with the balloon driver as it was and as it is with the fix.
    """
    if session.repo is not None or session.config_path is not None:
        raise UsageError(
            "the demo makes a repository and a configuration of its own", hint="leave --repo and --config out"
        )
    with session.printer.progress("reading the kernel source"):
        made = demonstration.make(folder, source)
    stage = _Transcript(session.printer)
    demonstration.walk(made, stage, repeats=repeats)
    if session.json:
        session.printer.json(
            {
                "schema": SCHEMA,
                "folder": made.folder,
                "repository": made.kernel,
                "source": made.archive.name,
                "fix": made.fix,
                "introduced": made.introduced,
                "steps": stage.steps,
            }
        )
    return 0


class _Transcript:
    """Shows commands as a terminal would: the line after a `$`, then what they print, on streams of their choice."""

    def __init__(self, printer: Printer) -> None:
        self._printer = printer
        self.steps: list[dict[str, Any]] = []

    def tell(self, text: str) -> None:
        self._printer.say("")
        for line in text.splitlines():
            self._printer.say(Styled(line, "bold"))

    def run(self, argv: Sequence[str], cwd: Path) -> int:
        self._printer.say("")
        self._printer.say(Styled(f"$ {shlex.join(argv)}", "cyan"))
        self._printer.out.flush()
        if self._printer.as_json:
            done = process.run(_real(argv), cwd=cwd, env=environment())
            output = done.stdout.decode("utf-8", "surrogateescape")
            self.steps.append({"command": list(argv), "status": done.status, "output": output})
            return done.status
        return process.run_on_terminal(_real(argv), cwd=cwd)

    def ask(self, argv: Sequence[str], cwd: Path) -> bytes:
        done = process.run(_real(argv), cwd=cwd, env=environment())
        if done.status not in (0, 1):
            raise ToolError(f"{shlex.join(argv)} ended with {done.status}: {done.tail}")
        return done.stdout


def _real(argv: Sequence[str]) -> list[str]:
    """The command line to run: cosport is the one that runs here, wherever it is installed."""
    if argv[0] == "cosport":
        return [sys.executable, "-P", "-m", "cosport", *argv[1:]]
    return list(argv)
