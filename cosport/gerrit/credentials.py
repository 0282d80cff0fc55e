"""Reads the token that Gerrit knows us by, from the environment or a file of our own; it goes nowhere else.

Never in an argument list, a URL, a log line or an error: other people see those. Git gets it through its environment
(git-config(1), GIT_CONFIG_COUNT), bound to the one server.
"""

from __future__ import annotations

import base64
import os
import shlex
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from cosport.config import expanded
from cosport.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cosport.config import Gerrit

TOKEN: Final = "COSPORT_GERRIT_TOKEN"  # noqa: S105 - the name of a variable
USER: Final = "COSPORT_GERRIT_USER"

_LONGEST: Final = 1 << 16
"""Bytes of a token's file."""

VARIABLES: Final = (TOKEN, USER)
"""The variables that speak of an account: what has no need of it runs without them."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """An account's name and its token. Printing one shows the name only."""

    user: str
    token: str

    def __repr__(self) -> str:
        return f"Credentials({self.user!r}, ...)"

    @property
    def header(self) -> str:
        """The value of the Authorization header (RFC 7617)."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.token}".encode()).decode("ascii")


def read(settings: Gerrit, environ: Mapping[str, str] | None = None) -> Credentials | None:
    """The credentials for `settings`: $COSPORT_GERRIT_TOKEN, else the token file; None where there are neither.

    The file holds `USER:TOKEN`, or the token alone where [gerrit] user or $COSPORT_GERRIT_USER names the account.
    Raises ConfigError for a file that others may read, and for a token without an account.
    """
    env = os.environ if environ is None else environ
    named = env.get(USER) or settings.user
    if given := env.get(TOKEN):
        return _account(given.strip(), named, f"${TOKEN}")
    file = token_file(settings)
    if file is None:
        return None
    try:
        handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe would keep us waiting
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise ConfigError(f"{file}: {exc.strerror}", hint="gerrit.token_file must be a file of yours") from exc
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise ConfigError(f"{file} is no plain file", hint="gerrit.token_file must be a file of yours")
        if found.st_mode & 0o077:
            raise ConfigError(
                f"{file} holds a token and others may read it", hint=f"run: chmod 600 {shlex.quote(str(file))}"
            )
        return _account(os.read(handle, _LONGEST).decode("utf-8", "replace").strip(), named, str(file))
    finally:
        os.close(handle)


def token_file(settings: Gerrit) -> Path | None:
    """Where the token lies; None where none is named. Raises ConfigError for the home of somebody who is not there."""
    return expanded(settings.token_file) if settings.token_file else None


def _account(text: str, named: str, where: str) -> Credentials:
    user, colon, token = text.partition(":")
    if not colon:
        user, token = named, text
    if not user or not token or any(char.isspace() or not char.isprintable() for char in user + token):
        raise ConfigError(
            f"{where}: expected USER:TOKEN, or a token beside gerrit.user",
            hint="make a token in Gerrit under Settings, HTTP Credentials (or Tokens)",
        )
    return Credentials(user, token)


def may_travel(url: str) -> bool:
    """Whether a token may be sent to `url`: encrypted, or on this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1"))


def for_git(url: str, credentials: Credentials | None) -> dict[str, str]:
    """The environment by which git shows the credentials to the server of `url`, and to no other.

    A redirect is not followed, so that the token goes where the configuration says; where it is not encrypted, no
    proxy is asked either.
    """
    settings = {"credential.helper": "", "http.followRedirects": "false"}
    if credentials is not None and may_travel(url):
        settings[f"http.{url.rstrip('/')}/.extraHeader"] = f"Authorization: {credentials.header}"
        if urlsplit(url).scheme == "http":
            settings[f"http.{url.rstrip('/')}/.proxy"] = ""
    env = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings.items()):
        env |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return env
