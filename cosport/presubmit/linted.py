"""Hands the message linter's findings to checks: each check takes those of its own rules, and knows what is inherited.

A pick keeps the message of the commit that it was picked from. What is wrong in a line of that is said, and never held
against the pick: to put it right would make the messages differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosport.presubmit.finding import COMMIT, Place, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cosport.presubmit.change import Change
    from cosport.presubmit.finding import Finding, Rule


def linted(change: Change, rules: Sequence[Rule]) -> Iterator[Finding]:
    """The linter's findings that belong to these rules, as grave as the rules say."""
    by_id = {rule.id: rule for rule in rules}
    for each in change.lint:
        rule = by_id.get(each.id)
        if rule is None:
            continue
        place = Place.message(each.line) if each.line else COMMIT
        if each.line and change.inherits(each.line):
            if rule.severity is Severity.INFO:
                continue
            rule = rule.as_grave_as(Severity.INFO)
            yield rule.finding(f"{each.text}; so it is in the commit that this was picked from", place)
        else:
            yield rule.finding(each.text, place, fix=each.fix)
