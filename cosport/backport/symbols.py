"""Doubts a change that asks for a configuration symbol which upstream's Kconfig has and the branch's lacks.

Such a condition merges as well as any other, compiles, and is never true.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cosport.backport.resolvers.doubts import Doubt, added

if TYPE_CHECKING:
    from cosport.backport.resolvers.ladder import Climbed
    from cosport.backport.trial import Attempt
    from cosport.git.quarantine import Quarantine
    from cosport.model.commit import Sha

_SYMBOL: Final = re.compile(rb"\bCONFIG_(\w+?)(?:_MODULE)?\b")
_MOST: Final = 16
"""Symbols of a file that are looked up."""


def doubted(place: Quarantine, attempt: Attempt, climbed: Climbed) -> Climbed:
    """The file with a doubt for the symbols that its change brings and the branch does not define."""
    file = climbed.ground.file
    known = set(_SYMBOL.findall(b"\n".join(file.branch)))
    fresh = sorted(set(_SYMBOL.findall(b"\n".join(added(file)))) - known)[:_MOST]
    theirs = [name for name in fresh if _defined(place, attempt.base, name)]
    lacking = [name for name in theirs if not _defined(place, attempt.ours, name)]
    if not lacking:
        return climbed
    said = ", ".join("CONFIG_" + name.decode("ascii", "replace") for name in lacking)
    return replace(climbed, doubts=(*climbed.doubts, Doubt(f"the branch's Kconfig has no {said}", 0.6)))


def _defined(place: Quarantine, tree: Sha, symbol: bytes) -> bool:
    """Whether a Kconfig of the tree defines the symbol."""
    pattern = rf"^[[:space:]]*(menu)?config[[:space:]]+{symbol.decode('ascii', 'replace')}[[:space:]]*$"
    return place.repository.attempt("grep", "-q", "-E", "-e", pattern, tree, "--", "*Kconfig*").status == 0
