"""What the user asks of a backport, as one value that travels through the whole run and into a session's state."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from cosport.model.commit import Sha  # noqa: TC001 - msgspec reads the fields' types when it decodes a saved request

if TYPE_CHECKING:
    from cosport.backport.context import Context


class From(StrEnum):
    """Which commit to pick from: upstream's own, another branch's finished backport, or what fits."""

    AUTO = "auto"
    UPSTREAM = "upstream"
    NEIGHBOUR = "neighbour"


@dataclass(frozen=True, slots=True)
class Fields:
    """What the user says for the message; None leaves it to the profile. `note` explains an adapted pick."""

    bug: str | None = None
    test: str | None = None
    release_note: str | None = None
    patch_class: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A change under code review that holds a fix for a branch. One that is not `open` takes no new patch set."""

    upstream: Sha
    branch: str
    change_id: str
    open: bool


@dataclass(frozen=True, slots=True)
class Request:
    """One call of `cosport backport`.

    `mainline` is the parent of a merge commit to take the change against, counted from 1 (as `git cherry-pick -m`).
    `introduced_by` replaces the `Fixes:` tags. `force` picks where the branch is not affected, and replaces a pick ref
    that somebody changed. `allow_unmerged` takes a commit that upstream does not hold, marked FROMGIT. `alone` keeps
    `From.AUTO` from looking at other branches where upstream's commit conflicts. `with_prereqs` brings first
    what a conflicting commit needs, `with_followups` afterwards what upstream fixed in it later. `reviews` is what code
    review holds of these fixes already, where it was asked. `max_rung` and `min_confidence` limit the resolvers of
    conflicts (None: as configured); rung 0 is none of them. `build` compiles what a resolved pick touches;
    `resolver` is a command that gets what no rule resolves.
    """

    profile: str
    source: From = From.AUTO
    fields: Fields = Fields()
    mainline: int | None = None
    introduced_by: tuple[str, ...] = ()
    force: bool = False
    allow_unmerged: bool = False
    in_place: bool = False
    dry_run: bool = False
    alone: bool = False
    with_prereqs: bool = False
    with_followups: bool = False
    reviews: tuple[Reviewed, ...] = ()
    max_rung: int | None = None
    min_confidence: float | None = None
    build: bool = False
    resolver: str | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How far the ladder is climbed: the last rung (0: not at all), and how sure a pick must be."""

    max_rung: int
    min_confidence: float

    @classmethod
    def of(cls, context: Context, request: Request) -> Limits:
        """What the request says, else the configuration. A branch itself is never moved to what nobody has accepted."""
        house = context.config.backport
        rung = house.max_rung if request.max_rung is None else request.max_rung
        floor = house.min_confidence if request.min_confidence is None else request.min_confidence
        return cls(0 if request.in_place else rung, floor)
