"""Gives a conflict to whoever may resolve it: the ladder of rules, then the user's command; and to the compiler."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosport.backport.resolve import settle
from cosport.model.result import Outcome

if TYPE_CHECKING:
    from cosport.backport.request import Limits, Request
    from cosport.backport.target import Target
    from cosport.backport.trial import Trial
    from cosport.git.quarantine import Quarantine
    from cosport.model.result import Result


def climb(
    place: Quarantine, result: Result, trial: Trial, *, target: Target, request: Request, limits: Limits
) -> Result:
    """The conflict as the resolvers leave it: resolved, or with the reason why none of them would."""
    (result,) = settle(place, [(result, trial)], limits)
    if result.outcome is Outcome.CONFLICT and request.resolver and not request.in_place:
        from cosport.backport import external

        result = external.resolved(place, result, trial, request.resolver)
    if result.outcome is Outcome.RESOLVED and request.build:
        from cosport.backport.compiled import compiled

        result = compiled(place, result, trial.attempt.ours, target)
    return result
