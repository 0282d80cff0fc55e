"""`cosport export`: a pick or a series as mail patches with a quilt series file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cosport.backport.export import commits_of, export
from cosport.cli import complete
from cosport.cli.options import command
from cosport.cli.session import Session
from cosport.git.objects import ObjectReader

if TYPE_CHECKING:
    from cosport.model.commit import Sha

SCHEMA: Final = "cosport.export/1"

Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write to.")]


@command(
    example="""cosport export backport/cos-5.4/da10329cb057 --out patches/
cosport export cos-5.4..my-series --out patches/"""
)
def export_command(
    session: Session,
    ref: Annotated[
        str,
        typer.Argument(help="A pick's branch, any commit, or a range BASE..TIP.", autocompletion=complete.revisions),
    ],
    out: Out,
    force: Annotated[bool, typer.Option("--force", help="Replace patches that are there.")] = False,
) -> int:
    """Write a pick or a series as mail patches with a quilt series file.

    Of a branch, the commits that no configured branch, upstream or remote branch holds. Nothing is sent, and the
    patches name no recipients; for git send-email add --suppress-cc=all, or it takes them from the trailers.
    """
    repository = session.repository
    with ObjectReader(repository) as reader:
        known, local = _tips(session, reader)
        commits = commits_of(repository, reader, ref, known=known, local=local)
        names = export(repository, commits, out, force=force)
    if session.json:
        patches = [{"file": str(out / name), "commit": sha} for name, sha in zip(names, commits, strict=True)]
        session.printer.json({"schema": SCHEMA, "series": str(out / "series"), "patches": patches})
    else:
        for name in names:
            session.printer.say(str(out / name))
        session.printer.note(f"{len(names)} in {out / 'series'}; to mail them: git send-email --suppress-cc=all")
    return 0


def _tips(session: Session, reader: ObjectReader) -> tuple[list[Sha], list[Sha]]:
    """The tips of configured branches, upstream and remote branches; and those of local branches that are no picks."""
    remote = session.repository.text("for-each-ref", "--format=%(refname)", "refs/remotes").splitlines()
    heads = session.repository.text("for-each-ref", "--format=%(refname)", "refs/heads").splitlines()
    kept = [*(branch.ref for branch in session.config.branches), session.config.upstream.ref, *remote]
    local = [name for name in heads if not name.startswith("refs/heads/backport/") and name not in kept]
    return _found(reader, kept), _found(reader, local)


def _found(reader: ObjectReader, names: list[str]) -> list[Sha]:
    return [found[0] for name in names if name and (found := reader.read(f"{name}^{{commit}}")) is not None]
