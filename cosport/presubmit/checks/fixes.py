"""Each `Fixes:` tag is well formed, and names a real commit that upstream's fix can fix: netdev's classes, and truly.

netdev's verify_fixes lets a truncated subject pass and never gets to its ancestor test; here subjects are compared as a
whole, and ancestry by the history.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cosport.history.picks import resolve
from cosport.message.finding import Severity
from cosport.message.parse import parse
from cosport.message.provenance import scan
from cosport.presubmit.change import text_of
from cosport.presubmit.check import Answer, Check, Reads
from cosport.presubmit.finding import Place, Rule
from cosport.presubmit.kind import CARRIERS, PLAIN
from cosport.presubmit.linted import linted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cosport.message.parse import Message, Trailer
    from cosport.model.provenance import FixesTag
    from cosport.presubmit.change import Change
    from cosport.presubmit.finding import Finding

_FORM: Final = (
    'Write `Fixes: <12 digits or more> ("subject")`, as `git log -1 --format=\'Fixes: %h ("%s")\'` prints it.'
)
FORMS: Final = tuple(
    Rule(f"fixes-{name}", Severity.BLOCK, f"{why} {_FORM}")
    for name, why in (
        ("no-sha", "Tools find what a fix belongs to by the commit's name."),
        ("leading-word", "Tools read the first word as the commit's name."),
        ("short-sha", "Short names become ambiguous as history grows."),
        ("no-subject", "The subject is what finds the commit in trees where it has another name."),
        ("no-space", "Tools cut the tag at the space."),
        ("parentheses", "Tools read the subject out of its parentheses."),
        ("quotes", "Tools read the subject out of its quotes."),
    )
)
BLANK: Final = Rule(
    "fixes-blank-lines", Severity.BLOCK,
    "With blank lines around it the tag is no trailer: git and Gerrit do not see it. It stands among the other "
    "trailers.",
)  # fmt: skip
UNKNOWN: Final = Rule(
    "fixes-unknown", Severity.BLOCK,
    "The tag leads nowhere, so nobody can tell which branches need the fix. Fetch upstream, or correct the name.",
)  # fmt: skip
SUBJECT: Final = Rule(
    "fixes-subject", Severity.BLOCK,
    "Name and subject say different things: one of them is wrong. A shortened subject is another one to tools.",
)  # fmt: skip
ANCESTOR: Final = Rule(
    "fixes-not-ancestor", Severity.BLOCK,
    "A commit can only fix one that came before it. Name the commit of upstream's own line, not a copy on another "
    "branch.",
)  # fmt: skip
LOST: Final = Rule(
    "fixes-lost", Severity.WARN, "Upstream's commit has a Fixes tag that this lacks: follow-ups are found by it."
)
NONE: Final = Rule(
    "fixes-none", Severity.WARN,
    "Without a Fixes tag it is not known which branches have the bug. Where upstream wrote none, look for the commit "
    "that brought it: git blame.",
)  # fmt: skip


def judge(change: Change) -> Answer:
    """Look at each tag, and for one."""
    tags = change.message.all("Fixes")
    found = [_fixable(change, each) for each in linted(change, FORMS)]
    for trailer in tags:
        found += _tag(change, trailer)
        found += _alone(change, trailer)
    if not tags and change.kind in CARRIERS and not _is_feature(change):
        theirs = [commit for commit in change.compared if scan(commit.message).fixes]
        if theirs:
            found.append(LOST.finding(f"{theirs[0].sha[:12]} says what it fixes, and this does not"))
        else:
            found.append(NONE.finding("there is no Fixes tag, nor in the commit that it was picked from"))
    return tuple(found)


def _fixable(change: Change, finding: Finding) -> Finding:
    """The same, said to be fixable where it is."""
    trailer = next((each for each in change.message.all("Fixes") if each.line == finding.place.line), None)
    known = trailer is not None and finding.severity is not Severity.INFO and _right(change, trailer)
    return replace(finding, fix="writes the name and subject") if known else finding


def _is_feature(change: Change) -> bool:
    key = change.context.profile.class_key
    trailer = change.message.last(key) if key else None
    return trailer is not None and trailer.value == "feature"


def read(trailer: Trailer) -> FixesTag | None:
    """The name and subject that a tag states."""
    stated = scan(f"x\n\nFixes: {trailer.full}\n".encode("utf-8", "surrogateescape")).fixes
    return stated[0] if stated else None


def _tag(change: Change, trailer: Trailer) -> Iterator[Finding]:
    inherited = change.inherits(trailer.line)
    for rule, text in _troubles(change, trailer):
        said = f"{text}; so it is in the commit that this was picked from" if inherited else text
        fix = "" if inherited or not _right(change, trailer) or rule is ANCESTOR else "writes the name and subject"
        graded = rule.as_grave_as(Severity.INFO) if inherited else rule
        yield graded.finding(said, Place.message(trailer.line), fix=fix)


def repair(change: Change, text: str) -> str:
    """The message with tags that lead to one commit written as they should be: 12 digits, its whole subject."""
    message = parse(text)
    lines = message.lines
    for trailer in reversed(message.all("Fixes")):
        right = _right(change, trailer)
        if right and right != trailer.full and trailer.full not in change.their_text:
            lines[trailer.line - 1 : trailer.line - 1 + trailer.lines] = [f"Fixes: {right}"]
    return "\n".join(lines)


def _right(change: Change, trailer: Trailer) -> str:
    """The tag as it should read; "" where its sha does not lead to one commit, or to one of another subject."""
    tag = read(trailer)
    history = change.context.history
    if tag is None or len(tag.sha) < 7 or (rank := resolve(history, tag.sha)) is None:
        return ""
    target = history.entry(rank)
    if tag.subject and not target.subject.startswith(tag.subject.rstrip(". ")):
        return ""  # it is for a person to say which of the two was meant
    return f'{target.sha[:12]} ("{target.subject}")'


def _alone(change: Change, trailer: Trailer) -> Iterator[Finding]:
    """A tag that is a paragraph of its own, unless it stood so where it comes from."""
    if not stands_alone(change.message, trailer):
        return
    if change.source is not None:
        theirs = parse(text_of(change.source))
        if any(each.full == trailer.full and stands_alone(theirs, each) for each in theirs.all("Fixes")):
            return
    yield BLANK.finding("the Fixes tag stands alone between blank lines", Place.message(trailer.line))


def stands_alone(message: Message, trailer: Trailer) -> bool:
    """Whether no other trailer stands in its paragraph, though there are some."""
    around = message.trailers
    return len(around) > 1 and sum(each.paragraph == trailer.paragraph for each in around) == 1


def _troubles(change: Change, trailer: Trailer) -> Iterator[tuple[Rule, str]]:
    tag = read(trailer)
    if tag is None or len(tag.sha) < 7:
        return
    history = change.context.history
    rank = resolve(history, tag.sha, tag.subject)
    if rank is None:
        several = len(history.starting(tag.sha))
        yield UNKNOWN, f"{tag.sha} is {f'the beginning of {several} commits' if several else 'no commit here'}"
        return
    target = history.entry(rank)
    if tag.subject and " ".join(tag.subject.split()) != " ".join(target.subject.split()):
        yield SUBJECT, f'{tag.sha[:12]} is "{target.subject}", not "{tag.subject}"'
    for commit in change.upstream:
        if change.in_upstream(commit.sha) and not history.contains(target.sha, commit.sha):
            yield ANCESTOR, f"{tag.sha[:12]} is no ancestor of {commit.sha[:12]}, which this carries"


CHECK: Final = Check(
    "fixes", "Each Fixes tag is well formed and names the commit that it says; there is one.", PLAIN,
    (*FORMS, UNKNOWN, SUBJECT, ANCESTOR, BLANK, LOST, NONE), judge, reads=frozenset({Reads.UPSTREAM}), repair=repair,
)  # fmt: skip
