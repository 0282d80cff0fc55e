"""A repository with its history open, and short ways to ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cosport.git.repository import Repository
from cosport.history.affected import Affected, affected
from cosport.history.applied import Applied, applied
from cosport.history.index import History
from cosport.model.commit import Sha

if TYPE_CHECKING:
    from tests.support import Git


class Asker:
    """Asks the history of one repository, opened anew for each question, as separate runs of cosport would."""

    def __init__(self, git: Git) -> None:
        self.git = git

    def open(self, *tips: str) -> History:
        return History.open(Repository.open(self.git.path), [Sha(self.git.sha(tip)) for tip in tips] or None)

    def open_with_upstream(self, upstream: str | None) -> History:
        """Open it for all refs, upstream's being that one."""
        tip = Sha(self.git.sha(upstream)) if upstream else None
        return History.open(Repository.open(self.git.path), upstream=tip)

    def applied(self, upstream: str, target: str) -> Applied:
        with self.open() as history:
            return applied(history, Sha(self.git.sha(upstream)), Sha(self.git.sha(target)))

    def affected(self, upstream: str, target: str, *introduced_by: str) -> Affected:
        with self.open() as history:
            culprits = tuple(Sha(sha) for sha in introduced_by)
            return affected(history, Sha(self.git.sha(upstream)), Sha(self.git.sha(target)), introduced_by=culprits)

    def contains(self, commit: str, target: str) -> bool:
        with self.open() as history:
            return history.contains(Sha(self.git.sha(commit)), Sha(self.git.sha(target)))


@pytest.fixture
def ask(git: Git) -> Asker:
    return Asker(git)
