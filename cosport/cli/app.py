"""The table of commands, and how the one that the user named is run; only that one's module is imported."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cosport import __version__
from cosport.cli import frame
from cosport.cli.options import group, register

if TYPE_CHECKING:
    from collections.abc import Sequence

COMPLETE: Final = "_COSPORT_COMPLETE"
"""The variable by which a shell asks for completions."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command lives (`attribute` is a `@command` function or a Typer group), and its help in one line."""

    module: str
    attribute: str
    help: str


COMMANDS: Final = {
    "init": Entry("init", "init", "Write the configuration for this clone from its remotes and branches."),
    "doctor": Entry("doctor", "doctor", "Say what works on this machine, and what each missing part costs."),
    "backport": Entry("backport_command", "backport", "Backport upstream commits to stable branches."),
    "plan": Entry("plan", "plan", "Show the matrix of upstream commits and branches; write nothing."),
    "index": Entry("index", "index", "Bring the history index up to date."),
    "show": Entry("show_command", "show", "Tell all that is known of one upstream commit."),
    "missing": Entry("missing", "missing", "Name the upstream fixes that a branch lacks, with the evidence."),
    "decline": Entry("decline", "decline", "Put a missing fix aside for a branch, with the reason."),
    "message": Entry("message", "app", "Lint, fix or parse a commit message by itself."),
    "presubmit": Entry("presubmit", "presubmit", "Judge commits by the checks that hooks and the Gerrit bot run too."),
    "hook": Entry("hook", "app", "The git hooks: put them in place, and what they run."),
    "export": Entry("export", "export_command", "Write a pick or a series as mail patches with a quilt series file."),
    "record": Entry("record", "app", "Show and share what is on record of commits."),
    "pipeline": Entry("pipeline", "app", "Run pipelines: from a fix to its release note, here or on a cluster."),
    "regress": Entry("regress", "app", "Prove a fix by regression jobs on real kernels in QEMU."),
    "notes": Entry("notes", "app", "Write release notes of a range: net effect, CVEs, every format."),
    "bot": Entry("bot", "app", "Judge the open changes of a Gerrit project, and vote."),
    "site": Entry("site", "site", "Write the static site: fixes by branches, what is missing, CVEs, search."),
    "schema": Entry("schema", "schema", "Print the JSON Schema of a document that cosport reads or writes."),
    "demo": Entry("demo", "demo", "Show the whole way on a small kernel repository made for it."),
}


def run(argv: Sequence[str]) -> int:
    """Run the command line `argv`; its exit code. cosport's own errors come out as they are raised."""
    command = typer.main.get_command(build(_named(argv)))
    try:
        answer = command.main(args=list(argv), prog_name="cosport", complete_var=COMPLETE, standalone_mode=False)
    except typer.Abort:
        return frame.INTERRUPTED
    except Exception as exc:
        if _is_usage_error(exc):
            return _tell_usage(exc, argv)
        raise
    return answer if isinstance(answer, int) else 0


def build(name: str | None) -> typer.Typer:
    """The Typer app. The command `name` is loaded; the others stand in it by name and help alone."""
    app = group("Backport upstream kernel fixes to many stable branches, with evidence.", completion=True)
    app.callback()(_root)
    for each, entry in COMMANDS.items():
        if each != name:
            app.command(each, short_help=entry.help, help=entry.help)(_elsewhere)
            continue
        target = getattr(importlib.import_module(f"cosport.cli.{entry.module}"), entry.attribute)
        if isinstance(target, typer.Typer):
            app.add_typer(target, name=each, short_help=entry.help)
        else:
            register(app, each, target, short=entry.help)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cosport {__version__}")
        raise typer.Exit


def _root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Hold the options that stand before a command."""


def _elsewhere() -> None:
    """Stand in for a command that this run does not name; it is listed and completed, never called."""
    raise AssertionError("a command that was not loaded was called")


def _named(argv: Sequence[str]) -> str | None:
    """The command that `argv` names; when a shell asks for completions, the one on the line being typed."""
    words = list(argv)
    if COMPLETE in os.environ:
        words = (os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS") or "").split()[1:]
    return next((word for word in words if word in COMMANDS), None)


def _is_usage_error(exc: Exception) -> bool:
    """Whether Typer refuses the command line. Its versions differ in where the class lives, not in its name."""
    return any(base.__name__ == "ClickException" for base in type(exc).__mro__)


def _tell_usage(exc: Exception, argv: Sequence[str]) -> int:
    context = getattr(exc, "ctx", None)
    words = context.command_path.split() if context is not None else ["cosport", *filter(None, [_named(argv)])]
    # As it was typed: `cosport notes` means `cosport notes write`.
    path = " ".join(word for number, word in enumerate(words) if number == 0 or word in argv)
    what: str = exc.format_message()  # type: ignore[attr-defined]
    frame.tell(what[:1].lower() + what[1:].rstrip("."), f"see: {path} --help")
    return frame.USAGE
