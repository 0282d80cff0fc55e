"""The `KEY=value` fields that the house wants: there, filled, once, as its tools read them, above the trailers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cosport.message import fix
from cosport.message.finding import Severity
from cosport.presubmit.check import Answer, Check, NotApplicable
from cosport.presubmit.finding import Rule
from cosport.presubmit.kind import PLAIN
from cosport.presubmit.linted import linted

if TYPE_CHECKING:
    from cosport.presubmit.change import Change

RULES: Final = (
    Rule("field-missing", Severity.BLOCK, "Add the line, in a paragraph of its own above the trailers. `None` says "
         "that there is nothing to tell."),
    Rule("field-empty", Severity.BLOCK, "An empty value reads as forgotten. Fill it in, or write `None`."),
    Rule("field-misspelled", Severity.BLOCK, "No tool reads a field of that name: what it says is lost."),
    Rule("field-misplaced", Severity.BLOCK, "Among trailers a `KEY=value` line makes git take the paragraph for prose, "
         "and Gerrit then finds no Change-Id. Fields stand in a paragraph of their own, above the trailers."),
    Rule("field-repeated", Severity.WARN, "Tools read the first line of a field. Put all values into that one."),
    Rule("field-wrapped", Severity.WARN, "Tools read a field to the end of its line. Write it on one line."),
    Rule("bug-form", Severity.WARN, "The changelog tools drop what is of none of their forms, without a word."),
    Rule("cve-form", Severity.WARN, "Who looks for a CVE id as it is written everywhere else does not find this one."),
    Rule("release-note-none", Severity.INFO, "`None` is the one spelling that all tools know."),
)  # fmt: skip


def judge(change: Change) -> Answer:
    """What the linter says of the fields."""
    if not change.context.profile.field_keys:
        return NotApplicable(f"messages of the profile {change.context.profile.name} have no fields")
    return tuple(linted(change, RULES))


def repair(change: Change, text: str) -> str:
    """The message with keys spelled right, values in the forms that tools read, and fields above the trailers."""
    for each in (fix.keys, fix.values, fix.places):
        text = each(text, change.context.profile)
    return text


CHECK: Final = Check(
    "fields", "BUG=, TEST=, RELEASE_NOTE= are there, filled, and where tools read them.", PLAIN, RULES, judge,
    repair=repair,
)  # fmt: skip
