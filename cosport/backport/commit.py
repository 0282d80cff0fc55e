"""Makes the commit of a pick: its message by the profile, its Change-Id by the contract, its bytes as upstream wrote them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cosport.backport.context import is_merged
from cosport.history.applied import Applied, applied
from cosport.message import changeid, charset
from cosport.message.compose import PickFields, compose
from cosport.message.provenance import scan

from cosport.model.commit import Sha, is_full_sha

if TYPE_CHECKING:
    from cosport.backport.context import Context
    from cosport.backport.request import Fields
    from cosport.git.identity import Identity
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
    """What a draft is made of: the upstream commit, the commit picked from, and what the branch held before.

    `conflicts` are the paths in conflict, `notes` what a person should know, `adapted` that changed lines differ.
    """

    upstream: Commit
    source: Source
    before: Applied
    conflicts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    adapted: bool = False


def draft(context: Context, fields: Fields, profile: Profile, who: Identity, pick: Pick) -> Draft:
    """The draft of a pick: its message by the profile, with what the user says in `fields`."""
    commit, source = pick.upstream, pick.source
    origin = context.reader.commit(source.commit)
    text = charset.decode(origin.message, origin.encoding)
    said = scan(origin.message)
    picked_from = source.commit
    if source.kind == "earlier-pick":  # its message is kept, and brought up to date where the user says more
        picked_from = next((Sha(each.sha) for each in reversed(said.origins) if is_full_sha(each.sha)), commit.sha)
    held = said.change_id if source.kind in ("main", "earlier-pick") else ""
    ident = (held or change_id(context, commit, pick.before)) if profile.change_id else None
    message = compose(
        profile,
        text.text,
        PickFields(
            upstream=commit.sha,
            source=picked_from,
            source_kind=source.kind if source.kind in ("main", "neighbour") else "upstream",
            change_id=ident,
            signoff=who.signature,
            bug=fields.bug,
            test=fields.test,
            release_note=fields.release_note,
            patch_class=fields.patch_class,
            conflicts=pick.conflicts,
            notes=pick.notes,
            author=who.name,
            adapted=pick.adapted,
            unmerged_from=None if is_merged(context, commit) else _unmerged_from(context, commit),
            stable_dep_of=None,
        ),
    )
    return Draft(commit.author, commit.encoding, message, text.codec, ident)


def _unmerged_from(context: Context, commit: Commit) -> str:
    """Where an unmerged commit is: the first remote branch that holds it, else its own name."""
    out = context.repository.text(
        "for-each-ref", "--count=1", f"--contains={commit.sha}", "--format=%(refname:short)", "refs/remotes"
    )
    remote, _, branch = out.partition("/")
    return f"{remote} {branch}" if branch else "an unmerged commit"


def change_id(context: Context, commit: Commit, state: Applied) -> str:
    """The Change-Id for this fix on this branch (CONTRACT.md).

    The one that a configured branch or an open pick holds for it; else derived from the upstream sha. Where an earlier pick
    on this branch was reverted, its change is closed: then a new one is derived, by the number of such picks.
    """
    if state.generation:
        return changeid.derive(commit.sha, state.generation)
    for branch in context.config.branches:
        tip = context.reader.read(branch.ref + "^{commit}")
        if tip is not None and (held := applied(context.history, commit.sha, tip[0]).change_id):
            return held
    pattern = f"refs/heads/backport/**/{commit.sha[:12]}"
    for name in context.repository.text("for-each-ref", "--format=%(objectname)", "--sort=refname", pattern).split():
        found = context.reader.read(name)
        if found is not None and found[1] == "commit":
            held = scan(found[2].partition(b"\n\n")[2]).change_id
            if changeid.valid(held):
                return held
    return changeid.derive(commit.sha, 0)


def encode(made: Draft, tree: Sha, parent: Sha, who: Identity) -> bytes:
    """The contents of the commit object.

    Message and author keep upstream's bytes and encoding header; only where the user's name has letters that this
    encoding lacks does all of it become UTF-8.
    """
    text = charset.encode(made.message, made.codec)
    message, header = text
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
