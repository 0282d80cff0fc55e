"""Picks a reviewed change to more branches because somebody asked for it in a comment, and uploads the picks.

The picks are made in the bot's own clone, by the same steps as `cosport backport --push`; each branch is on its own.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cosport.backport import target as targets
from cosport.backport.context import Context, upstream_commits
from cosport.backport.request import Fields, Request
from cosport.backport.resume import abort
from cosport.backport.run import Runner
from cosport.errors import UsageError
from cosport.gerrit.changes import myself
from cosport.git.objects import ObjectReader
from cosport.history.index import History
from cosport.message.parse import parse
from cosport.message.provenance import scan
from cosport.model.commit import Sha, is_full_sha
from cosport.model.result import Outcome
from cosport.workflow.review import Reviews

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cosport.backport.target import Target
    from cosport.config import Config
    from cosport.gerrit.model import Change
    from cosport.gerrit.upload import Server
    from cosport.git.repository import Repository
    from cosport.model.result import Result

_FIELDS = {"BUG": "bug", "TEST": "test", "RELEASE_NOTE": "release_note"}


@dataclass(frozen=True, slots=True)
class Picked:
    """What came of it, in words for a comment; `waits` where a release branch waits for main to land the change."""

    told: str
    waits: bool


def cherrypick(
    server: Server, repository: Repository, config: Config, change: Change, branches: Sequence[str]
) -> Picked:
    """Pick what `change` picks to these branches and upload it.

    Raises UsageError where the change names no upstream commit, GerritError or GitError where a server fails.
    """
    server.fetch(repository, [change.patch_set.ref])
    with ObjectReader(repository) as reader:
        message = reader.commit(Sha(change.current)).message
    origins = [each.sha for each in scan(message).origins if is_full_sha(each.sha)]
    if not origins:
        raise UsageError("the change names no upstream commit, so there is nothing to pick")
    me = myself(server.client)
    who = {"GIT_COMMITTER_NAME": me.name or me.username, "GIT_COMMITTER_EMAIL": me.email or f"{me.username}@localhost"}
    acting = repository.with_environment(who)
    with ObjectReader(acting) as reader:
        upstream = reader.resolve(config.upstream_ref).sha
        with History.open(acting, upstream=upstream) as history:
            context = Context(acting, reader, history, config, upstream)
            series = upstream_commits(context, [origins[0]], allow_unmerged=False, mainline=None)
            reviews = Reviews(server, config.gerrit.hashtags, (), force=False)
            request = Request(config.message.profile, fields=_said(message), reviews=reviews.known(series))
            chosen = targets.choose(acting, reader, config, branches)
            with _nobody_waits(context, chosen):
                results = Runner(context, request).backport(series, chosen)
            results = reviews.upload(context, chosen, results)
    waits = any(each.outcome is Outcome.WAITS_FOR_MAIN for each in results)
    return Picked("; ".join(_told(each) for each in results), waits)


@contextmanager
def _nobody_waits(context: Context, chosen: Sequence[Target]) -> Iterator[None]:
    """No conflict waits in this clone, before or after: nobody sits at it, and each later pick would wait with it."""
    for target in chosen:
        abort(context, target.name)  # left by a bot that was killed
    try:
        yield
    finally:
        for target in chosen:
            abort(context, target.name)


def _said(message: bytes) -> Fields:
    """What the change says for the fields of a message: its picks say the same."""
    trailers = parse(message.decode("utf-8", "surrogateescape")).trailers
    values = {_FIELDS[each.key]: each.value for each in trailers if each.key in _FIELDS}
    return Fields(**values)


def _told(result: Result) -> str:
    review = result.review
    if result.outcome is Outcome.CONFLICT:
        paths = ", ".join(each.path for each in result.conflicts)
        by_hand = f"cosport backport {result.upstream[:12]} --to {result.branch} --push"
        return f"{result.branch}: conflict ({paths}; pick it by hand: {by_hand})"
    if review is not None and review.number:
        return f"{result.branch}: {result.outcome.value}, {review.state}: {review.url}"
    why = review.why if review is not None else result.error or "; ".join(each.detail for each in result.evidence[:1])
    return f"{result.branch}: {result.outcome.value}{f' ({why})' if why else ''}"
