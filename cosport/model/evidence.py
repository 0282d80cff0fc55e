"""How an answer is known, and what belongs to a commit: the values that the history gives to everybody."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cosport.model.commit import Sha  # noqa: TC001 - msgspec reads the fields' types when it decodes a saved result


class EvidenceKind(StrEnum):
    """How an answer is known."""

    ANCESTOR = "ancestor"
    TRAILER = "trailer"
    AUTHORSHIP = "authorship"  # the same subject, author and second: what a pick keeps where it says nothing
    PATCH_ID = "patch-id"
    SAME_TREE = "same-tree"
    SUBJECT = "subject"  # weak: never enough by itself
    REVERTED = "reverted"
    FIXES_TARGET_ABSENT = "fixes-target-absent"
    FIXES_TARGET_PRESENT = "fixes-target-present"
    AFFECTED_UNKNOWN = "affected-unknown"  # no Fixes tag, or one that leads nowhere
    DECLINED = "declined"  # the team's decision, and why it holds no longer where that is so
    WAITS = "waits-for-main"  # the main branch does not hold it yet


@dataclass(frozen=True, slots=True)
class Evidence:
    """One piece of evidence: its kind, and the detail that lets a person check it."""

    kind: EvidenceKind
    detail: str


@dataclass(frozen=True, slots=True)
class Followup:
    """A later upstream commit that fixes or reverts the picked one (`kind`: "fixes" or "reverts")."""

    sha: Sha
    subject: str
    kind: str
