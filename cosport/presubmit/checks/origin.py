"""Where it comes from: the named commit is here, upstream has it, and author and subject are still its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cosport.message.finding import Severity
from cosport.message.parse import Kind as TrailerKind
from cosport.presubmit.check import Answer, Check, CouldNotRun, Reads
from cosport.presubmit.finding import COMMIT, Place, Rule
from cosport.presubmit.kind import CARRIERS
from cosport.presubmit.linted import linted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cosport.model.commit import Commit
    from cosport.presubmit.change import Change, Named
    from cosport.presubmit.finding import Finding

MALFORMED: Final = Rule(
    "origin-malformed", Severity.BLOCK,
    "An abbreviated name becomes ambiguous as history grows, and tools look for all digits.",
)  # fmt: skip
FORM: Final = Rule(
    "origin-missing", Severity.WARN, "The house's tools find a pick by its origin line: write it in the house's form."
)
UNKNOWN: Final = Rule(
    "origin-unknown", Severity.BLOCK,
    "Nobody can look up or compare what this claims to be. Fetch upstream (and main) first; if the name is wrong, take "
    "the right one from `git log` of upstream.",
)  # fmt: skip
OUTSIDE: Final = Rule(
    "origin-not-upstream", Severity.BLOCK,
    "Only what upstream has merged is a backport. A commit of another tree is marked so in its subject (FROMGIT:, "
    "where the profile has that label); a pick of a pick names a commit whose own origin upstream has.",
)  # fmt: skip
AUTHOR: Final = Rule(
    "origin-author", Severity.BLOCK,
    "A backport keeps its author: `git cherry-pick` does so by itself. Another author means that another commit "
    "was meant, or that the author was lost (git commit --amend --author=...).",
)  # fmt: skip
SPELLED: Final = Rule(
    "origin-author-spelled", Severity.WARN,
    "It is the same person under another name or mail. Statistics and sign-offs go by the literal one.",
)  # fmt: skip
SUBJECT: Final = Rule(
    "origin-subject", Severity.WARN,
    "People and tools find a backport by its subject. A label in front is no difference.",
)  # fmt: skip


def judge(change: Change) -> Answer:
    """Follow each origin line."""
    if change.context.upstream is None:
        return CouldNotRun("which branch is upstream's is not known: set upstream.ref in the configuration")
    return (*linted(change, (MALFORMED, FORM)), *_leads(change), *_agrees(change))


def _leads(change: Change) -> Iterator[Finding]:
    """Each named commit is here; upstream has it, or what it was picked from."""
    unmerged = change.context.profile.labels.unmerged
    for each in change.named[-1:] if change.chain else change.named:  # what the last one names is its own affair
        if each.commit is None:
            shallow = "; this clone is shallow" if change.context.repository.is_shallow else ""
            yield UNKNOWN.finding(f"no commit {each.text} is in this repository{shallow}", line_of(change, each))
        elif not each.in_upstream and not any(change.in_upstream(commit.sha) for commit in change.upstream):
            if unmerged and change.commit.subject.startswith(unmerged):
                continue
            where = change.context.config.upstream.ref
            text = f"{each.text[:12]} is not in upstream ({where}), nor is anything that it was picked from"
            yield OUTSIDE.finding(text, line_of(change, each))


def _agrees(change: Change) -> Iterator[Finding]:
    if len(change.compared) != 1:
        return  # a squash has an author and a subject of its own
    theirs = change.compared[0]
    if (mine := who(change.commit)) != who(theirs):
        rule = SPELLED if alike(mine, who(theirs)) else AUTHOR
        yield rule.finding(f"the author is {mine}; that of {theirs.sha[:12]} is {who(theirs)}")
    known = change.context.profile.labels
    labels = tuple(filter(None, (*known.known, known.unmerged_adapted, known.unmerged)))
    if bare(change.commit.subject, labels) != bare(theirs.subject, labels):
        yield SUBJECT.finding(f'the subject is not that of {theirs.sha[:12]}: "{theirs.subject}"', Place.message(1))


def who(commit: Commit) -> str:
    """Name and mail of a commit's author, for people and for literal comparison."""
    from cosport.model.commit import decode

    return decode(commit.author.rsplit(b" ", 2)[0], commit.encoding)


def alike(one: str, other: str) -> bool:
    """Whether two "Name <mail>" have the name or the mail in common, letters' case aside."""
    (name, _, mail), (their_name, _, their_mail) = (text.casefold().partition(" <") for text in (one, other))
    return mail == their_mail or name == their_name


def bare(subject: str, labels: tuple[str, ...]) -> str:
    """A subject without the labels in front of it."""
    while (label := next((each for each in labels if subject.startswith(each)), None)) is not None:
        subject = subject.removeprefix(label)
    return subject


def line_of(change: Change, named: Named) -> Place:
    """The line that names a commit."""
    for trailer in change.message.trailers:
        if trailer.kind in (TrailerKind.ORIGIN, TrailerKind.UPSTREAM) and trailer.value.lower() == named.text:
            return Place.message(trailer.line)
    for number, line in enumerate(change.message.lines, 1):
        if named.text in line.lower():
            return Place.message(number)
    return COMMIT


CHECK: Final = Check(
    "origin", "The commit that it comes from is upstream's; author and subject agree.", CARRIERS,
    (MALFORMED, FORM, UNKNOWN, OUTSIDE, AUTHOR, SPELLED, SUBJECT), judge, reads=frozenset({Reads.UPSTREAM}),
)  # fmt: skip
