"""Votes: rereads the change, compares with what is said there already, and posts one review where that is needed.

It is the only part that speaks with the token's rights. What stands on Gerrit is the truth: a review is posted where
the votes there are not those that they should be, or where the reasons are new, and never because of our own memory.
So a bot that was killed at any moment says nothing twice.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from cosport.bot import record, summary
from cosport.errors import GerritError, GerritUnreachable
from cosport.gerrit import changes
from cosport.gerrit.client import path
from cosport.gerrit.model import TAG, Review

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cosport.bot.protocol import Waiver
    from cosport.gerrit.client import Client
    from cosport.gerrit.model import Change, Message
    from cosport.presubmit.report import Report

T = TypeVar("T")

TRIES: Final = 4
PAUSE: Final = 0.5

_TROUBLE: Final = "cosport could not judge this patch set yet"


class Voted(StrEnum):
    """What came of a vote."""

    POSTED = "posted"
    STANDS = "stands"  # all of it is there already
    SUPERSEDED = "superseded"  # there is a newer patch set, or the change is closed or gone
    WITHHELD = "withheld"  # a dry run


@dataclass(frozen=True, slots=True)
class Case:
    """A judgement to vote by: the report, what was put aside for it, when it was made, and the change as last seen."""

    report: Report
    waivers: tuple[Waiver, ...]
    judged: float
    change: Change


@dataclass(frozen=True, slots=True)
class Voter:
    """The account that votes on one server, and where its records go."""

    client: Client
    account: int
    records: Path
    dry_run: bool = False
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.time

    def vote(self, case: Case) -> tuple[Voted, dict[str, int]]:
        """Make a change's votes those of the report; what came of it, and the votes.

        Raises GerritError where Gerrit refuses, GerritUnreachable where it gives no answer.
        """
        report = case.report
        if case.change.current == report.commit and self._stands(case.change, report):
            return Voted.STANDS, summary.votes(report, case.change.labels)  # as it was when the round looked

        def wanted(change: Change) -> Review | None:
            return None if self._stands(change, report) else self._review(change, case)

        outcome, change = self._settle(case.change.number, report.commit, wanted)
        return outcome, summary.votes(report, change.labels) if change is not None else {}

    def tell(self, number: int, revision: str, why: str) -> Voted:
        """Say once that a patch set could not be judged, and take back votes that rested on what was then."""

        def wanted(change: Change) -> Review | None:
            standing = self._votes(change)
            if not standing and any(_TROUBLE in each for each in self._remarks(change)):
                return None
            text = (
                f"{_TROUBLE}: {summary.code(why)}\n\nThat says nothing about the change. It is tried again by itself."
            )
            return Review(text, dict.fromkeys(standing, 0), notify="OWNER")

        return self._settle(number, revision, wanted)[0]

    def reply(self, number: int, to: str, text: str) -> None:
        """Answer a comment once; `to` is its id."""

        def step() -> None:
            change = changes.get(self.client, number)
            if change is None or self.answered(change, to):
                return
            if not self.dry_run:
                changes.review(self.client, number, change.current, Review(f"cosport: {text}\n\n{_answers(to)}"))

        self._patiently(step)

    def answered(self, change: Change, to: str) -> bool:
        """Whether a change bears our answer to the comment with that id."""
        mark = _answers(to)
        return any(self._is_ours(each) and each.message.rstrip("\n").endswith(mark) for each in change.messages)

    def _settle(
        self, number: int, revision: str, wanted: Callable[[Change], Review | None]
    ) -> tuple[Voted, Change | None]:
        """Post what is `wanted` of the change as it is now."""

        def step() -> tuple[Voted, Change | None]:
            change = changes.get(self.client, number)
            if change is None or not change.is_open or change.current != revision:
                return Voted.SUPERSEDED, change
            review = wanted(change)
            if review is None:
                return Voted.STANDS, change
            if self.dry_run:
                return Voted.WITHHELD, change
            self._post(number, revision, review)
            return Voted.POSTED, change

        return self._patiently(step)

    def _post(self, number: int, revision: str, review: Review) -> None:
        """Post a review; without its comments on lines where Gerrit does not take one of them: the vote counts."""
        try:
            changes.review(self.client, number, revision, review)
        except GerritError as error:
            if error.status != 400 or not review.comments:
                raise
            changes.review(self.client, number, revision, msgspec.structs.replace(review, comments={}))

    def _patiently(self, step: Callable[[], T]) -> T:
        """Do a step that looks before it speaks. Where an answer got lost it looks again what came of it."""
        for left in range(TRIES - 1, -1, -1):
            try:
                return step()
            except GerritUnreachable:
                if not left:
                    raise
                self.sleep(PAUSE * 2 ** (TRIES - 1 - left))
            except GerritError as error:
                if error.status != 409 or not left:  # 409: something about the change has changed: look again
                    raise
        raise AssertionError("every try returns or raises")

    def _stands(self, change: Change, report: Report) -> bool:
        """Whether the votes are there, and the last verdict that we gave says the same."""
        votes = summary.votes(report, change.labels)
        if self._votes(change) != {name: value for name, value in votes.items() if value}:
            return False
        said = next(filter(None, map(summary.marked, self._remarks(change))), None)
        return said is not None and said[0] == summary.said(report, votes)

    def _review(self, change: Change, case: Case) -> Review:
        """The review of a report, after its record was written."""
        report = case.report
        votes = summary.votes(report, change.labels)
        vote = record.sealed(
            record.Vote(
                project=change.project, change=change.number, patch_set=change.patch_set.number,
                revision=report.commit, labels=votes, report=report, waivers=case.waivers, judged=case.judged,
                server=self.client.url, account=self.account, voted=self.clock(),
            )
        )  # fmt: skip
        if not self.dry_run:
            record.write(self.records, vote)
        mark = summary.marker(summary.said(report, votes), vote.digest)
        files = self._files(change) if any(each.place.path for each in report.findings) else frozenset[str]()
        return Review(summary.summary(report, votes, mark), votes, summary.comments(report, files))

    def _files(self, change: Change) -> frozenset[str]:
        where = path("changes", change.number, "revisions", change.current, "files")
        return frozenset(self.client.get(where + "/", dict[str, Any]))

    def _votes(self, change: Change) -> dict[str, int]:
        return {name: value for name, value in change.votes_of(self.account).items() if name in summary.LABELS}

    def _remarks(self, change: Change) -> Iterator[str]:
        """Our remarks on the newest patch set, the newest first."""
        patch_set = change.patch_set.number
        return (
            each.message for each in reversed(change.messages) if self._is_ours(each) and each.patch_set == patch_set
        )

    def _is_ours(self, message: Message) -> bool:
        return message.author.number == self.account and message.tag == TAG


def _answers(to: str) -> str:
    """The last line of an answer: by it the bot knows which comment was answered."""
    return f"(to {to})"
