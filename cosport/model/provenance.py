"""What a commit's message says of other commits: where it comes from, what it fixes, what it reverts.

Named tuples, because a million of them are made for an index, and they take a third of the time of data classes.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class OriginForm(StrEnum):
    """The forms in which the field writes down where a backport comes from."""

    CHERRY_PICKED = "cherry-picked"  # (cherry picked from commit X), git cherry-pick -x
    BACKPORTED = "backported"  # (backported from commit X), Ubuntu
    COMMIT_UPSTREAM = "commit-upstream"  # commit X upstream.
    UPSTREAM_COMMIT = "upstream-commit"  # [ Upstream commit X ]
    UPSTREAM_COMMIT_TAG = "upstream-commit-tag"  # Upstream-commit: X
    MASTER_COMMIT = "master-commit"  # master commit: X, Xen
    GIT_COMMIT_TAG = "git-commit-tag"  # Git-commit: X, SUSE
    COMMIT_LINE = "commit-line"  # commit X on a line of its own at the top, CIQ, RHEL and openEuler


class Origin(NamedTuple):
    """One statement that a commit comes from another: `sha` as written (lower case, 7 to 64 hex digits)."""

    sha: str
    form: OriginForm


class FixesTag(NamedTuple):
    """One `Fixes:` tag: the abbreviated sha as written, and the quoted subject ("" where there is none)."""

    sha: str
    subject: str


class Provenance(NamedTuple):
    """All such statements of one message, in the order in which they stand there.

    `reverts` are shas as written in "This reverts commit X" (also "This reverts X"); `reapplies` those of "This
    reapplies commit X", "Reapply" subjects being reverts of reverts otherwise; `reverted_subject` is the quoted subject
    of a `Revert "..."` subject, "" where there is none. `blames` are shas that a sentence calls the cause of what is
    repaired.
    """

    origins: tuple[Origin, ...] = ()
    fixes: tuple[FixesTag, ...] = ()
    reverts: tuple[str, ...] = ()
    reapplies: tuple[str, ...] = ()
    reverted_subject: str = ""
    change_id: str = ""
    stable_dep_of: tuple[str, ...] = ()
    cc_stable: tuple[str, ...] = ()
    blames: tuple[str, ...] = ()
