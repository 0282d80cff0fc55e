"""What every command shares: its common options, and the session that stands for them.

A command is a function of a Session and its own options, and returns its exit code:

    @command(example="cosport plan 71994620bb25 --to cos-5.4")
    def plan(session: Session, sha: Annotated[list[str], typer.Argument()]) -> int:
        '''Show where a commit would apply.'''
"""

from __future__ import annotations

import functools
import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, get_type_hints

import typer

from cosport.cli import complete
from cosport.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

_REPO: Final = typer.Option(
    "--repo", metavar="DIR", help="The repository (default: the one around the current directory)."
)
_CONFIG: Final = typer.Option("--config", metavar="FILE", help="The configuration file to use.")
_JSON: Final = typer.Option("--json", help="Print one JSON document and nothing else.")
_QUIET: Final = typer.Option("--quiet", "-q", help="No remarks and no progress.")
_NO_COLOR: Final = typer.Option("--no-color", help="No colours; the variable NO_COLOR does the same.")

ProfileName = Annotated[
    str,
    typer.Option(
        "--profile",
        metavar="NAME",
        help="The message profile (default: the configured one).",
        autocompletion=complete.profiles,
    ),
]
"""The option of the commands that read messages, or write them."""

_SHARED: Final = (
    ("repo", Annotated[Path | None, _REPO], None),
    ("config", Annotated[Path | None, _CONFIG], None),
    ("json", Annotated[bool, _JSON], False),
    ("quiet", Annotated[bool, _QUIET], False),
    ("no_color", Annotated[bool, _NO_COLOR], False),
)


def command(*, example: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Give a command function the shared options, and `--help` its example (one command a line).

    The function's first parameter is `session`; Typer sees the rest, then the shared options.
    """

    def decorate(function: Callable[..., int]) -> Callable[..., int]:
        hints = get_type_hints(function, include_extras=True)
        own = [p.replace(annotation=hints[p.name]) for p in inspect.signature(function).parameters.values()][1:]
        shared = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            for name, annotation, default in _SHARED
        ]

        @functools.wraps(function)
        def wrapper(**options: Any) -> int:
            values = {name: options.pop(name) for name, _, _ in _SHARED}
            with Session(**values) as session:
                return function(session, **options)

        del wrapper.__wrapped__  # inspect would follow it to the function without the options
        keyword = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
        wrapper.__signature__ = inspect.Signature([*keyword, *shared], return_annotation=int)  # type: ignore[attr-defined]
        wrapper.__annotations__ = {p.name: p.annotation for p in (*keyword, *shared)}
        wrapper.example = example  # type: ignore[attr-defined]
        return wrapper

    return decorate


def register(app: typer.Typer, name: str, function: Callable[..., int], *, short: str = "") -> None:
    """Make `function` (a `@command`) the command `name` of `app`, its example at the end of its help."""
    example: str = function.example  # type: ignore[attr-defined]
    lines = "\n".join(f"  {line.strip()}" for line in example.strip().splitlines())
    settings = {"help_option_names": ["--help", "-h"]}
    # \b keeps the lines of the paragraph as they are.
    app.command(name, short_help=short or None, epilog=f"\b\nExample:\n{lines}", context_settings=settings)(function)


def group(help: str, *, completion: bool = False) -> typer.Typer:
    """A Typer app that looks as all of cosport's do: plain help, which needs no Rich."""
    return typer.Typer(
        help=help,
        no_args_is_help=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=completion,
        context_settings={"help_option_names": ["--help", "-h"]},
    )
