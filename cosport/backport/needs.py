"""Asks what a conflicting pick needs first, in the time that a run has for it, and says it as results say it.

On a release branch the candidates are what main holds of upstream: nothing gets there before it has landed in main.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, Final

from cosport.backport.judge import decision
from cosport.errors import CosportError, Interrupted
from cosport.git.quarantine import quarantine
from cosport.history import aftermath
from cosport.history.picks import origins
from cosport.model.result import Searched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.backport.context import Context
    from cosport.backport.request import Request
    from cosport.backport.target import Target
    from cosport.git.quarantine import Quarantine
    from cosport.model.commit import Commit, Sha
    from cosport.model.result import Prerequisite, Result

TOGETHER: Final = 15.0
"""Seconds for all conflicts of a run that did not ask for prerequisites: nobody waits longer for what is a remark."""

_SHORTEST: Final = 0.2
"""With less time left than this, no search begins."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a pick conflicts: on the tree `ours`, which `before` (the series so far) has made of the target's tip.

    It made it in `place`; where nothing was made yet, the trials are held in memory.
    """

    target: Target
    ours: Sha
    before: Sequence[Commit] = ()
    place: Quarantine | None = None


class Needs:
    """The searches of one run: all together take at most `seconds`."""

    def __init__(self, context: Context, request: Request, *, seconds: float) -> None:
        self._context = context
        self._request = request
        self._left = seconds

    def of(self, conflict: Result, commit: Commit, spot: Spot) -> Result:
        """The result of a conflict with what the search found.

        A search that git or the disk stops is a remark: the conflict stands all the same.
        """
        if self._left < _SHORTEST:
            what = "prerequisites were not looked for: the time was over (--with-prereqs takes more)"
            return replace(conflict, notes=(*conflict.notes, what))
        begin = monotonic()
        try:
            made_here = nullcontext(spot.place) if spot.place is not None and spot.before else None
            with made_here or quarantine(self._context.repository, kept=False) as place:
                return self._found(place, conflict, commit, spot)
        except Interrupted:
            raise
        except CosportError as error:
            return replace(conflict, notes=(*conflict.notes, f"prerequisites were not looked for: {error.what}"))
        finally:
            self._left -= monotonic() - begin

    def _found(self, place: Quarantine, conflict: Result, commit: Commit, spot: Spot) -> Result:
        from cosport.backport import prerequisites as search  # most runs meet no conflict

        context, source = self._context, conflict.source
        picked = context.reader.commit(source.commit) if source is not None and source.kind == "main" else commit
        mainline = self._request.mainline if picked is commit else 1
        known = {each.sha for each in spot.before}
        every = search.upstream_pool(context, picked, spot.target.tip, mainline=mainline)

        def holds(name: Sha) -> bool:
            own = self._upstream(name)
            return own is None or own in known or self._is_unwanted(own, spot.target) or every.holds(name)

        found = search.prerequisites(
            context,
            place,
            picked,
            spot.target.tip,
            candidates=search.Pool(every.range, holds),
            limits=search.Limits(seconds=min(search.Limits().seconds, self._left)),
            mainline=mainline,
            onto=spot.ours,
        )
        by_hand = self._named(search.as_prerequisites(found.by_hand))
        how = found.status.value, found.why, found.tried, found.suspects
        return replace(
            conflict,
            prerequisites=self._named(search.as_prerequisites(found.sets[0])) if found.sets else (),
            searched=Searched(*how, by_hand, found.advice),
        )

    def _named(self, shown: Sequence[Prerequisite]) -> tuple[Prerequisite, ...]:
        """The set by upstream's commits."""
        above = {name: self._upstream(name) or name for each in shown for name in (each.sha, *each.needed_by)}
        return tuple(
            replace(each, sha=above[each.sha], needed_by=tuple(above[name] for name in each.needed_by))
            for each in shown
        )

    def _upstream(self, name: Sha) -> Sha | None:
        """The upstream commit that a candidate is or carries; None for a branch's own work."""
        context = self._context
        if context.upstream is None or context.history.contains(name, context.upstream):
            return name
        above = origins(context.history, name)
        if above and context.history.contains(above[-1], context.upstream):
            return above[-1]
        return name if self._request.allow_unmerged else None

    def _is_unwanted(self, name: Sha, target: Target) -> bool:
        """Whether the team has declined it, or upstream has taken it back: neither is brought for another's sake."""
        context = self._context
        said = decision(context, name, target)
        if said is not None and not said.back:
            return True
        if context.upstream is None:
            return False
        return aftermath.reverted_by(context.history, name, context.upstream) is not None
