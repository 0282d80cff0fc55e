"""`cosport export`: a pick or a series as mail patches with a quilt series file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cosport.backport.export import commits_of, export
from cosport.cli.options import command
from cosport.cli.session import Session
from cosport.git.objects import ObjectReader
from cosport.model.commit import Sha

Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write to.")]


@command(
    example="""cosport export backport/cos-5.4/da10329cb057 --out patches/
cosport export cos-5.4..my-series --out patches/"""
)
def export_command(
    session: Session,
    ref: Annotated[str, typer.Argument(help="A pick's branch, any commit, or a range BASE..TIP.")],
    out: Out,
    force: Annotated[bool, typer.Option(help="Replace patches that are there.")] = False,
) -> int:
    """Write a pick or a series as mail patches with a quilt series file.

    Of a branch, the commits that no configured branch, upstream or remote branch holds. Nothing is sent, and the patches name
    no recipients; for git send-email add --suppress-cc=all, or it takes them from the trailers.
    """
    repository = session.repository
    with ObjectReader(repository) as reader:
        commits = commits_of(repository, reader, ref, _known(session, reader))
        names = export(repository, commits, out, force=force)
    if session.json:
        patches = [{"file": str(out / name), "commit": sha} for name, sha in zip(names, commits, strict=True)]
        session.printer.json({"schema": "cosport.export/1", "series": str(out / "series"), "patches": patches})
    else:
        for name in names:
            session.printer.say(str(out / name))
        session.printer.note(f"{len(names)} in {out / 'series'}; to mail them: git send-email --suppress-cc=all")
    return 0


def _known(session: Session, reader: ObjectReader) -> list[Sha]:
    """The tips of configured branches, of upstream and of remote branches; local branches that are no picks too."""
    names = [branch.ref for branch in session.config.branches]
    names += [session.config.upstream.ref] if session.config.upstream.ref else []
    listed = session.repository.text("for-each-ref", "--format=%(refname)", "refs/remotes", "refs/heads").splitlines()
    names += [name for name in listed if not name.startswith("refs/heads/backport/")]
    found = (reader.read(f"{name}^{{commit}}") for name in names)
    return [Sha(each[0]) for each in found if each is not None]
