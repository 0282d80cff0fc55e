"""Makes the commit of a pick: its message by the profile, its Change-Id by rule, its bytes as upstream wrote them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cosport.backport.choice import EARLIER
from cosport.backport.context import is_merged
from cosport.backport.judge import held_by
from cosport.errors import UsageError
from cosport.history.schema import Kind as StatementKind
from cosport.message import changeid, charset
from cosport.message.compose import PickFields, compose
from cosport.message.parse import Kind, parse
from cosport.message.provenance import scan
from cosport.model.commit import Sha, is_full_sha

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cosport.backport.context import Context
    from cosport.backport.request import Fields, Reviewed
    from cosport.git.identity import Identity
    from cosport.history.applied import Applied
    from cosport.message.profile import Profile
    from cosport.model.commit import Commit
    from cosport.model.result import Source


@dataclass(frozen=True, slots=True)
class Draft:
    """All of a pick's commit but its tree, parent and committer.

    `author` is upstream's ident line; `message` text, and `codec` how it becomes bytes (cosport.message.charset).
    """

    author: bytes
    author_encoding: bytes | None
    message: str
    codec: str
    change_id: str | None


@dataclass(frozen=True, slots=True)
class Pick:
    """What a draft is made of: the upstream commit, the commit picked from, and what the branch held `before`.

    `branch` is the target's name and `onto` its tip; `conflicts` are the paths in conflict, `notes` what a person
    should know, `adapted` that changed lines differ. `standing` is the same pick as an earlier run made it, None where
    there is none; `needed_by` the fix for whose sake it is brought; `reviews` what code review holds.
    """

    upstream: Commit
    source: Source
    before: Applied
    branch: str
    onto: Sha
    conflicts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    adapted: bool = False
    standing: Sha | None = None
    needed_by: Commit | None = None
    reviews: tuple[Reviewed, ...] = ()

    @property
    def closed(self) -> frozenset[str]:
        """The Change-Ids of this fix that its branch takes no new patch set for: abandoned, or merged."""
        return frozenset(
            each.change_id
            for each in self.reviews
            if each.upstream == self.upstream.sha and each.branch == self.branch and not each.open
        )

    def under_review(self, *, here: bool) -> str:
        """The Change-Id of an open change that holds this fix, on its branch or on another one; "" for none."""
        found = (
            each.change_id
            for each in self.reviews
            if each.upstream == self.upstream.sha and each.open and (each.branch == self.branch) == here
        )
        return next(found, "")


def draft(context: Context, fields: Fields, profile: Profile, who: Identity, pick: Pick) -> Draft:
    """The draft of a pick: its message by the profile, with what the user says in `fields`.

    A pick that an earlier run made keeps its message, which a person may have edited, and is brought up to date.
    """
    commit = pick.upstream
    origin = _origin(context, pick)
    ident = None
    if profile.change_id:
        over = pick.before.generation > 0  # the change that held an earlier one is merged, and reverted since
        if pick.source.kind != "main":  # main's id is what tells that a release branch takes the same change
            over = over or origin.change_id in pick.closed
        kept = "" if over else origin.change_id
        ident = pick.under_review(here=True) or kept or change_id(context, pick)
    message = compose(
        profile,
        origin.text.text,
        PickFields(
            upstream=commit.sha,
            source=origin.picked_from,
            source_kind=origin.kind,
            change_id=ident,
            signoff=who.signature if profile.signoff else "",
            bug=fields.bug,
            test=fields.test,
            release_note=fields.release_note,
            patch_class=fields.patch_class,
            conflicts=pick.conflicts,
            notes=pick.notes,
            author=who.name,
            adapted=pick.adapted,
            unmerged_from=None if is_merged(context, commit) else _unmerged_from(context, commit),
            stable_dep_of=_stable_dep_of(origin, pick),
        ),
    )
    return Draft(commit.author, commit.encoding, message, origin.text.codec, ident)


def _stable_dep_of(origin: _Origin, pick: Pick) -> tuple[str, str] | None:
    """The fix that needs this commit, for a trailer; None where the message says so already, as main's landed one."""
    fix = pick.needed_by
    if fix is None:
        return None
    said = parse(origin.text.text).all("Stable-dep-of") if pick.source.kind == "main" else ()
    return None if any(each.value.startswith(fix.sha[:12]) for each in said) else (fix.sha[:12], fix.subject)


@dataclass(frozen=True, slots=True)
class _Origin:
    """The message that a pick's own is made from: its text, the commit it is to name, whose it is, its Change-Id."""

    text: charset.Text
    picked_from: Sha
    kind: str
    change_id: str


def _origin(context: Context, pick: Pick) -> _Origin:
    source = pick.source
    made = source.commit if source.kind == EARLIER else pick.standing
    if made is not None:
        commit = context.reader.commit(made)
        said = scan(commit.message)
        named = next((Sha(each.sha) for each in reversed(said.origins) if is_full_sha(each.sha)), None)
        if named is not None and (source.kind == EARLIER or named == source.commit):
            kind = "upstream" if named == pick.upstream.sha else "neighbour"
            return _Origin(charset.decode(commit.message, commit.encoding), named, kind, said.change_id)
    picked = pick.upstream if source.kind == EARLIER else context.reader.commit(source.commit)
    change_id = scan(picked.message).change_id if source.kind == "main" else ""
    kind = "upstream" if source.kind == EARLIER else source.kind
    return _Origin(charset.decode(picked.message, picked.encoding), picked.sha, kind, change_id)


def stated_change_id(made: Draft) -> str | None:
    """The Change-Id that a draft's message states, which a person may have edited; None without one."""
    stated = parse(made.message).last("Change-Id") if made.change_id else None
    return stated.value if stated is not None and changeid.valid(stated.value) else None


def says_why(message: str, upstream: Commit) -> bool:
    """Whether a message holds a note that upstream's own does not: what was changed in the backport, and why."""
    theirs = {trailer.full for trailer in parse(charset.decode(upstream.message, upstream.encoding).text).trailers}
    return any(trailer.kind is Kind.NOTE and trailer.full not in theirs for trailer in parse(message).trailers)


def _unmerged_from(context: Context, commit: Commit) -> str:
    """Where an unmerged commit is: URL and branch of the first remote branch that holds it."""
    repository = context.repository
    out = repository.text(
        "for-each-ref", "--count=1", f"--contains={commit.sha}", "--format=%(refname:lstrip=2)", "refs/remotes"
    )
    remote, _, branch = out.partition("/")
    if not branch:
        return "an unmerged commit"
    url = repository.attempt("config", "--get", f"remote.{remote}.url").stdout.decode("utf-8", "surrogateescape")
    return f"{_public(url.strip()) or remote} {branch}"


def _public(url: str) -> str:
    """A remote's URL for all to read: without a name or password in it; "" for a local path."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in ("https", "http", "git", "ssh"):
        return ""
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def change_id(context: Context, pick: Pick) -> str:
    """The Change-Id for a pick.

    The one that a configured branch, an open change or an open pick holds for the fix; else derived from the upstream
    sha. Where an earlier change on this branch was abandoned, or its commit reverted, it is closed: then a new one is
    derived, which the branch does not hold.
    """
    upstream = pick.upstream.sha
    generation = pick.before.generation
    closed = pick.closed
    if not generation:
        for held in _held_elsewhere(context, pick):
            if held and held not in closed:
                return held
    while (ident := changeid.derive(upstream, generation)) in closed or (
        generation and _holds(context, ident, pick.onto)
    ):
        generation += 1
    return ident


def _held_elsewhere(context: Context, pick: Pick) -> Iterator[str]:
    """The Change-Ids that stand for a fix already, "" among them where one has none."""
    for branch in context.config.branches:
        state_there = held_by(context, pick.upstream, branch)
        if state_there is not None:
            yield state_there.change_id or ""
    yield pick.under_review(here=False)
    pattern = f"refs/heads/backport/**/{pick.upstream.sha[:12]}"
    for name in context.repository.text("for-each-ref", "--format=%(objectname)", "--sort=refname", pattern).split():
        found = context.reader.read(name)
        if found is not None and found[1] == "commit":
            held = scan(found[2].partition(b"\n\n")[2]).change_id
            if changeid.valid(held):
                yield held


def _holds(context: Context, ident: str, tip: Sha) -> bool:
    reach = context.history.reach(tip)
    return any(reach.holds(statement.rank) for statement in context.history.saying(StatementKind.CHANGE_ID, ident))


def encode(made: Draft, tree: Sha, parent: Sha, who: Identity) -> bytes:
    """The contents of the commit object.

    Message and author keep upstream's bytes and encoding header; only where the user's name has letters that this
    encoding lacks does all of it become UTF-8. Raises UsageError for a NUL in the message.
    """
    if "\0" in made.message:
        raise UsageError("the message holds a NUL byte, which git does not take", hint="take it out and try again")
    message, header = charset.encode(made.message, made.codec)
    committer, committer_header = charset.encode(who.line, made.codec)
    if committer_header != header:  # the name did not fit though the message did: both go to UTF-8
        message, header = charset.encode(made.message)
        committer, _ = charset.encode(who.line)
    author = charset.transcode(made.author, made.codec, header)
    lines = [b"tree " + tree.encode(), b"parent " + parent.encode(), b"author " + author, b"committer " + committer]
    if header is not None:
        lines.append(b"encoding " + header)
    return b"\n".join(lines) + b"\n\n" + message


def same_but_for_dates(old: bytes, new: bytes) -> bool:
    """Whether two commits differ in nothing but the committer's date: then the old one is as good."""
    return _without_date(old) == _without_date(new)


def _without_date(raw: bytes) -> tuple[list[bytes], bytes]:
    head, _, message = raw.partition(b"\n\n")
    lines = [line.rsplit(b" ", 2)[0] if line.startswith(b"committer ") else line for line in head.split(b"\n")]
    return lines, message
