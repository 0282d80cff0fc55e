"""Uploads commits for review: a new change, a new patch set of the same change, or nothing where nothing is new.

Gerrit finds the change by branch and Change-Id, so a rerun lands where the first run did. What came of an upload is
read back over REST; what git prints about it is shown to people and never parsed. Our patch sets carry a description of
ours: one without it is a person's work, and is not overwritten.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from cosport.compare.fidelity import fidelity
from cosport.errors import GerritError, UsageError
from cosport.gerrit import changes, credentials
from cosport.git.diff import patches
from cosport.git.objects import ObjectReader
from cosport.message.provenance import scan
from cosport.model.commit import Sha, is_full_sha, parse_commit
from cosport.model.result import Fidelity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.config import Gerrit
    from cosport.gerrit.client import Client
    from cosport.gerrit.model import Change
    from cosport.git.repository import Repository
    from cosport.model.commit import Commit

MARK: Final = "made by cosport"
"""The description of each patch set that cosport uploads."""


_CHANGE_ID: Final = re.compile(r"I[0-9a-f]{40}")


class State(StrEnum):
    """What became of one commit of an upload."""

    CREATED = "created"
    UPDATED = "updated"  # a new patch set of a change that was there
    UNCHANGED = "unchanged"  # the newest patch set is this commit, or differs from it by its base alone
    REFUSED = "refused"  # a person must look; `why` says at what


@dataclass(frozen=True, slots=True)
class Uploaded:
    """One commit under review. `number` is 0 and `url` "" where it is not."""

    state: State
    number: int = 0
    patch_set: int = 0
    url: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """How to upload: hashtags and reviewers to add, as work in progress or not, over a person's patch set or not."""

    hashtags: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    in_progress: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True)
class Server:
    """A project on a Gerrit, and how to reach it: over REST, and with git at `remote` (a URL or a remote's name)."""

    client: Client
    project: str
    remote: str

    @classmethod
    def of(cls, client: Client, settings: Gerrit) -> Server:
        """The server that the configuration names. Raises UsageError where it names no project."""
        if not settings.project:
            raise UsageError("no Gerrit project is configured", hint='put project = "NAME" under [gerrit]')
        return cls(client, settings.project, settings.remote or f"{client.url}{_git_path(client, settings.project)}")

    def git(self, repository: Repository) -> Repository:
        """The repository as git sees it that shows our token to this server; over ssh git has its own ways."""
        if urlsplit(self.remote).scheme not in ("http", "https"):
            return repository
        return repository.with_environment(credentials.for_git(self.client.url, self.client.account))

    def fetch(self, repository: Repository, refspecs: Sequence[str]) -> None:
        """Fetch refs. Raises GitError where the server refuses or is not there."""
        args = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-gc", "--end-of-options")
        self.git(repository).run(*args, self.remote, *refspecs)


def _git_path(client: Client, project: str) -> str:
    return ("/a/" if client.account is not None else "/") + quote(project, safe="/")


def upload(
    server: Server, repository: Repository, branch: str, commits: Sequence[Sha], wish: Wish
) -> tuple[Uploaded, ...]:
    """Upload a series (each commit on top of the one before) for review on `branch`.

    The answers stand in its order. Either all of it goes up or nothing does. Raises GerritError or GitError where the
    server gives no answer, UsageError for a branch that cannot be named to Gerrit.
    """
    if "%" in branch:
        raise UsageError(
            f"{branch} cannot be pushed for review: after a % Gerrit reads options, such as submit",
            hint="give the branch another name on the server",
        )
    with ObjectReader(repository) as reader:
        series = [reader.commit(name) for name in commits]
        standing = _all_standing(server, branch, series)
        answers = [
            _judge(_Look(server, repository, reader), commit, change, force=wish.force)
            for commit, change in zip(series, standing, strict=True)
        ]
    if any(each is not None and each.state is State.REFUSED for each in answers):
        return tuple(each or Uploaded(State.REFUSED, why="another commit of the series is refused") for each in answers)
    if all(each is not None for each in answers):
        return tuple(each for each in answers if each is not None)
    if not wish.force and (why := _below(server, repository, branch, series[0])):
        return tuple(Uploaded(State.REFUSED, why=why) for _ in series)
    pairs = zip(series, standing, strict=True)
    if any(change is not None and commit.sha in change.revisions for commit, change in pairs):
        series = _made_anew(repository, series)
    trouble = _push(server, repository, branch, series[-1].sha, wish)
    return tuple(
        _came_of(server, branch, commit, change, trouble) for commit, change in zip(series, standing, strict=True)
    )


def _below(server: Server, repository: Repository, branch: str, first: Commit) -> str:
    """Why the series must not go up as it is: what it stands on would come with it, as changes of its own; "" if none.

    A branch that is not on the server yet holds nothing to stand on: git's push tells of that.
    """
    tip = changes.branch_tip(server.client, server.project, branch)
    base = first.parents[0] if first.parents else ""
    if not tip or tip == base:
        return ""
    if repository.attempt("cat-file", "-e", tip).status:
        server.fetch(repository, [f"refs/heads/{branch}"])
    done = repository.attempt("rev-list", "--count", f"{tip}..{base}", "--")
    count = done.stdout.decode("ascii", "replace").strip()
    if done.status or count == "0":
        return ""
    return (
        f"the pick stands on {count} commit{'s' if count != '1' else ''} that {branch} on the server has not, and that "
        "would go up with it: pick onto the branch as the server has it, or pass --force"
    )


_AT_ONCE: Final = 20
"""Change-Ids in one query: Gerrit takes 100 terms unless told otherwise, and a URL has an end."""


def _all_standing(server: Server, branch: str, series: Sequence[Commit]) -> list[Change | None]:
    """The change of each commit on that branch, None where there is none: of a whole series by few questions."""
    if len(series) == 1:
        return [_standing(server, branch, series[0])]
    idents = [_ident(commit) for commit in series]
    found: dict[str, Change] = {}
    for start in range(0, len(idents), _AT_ONCE):
        some = " OR ".join(f"change:{each}" for each in idents[start : start + _AT_ONCE])
        text = f"project:{changes.quoted(server.project)} ({some})"
        for change in changes.query(server.client, text, changes.WITH_COMMIT):
            if change.branch == branch and change.project == server.project:
                found[change.change_id] = change
    return [found.get(each) for each in idents]


def _ident(commit: Commit) -> str:
    ident = scan(commit.message).change_id
    if not _CHANGE_ID.fullmatch(ident):
        raise UsageError(
            f"{commit.sha[:12]} has no Change-Id, by which Gerrit tells changes apart",
            hint="pick with a profile that writes one (cos or chromeos), or add it: cosport hook install",
        )
    return ident


def _standing(server: Server, branch: str, commit: Commit) -> Change | None:
    found = changes.triplet(server.project, branch, _ident(commit))
    return changes.get(server.client, found, changes.WITH_COMMIT)


@dataclass(frozen=True, slots=True)
class _Look:
    """What it takes to compare a commit with a patch set."""

    server: Server
    repository: Repository
    reader: ObjectReader


def _judge(look: _Look, commit: Commit, change: Change | None, *, force: bool) -> Uploaded | None:
    """The answer for a commit that needs no upload or must not have one; None where it is to go up."""
    if change is None:
        return None
    server = look.server
    if change.current == commit.sha:
        return _told(server, change, State.UNCHANGED)
    if not change.is_open:
        advice = "restore it in Gerrit first" if change.status == "ABANDONED" else "its branch holds it: fetch"
        return _told(server, change, State.REFUSED, f"the change is {change.status.lower()}: {advice}")
    if _only_base_moved(look, commit, change):
        return _told(server, change, State.UNCHANGED, "only the base moved")
    if change.patch_set.description != MARK and not force:
        who = change.patch_set.uploader
        name = who.name or who.email or f"account {who.number}"
        why = f"patch set {change.patch_set.number} is not cosport's but {name}'s: look at it, or pass --force"
        return _told(server, change, State.REFUSED, why)
    return None


def _only_base_moved(look: _Look, commit: Commit, change: Change) -> bool:
    """Whether the newest patch set says and does the same as the commit, on another base."""
    if not is_full_sha(change.current):
        return False
    reader = look.reader
    if reader.read(change.current) is None:
        look.server.fetch(look.repository, [change.patch_set.ref])
        reader.close()  # a standing cat-file does not see a pack that came later
    theirs = reader.commit(Sha(change.current))
    if len(theirs.parents) != 1 or (theirs.message, theirs.author) != (commit.message, commit.author):
        return False
    pairs = [(reader.commit(each.parents[0]).tree, each.tree) for each in (theirs, commit)]
    before, after = patches(look.repository, pairs)
    return fidelity(before, after) is Fidelity.IDENTICAL


def _made_anew(repository: Repository, series: Sequence[Commit]) -> list[Commit]:
    """The same commits, committed a moment later: Gerrit never takes a commit again that was a patch set once.

    They stand on no ref of ours; that the newest patch set differs from the pick by its date alone is no difference.
    """
    now = b" %d +0000" % time.time()
    made: list[Commit] = []
    for commit in series:
        parent = made[-1].sha if made else commit.parents[0]
        lines = [b"tree " + commit.tree.encode(), b"parent " + parent.encode(), b"author " + commit.author]
        lines.append(b"committer " + commit.committer.rsplit(b" ", 2)[0] + now)
        lines += [b"encoding " + commit.encoding] if commit.encoding else []
        raw = b"\n".join(lines) + b"\n\n" + commit.message
        name = Sha(repository.text("hash-object", "-t", "commit", "-w", "--stdin", stdin=raw))
        made.append(parse_commit(name, raw))
    return made


def _push(server: Server, repository: Repository, branch: str, tip: Sha, wish: Wish) -> str:
    """Push for review; "" where git calls it a success, else what it said: for people."""
    options = [f"m={MARK.replace(' ', '_')}", "notify=OWNER_REVIEWERS"]
    options += [f"hashtag={tag}" for tag in wish.hashtags] + [f"r={name}" for name in wish.reviewers]
    options += ["wip"] if wish.in_progress else []
    flags = [part for option in options for part in ("-o", option)]
    target = f"{tip}:refs/for/refs/heads/{branch}"
    git = server.git(repository)
    done = git.attempt("push", "--quiet", "--no-verify", *flags, "--end-of-options", server.remote, target)
    return (done.tail or f"git push: status {done.status}") if done.status else ""


def _came_of(server: Server, branch: str, commit: Commit, before: Change | None, trouble: str) -> Uploaded:
    """What Gerrit holds after the push. "No new changes" is a success, and so is a push whose answer got lost."""
    after = _standing(server, branch, commit)
    if after is not None and after.current == commit.sha:
        new = before is None or before.current != after.current
        state = (State.UPDATED if before is not None else State.CREATED) if new else State.UNCHANGED
        return _told(server, after, state)
    if not trouble:
        raise GerritError(
            f"{branch}: the push went well, yet Gerrit does not show {commit.sha[:12]}", status=0,
            hint="may the account see the project's open changes?",
        )  # fmt: skip
    return Uploaded(State.REFUSED, why=trouble)


def _told(server: Server, change: Change, state: State, why: str = "") -> Uploaded:
    url = f"{server.client.url}/c/{quote(server.project, safe='/')}/+/{change.number}"
    return Uploaded(state, change.number, change.patch_set.number, url, why)
