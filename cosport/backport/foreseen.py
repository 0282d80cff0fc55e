"""Says which conflicts of the matrix the ladder would resolve, and keeps that beside the trials' own answers.

The rules say the same of the same trees for as long as they are the same. From rung 6 on it is people's own that
answers, and may be other tomorrow: plug-ins are not asked, and what git-rerere remembers is told and not kept.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from cosport.backport import choice
from cosport.backport.request import Limits
from cosport.backport.resolve import Resolved, resolve
from cosport.backport.trial import Trial, try_each
from cosport.errors import CosportError
from cosport.git.quarantine import quarantine
from cosport.model.result import Fidelity, Outcome, RuleUsed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.backport.context import Context
    from cosport.backport.request import Request
    from cosport.backport.target import Target
    from cosport.history.missing_trials import Trials
    from cosport.model.commit import Commit, Sha
    from cosport.model.result import Result

_LAST: Final = 5
"""The last rung of rules."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """How the ladder would resolve a pick."""

    rules: tuple[RuleUsed, ...]
    confidence: float | None
    fidelity: Fidelity


def foreseen(
    context: Context, request: Request, target: Target, trials: Trials, results: Sequence[tuple[Commit, Result]]
) -> list[Result]:
    """These results on one branch, those in conflict as the ladder would leave them."""
    limits = Limits.of(context, request)
    limits = replace(limits, max_rung=min(limits.max_rung, _LAST))
    waiting = {result.source.commit: (commit, result) for commit, result in results if _asks(result) and result.source}
    if not waiting or not limits.max_rung:
        return [result for _, result in results]
    how = f"{_rules()}:{limits.max_rung}:{limits.min_confidence:g}"
    before = trials.foreseen(how, list(waiting))
    known = {source: msgspec.json.decode(answer, type=Foreseen | None) for source, answer in before.items()}
    new = {source: each for source, each in waiting.items() if source not in known}
    if new:
        found = _climbed(context, target, limits, new)
        kept = {source: msgspec.json.encode(answer) for source, answer in found.items() if _lasts(answer)}
        trials.keep_foreseen(how, kept)
        known |= found
    return [
        _told(result, known.get(result.source.commit)) if _asks(result) and result.source else result
        for _, result in results
    ]


def _asks(result: Result) -> bool:
    return result.outcome is Outcome.CONFLICT and result.source is not None


def _climbed(
    context: Context, target: Target, limits: Limits, new: dict[Sha, tuple[Commit, Result]]
) -> dict[Sha, Foreseen | None]:
    """What the ladder makes of these, by the commit to pick; None where it leaves the conflict."""
    found: dict[Sha, Foreseen | None] = {}
    ours = context.reader.commit(target.tip).tree
    with quarantine(context.repository, kept=False) as place:
        attempts = {}
        for name, (commit, result) in new.items():
            assert result.source is not None
            try:
                attempts[name] = choice.attempt(context, commit, result.source, ours, None, onto=target.tip)
            except CosportError:  # a merge: the trial's own answer stands
                found[name] = None
        tried = zip(attempts, try_each(place, list(attempts.values())), strict=True)
        asked = {name: trial for name, trial in tried if isinstance(trial, Trial) and not trial.merged.clean}
        for name, answer in zip(asked, resolve(place, list(asked.values()), limits), strict=True):
            found[name] = None
            if isinstance(answer, Resolved):
                found[name] = Foreseen(answer.rules, answer.confidence, answer.fidelity)
    return found


def _lasts(answer: Foreseen | None) -> bool:
    return answer is None or all(each.rung <= _LAST for each in answer.rules)


def _told(result: Result, answer: Foreseen | None) -> Result:
    if answer is None:
        return result
    outcome, fidelity = Outcome.RESOLVED, answer.fidelity
    return replace(result, outcome=outcome, rules=answer.rules, confidence=answer.confidence, fidelity=fidelity)


@lru_cache(maxsize=1)
def _rules() -> str:
    """A name for the rules as they are: of the texts of all modules of this room, which nobody forgets to raise."""
    sources = sorted(Path(__file__).parent.rglob("*.py"))
    return hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()[:16]
