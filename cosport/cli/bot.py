"""`cosport bot`: the Gerrit presubmit bot as a service, for one round, over recorded events; and its setting up."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cosport import config as settings
from cosport.bot.tally import Line  # noqa: TC001 - msgspec reads the fields' types when it makes the schema
from cosport.cli.options import command, group, register
from cosport.cli.session import Session
from cosport.errors import Interrupted, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cosport.bot.rounds import Bot
    from cosport.bot.tally import Tally
    from cosport.config import Config

SCHEMA: Final = "cosport.bot/1"


@dataclass(frozen=True, slots=True)
class Document:
    """What a round did, as `--json` prints it."""

    schema: str
    open: int
    judged: int
    posted: int
    changes: tuple[Line, ...]


INIT_SCHEMA: Final = "cosport.bot-init/1"
VERIFY_SCHEMA: Final = "cosport.bot-verify/1"


@dataclass(frozen=True, slots=True)
class Initiated:
    """What `bot init` did, a line each."""

    schema: str
    done: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verified:
    """Whether an account said on Gerrit what a record says, and when; `date` is "" where it did not.

    `account` is its number and `name` what Gerrit calls it: the record says who that was, so look whether it is the
    bot.
    """

    schema: str
    said: bool
    digest: str
    date: str
    account: int
    name: str


app = group("Judge the open changes of a Gerrit project, and vote.")

_DIR = typer.Option("--dir", metavar="DIR", help="Where its clone, journal and records live.")
_DRY = typer.Option("--dry-run", help="Judge, and vote nothing.")


@command(example="cosport bot run --config /etc/cosport/bot.toml --health 127.0.0.1:8480")
def run(
    session: Session,
    directory: Annotated[Path | None, _DIR] = None,
    health: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Answer GET /healthz there.")] = None,
    dry_run: Annotated[bool, _DRY] = False,
) -> int:
    """Judge and vote until told to stop (SIGTERM or Ctrl-C). Log lines go to standard error, one event each."""
    from cosport.bot import health as wellness
    from cosport.bot import service

    address = _address(health) if health else None
    with _bot(session, directory, dry_run=dry_run) as bot:
        state = wellness.Health(bot.operator.bot.interval)
        server = wellness.serve(state, address) if address else None
        try:
            bot.log("started", server=bot.voter.client.url, project=bot.clone.server.project, account=bot.voter.account)
            service.run(bot, state, stop=threading.Event())
        except (KeyboardInterrupt, Interrupted):  # that is how a service ends
            bot.log("stopped")
        finally:
            if server is not None:
                server.shutdown()
                server.server_close()
    return 0


@command(example="cosport bot once --config bot.toml --dry-run")
def once(
    session: Session,
    directory: Annotated[Path | None, _DIR] = None,
    dry_run: Annotated[bool, _DRY] = False,
) -> int:
    """Go over all open changes once."""
    with _bot(session, directory, dry_run=dry_run) as bot:
        return _tell(session, bot.round())


@command(example="cosport bot replay events.jsonl --config bot.toml --dry-run")
def replay(
    session: Session,
    file: Annotated[
        Path | None, typer.Argument(metavar="EVENTS.jsonl", help="Lines as `gerrit stream-events` prints them.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Ask Gerrit's events-log plugin: '2026-01-31 12:00:00', UTC.")
    ] = None,
    directory: Annotated[Path | None, _DIR] = None,
    dry_run: Annotated[bool, _DRY] = False,
) -> int:
    """Go over the changes that recorded events are about; an event that was seen before counts for nothing."""
    from cosport.bot import service
    from cosport.gerrit import events

    if (file is None) == (since is None):
        raise UsageError("name a file of events, or --since TIME", hint="see: cosport bot replay --help")
    with _bot(session, directory, dry_run=dry_run) as bot:
        if file is not None:
            with file.open("rb") as lines:
                return _tell(session, service.replay(bot, events.read(lines)))
        return _tell(session, service.replay(bot, events.logged(bot.voter.client, since or "")))


@command(example="cosport bot init --config bot.toml --group 'Presubmit Bots'")
def init(
    session: Session,
    bots: Annotated[
        str, typer.Option("--group", metavar="NAME", help="The group of the bot's account.")
    ] = "Presubmit Bots",
) -> int:
    """Write labels, submit requirements and access rights into the project. It takes the token of a project owner."""
    from cosport.bot.setup import setup
    from cosport.gerrit import credentials
    from cosport.gerrit.client import Client

    config, _ = _config(session)
    if not config.gerrit.url or not config.gerrit.project:
        raise UsageError(f"{config.source} names no Gerrit project", hint="put url and project under [gerrit]")
    with Client(config.gerrit.url, credentials.read(config.gerrit)) as client:
        done = tuple(setup(client, config, bots))
    if session.json:
        session.printer.json(Initiated(INIT_SCHEMA, done))
    for line in done:
        session.printer.say(line)
    return 0


@command(example="cosport bot verify ~/.local/state/cosport/bot/votes/1234/2-0f3a....json")
def verify(session: Session, file: Annotated[Path, typer.Argument(help="The record of a vote.")]) -> int:
    """Say whether a record is what was said on Gerrit then, and by whom. The exit code is 1 where it is not."""
    from cosport.bot import record, summary
    from cosport.gerrit import changes, credentials
    from cosport.gerrit.client import Client

    vote = record.read(file)
    config, _ = _config(session)
    if vote.server != config.gerrit.url.rstrip("/"):  # whoever forges a record may run a server that agrees with it
        raise UsageError(
            f"the record is of {vote.server or 'no server'}, and not of {config.gerrit.url or 'a Gerrit'} "
            f"in {config.source}",
            hint="name the configuration of that server with --config FILE",
        )
    with Client(vote.server, credentials.read(config.gerrit)) as client:
        change = changes.get(client, vote.change)
    found = next(
        (each for each in (change.messages if change is not None else ())
         if each.author.number == vote.account and each.patch_set == vote.patch_set
         and (summary.marked(each.message) or ("", ""))[1] == vote.digest),
        None,
    )  # fmt: skip
    name = found.author.name if found is not None else ""
    if session.json:
        date = found.date if found is not None else ""
        said = found is not None
        session.printer.json(Verified(VERIFY_SCHEMA, said, vote.digest, date, vote.account, name))
    elif found is not None:
        session.printer.say(
            f"change {vote.change} patch set {vote.patch_set}: said on Gerrit by {name or 'somebody'} "
            f"(account {vote.account}), {found.date[:19]} UTC"
        )
    else:
        session.printer.say(f"change {vote.change} patch set {vote.patch_set}: Gerrit holds no such vote")
    return 0 if found is not None else 1


for _name, _function in (("run", run), ("once", once), ("replay", replay), ("init", init), ("verify", verify)):
    register(app, _name, _function)


def _tell(session: Session, tally: Tally) -> int:
    """Print what a round did; 3 where a vote could not be cast or a change not be judged."""
    if session.json:
        session.printer.json(Document(SCHEMA, tally.open, tally.judged, tally.posted, tuple(tally.lines)))
    else:
        rows = [[str(line.change), line.revision[:12], line.outcome, _votes(line)] for line in tally.lines]
        session.printer.table(["change", "revision", "outcome", "votes"], rows)
        session.printer.say(f"{tally.open} open changes, {tally.judged} judged, {tally.posted} votes posted")
    return 3 if any(line.outcome in ("failed", "trouble") for line in tally.lines) else 0


def _votes(line: Line) -> str:
    return " ".join(f"{name} {value:+d}" for name, value in line.labels.items()) or line.why


@contextmanager
def _bot(session: Session, directory: Path | None, *, dry_run: bool) -> Iterator[Bot]:
    from cosport.bot import service

    config, file = _config(session)
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    folder = directory or settings.expanded(state) / "cosport" / "bot"
    with service.opened(folder.absolute(), config, file, dry_run=dry_run) as bot:
        yield bot


def _config(session: Session) -> tuple[Config, Path | None]:
    """The operator's configuration: the bot has no clone of a user's, so a file must be named or lie in one."""
    named = session.config_path or (Path(os.environ[settings.VARIABLE]) if os.environ.get(settings.VARIABLE) else None)
    if named is not None:
        file = settings.expanded(named).absolute()
        return settings.load(file), file
    local = session.repository.state_dir / settings.FILE
    return session.config, local if local.is_file() else None


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise UsageError(f"--health: {text!r} is no address", hint="such as 127.0.0.1:8480")
    return host.strip("[]") or "127.0.0.1", int(port)
