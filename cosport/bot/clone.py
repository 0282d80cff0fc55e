"""The bot's own bare clone: the branches of the project, upstream, the shared configuration, and the open changes.

The bot fetches with its token; the tester then works on what is here. Refs of changes lie outside branches and tags, so
nothing that somebody uploads is taken for history.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cosport import __version__, process
from cosport.config import expanded
from cosport.errors import GitError
from cosport.git.repository import Repository, environment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cosport.config import Config
    from cosport.gerrit.upload import Server
    from cosport.history.declined import Decline

CHANGES: Final = "refs/cosport/changes/"
_AT_ONCE: Final = 200
"""Patch sets in one fetch: the command line has an end."""

_MIRRORED: Final = (
    "+refs/heads/*:refs/heads/*",
    "+refs/meta/cosport*:refs/meta/cosport*",
    "+refs/notes/cosport*:refs/notes/cosport*",
)


@dataclass(frozen=True, slots=True)
class Clone:
    """The clone, and the server that it is of."""

    repository: Repository
    server: Server

    @classmethod
    def open(cls, folder: Path, server: Server) -> Clone:
        """The clone in `folder`, made where there is none."""
        return cls(Repository.make(folder, "sha1"), server)  # Gerrit serves no other object format

    def refresh(self) -> None:
        """Bring the branches and the shared configuration up to date. Raises GitError."""
        self._mirror(self.server.git(self.repository), self.server.remote, _MIRRORED)

    def refresh_upstream(self, url: str) -> None:
        """Bring upstream up to date from where it lives. Raises GitError."""
        self._mirror(self.repository, url, ("+refs/heads/*:refs/remotes/upstream/*", "+refs/tags/*:refs/tags/*"))

    @staticmethod
    def _mirror(repository: Repository, remote: str, refspecs: Sequence[str]) -> None:
        flags = ("--quiet", "--prune", "--no-tags", "--no-write-fetch-head", "--no-auto-gc", "--end-of-options")
        repository.run("fetch", *flags, remote, *refspecs)

    def fetch(self, wanted: Sequence[tuple[int, int, str]]) -> None:
        """Fetch patch sets, each by change, number and ref on the server. Those that cannot be had are left out."""
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            specs = [f"+{ref}:{CHANGES}{change}/{patch_set}" for change, patch_set, ref in some]
            try:
                self.server.fetch(self.repository, specs)
            except GitError:  # one that was deleted meanwhile fails them all: each by itself then
                for spec in specs if len(specs) > 1 else ():
                    try:
                        self.server.fetch(self.repository, [spec])
                    except GitError:
                        continue

    def forget(self, still_open: set[int]) -> None:
        """Drop the refs of changes that are closed."""
        listed = self.repository.text("for-each-ref", "--format=%(refname)", CHANGES).split()
        gone = [ref for ref in listed if int(ref.removeprefix(CHANGES).split("/")[0]) not in still_open]
        if gone:
            self.repository.run("update-ref", "--stdin", stdin="".join(f"delete {ref}\n" for ref in gone).encode())

    def world(self, config: Config, declines: tuple[Decline, ...]) -> str:
        """A name for all that judgements could depend on, as it is now: refs, configuration, data, decisions, software.

        A decision may hold until a day, so each day is another world.
        """
        kinds = ("refs/heads", "refs/remotes", "refs/tags", "refs/meta/cosport", "refs/notes")
        listed = self.repository.run("for-each-ref", "--format=%(objectname) %(refname)", *kinds)
        state = hashlib.sha256(listed)
        today = dt.datetime.now(tz=dt.UTC).date() if declines else ""
        said = f"{__version__}\n{config!r}\n{_data_version(config.cve.data)}\n{declines!r}\n{today}"
        state.update(said.encode("utf-8", "surrogateescape"))
        return state.hexdigest()[:16]


def _data_version(folder: str) -> str:
    """Something that changes with a folder of CVE data: the commit of its repository, else when it was written to."""
    if not folder:
        return ""
    place = expanded(folder)
    if not place.exists():
        return "absent"
    if place.is_dir():
        head = process.run(["git", "rev-parse", "-q", "--verify", "HEAD"], cwd=place, env=environment())
        if head.status == 0:
            return head.stdout.decode("ascii", "replace").strip()
    return str(place.stat().st_mtime_ns)
