"""No trailer of an upload pretends to be a vote: what Gerrit writes at submit stands only where it was copied from.

Gerrit does not repeat a footer that is there already, so a forged `Tested-by:` could not be told from a real one after
submit. It is refused before.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

from cosport.message.finding import Severity
from cosport.message.parse import Kind as TrailerKind
from cosport.presubmit.check import Answer, Check, NotApplicable, Reads
from cosport.presubmit.finding import Place, Rule
from cosport.presubmit.kind import PLAIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cosport.presubmit.change import Change
    from cosport.presubmit.finding import Finding

GERRIT: Final = Rule(
    "gerrit-tag", Severity.BLOCK,
    "Gerrit writes this line at submit, from votes; on an upload it proves nothing. Take it out. In a pick of a pick "
    "such lines stand above the origin line, just as in the commit that is named there, which must have landed.",
)  # fmt: skip
BOT: Final = Rule(
    "bot-name", Severity.BLOCK, "A bot speaks by its votes. A trailer in its name that it did not write is a forgery."
)


def judge(change: Change) -> Answer:
    """Look for such trailers among those that the named commit does not have, letter by letter."""
    tags = {tag.lower() for tag in change.context.profile.gerrit_tags}
    bots = [_folded(name) for name in change.context.config.presubmit.bots]
    if not tags and not bots:
        return NotApplicable("the profile knows no tags of Gerrit's, and no bots are configured")
    if change.landed:
        return NotApplicable("it has landed: Gerrit wrote what stands there")
    found = [*_look_alikes(change, tags)]
    for trailer in change.own if change.source_landed else change.message.trailers:
        place = Place.message(trailer.line)
        if trailer.kind is not TrailerKind.TAG:
            continue
        if trailer.key.lower() in tags:
            text = f"{trailer.key}: is Gerrit's to write, at submit, from a vote"
            found.append(GERRIT.finding(text, place, fix="takes the line out"))
        elif any(name in _folded(trailer.full) for name in bots):
            text = f"{trailer.key}: names a bot, which did not write it"
            found.append(BOT.finding(text, place, fix="takes the line out"))
    return tuple(found)


def _look_alikes(change: Change, tags: set[str]) -> Iterator[Finding]:
    """Lines that people take for such a tag, and Gerrit does not: written with another hyphen, say."""
    for number, line in enumerate(change.message.lines, 1):
        key, colon, _ = line.partition(":")
        if not colon or key.isascii() or _folded(key) not in tags:
            continue
        if not (change.source_landed and change.inherits(number)):
            text = f"{key}: looks like a tag that is Gerrit's to write, and is spelled otherwise"
            yield GERRIT.finding(text, Place.message(number), fix="takes the line out")


def _folded(text: str) -> str:
    """The text without what eyes pass over: case, kinds and numbers of spaces, kinds of hyphens and letters."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    same = "".join("-" if unicodedata.category(char) == "Pd" else char for char in plain)
    return " ".join("".join(char for char in same if unicodedata.category(char) != "Cf").split())


def repair(change: Change, text: str) -> str:
    """The message without these lines."""
    answer = judge(change)
    if text != change.text or isinstance(answer, NotApplicable):
        return text  # its line numbers are those of the message as it was
    gone = {finding.place.line for finding in answer}  # type: ignore[union-attr]
    return "\n".join(line for number, line in enumerate(change.message.lines, 1) if number not in gone)


CHECK: Final = Check(
    "bot-trailers", "No trailer of the upload pretends to be a vote of Gerrit or of a bot.", PLAIN, (GERRIT, BOT),
    judge,
    reads=frozenset({Reads.TARGET, Reads.BRANCHES}), repair=repair,
)  # fmt: skip
