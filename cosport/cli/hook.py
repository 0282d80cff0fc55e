"""`cosport hook`: the git hooks, and how they are put in place: the same checks, at commit, push and on the server."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cosport.cli.message import replace_file
from cosport.cli.options import command, group, register
from cosport.cli.session import Session
from cosport.errors import UsageError
from cosport.git import hooks, identity
from cosport.message import changeid, charset, draft, edit
from cosport.message.finding import Severity
from cosport.message.lint import lint
from cosport.message.parse import parse

if TYPE_CHECKING:
    from cosport.git.repository import Repository
    from cosport.presubmit.pushed import Update
    from cosport.presubmit.report import Report

_MOST: Final = 500
"""Commits that one push may bring to a branch; more are better judged by themselves first."""

_EMPTY_TREE: Final = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


@command(example="cosport hook install\ncosport hook install --server --repo /srv/git/kernel.git")
def install(
    session: Session,
    server: Annotated[
        bool,
        typer.Option("--server", help="The update hook of a plain git server (default: commit-msg and pre-push)."),
    ] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Take the hooks out, and put back what was there.")] = False,
) -> int:
    """Put the hooks where git looks for them; what stands there is kept, and runs first.

    core.hooksPath is obeyed; linked work trees share the hooks. Running it twice changes nothing.
    """
    if not undo and (place := hooks.shared(session.repository)):
        session.printer.note(
            f"core.hooksPath is set for more than this repository: the hooks go to {place}, and run in all of them"
        )
    act = hooks.uninstall if undo else hooks.install
    done = act(session.repository, hooks.SERVER if server else hooks.CLIENT)
    if session.json:
        session.printer.json({"schema": "cosport.hook-install/1", "hooks": done})
    for each in done:
        kept = f" (after {each.kept}, which was there)" if each.kept else ""
        session.printer.say(f"{each.state}  {each.path}{kept}")
    return 0


@command(example="cosport hook commit-msg .git/COMMIT_EDITMSG")
def commit_msg(
    session: Session, file: Annotated[Path, typer.Argument(metavar="FILE", help="The message, as git gives it.")]
) -> int:
    """Add a Change-Id where the profile wants one, as Gerrit's own hook does, and lint the message.

    A message that something blocks is refused with 1. A fixup! or squash! is left alone, and so is a merge's.
    """
    from cosport.cli.message import rules_of

    if not file.is_file():
        raise UsageError(f"{file} is no file", hint="git gives the commit-msg hook the file of the message")
    profile, required = rules_of(session, "")
    repository = session.repository
    given = charset.decode(file.read_bytes(), None).text
    parts = draft.split(given, _comment(repository))
    if not parts.text.strip() or (parts.is_fixup and _setting(repository, "gerrit.createChangeId") != "always"):
        return 0
    text = parts.text
    if profile.change_id:
        text = _identified(repository, text, charset.encode(given)[0])
    if text != parts.text:
        replace_file(file, text + parts.rest)
    if (repository.git_dir / "MERGE_HEAD").exists():
        return 0
    findings = [
        each
        for each in lint(text, profile, required)
        if each.severity is not Severity.INFO and each.id != "origin-missing"  # most commits are no picks
    ]
    for each in findings:
        place = f"line {each.line}: " if each.line else ""
        session.printer.note(f"{each.severity.value} {place}{each.text} [{each.id}]")
    if not any(each.severity is Severity.BLOCK for each in findings):
        return 0
    session.printer.note(
        f"the message is kept in {file}: repair it (git commit -e -F {shlex.quote(str(file))}), or commit --no-verify"
    )
    return 1


def _identified(repository: Repository, text: str, message: bytes) -> str:
    """The message with a Change-Id, or with the link that the user's settings want instead."""
    if _setting(repository, "gerrit.createChangeId") == "false":
        return text
    url = _setting(repository, "gerrit.reviewUrl").rstrip("/")
    said = parse(text)
    if said.all("Change-Id") or (url and any(each.full.startswith(f"{url}/id/I") for each in said.all("Link"))):
        return text
    head = repository.attempt("rev-parse", "-q", "--verify", "HEAD^0").stdout.decode("ascii").strip()
    new = changeid.minted(identity.committer(repository).line, head or _EMPTY_TREE, message)
    return edit.with_link(text, f"{url}/id/{new}") if url else edit.with_change_id(text, new)


def _comment(repository: Repository) -> str:
    """What git begins comments with; "auto" means a character that the message has not, which git does not tell."""
    said = _setting(repository, "core.commentString") or _setting(repository, "core.commentChar")
    return said if said and said != "auto" else "#"


def _setting(repository: Repository, key: str) -> str:
    return repository.attempt("config", "--get", key).stdout.decode("utf-8", "surrogateescape").rstrip("\n")


@command(example="cosport hook pre-push origin https://gerrit.example.com/kernel < lines-from-git")
def pre_push(
    session: Session,
    remote: Annotated[str, typer.Argument(metavar="REMOTE", help="The remote's name, or its URL.")],
    url: Annotated[str, typer.Argument(metavar="URL", help="The remote's URL.")] = "",
) -> int:
    """Judge what is pushed to a configured branch, or to review for it; refuse with 1 what does not pass.

    What goes to review may wait for main there: only the checks behind the label Verified count.
    """
    from cosport.presubmit import pushed

    updates = pushed.read_pre_push(sys.stdin.buffer.read().decode("utf-8", "surrogateescape"))
    known = () if "/" in remote or remote.startswith("-") else (f"refs/remotes/{remote}/",)
    return _judge(session, updates, known)


@command(example="cosport hook update refs/heads/cos-6.1 OLD NEW")
def update(
    session: Session,
    ref: Annotated[str, typer.Argument(metavar="REF", help="The ref that moves.")],
    old: Annotated[str, typer.Argument(metavar="OLD", help="The commit that it is at.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The commit that it is to go to.")],
) -> int:
    """Judge what a push brings to a configured branch of this server; refuse with 1 what does not pass.

    The configuration is the server's: the one in its repository, or refs/meta/cosport as it is before the push. A push
    of a configuration that cosport could not read is refused.
    """
    from cosport import config
    from cosport.presubmit import pushed

    moved = pushed.update(ref, old, new)
    if ref == config.SHARED_REF and moved.new is not None:
        done = session.repository.attempt("cat-file", "blob", f"{moved.new}:{config.FILE}")
        if done.status == 0:
            config.parse(done.stdout, f"{config.SHARED_REF}:{config.FILE}")
        return 0
    return _judge(session, (moved,), () if moved.old is not None else ("refs/heads/",))


_NOT_HERE: Final = {"boot": "a push waits for no machine"}


def _judge(session: Session, updates: tuple[Update, ...], known: tuple[str, ...]) -> int:
    """Judge the commits of each update for its branch, and tell those that do not pass."""
    wanted = [(each, branch) for each in updates if each.new and (branch := each.branch(session.config.branches))]
    if not wanted:
        return 0
    from cosport.cli.judging import explain, presubmitting, tell_report
    from cosport.presubmit import pushed, runner

    bad: list[Report] = []
    with presubmitting(session) as context:
        for each, branch in wanted:
            names = pushed.commits(context, each, branch, known)
            if len(names) > _MOST:
                raise UsageError(
                    f"{len(names)} commits for {branch.name} at once",
                    hint=f"{_MOST} at most: judge them first (cosport presubmit OLD..NEW), then push with --no-verify",
                )
            if not names:
                continue
            aim = pushed.target(context, each, branch, names)
            for name in names:
                report = runner.run(context, context.reader.commit(name), aim, skip=_NOT_HERE, head=names[-1])
                if not _passes(report, for_review=each.for_review):
                    bad.append(report)
                    tell_report(session.printer, report)
    explain(session.printer, bad)
    return 1 if bad else 0


def _passes(report: Report, *, for_review: bool) -> bool:
    from cosport.presubmit.check import VERIFIED
    from cosport.presubmit.report import Verdict

    verdicts = report.labels
    counted = [verdicts.get(VERIFIED, Verdict.PASS)] if for_review else list(verdicts.values())
    return all(verdict is Verdict.PASS for verdict in counted)


app = group("The git hooks: put them in place, and what they run.")
register(app, "install", install, short="Put the hooks where git looks for them.")
register(app, "commit-msg", commit_msg, short="Add a Change-Id, and lint the message.")
register(app, "pre-push", pre_push, short="Judge what is pushed.")
register(app, "update", update, short="Judge what a push brings, on the server.")
