"""The bot as a service: rounds without end, woken by the clock or by Gerrit's events; trouble passes, the bot stays."""

from __future__ import annotations

import contextlib
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from cosport.bot.clone import Clone
from cosport.bot.confine import hold
from cosport.bot.health import log
from cosport.bot.journal import Journal
from cosport.bot.rounds import Bot
from cosport.bot.voter import Voter
from cosport.config import expanded
from cosport.errors import CosportError, Interrupted, LockedError, UsageError
from cosport.gerrit import changes, credentials, events
from cosport.gerrit.client import Client
from cosport.gerrit.upload import Server
from cosport.store import lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from cosport.bot.health import Health
    from cosport.bot.tally import Tally
    from cosport.config import Config

_LONGEST_PAUSE: Final = 600.0


@contextmanager
def opened(
    folder: Path, config: Config, config_file: Path | None, *, log: Callable[..., None] = log, dry_run: bool = False
) -> Iterator[Bot]:
    """The bot that lives in `folder`: its clone, journal and records. One at a time.

    Raises UsageError where the configuration names no server or there is no token, LockedError where another bot works
    in the folder.
    """
    settings = config.gerrit
    account = credentials.read(settings)
    if not settings.url:
        raise UsageError(f"no Gerrit is configured in {config.source}", hint='put url = "https://..." under [gerrit]')
    if account is None:
        where = settings.token_file or "a file, name that as gerrit.token_file"
        raise UsageError("the bot has no token", hint=f"put USER:TOKEN into {where}, mode 600")
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(lock(folder / "bot.lock", wait=0.0))
        except LockedError as exc:
            raise LockedError(f"another bot works in {folder}", hint="end it, or give this one a folder") from exc
        client = stack.enter_context(Client(settings.url, account))
        server = Server.of(client, settings)
        clone = Clone.open(folder / "clone.git", server)
        journal = stack.enter_context(Journal.open(folder / "journal.sqlite"))
        voter = Voter(client, changes.myself(client).number, folder / "votes", dry_run=dry_run)
        judged_by = config_file if config.branches else None
        token = credentials.token_file(settings)
        held = hold(folder, clone.repository.git_dir, judged_by, user=config.bot.tester_user, token=token)
        if held.network:
            log("tester-has-network", why=held.network)
        if not held.user:
            log("tester-is-same-user", why="bot.tester_user is not set: who breaks into it could read the token")
        yield Bot(clone, journal, voter, config, judged_by, time.time, log, held)


def run(bot: Bot, health: Health, *, stop: threading.Event) -> None:
    """Go round until `stop` is set. What fails is logged and tried again, with growing pauses."""
    wake = threading.Event()
    settings = bot.operator.bot
    if settings.ssh:
        argv = events.stream_argv(settings.ssh, settings.known_hosts and str(expanded(settings.known_hosts)))
        listener = threading.Thread(target=_listen, args=(bot, argv, wake, stop), daemon=True, name="events")
        listener.start()
    pause = 0.0
    while not stop.is_set():
        if wake.wait(pause):
            wake.clear()
        if stop.is_set():
            return
        began = time.monotonic()
        try:
            tally = bot.round()
        except Interrupted:
            raise
        except (CosportError, OSError) as error:
            health.failures += 1
            health.why = str(error)
            pause = min(settings.interval * 2.0 ** min(health.failures, 6), _LONGEST_PAUSE)
            bot.log("round-failed", failures=health.failures, pause=pause, why=error)
            continue
        health.rounds, health.failures, health.why = health.rounds + 1, 0, ""
        health.last_good, health.open = time.time(), tally.open
        pause = settings.interval
        if tally.judged or tally.posted:
            seconds = round(time.monotonic() - began, 1)
            bot.log("round", open=tally.open, judged=tally.judged, posted=tally.posted, seconds=seconds)


def _listen(bot: Bot, argv: list[str], wake: threading.Event, stop: threading.Event) -> None:
    """Wake the bot at each event; where the stream ends, open it again. What it missed, the next round finds."""
    pause = 1.0
    while not stop.is_set():
        try:
            for event in events.stream(argv):
                pause = 1.0
                if events.matters(event, bot.clone.server.project):
                    wake.set()
        except (CosportError, OSError) as error:
            bot.log("stream-failed", why=error, pause=pause)
        if stop.wait(pause):
            return
        pause = min(pause * 2, 60.0)


def replay(bot: Bot, found: Iterable[events.Event]) -> Tally:
    """Go over the changes that events name, each event once however often it comes. Raises what a round raises.

    An event counts as seen when the round went well: where it failed, the same command does it again.
    """
    project = bot.clone.server.project
    new = {
        event.hash: event.change
        for event in found
        if event.change and event.project in ("", project) and (bot.voter.dry_run or bot.journal.is_new(event.hash))
    }
    tally = bot.round(set(new.values()))
    if not bot.voter.dry_run:
        bot.journal.saw(new)
    return tally
