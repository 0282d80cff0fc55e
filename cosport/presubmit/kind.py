"""Says what kind of commit one is, because each check holds for some kinds only.

A kind is known from what the message names and from what the commit touches, never from what its author would like.
What fits no kind is unknown, and that blocks: nobody could say what to compare it with.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """The kinds of commits that a stable branch takes."""

    PICK = "pick"  # of one upstream commit
    PICK_OF_PICK = "pick-of-pick"  # of a pick that stands on another branch: main's, for a release branch
    SQUASH = "squash"  # several upstream commits in one
    REVERT = "revert"  # takes a commit of the branch back
    REAPPLY = "reapply"  # brings a reverted one back
    CONFIG = "config"  # kernel configuration alone
    DISTRIBUTION = "distribution-only"  # of the house's own, never for upstream
    LTS_MERGE = "lts-merge"  # of a stable release, such as v6.6.52
    UNKNOWN = "unknown"


PICKS: Final = frozenset({Kind.PICK, Kind.PICK_OF_PICK})
CARRIERS: Final = PICKS | {Kind.SQUASH}
"""Kinds that carry upstream's patches."""
RETURNS: Final = frozenset({Kind.REVERT, Kind.REAPPLY})
EVERY: Final = frozenset(Kind)
PLAIN: Final = EVERY - {Kind.LTS_MERGE}
"""All but merges, whose message and patch are other people's."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What a kind is known from.

    `origins` counts the commits that the message says it comes from; `chain` that the last one names all others;
    `from_pick` that it is a pick itself, and not upstream's; `source_reverts` that it is a revert. `config_only`:
    nothing but configuration is touched. `lts` is the tag or version that a merge brings in, "" for none.
    """

    merge: bool = False
    lts: str = ""
    origins: int = 0
    chain: bool = False
    from_pick: bool = False
    source_reverts: bool = False
    reverts: bool = False
    reapplies: bool = False
    config_only: bool = False
    distribution: bool = False


@dataclass(frozen=True, slots=True)
class Classified:
    """A kind, and how it is known."""

    kind: Kind
    how: str


def classify(signs: Signs) -> Classified:
    """The kind that the signs tell."""
    taken_back = signs.reverts or signs.reapplies
    carries = signs.origins > 0 and (signs.source_reverts or not taken_back)  # a revert may quote an origin line
    squash = carries and signs.origins > 1 and not signs.chain
    steps = (
        (signs.merge and bool(signs.lts), Kind.LTS_MERGE, f"it merges {signs.lts}"),
        (signs.merge, Kind.UNKNOWN, "it is a merge, and not of a stable release"),
        (squash, Kind.SQUASH, f"it names {signs.origins} commits, and the last one names not all others"),
        (carries and signs.from_pick, Kind.PICK_OF_PICK, "the commit that it names is a pick itself"),
        (carries, Kind.PICK, "it names the commit that it comes from"),
        (signs.reapplies, Kind.REAPPLY, "it says that it brings a reverted commit back"),
        (signs.reverts, Kind.REVERT, "it says that it takes a commit back"),
        (signs.config_only, Kind.CONFIG, "it touches kernel configuration alone"),
        (signs.distribution, Kind.DISTRIBUTION, "its subject says that it is the house's own"),
        (True, Kind.UNKNOWN, "it names no commit, and fits no other kind"),
    )
    return next(Classified(kind, how) for holds, kind, how in steps if holds)
