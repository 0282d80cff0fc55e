"""Seals every test: no setting, identity, date, locale or repository of the machine that runs it gets in."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.support import Git

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Time limits of single examples fail on a busy machine; what is slow is measured in tests/bench.
settings.register_profile("test", deadline=None, database=None)
settings.register_profile("soak", deadline=None, database=None, max_examples=2000)
settings.load_profile("soak" if os.environ.get("COSPORT_SOAK") else "test")

# A shell starts what runs in its background with Ctrl-C ignored, and children inherit that: tests send it for real.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

GITCONFIG = """\
[user]
\tname = Kernel Engineer
\temail = engineer@example.com
[init]
\tdefaultBranch = main
[core]
\tfsync = none
[gc]
\tauto = 0
[advice]
\tdetachedHead = false
[commit]
\tgpgSign = false
"""

_OURS = ("COSPORT_BENCH_", "COSPORT_SOAK")


@pytest.fixture(autouse=True)
def seal(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of its own for the test; returns it."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith(("GIT_", "XDG_", "LC_", "_COSPORT", "_TYPER")) or (
            name.startswith("COSPORT_") and not name.startswith(_OURS)
        ):
            monkeypatch.delenv(name)
    for name in ("EMAIL", "LANG", "LANGUAGE", "NO_COLOR", "FORCE_COLOR", "VISUAL", "PAGER"):
        monkeypatch.delenv(name, raising=False)
    config = home / "gitconfig"
    config.write_text(GITCONFIG, encoding="utf-8")
    values = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_DATA_HOME": str(home / ".local/share"),
        "GIT_CONFIG_GLOBAL": str(config),
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CEILING_DIRECTORIES": str(home.parent),
        "GIT_AUTHOR_DATE": "1700000000 +0000",
        "GIT_COMMITTER_DATE": "1700000000 +0000",
        "GIT_EDITOR": "false",
        "EDITOR": "false",
        "LC_ALL": "C",
        "TZ": "UTC",
        "COLUMNS": "100",
        "no_proxy": "127.0.0.1,localhost",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return home


@pytest.fixture
def make_git(tmp_path: Path) -> Callable[..., Git]:
    """Make repositories: `make_git("name", bare=True)`, in the test's own folder."""

    def make(name: str = "repo", *, bare: bool = False, sha256: bool = False) -> Git:
        return Git.init(tmp_path / name, bare=bare, sha256=sha256)

    return make


@pytest.fixture
def git(make_git: Callable[..., Git]) -> Git:
    """One fresh, empty repository with a work tree."""
    return make_git()
