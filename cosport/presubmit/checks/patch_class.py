"""The class of the patch (`cos-patch: bug`): exactly one, of the known ones; a security fix tells its users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cosport.message.finding import Severity
from cosport.presubmit.check import Answer, Check, NotApplicable
from cosport.presubmit.finding import Rule
from cosport.presubmit.kind import PLAIN
from cosport.presubmit.linted import linted

if TYPE_CHECKING:
    from cosport.presubmit.change import Change

RULES: Final = (
    Rule("class-missing", Severity.BLOCK, "Release notes and follow-up rules go by the class of the patch. Add the "
         "line above the trailers."),
    Rule("class-unknown", Severity.BLOCK, "Only the classes that the house configured are sorted into release notes."),
    Rule("class-repeated", Severity.BLOCK, "A patch has one class: keep the gravest."),
    Rule("security-without-note", Severity.BLOCK, "Users must learn of a security fix, to know that they need it. "
         "Write a RELEASE_NOTE= for them."),
)  # fmt: skip


def judge(change: Change) -> Answer:
    """What the linter says of the class."""
    if not change.context.profile.class_key:
        return NotApplicable(f"messages of the profile {change.context.profile.name} name no class")
    return tuple(linted(change, RULES))


CHECK: Final = Check(
    "patch-class", "The patch has exactly one known class; a security fix has a release note.", PLAIN, RULES, judge
)
