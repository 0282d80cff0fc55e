"""Author and committer signed it off: literally, name and mail as git has them, never by a pattern.

netdev's script puts names into a regular expression, and lets an author named `.*` pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cosport.message.finding import Severity
from cosport.message.parse import parse
from cosport.model.commit import decode
from cosport.presubmit.change import signers, text_of
from cosport.presubmit.check import Answer, Check, NotApplicable
from cosport.presubmit.checks.origin import alike, who
from cosport.presubmit.finding import Rule
from cosport.presubmit.kind import PLAIN
from cosport.presubmit.linted import linted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cosport.presubmit.change import Change
    from cosport.presubmit.finding import Finding

MISSING: Final = Rule(
    "signoff-missing", Severity.BLOCK,
    "Who picks a commit answers for it (Documentation/process/submitting-patches.rst): git commit --amend -s.",
)  # fmt: skip
AUTHOR: Final = Rule(
    "signoff-author", Severity.BLOCK,
    "The author's own Signed-off-by is the certificate of origin. It must be there, with name and mail as in the "
    "commit.",
)  # fmt: skip
COMMITTER: Final = Rule(
    "signoff-committer", Severity.BLOCK,
    "Whoever committed it signs it off below what was copied from upstream, with the same name and mail: git commit "
    "--amend -s.",
)  # fmt: skip
MAIL: Final = Rule("mail-missing", Severity.WARN, "A person without a mail address cannot be asked.")


def judge(change: Change) -> Answer:
    """Look for both, letter by letter."""
    if not change.context.profile.signoff:
        return NotApplicable(f"messages of the profile {change.context.profile.name} need no sign-off")
    in_place = change.context.profile.origin != "commit-upstream"  # else there is no line below which it must stand
    lint = tuple(linted(change, (MISSING, MAIL) if in_place else (MAIL,)))
    missing = any(each.rule == MISSING.id for each in lint)
    return (*lint, *_author(change), *(() if missing else _committer(change)))


def _author(change: Change) -> Iterator[Finding]:
    author = who(change.commit)
    if author in signers(change.message.trailers):
        return
    text = f"the author {author} has not signed it off"
    source = change.source
    if source is not None and who(source) == author and author not in signers(parse(text_of(source)).trailers):
        text += "; nor in the commit that this was picked from"
        yield AUTHOR.as_grave_as(Severity.INFO).finding(text)
    elif (other := next((each for each in sorted(signers(change.message.trailers)) if alike(each, author)), "")) != "":
        yield AUTHOR.as_grave_as(Severity.WARN).finding(f"{text}, but {other} has")
    else:
        yield AUTHOR.finding(text)


def _committer(change: Change) -> Iterator[Finding]:
    if change.landed and change.context.profile.change_id:
        return  # Gerrit's submit made whoever pressed the button the committer
    committer = decode(change.commit.committer.rsplit(b" ", 2)[0], change.commit.encoding)
    in_place = change.context.profile.origin != "commit-upstream"
    if committer not in signers(change.own if in_place else change.message.trailers):
        yield COMMITTER.finding(f"the committer {committer} has not signed off what was added to it")


CHECK: Final = Check(
    "signoff", "Author and committer have signed it off, letter by letter.", PLAIN,
    (MISSING, AUTHOR, COMMITTER, MAIL), judge,
)  # fmt: skip
