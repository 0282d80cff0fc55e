"""Who the user is, as git knows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cosport.errors import UsageError

if TYPE_CHECKING:
    from cosport.git.repository import Repository


@dataclass(frozen=True, slots=True)
class Identity:
    """The committer. `line` is the whole ident line for a commit, its date included; text as git printed it (UTF-8)."""

    line: str

    @property
    def signature(self) -> str:
        """Name and mail, "Name <mail>", as in a Signed-off-by."""
        return self.line[: self.line.rindex(">") + 1]

    @property
    def name(self) -> str:
        """The name alone."""
        return self.line[: self.line.rindex("<")].strip()


QUESTION: Final = ("-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT")
"""What git is asked for the committer, for those who begin it early."""


def committer(repository: Repository) -> Identity:
    """The user as the committer of a commit made now. Raises UsageError where git knows no name and mail."""
    done = repository.attempt(*QUESTION)
    if done.status:
        raise UsageError(
            "git does not know who you are, and a backport carries your name",
            hint='git config --global user.name "Your Name"; git config --global user.email you@example.com',
        )
    return Identity(done.stdout.decode("utf-8", "surrogateescape").rstrip("\n"))
