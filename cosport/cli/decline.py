"""`cosport decline`: puts a missing fix aside for one branch, with the reason, where the team can see it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cosport.backport.context import is_merged
from cosport.backport.target import Target, resolve
from cosport.cli import complete, team
from cosport.cli.options import command
from cosport.cli.session import Session
from cosport.cli.working import working
from cosport.config import DECLINES
from cosport.errors import RevisionError, UsageError
from cosport.git.identity import committer
from cosport.history import declined
from cosport.history.affected import followups
from cosport.history.applied import applied
from cosport.history.declined import Decline
from cosport.history.picks import origins

if TYPE_CHECKING:
    from cosport.backport.context import Context
    from cosport.model.commit import Sha

SCHEMA: Final = "cosport.decline/1"


@dataclass(frozen=True, slots=True)
class Written:
    """What `cosport decline --json` prints: the decision (null: taken back), and the file that says so now."""

    schema: str
    decline: Decline | None
    written: str


@command(
    example="""cosport decline da10329cb057 --branch cos-5.4 --reason "no balloon here" --until 2031-01-31
cosport decline da10329cb057 --branch cos-5.4 --undo"""
)
def decline(
    session: Session,
    sha: Annotated[str, typer.Argument(help="An upstream commit.")],
    branch: Annotated[
        str, typer.Option(metavar="BRANCH", help="The branch that is not to have it.", autocompletion=complete.branches)
    ],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it is shown wherever the commit is.")] = "",
    until: Annotated[str, typer.Option(metavar="DATE", help="The last day on which that holds: YYYY-MM-DD.")] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Take the decision back.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a decision, or decline what the branch seems to hold.")
    ] = False,
) -> int:
    """Put a missing fix aside for a branch: `cosport missing` shows it no more, and `cosport backport` leaves it out.

    A follow-up fix that upstream adds later, or a new CVE that names it, brings it back. The decision
    is kept in declines.toml beside the configuration, on refs/meta/cosport where that is shared.
    """
    if undo and (reason or until):
        raise UsageError("--undo takes no reason and no date", hint="cosport decline SHA --branch BRANCH --undo")
    if not undo and not reason.strip():
        raise UsageError("a decision needs its reason", hint='say why the branch does not take it: --reason "..."')
    last = _date(until) if until else None
    with working(session) as context:
        target = _branch(context, branch)
        commit = _upstream_commit(context, sha)
        if undo:
            return _undo(session, commit, target)
        made = Decline(
            commit=commit,
            branch=target.name,
            reason=_text(reason.strip()),
            by=_text(committer(context.repository).signature),
            date=_today(),
            until=last,
            known=tuple(each.sha for each in followups(context.history, commit, within=context.upstream)),
            cves=context.cves(commit),
        )
        if not force:
            _require_sense(session, context, made, target)
    place = team.change(session, DECLINES, lambda old: _added(old, made), why=_why("Decline", commit, target.name))
    if session.json:
        session.printer.json(Written(SCHEMA, made, place))
        return 0
    session.printer.say(f"declined {commit[:12]} for {target.name}" + (f" until {last}" if last else ""))
    _tell_place(session, place)
    return 0


def _undo(session: Session, commit: Sha, target: Target) -> int:
    def edit(old: bytes | None) -> bytes:
        text = (old or b"").decode("utf-8")
        if declined.find(declined.parse(old or b"", DECLINES), commit, target.name) is None:
            raise UsageError(f"{commit[:12]} is not declined for {target.name}", hint="see: cosport missing --declined")
        return declined.removed(text, commit, target.name).encode("utf-8")

    place = team.change(session, DECLINES, edit, why=_why("Take back the decline of", commit, target.name))
    if session.json:
        session.printer.json(Written(SCHEMA, None, place))
        return 0
    session.printer.say(f"{commit[:12]} is no longer declined for {target.name}")
    _tell_place(session, place)
    return 0


def _tell_place(session: Session, place: str) -> None:
    session.printer.note(f"wrote {place}")
    ref = place.partition(":")[0]
    if ref.startswith("refs/"):
        session.printer.note(f"share it: git push REMOTE {ref}:{ref}")


def _added(old: bytes | None, made: Decline) -> bytes:
    declined.parse(old or b"", DECLINES)
    return declined.added((old or b"").decode("utf-8"), made).encode("utf-8")


def _why(what: str, commit: Sha, branch: str) -> str:
    return f"{what} {commit[:12]} for {branch}"


def _require_sense(session: Session, context: Context, made: Decline, target: Target) -> None:
    """Raise UsageError where the decision changes nothing, or another one stands."""
    sha = _full(made)
    state = applied(context.history, sha, target.tip)
    if state.applied:
        raise UsageError(
            f"{target.name} holds {sha[:12]}: {state.evidence[0].detail}", hint="to decline it all the same: --force"
        )
    if context.upstream is None:
        return
    decision = declined.decide(
        context.history,
        context.declines,
        sha,
        target.name,
        upstream=context.upstream,
        today=_today(),
        cves=context.cves,
    )
    if decision is not None and not decision.back:
        known = decision.decline
        who = f" by {known.by}" if known.by else ""
        raise UsageError(
            f"{sha[:12]} is declined for {target.name} already{who}: {known.reason}", hint="to replace it: --force"
        )


def _branch(context: Context, name: str) -> Target:
    target = resolve(context.repository, context.reader, context.config, name)
    if not target.ref:
        raise UsageError(f"{name} is a commit, not a branch", hint="a decision holds for a branch, by its name")
    return target


def _upstream_commit(context: Context, name: str) -> Sha:
    """The upstream commit that the user named, or whose backport they named."""
    commit = context.reader.resolve(name)
    context.history.ensure((commit.sha,))
    if is_merged(context, commit):
        return commit.sha
    assert context.upstream is not None
    for above in origins(context.history, commit.sha):
        if context.history.contains(above, context.upstream):
            return above
    raise RevisionError(
        f"{commit.sha[:12]} ({commit.subject}) is not in upstream ({context.config.upstream.ref})",
        hint="name the upstream commit; fetch upstream first",
    )


def _full(made: Decline) -> Sha:
    from cosport.model.commit import sha

    return sha(made.commit)


def _date(text: str) -> dt.date:
    try:
        found = dt.date.fromisoformat(text)
    except ValueError as exc:
        raise UsageError(f"--until {text!r} is no date", hint="give a day such as 2031-01-31") from exc
    if found < _today():
        raise UsageError(f"--until {text} is over", hint="give a day to come, or leave it out")
    return found


def _today() -> dt.date:
    return dt.datetime.now(tz=dt.UTC).date()


def _text(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise UsageError(f"{text!r} is no UTF-8", hint="TOML files are UTF-8") from exc
    return text
