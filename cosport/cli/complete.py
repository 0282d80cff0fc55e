"""Completes, as a shell asks, what only the repository or a table of ours knows: branches, picks, checks, profiles.

A shell puts what it is offered into the line as it is, so a name that would mean something to it is left out. Nothing
that goes wrong is told: somebody is typing.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer  # noqa: TC002 - Typer reads the annotations to know what a completer wants

from cosport.cli.session import Session
from cosport.errors import CosportError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+@-]*")
"""A word that no shell expands, splits or takes for an option."""


def branches(ctx: typer.Context, incomplete: str) -> list[str]:
    """The configured branches; where there are none, all of the repository."""

    def names(session: Session) -> Iterable[str]:
        return [each.name for each in session.config.branches] or _refs(session, "refs/heads", "refs/remotes")

    return _of(ctx, incomplete, names)


def revisions(ctx: typer.Context, incomplete: str) -> list[str]:
    """The local branches, picks among them."""
    return _of(ctx, incomplete, lambda session: _refs(session, "refs/heads"))


def checks(incomplete: str) -> list[str]:
    """The presubmit checks."""
    from cosport.presubmit import registry

    return _offered(incomplete, lambda: [each.id for each in registry.checks()])


def profiles(incomplete: str) -> list[str]:
    """The message profiles."""
    from cosport.message.profile import profile_names

    return _offered(incomplete, profile_names)


def workloads(incomplete: str) -> list[str]:
    """The workloads that ship with cosport."""
    from cosport.regress.workload import all_shipped

    return _offered(incomplete, lambda: [each.name for each in all_shipped()])


def schemas(incomplete: str) -> list[str]:
    """The documents that have a schema."""
    from cosport.cli.schema import DOCUMENTS

    return _offered(incomplete, lambda: DOCUMENTS)


def _refs(session: Session, *prefixes: str) -> list[str]:
    return session.repository.text("for-each-ref", "--format=%(refname:lstrip=2)", *prefixes).split("\n")


def _of(ctx: typer.Context, incomplete: str, names: Callable[[Session], Iterable[str]]) -> list[str]:
    """What `names` knows of the repository that the line names so far, else of the one around."""
    repo, config = (Path(given) if (given := ctx.params.get(name)) else None for name in ("repo", "config"))
    return _offered(incomplete, lambda: names(Session(repo=repo, config=config, quiet=True)))


def _offered(incomplete: str, names: Callable[[], Iterable[str]]) -> list[str]:
    try:
        return [each for each in names() if each.startswith(incomplete) and _PLAIN.fullmatch(each)]
    except (CosportError, OSError):
        return []
