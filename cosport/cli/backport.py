"""`cosport backport`: the main job, and what follows a conflict. It works without Typer, for its start-up's sake."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeVar

from cosport import process
from cosport.backport.request import Fields, From, Request
from cosport.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from cosport.cli.session import Session
    from cosport.git.repository import Repository
    from cosport.model.result import Result
    from cosport.workflow.review import Reviews

_Number = TypeVar("_Number", int, float)

LAST_RUNG: Final = 7
"""The last rung of the ladder of resolvers: other people's."""

FLAGS: Final = {
    "--all": "every",
    "--allow-unmerged": "allow_unmerged",
    "--force": "force",
    "--in-place": "in_place",
    "--edit": "edit",
    "--dry-run": "dry_run",
    "--with-prereqs": "with_prereqs",
    "--with-followups": "with_followups",
    "--push": "push",
    "--continue": "go_on",
    "--skip": "skip",
    "--abort": "abort",
    "--status": "status",
    "--accept": "accept",
    "--build": "build",
    "--show": "show",
}
VALUES: Final = {
    "--bug": "bug",
    "--test": "test",
    "--release-note": "release_note",
    "--class": "patch_class",
    "--note": "note",
    "--profile": "profile",
    "--branch": "branch",
    "--resolver": "resolver",
    "--max-rung": "max_rung",
    "--min-confidence": "min_confidence",
}
LISTS: Final = {
    "--to": "to",
    "--introduced-by": "introduced_by",
    "--reviewer": "reviewer",
    "--hashtag": "hashtag",
}
"""The options that `quick` reads, and the parts of `Asked` that they fill. backport_command.py tells what they mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The command line, option by option, under the names of backport_command.py."""

    sha: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    every: bool = False
    bug: str | None = None
    test: str | None = None
    release_note: str | None = None
    patch_class: str | None = None
    note: str | None = None
    profile: str | None = None
    source: From = From.AUTO
    mainline: int | None = None
    introduced_by: tuple[str, ...] = ()
    allow_unmerged: bool = False
    with_prereqs: bool = False
    with_followups: bool = False
    force: bool = False
    in_place: bool = False
    edit: bool = False
    dry_run: bool = False
    push: bool = False
    reviewer: tuple[str, ...] = ()
    hashtag: tuple[str, ...] = ()
    go_on: bool = False
    skip: bool = False
    abort: bool = False
    status: bool = False
    accept: bool = False
    build: bool = False
    show: bool = False
    branch: str | None = None
    resolver: str | None = None
    max_rung: str | int | None = None
    min_confidence: str | float | None = None

    @property
    def after(self) -> list[str]:
        """The options given that go on after a conflict."""
        named = {
            "--continue": self.go_on,
            "--skip": self.skip,
            "--abort": self.abort,
            "--status": self.status,
            "--accept": self.accept,
            "--show": self.show,
        }
        return [name for name, wanted in named.items() if wanted]

    def request(self, profile: str) -> Request:
        """The request that it makes; `profile` is the house's own."""
        return Request(
            profile=self.profile or profile,
            source=self.source,
            fields=Fields(self.bug, self.test, self.release_note, self.patch_class, self.note),
            mainline=self.mainline,
            introduced_by=self.introduced_by,
            force=self.force,
            allow_unmerged=self.allow_unmerged,
            in_place=self.in_place,
            dry_run=self.dry_run,
            with_prereqs=self.with_prereqs,
            with_followups=self.with_followups,
            max_rung=_number(int, "--max-rung", self.max_rung, LAST_RUNG),
            build=self.build,
            resolver=self.resolver,
            min_confidence=_number(float, "--min-confidence", self.min_confidence, 1),
        )


def _number(kind: type[_Number], name: str, given: str | float | None, most: int) -> _Number | None:
    """An option's number, from 0 to `most`. Raises UsageError for what is none."""
    if given is None:
        return None
    try:
        found = kind(given)
    except ValueError:
        found = kind(-1)
    if not 0 <= found <= most:
        raise UsageError(f"{name} takes a number from 0 to {most}, not {given!r}", hint="see: cosport backport --help")
    return found


def run(session: Session, asked: Asked) -> int:
    """Do what was asked; the exit code."""
    request = asked.request(session.config.message.profile)
    if after := asked.after:
        named = bool(asked.sha or asked.to or asked.every)
        _check_after(after, request, named=named, profile=asked.profile, edit=asked.edit)
        return _after_conflict(session, after[0], asked, request)
    if asked.branch is not None:
        raise UsageError(
            "--branch goes with --continue, --skip, --abort, --status, --accept and --show",
            hint="to name a target: --to BRANCH",
        )
    if not asked.sha:
        raise UsageError("no commit to backport", hint="cosport backport SHA --to BRANCH")
    if asked.every and asked.to:
        raise UsageError("--all and --to do not go together", hint="give one of them")
    if asked.edit and asked.dry_run:
        raise UsageError("--edit and --dry-run do not go together", hint="a dry run makes no message; leave one out")
    if asked.in_place and asked.push:
        raise UsageError("--in-place and --push do not go together", hint="a review is for a pick of its own")
    return _backport(session, asked, request)


def _backport(session: Session, asked: Asked, request: Request) -> int:
    _begin(session.repository, dry_run=asked.dry_run)
    _import_meanwhile("jinja2")
    from cosport.backport.context import upstream_commits
    from cosport.backport.run import Runner
    from cosport.cli.working import missing, targets_of, tell, working, worst

    with _reviews(session, asked) as review, working(session) as context:
        series = upstream_commits(context, asked.sha, allow_unmerged=asked.allow_unmerged, mainline=asked.mainline)
        chosen, absent = targets_of(context, asked.to, every=asked.every)
        if review is not None:
            request = replace(request, reviews=review.known(series))
        with session.printer.progress("backporting", len(series) * len(chosen)) as step:
            known = None if review is None else review.known
            edit = editor(session) if asked.edit else None
            runner = Runner(context, request, edit=edit, progress=step, reviewed=known)
            results = (*runner.backport(series, chosen), *missing(series, absent))
        if review is not None and not asked.dry_run:
            results = review.upload(context, chosen, results)
        tell(session.printer, results)
    return worst(results)


def _reviews(session: Session, asked: Asked) -> AbstractContextManager[Reviews | None]:
    """Code review, where the picks are to go up for it."""
    if not asked.push:
        return nullcontext()
    from cosport.workflow.review import reviews

    return reviews(session.config, hashtags=asked.hashtag, reviewers=asked.reviewer, force=asked.force)


def _begin(repository: Repository, *, dry_run: bool) -> None:
    """Let git answer the first questions while the modules of the command are imported."""
    from cosport.git import identity
    from cosport.history import refs

    repository.begin(*refs.QUESTION)
    if not dry_run:
        repository.begin(*identity.QUESTION)


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
    if after[0] == "--accept" and (request.force or edit):
        raise UsageError("--accept takes only --branch and --note", hint="--accept [--branch B] [--note TEXT]")
    if after[0] in ("--abort", "--status", "--show") and (request != plain or edit):
        raise UsageError(f"{after[0]} takes only --branch", hint=f"{after[0]} [--branch B]")


def _after_conflict(run: Session, what: str, asked: Asked, request: Request) -> int:
    from cosport.backport import resume
    from cosport.backport import session as sessions
    from cosport.cli.working import targets_of, tell, working, worst

    branch = asked.branch
    if what in ("--accept", "--show"):
        return _resolved(run, what, branch, request.fields.note)
    waiting = sessions.names(run.repository)
    if what == "--status":
        return _status(run, branch, waiting)
    wanted = editor(run) if asked.edit else None
    results: list[Result] = []
    chosen = resume.chosen(waiting, branch)
    with _reviews(run, asked) as review, working(run) as context:
        if what == "--abort":
            for name in chosen:
                results += resume.abort(context, name)
        else:
            known = None if review is None else review.known
            wish = resume.Wish(what == "--skip", request.fields.note, request.force, wanted, known)
            states = [state for name in chosen if (state := sessions.load(context.repository, name)) is not None]
            for state in states:
                results += resume.proceed(context, state, wish)
        if review is not None:
            targets, _ = targets_of(context, [each.branch for each in results], every=False) if results else ((), ())
            results = [*review.upload(context, targets, results)]
        tell(run.printer, results)
    return worst(results)


def _status(run: Session, branch: str | None, waiting: Sequence[str]) -> int:
    """Tell what waits for a person: conflicts, and picks that were resolved."""
    from cosport.backport import acceptance, resume
    from cosport.backport import session as sessions
    from cosport.cli.working import tell, working, worst

    with working(run) as context:
        results = list(acceptance.waiting(context, branch))
        chosen = resume.chosen(waiting, branch) if waiting or (branch is not None and not results) else ()
        for name in chosen:
            if (state := sessions.load(context.repository, name)) is not None:
                results += sessions.still_open(state, tuple(context.reader.commit(each) for each in state.series))
        if not results and not run.json:
            run.printer.say("no conflict waits anywhere, and no resolved pick")
            return 0
        tell(run.printer, results)
    return worst(results)


def _resolved(run: Session, what: str, branch: str | None, note: str | None) -> int:
    """Show what the resolved picks that wait for a person change, or take them over."""
    from cosport.backport import acceptance
    from cosport.backport.shown import review
    from cosport.cli.working import tell, working, worst

    with working(run) as context:
        picks = acceptance.waiting(context, branch)
        if not picks:
            where = f"on {branch}" if branch is not None else "anywhere"
            raise UsageError(f"no resolved pick waits {where}", hint="see what waits: cosport backport --status")
        if what == "--accept":
            picks = acceptance.accept(context, picks, note)
        if what == "--accept" or run.json:
            tell(run.printer, picks)
        else:
            for pick in picks:
                for line in review(context, pick):
                    run.printer.say(line)
    return worst(picks)


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
            with run.printer.undisturbed():
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
