"""The message as text: a subject that lists can show, no deceiving characters, no lines that end it for other tools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cosport.message import fix
from cosport.message.finding import Severity
from cosport.presubmit.check import Answer, Check
from cosport.presubmit.finding import Rule
from cosport.presubmit.kind import PLAIN
from cosport.presubmit.linted import linted

if TYPE_CHECKING:
    from cosport.presubmit.change import Change

RULES: Final = (
    Rule("subject-missing", Severity.BLOCK, "A commit without a message cannot be found, reviewed or released."),
    Rule("subject-long", Severity.WARN, "Lists, mails and release notes cut longer subjects."),
    Rule("subject-wrapped", Severity.WARN, "git joins all lines up to the first blank one to the subject."),
    Rule("label-repeated", Severity.WARN, "One label says it."),
    Rule("control-character", Severity.BLOCK, "Terminals obey control characters, and git ends a message at a NUL."),
    Rule("deceiving-character", Severity.BLOCK, "Characters that hide or reorder text make reviewers read something "
         "else than tools do (CVE-2021-42574)."),
    Rule("undecodable-byte", Severity.WARN, "Write it as UTF-8, or let git name the charset (i18n.commitEncoding)."),
    Rule("divider-line", Severity.WARN, "`git am` and git-interpret-trailers take the message to end here."),
    Rule("carriage-return", Severity.WARN, "Trailers with a carriage return at their end are other values to tools."),
    Rule("trailing-space", Severity.INFO, "git strips it where somebody edits the message; then it differs."),
    Rule("final-newline", Severity.INFO, "git adds it where somebody edits the message; then it differs."),
    Rule("blank-lines", Severity.INFO, "git strips them where somebody edits the message; then it differs."),
)  # fmt: skip


def judge(change: Change) -> Answer:
    """What the linter says of the text."""
    return tuple(linted(change, RULES))


def repair(change: Change, text: str) -> str:
    """The message as `git stripspace` would leave it, each label once."""
    return fix.labels(fix.white_space(text, change.context.profile), change.context.profile)


CHECK: Final = Check(
    "message", "The message is plain text with a subject that lists can show.", PLAIN, RULES, judge, repair=repair
)
