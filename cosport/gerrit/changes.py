"""Asks Gerrit for changes and speaks to them: queries page by page, one change, a review of one patch set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cosport.gerrit.client import path
from cosport.gerrit.model import Account, BranchInfo, Change, Review, body

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cosport.gerrit.client import Client

PAGE: Final = 250
"""Changes in one answer; Gerrit gives 500 at most unless told otherwise."""

FULL: Final = ("CURRENT_REVISION", "DETAILED_LABELS", "MESSAGES", "DETAILED_ACCOUNTS")
"""What the bot needs of a change: its newest patch set, all votes, all remarks, and whose they are."""

WITH_COMMIT: Final = ("ALL_REVISIONS", "CURRENT_COMMIT", "DETAILED_ACCOUNTS")
"""What an upload needs: all patch sets, and the commit of the newest."""


def quoted(value: str) -> str:
    """A value in a query, so that nothing in it is an operator. Gerrit's grammar knows no escape within quotes."""
    return '"' + value.replace('"', " ").replace("\\", " ") + '"'


def query(client: Client, text: str, options: Sequence[str] = FULL) -> Iterator[Change]:
    """All changes that a query finds, newest first, each once though the list moves while it is read."""
    seen: set[int] = set()
    start = 0
    while True:
        params = [("q", text), ("n", str(PAGE)), ("S", str(start)), *(("o", each) for each in options)]
        page = client.get("/changes/", tuple[Change, ...], params)
        for change in page:
            if change.number not in seen:
                seen.add(change.number)
                yield change
        if not page or not page[-1].more:
            return
        start += len(page)


def get(client: Client, change: int | str, options: Sequence[str] = FULL) -> Change | None:
    """A change by number, or by `triplet`; None where there is none that we may see."""
    return client.find(path("changes", change), Change, [("o", each) for each in options])


def branch_tip(client: Client, project: str, branch: str) -> str:
    """The commit that a branch is at on the server; "" where there is no such branch, or it is not shown to us."""
    found = client.find(path("projects", project, "branches", branch), BranchInfo)
    return found.revision if found is not None else ""


def triplet(project: str, branch: str, change_id: str) -> str:
    """How Gerrit addresses the change of a Change-Id on one branch."""
    return "~".join((project, branch.removeprefix("refs/heads/"), change_id))


def review(client: Client, change: int, revision: str, what: Review) -> None:
    """Post a review of the patch set with that commit; 404 or 409 where it is no longer one. Sent once."""
    client.post(path("changes", change, "revisions", revision, "review"), body(what), Any)


def myself(client: Client) -> Account:
    """The account that the token stands for."""
    return client.get("/accounts/self", Account)


def members(client: Client, group: str) -> frozenset[int]:
    """The numbers of all accounts in a group and in the groups in it."""
    found = client.get(path("groups", group, "members") + "/", tuple[Account, ...], [("recursive", "")])
    return frozenset(each.number for each in found)
