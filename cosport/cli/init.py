"""`cosport init`: writes the configuration for this clone, from its remotes and branches."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cosport import config
from cosport.cli import guess, team
from cosport.cli.configuration import guess_upstream
from cosport.cli.options import command
from cosport.cli.session import Session
from cosport.errors import DiskError, ToolError, UsageError
from cosport.git.hooks import CLIENT, install

if TYPE_CHECKING:
    from cosport.config import Branch
    from cosport.git.repository import Repository

SCHEMA: Final = "cosport.init/1"


@command(example="cosport init\ncosport init --hooks\ncosport init --shared")
def init(
    session: Session,
    shared: Annotated[
        bool, typer.Option("--shared", help="Commit it to refs/meta/cosport, where a team shares it by fetch and push.")
    ] = False,
    hooks: Annotated[
        bool, typer.Option("--hooks", help="Install the git hooks too: see cosport hook install --help.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a configuration; the old one is kept.")] = False,
) -> int:
    """Write the configuration for this clone from its remotes and branches.

    Upstream, the stable branches, the main branch of each release branch and the message profile are guessed from
    names and history; comments in the file say what each key means. Your work tree is not touched.
    """
    repository = session.repository
    text = compose(repository)
    checked = config.parse(text.encode("utf-8"), "the configuration just made")
    if shared:
        place = _share(repository, text.encode("utf-8"), force=force)
        backup = ""
    else:
        file = session.config_path or repository.state_dir / config.FILE
        place, backup = _write(file, text.encode("utf-8"), force=force)
    installed = install(repository, CLIENT) if hooks else ()
    if session.json:
        written = {"schema": SCHEMA, "written": place, "backup": backup, "upstream": checked.upstream.ref}
        names = [branch.name for branch in checked.branches]
        session.printer.json({**written, "branches": names, "hooks": [each.path for each in installed]})
        return 0
    _report(session, checked, place, backup)
    for each in installed:
        session.printer.say(f"hook      {each.path}")
    return 0


def compose(repository: Repository) -> str:
    """The text of the configuration that fits the repository."""
    import jinja2

    from cosport import resources
    from cosport.message.profile import profile_names

    remotes = read_remotes(repository)
    upstream = guess_upstream(repository)
    refs = repository.text("for-each-ref", "--format=%(refname)", "refs/heads", "refs/remotes").splitlines()
    found = guess.stable_branches((ref for ref in refs if _is_text(ref)), remotes, upstream)
    branches = guess.with_mains(found[: guess.MOST], lambda main, release: _apart(repository, main, release))
    profile = guess.profile(branches)
    environment = jinja2.Environment(  # noqa: S701 - TOML, not HTML; strings are quoted by `toml`
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters["toml"] = _toml_string
    return environment.from_string(resources.text("templates", "config", "cosport.toml.j2")).render(
        upstream=upstream,
        url=guess.url_of(upstream, remotes),
        profile=profile,
        profiles=profile_names(),
        required=guess.REQUIRED.get(profile, ()),
        branches=branches,
        left_out=found[guess.MOST :],
        gerrit=guess.gerrit(remotes),
    )


def read_remotes(repository: Repository) -> tuple[guess.Remote, ...]:
    """The remotes of the clone, as its configuration states them. Raises ToolError where that cannot be read."""
    import configparser

    import git

    try:
        with git.Repo(repository.common_dir) as repo, repo.config_reader("repository") as reader:
            return tuple(
                guess.Remote(remote.name, str(reader.get_value(f'remote "{remote.name}"', "url", "")))
                for remote in repo.remotes
            )
    except (git.GitError, git.ODBError, configparser.Error, OSError, ValueError) as exc:
        raise ToolError(f"cannot read the remotes of {repository.common_dir}: {exc}") from exc


def _apart(repository: Repository, main: Branch, release: Branch) -> int | None:
    if repository.attempt("merge-base", main.ref, release.ref).status:
        return None
    return int(repository.text("rev-list", "--count", f"{main.ref}..{release.ref}", "--"))


def _is_text(ref: str) -> bool:
    """Whether the name is UTF-8: TOML cannot hold another."""
    return all(not "\ud800" <= char <= "\udfff" for char in ref)


def _toml_string(text: str) -> str:
    """A TOML basic string: JSON's escapes are among TOML's (toml.io, "String"), DEL excepted, which no ref may hold."""
    return json.dumps(text, ensure_ascii=False)


def _write(file: Path, data: bytes, *, force: bool) -> tuple[str, str]:
    """Put `data` in place as one step; (its path, the path of the old file's copy or "")."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.", delete=False) as draft:
        new = Path(draft.name)
        try:
            new.chmod(0o644)
            draft.write(data)
            draft.flush()
            os.fsync(draft.fileno())
            backup = _keep(file) if force and file.exists() else ""
            if backup:
                new.replace(file)
            else:
                os.link(new, file)  # unlike a rename, this never replaces a file
                new.unlink()
        except FileExistsError as exc:
            new.unlink()
            raise UsageError(
                f"{file} exists", hint="edit it, or replace it with --force (the old one is kept beside it)"
            ) from exc
        except OSError as exc:
            new.unlink(missing_ok=True)
            raise DiskError(f"{file}: {exc.strerror}") from exc
    return str(file), backup


def _keep(file: Path) -> str:
    """Give the old file a name of its own beside the new one, as `cp --backup=numbered` does."""
    number = 1
    while True:
        kept = file.with_name(f"{file.name}.~{number}~")
        try:
            os.link(file, kept)
        except FileExistsError:
            number += 1
        else:
            return str(kept)


def _share(repository: Repository, data: bytes, *, force: bool) -> str:
    """Commit the file to the shared ref beside what is there."""

    def edit(old: bytes | None) -> bytes:
        if old is not None and not force:
            raise UsageError(
                f"{config.FILE} is on {config.SHARED_REF} already",
                hint="replace it with --force (the old one stays in the history of that ref)",
            )
        return data

    return team.commit(repository, config.FILE, edit, why="Configure cosport")


def _report(session: Session, made: config.Config, place: str, backup: str) -> None:
    printer = session.printer
    printer.say(f"wrote {place}" + (f" (the old one is {backup})" if backup else ""))
    printer.say(f"upstream  {made.upstream.ref or 'not found: fill in [upstream] ref'}")
    printer.say(f"message   {made.message.profile}")
    for branch in made.branches:
        printer.say(f"branch    {branch.name}" + (f" (release of {branch.main})" if branch.main else ""))
    if not made.branches:
        printer.note("no branch looked like a stable branch: name yours in the file, or use --to with any commit-ish")
    if place.startswith(config.SHARED_REF):
        printer.note(f"share it: git push REMOTE {config.SHARED_REF}:{config.SHARED_REF}")
    else:
        printer.note("look it over; next: cosport doctor")
