"""Rung 5: names that differ between upstream and the branch, one for one, mapped back in what upstream adds.

Learned from the two files themselves: their difference is what upstream's commits (and the branch's) did since the
branch left. A name counts as renamed where each line that has it has the other one in its place, the branch does not
know the name at all, and upstream does not know the other.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from cosport.backport.resolvers.alignment import gaps

if TYPE_CHECKING:
    from cosport.backport.resolvers.ground import Ground

_WORD: Final = re.compile(rb"\w+|[^\w\s]")
_NAME: Final = re.compile(rb"[A-Za-z_]\w*\Z")


def learn(ground: Ground, wanted: set[bytes]) -> dict[bytes, bytes]:
    """What the branch calls these names of upstream's, for those where it can be told."""
    base, ours = ground.file.base, ground.file.ours
    found: dict[bytes, set[bytes]] = {name: set() for name in wanted}
    for gap in gaps(ground.partners, len(ours)):
        if gap.stop - gap.start != gap.high - gap.low:
            continue
        for line, other in zip(base[gap.start : gap.stop], ours[gap.low : gap.high], strict=True):
            old, new = _WORD.findall(line), _WORD.findall(other)
            if len(old) != len(new):
                continue
            for left, right in zip(old, new, strict=True):
                if left in found:
                    found[left].add(right)
    known, theirs = ground.own_names, ground.upstream_names
    told = {name: others.pop() for name, others in found.items() if len(others) == 1 and name not in known}
    return {name: other for name, other in told.items() if _NAME.match(other) and other in known - theirs}
