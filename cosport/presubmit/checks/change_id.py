"""Exactly one Change-Id, well formed, where Gerrit reads it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cosport.message import changeid, fix
from cosport.message.edit import with_change_id
from cosport.message.finding import Severity
from cosport.message.parse import parse
from cosport.presubmit.check import Answer, Check, NotApplicable
from cosport.presubmit.finding import Rule
from cosport.presubmit.kind import PLAIN
from cosport.presubmit.linted import linted

if TYPE_CHECKING:
    from cosport.presubmit.change import Change

RULES: Final = (
    Rule("change-id-missing", Severity.BLOCK, "Gerrit knows a change by its Change-Id: without one every upload is "
         "another change, and main's and the release's commits cannot be told to be the same fix."),
    Rule("change-id-malformed", Severity.BLOCK, "Gerrit reads `I` and 40 lower-case hex digits, and nothing else."),
    Rule("change-id-repeated", Severity.BLOCK, "Gerrit takes one, and nobody knows which. Keep this change's own, "
         "indent one that upstream's message brought along."),
    Rule("change-id-misplaced", Severity.BLOCK, "Gerrit reads the last paragraph alone."),
)  # fmt: skip


def judge(change: Change) -> Answer:
    """What the linter says of the Change-Id."""
    if not change.context.profile.change_id:
        return NotApplicable(f"messages of the profile {change.context.profile.name} carry no Change-Id")
    found = tuple(linted(change, RULES))
    return tuple(
        replace(each, fix="adds the one that follows from the upstream commit")
        if each.rule == "change-id-missing" and _derived(change)
        else each
        for each in found
    )


def _derived(change: Change) -> str:
    """The Change-Id that `cosport backport` would give it: one fix has one id on every branch."""
    return changeid.derive(change.upstream[0].sha) if len(change.upstream) == 1 else ""


def repair(change: Change, text: str) -> str:
    """The message with the one Change-Id that its upstream commit gives, or without repetitions."""
    derived = _derived(change)
    if derived and not parse(text).all("Change-Id"):
        return with_change_id(text, derived)
    return fix.change_ids(text, change.context.profile)


CHECK: Final = Check(
    "change-id", "There is exactly one Change-Id, well formed, in the last paragraph.", PLAIN, RULES, judge,
    repair=repair,
)  # fmt: skip
