"""Joins backport and code review: asks which changes hold a fix already, and uploads the picks that were made."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from cosport.backport.request import Reviewed
from cosport.config import Branch
from cosport.errors import CosportError, UsageError
from cosport.gerrit import changes, credentials
from cosport.gerrit.client import Client
from cosport.gerrit.upload import Server, Wish, upload
from cosport.message.provenance import scan
from cosport.model.commit import Sha
from cosport.model.result import Outcome, Result, Review

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cosport.backport.context import Context
    from cosport.backport.target import Target
    from cosport.config import Config
    from cosport.model.commit import Commit

_AT_ONCE: Final = 20
"""Commits in one query: Gerrit takes 100 terms unless told otherwise, and a URL has an end."""

_UPLOADED: Final = (Outcome.PICKED, Outcome.RESOLVED)


@dataclass(frozen=True, slots=True)
class Reviews:
    """Code review for one run of backports."""

    server: Server
    hashtags: tuple[str, ...]
    reviewers: tuple[str, ...]
    force: bool

    def known(self, series: Sequence[Commit]) -> tuple[Reviewed, ...]:
        """The changes that hold these fixes, open and closed: found by the upstream sha, told by the whole message."""
        wanted = [commit.sha for commit in series]
        found: list[Reviewed] = []
        for start in range(0, len(wanted), _AT_ONCE):
            some = " OR ".join(f"message:{changes.quoted(sha)}" for sha in wanted[start : start + _AT_ONCE])
            text = f"project:{changes.quoted(self.server.project)} ({some})"
            for change in changes.query(self.server.client, text, changes.WITH_COMMIT):
                said = scan(change.patch_set.commit.message.encode("utf-8", "surrogateescape"))
                origins = {origin.sha for origin in said.origins}
                found += [
                    Reviewed(sha, change.branch, change.change_id, change.is_open) for sha in wanted if sha in origins
                ]
        return tuple(found)

    def upload(self, context: Context, targets: Sequence[Target], results: Sequence[Result]) -> tuple[Result, ...]:
        """Upload what was picked, branch by branch; trouble of one holds up no other. The results, with reviews."""
        done = list(results)
        for target in targets:
            mine = [
                number
                for number, result in enumerate(done)
                if result.branch == target.name and result.outcome in _UPLOADED and result.commit and result.ref
            ]
            if mine:
                for number, review in zip(mine, self._one(context, target, [done[n] for n in mine]), strict=True):
                    done[number] = replace(done[number], review=review)
        return tuple(done)

    def _one(self, context: Context, target: Target, results: Sequence[Result]) -> list[Review]:
        commits = [Sha(result.commit) for result in results if result.commit]
        wish = Wish(
            hashtags=(*self.hashtags, f"backport-{results[0].upstream[:12]}"),
            reviewers=self.reviewers,
            in_progress=any(result.outcome is Outcome.RESOLVED for result in results),
            force=self.force,
        )
        try:
            branch = branch_on_server(target)
            answers = upload(self.server, context.repository, branch, commits, wish)
        except CosportError as error:
            why = f"{error.what}; {error.hint}" if error.hint else error.what
            return [Review(state="failed", why=why) for _ in results]
        return [Review(each.state.value, each.number, each.patch_set, each.url, each.why) for each in answers]


def branch_on_server(target: Target) -> str:
    """What a target's branch is called on the server. Raises UsageError for what is no branch."""
    if target.ref.startswith(("refs/heads/", "refs/remotes/")):
        return Branch(target.name, target.ref).served_as
    raise UsageError(f"{target.name} is no branch, so nothing can be reviewed for it", hint="name a branch with --to")


@contextmanager
def reviews(
    config: Config, *, hashtags: Sequence[str] = (), reviewers: Sequence[str] = (), force: bool = False
) -> Iterator[Reviews]:
    """Code review as the configuration says. Raises ConfigError where it does not say where that is."""
    settings = config.gerrit
    if not settings.url:
        raise UsageError(f"no Gerrit is configured in {config.source}", hint='put url = "https://..." under [gerrit]')
    with Client(settings.url, credentials.read(settings)) as client:
        server = Server.of(client, settings)
        yield Reviews(server, (*settings.hashtags, *hashtags), (*settings.reviewers, *reviewers), force)
