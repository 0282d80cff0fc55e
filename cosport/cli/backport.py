"""`cosport backport`: the main job, and what follows a conflict."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from cosport import process
from cosport.backport.document import document
from cosport.backport.request import Fields, From, Request
from cosport.cli.options import command
from cosport.cli.session import Session
from cosport.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cosport.git.repository import Repository
    from cosport.model.result import Result


@command(
    example="""cosport backport da10329cb057 --to cos-5.4 --bug b/123 --test 'booted in QEMU' --release-note None
cosport backport da10329cb057 --all --dry-run
cosport backport --status
cosport backport --continue --branch cos-5.4 --note 'kept the old lock'"""
)
def backport(
    session: Session,
    sha: Annotated[list[str] | None, typer.Argument(help="Upstream commits; several make one series.")] = None,
    to: Annotated[
        list[str] | None, typer.Option("--to", metavar="BRANCH", help="A branch to pick to (repeat it).")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All configured branches.")] = False,
    bug: Annotated[str | None, typer.Option(help="For BUG=, such as b/123.")] = None,
    test: Annotated[str | None, typer.Option(help="For TEST=: how it was tested.")] = None,
    release_note: Annotated[str | None, typer.Option(help="For RELEASE_NOTE=: one line for users, or None.")] = None,
    patch_class: Annotated[
        str | None, typer.Option("--class", metavar="CLASS", help="bug, security or feature.")
    ] = None,
    note: Annotated[str | None, typer.Option(help="What was changed against upstream and why.")] = None,
    profile: Annotated[str | None, typer.Option(help="Message profile: cos, chromeos, stable, plain.")] = None,
    source: Annotated[
        From, typer.Option("--from", help="Pick from upstream's commit or another branch's.")
    ] = From.AUTO,
    mainline: Annotated[int | None, typer.Option(metavar="N", help="For a merge: the parent to compare with.")] = None,
    introduced_by: Annotated[
        list[str] | None, typer.Option(metavar="SHA", help="What it fixes, instead of its Fixes: tags.")
    ] = None,
    allow_unmerged: Annotated[bool, typer.Option(help="Take a commit that upstream lacks, marked FROMGIT.")] = False,
    force: Annotated[bool, typer.Option(help="Pick though not affected; replace an edited pick.")] = False,
    in_place: Annotated[bool, typer.Option(help="Move the branch itself, not a branch of its own.")] = False,
    edit: Annotated[bool, typer.Option(help="Edit each message first.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Try it, write nothing.")] = False,
    go_on: Annotated[bool, typer.Option("--continue", help="Go on: conflicts are resolved.")] = False,
    skip: Annotated[bool, typer.Option("--skip", help="Leave the conflicting commit out, go on.")] = False,
    abort: Annotated[bool, typer.Option("--abort", help="Give the branch up.")] = False,
    status: Annotated[bool, typer.Option("--status", help="Show the conflicts that wait.")] = False,
    branch: Annotated[str | None, typer.Option(metavar="B", help="Only this branch, for the four above.")] = None,
) -> int:
    """Backport upstream commits to stable branches.

    Each branch gets its pick on a branch of its own, backport/BRANCH/SHA; your checkout is never touched. A conflict
    opens a work tree with just the files in conflict, and holds up no other branch.
    """
    after = [
        name
        for name, wanted in (("--continue", go_on), ("--skip", skip), ("--abort", abort), ("--status", status))
        if wanted
    ]
    request = Request(
        profile=profile or session.config.message.profile,
        source=source,
        fields=Fields(bug, test, release_note, patch_class, note),
        mainline=mainline,
        introduced_by=tuple(introduced_by or ()),
        force=force,
        allow_unmerged=allow_unmerged,
        in_place=in_place,
        dry_run=dry_run,
    )
    if after:
        _check_after(after, request, named=bool(sha or to or every), profile=profile, edit=edit)
        return _after_conflict(session, after[0], branch, request, edit=edit)
    if branch is not None:
        raise UsageError(
            "--branch goes with --continue, --skip, --abort and --status", hint="to name a target: --to BRANCH"
        )
    if not sha:
        raise UsageError("no commit to backport", hint="cosport backport SHA --to BRANCH")
    if every and to:
        raise UsageError("--all and --to do not go together", hint="give one of them")
    if edit and dry_run:
        raise UsageError("--edit and --dry-run do not go together", hint="a dry run makes no message; leave one out")
    return _backport(session, request, sha, tuple(to or ()), every=every, edit=edit)


def _backport(
    session: Session, request: Request, shas: Sequence[str], to: Sequence[str], *, every: bool, edit: bool
) -> int:
    _import_meanwhile("hashlib", "jinja2")
    from cosport.backport.context import upstream_commits
    from cosport.backport.run import Runner
    from cosport.cli.working import missing, targets_of, tell, working, worst

    with working(session) as context:
        series = upstream_commits(context, shas, allow_unmerged=request.allow_unmerged, mainline=request.mainline)
        chosen, absent = targets_of(context, to, every=every)
        with session.printer.progress("backporting", len(series) * len(chosen)) as step:
            runner = Runner(context, request, edit=editor(session) if edit else None, progress=step)
            results = (*runner.backport(series, chosen), *missing(series, absent))
        tell(session.printer, results)
    return worst(results)


def _import_meanwhile(*modules: str) -> None:
    """Import modules that are needed in the end while git answers the first questions: an eighth of the whole time."""
    from importlib import import_module
    from threading import Thread

    Thread(target=lambda: [import_module(name) for name in modules], daemon=True).start()


def _check_after(after: Sequence[str], request: Request, *, named: bool, profile: str | None, edit: bool) -> None:
    """Refuse what `--continue` and its like cannot take, so that nothing is left out silently. Raises UsageError."""
    if len(after) > 1:
        raise UsageError(f"{' and '.join(after)} do not go together", hint="give one of them")
    if named:
        raise UsageError(f"{after[0]} takes no commits, no --to and no --all", hint=f"{after[0]} [--branch B]")
    plain = Request(profile=request.profile)
    kept = replace(plain, fields=Fields(note=request.fields.note), force=request.force)
    if request != kept or profile is not None:
        raise UsageError(
            f"{after[0]} takes only --branch, --note, --force and --edit: the rest was said when the backport began",
            hint="to change the message, edit MERGE_MSG (git rev-parse --git-path MERGE_MSG), or pass --edit",
        )
    if after[0] in ("--abort", "--status") and (request != plain or edit):
        raise UsageError(f"{after[0]} takes only --branch", hint=f"{after[0]} [--branch B]")


def _after_conflict(run: Session, what: str, branch: str | None, request: Request, *, edit: bool) -> int:
    from cosport.backport import resume
    from cosport.backport import session as sessions
    from cosport.cli.working import tell, working, worst

    waiting = sessions.names(run.repository)
    if what == "--status" and branch is None and not waiting:
        if run.json:
            run.printer.json(document(()))
        else:
            run.printer.say("no conflict waits anywhere")
        return 0
    wanted = editor(run) if edit else None
    wish = resume.Wish(skip=what == "--skip", note=request.fields.note, force=request.force, edit=wanted)
    results: list[Result] = []
    chosen = resume.chosen(waiting, branch)
    with working(run) as context:
        if what == "--abort":
            for name in chosen:
                results += resume.abort(context, name)
        else:
            states = [state for name in chosen if (state := sessions.load(context.repository, name)) is not None]
            for state in states:
                if what == "--status":
                    results += sessions.still_open(state, tuple(context.reader.commit(name) for name in state.series))
                else:
                    results += resume.proceed(context, state, wish)
        tell(run.printer, results)
    return worst(results)


def editor(run: Session) -> Callable[[str, str], str]:
    """A function that lets the user edit a branch's message, in the editor that git would start (git-var(1)).

    Raises UsageError where git knows no editor; the function does where the editor fails or leaves nothing.
    """
    import tempfile
    from pathlib import Path

    command_line = _editor_command(run.repository)

    def edit(branch: str, message: str) -> str:
        with tempfile.TemporaryDirectory(prefix="cosport-edit-") as folder:
            file = Path(folder) / "COMMIT_EDITMSG"
            file.write_bytes(message.encode("utf-8", "surrogateescape"))
            # The editor's command line is the user's own and may hold arguments, so a shell reads it, as git has it
            # done; the file's name is passed as an argument, never as text of the command.
            status = process.run_on_terminal(["sh", "-c", f'{command_line} "$@"', command_line, str(file)])
            edited = file.read_bytes().decode("utf-8", "surrogateescape") if file.exists() else ""
        if status or not edited.strip():
            why = f"the editor ended with status {status}" if status else "the message was left empty"
            raise UsageError(f"{branch}: {why}: nothing was made", hint="run the same command again")
        return edited

    return edit


def _editor_command(repository: Repository) -> str:
    """What git would start: $GIT_EDITOR, core.editor, $VISUAL, $EDITOR or its own choice."""
    env = dict(repository.env)
    env.pop("GIT_EDITOR", None)  # in git's processes it is `false`, as nothing there may ask the user
    if own := os.environ.get("GIT_EDITOR"):
        env["GIT_EDITOR"] = own
    asked = process.run(repository.argv("var", "GIT_EDITOR"), env=env, cwd=repository.git_dir)
    command_line = asked.stdout.decode("utf-8", "surrogateescape").strip()
    if asked.status or not command_line:
        raise UsageError("git knows no editor", hint="set GIT_EDITOR, or core.editor")
    return command_line
