"""How the tester is held: as another user who cannot read the token, without a network. What cannot be had is told.

unshare(1) and setpriv(1) do it before the tester's program starts, so that nothing of ours runs with more than it has.
The other user works in a view of the bot's clone: a git directory whose objects and refs are the clone's, to be read
and never written, and whose index and builds are its own. The bot runs git in its clone alone.
"""

from __future__ import annotations

import os
import pwd
import shutil
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cosport import process
from cosport.bot import tester
from cosport.errors import ToolError, UsageError
from cosport.kbuild.cache import publish

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NO_NETWORK: Final = ("unshare", "--net", "--")
_NO_NETWORK_USER: Final = ("unshare", "--user", "--map-current-user", "--net", "--")
_SHARED: Final = ("objects", "refs", "packed-refs")
"""What of the clone a view shows as it is."""


@dataclass(frozen=True, slots=True)
class Hold:
    """How a tester is started: what its command line begins with, the git directory it works in, its own variables.

    `user` is whose it runs as, "" for the bot's own; `network` why it has one, "" where it has none.
    """

    prefix: tuple[str, ...]
    clone: Path
    user: str = ""
    network: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)

    def argv(self, config: Path | None) -> list[str]:
        """The command line of a tester."""
        return [*self.prefix, *tester.argv(self.clone, config)]

    def environment(self) -> dict[str, str]:
        """The environment of a tester."""
        return {**tester.environment(self.clone), **self.variables}


def hold(folder: Path, clone: Path, config: Path | None, *, user: str, token: Path | None) -> Hold:
    """The hold on the testers of the bot that lives in `folder`; `user` is the one that they run as, "" for none other.

    `token` is the file of the bot's token, None where it comes from elsewhere.
    Raises UsageError where that user cannot be had, could read the token, or cannot run a tester.
    """
    network, without = _without_network()
    if not user:
        return Hold(without, clone, network=network)
    entry = _account(user)
    if token is not None and token.exists() and token.stat().st_uid == entry.pw_uid:
        raise UsageError(f"{token} belongs to {user}, whom the tester runs as", hint="give it to the bot's own user")
    become = ("setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--init-groups", "--no-new-privs", "--")
    view, settings = _view(folder / "tester", clone, entry)
    variables = {"GIT_CONFIG_GLOBAL": str(settings)}
    held = Hold((*without, *become), view, user, network, variables)
    _try(held, config)
    return held


def _account(user: str) -> pwd.struct_passwd:
    try:
        entry = pwd.getpwnam(user)
    except KeyError as exc:
        raise UsageError(f"bot.tester_user: there is no user {user!r}", hint="make one: useradd --system NAME") from exc
    if os.geteuid() != 0:
        raise UsageError("bot.tester_user: only root can become another user", hint="start the bot as root for that")
    if entry.pw_uid == 0:
        raise UsageError("bot.tester_user: root can read everything", hint="name a user that owns nothing")
    return entry


def _without_network() -> tuple[str, tuple[str, ...]]:
    """Why a tester has the network ("": it has none), and what its command line begins with for that. It is tried."""
    if shutil.which("unshare") is None:
        return "unshare (util-linux) is not installed", ()
    prefix = _NO_NETWORK if os.geteuid() == 0 else _NO_NETWORK_USER
    done = process.run([*prefix, "true"], timeout=30.0)
    return ("", prefix) if done.status == 0 else (done.tail or f"unshare ended with {done.status}", ())


def _view(place: Path, clone: Path, entry: pwd.struct_passwd) -> tuple[Path, Path]:
    """The view of the clone for that user, and git's settings for it: all of it ours but the folder of its state."""
    view, settings = place / "clone.git", place / "gitconfig"
    view.mkdir(parents=True, exist_ok=True)
    for name in _SHARED:
        link = view / name
        if not link.is_symlink():
            link.symlink_to(clone / name)
    for name in ("HEAD", "config"):
        publish(view / name, (clone / name).read_bytes())
    publish(settings, b"[safe]\n\tdirectory = *\n")  # git refuses what is another user's; this was made by the bot
    state = view / "cosport"
    if state.exists() and state.stat().st_uid != entry.pw_uid:  # of the user that was configured before
        shutil.rmtree(state)
    if not state.exists():
        state.mkdir(mode=0o700)
        os.chown(state, entry.pw_uid, entry.pw_gid)
    return view, settings


_PROBE: Final = "import sys; import cosport.bot.tester; [open(each).close() for each in sys.argv[1:]]"


def _try(held: Hold, config: Path | None) -> None:
    """Start what a tester starts, and read what it reads. Raises UsageError where that does not work."""
    files = [str(held.clone / "refs" / ".." / "HEAD"), *([str(config)] if config else [])]
    try:
        done = process.run(
            [*held.prefix, sys.executable, "-I", "-c", _PROBE, *files], env=held.environment(), timeout=60.0
        )
    except ToolError as exc:
        raise UsageError(f"bot.tester_user: {exc.what}", hint=exc.hint) from exc
    if done.status:
        last = done.tail.splitlines()[-1] if done.tail else f"status {done.status}"
        raise UsageError(
            f"bot.tester_user: {held.user} cannot run a tester: {last}",
            hint="let that user read and enter the bot's folder, its configuration, and where Python and cosport lie",
        )
