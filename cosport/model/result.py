"""The answer to "backport this commit to that branch": outcome, fidelity and the evidence behind them.

These values are what `cosport backport --json` and `cosport plan --json` print (schema `cosport.backport/1`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from cosport.model.commit import Sha  # noqa: TC001 - msgspec reads the fields' types when it decodes a saved result
from cosport.model.evidence import Evidence, Followup  # noqa: TC001 - the same


class Outcome(StrEnum):
    """What became of one upstream commit on one branch."""

    PICKED = "picked"
    RESOLVED = "resolved"
    ALREADY_APPLIED = "already-applied"
    NOT_AFFECTED = "not-affected"
    WAITS_FOR_MAIN = "waits-for-main"
    CONFLICT = "conflict"
    PENDING = "pending"  # comes after a conflict in the same series; `--continue` gets to it
    SKIPPED = "skipped"  # left out of its series by `--skip`
    DECLINED = "declined"  # the team has decided not to take it; `--force` overrides
    REVERTED_UPSTREAM = "reverted-upstream"  # upstream took it back for good; `--force` overrides
    ERROR = "error"

    @property
    def made(self) -> bool:
        """Whether a commit was made."""
        return self in (Outcome.PICKED, Outcome.RESOLVED)

    @property
    def exit_code(self) -> int:
        """The exit code that this outcome stands for: 0 good or nothing to do, 1 a person must look, 3 no answer."""
        if self is Outcome.ERROR:
            return 3
        looks = (Outcome.CONFLICT, Outcome.PENDING, Outcome.RESOLVED, Outcome.REVERTED_UPSTREAM)
        return 1 if self in looks else 0


class Fidelity(StrEnum):
    """How near a pick is to upstream's patch."""

    IDENTICAL = "identical"  # verbatim the same patch, as `git patch-id --verbatim` sees it
    CONTEXT = "context"  # the same changed lines, white space included; context and places differ
    ADAPTED = "adapted"  # changed lines differ: needs a note


class ConflictKind(StrEnum):
    """The kinds of conflict that git's merge tells apart (git-merge-tree(1), "CONFLICT INFO MESSAGES")."""

    CONTENT = "content"
    ADD_ADD = "add/add"
    MODIFY_DELETE = "modify/delete"
    RENAME_DELETE = "rename/delete"
    RENAME_RENAME = "rename/rename"
    FILE_DIRECTORY = "file/directory"
    DIRECTORY_RENAME = "directory-rename"
    BINARY = "binary"
    SUBMODULE = "submodule"
    MODE = "mode"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Touch:
    """An upstream commit that changed the lines in conflict since the branch left upstream."""

    sha: Sha
    subject: str


@dataclass(frozen=True, slots=True)
class Place:
    """One change of upstream's that found no place: `why`, what it `needs`, and where in the branch's file (from 1).

    `needs` is another-commit, rewrite or decision. The three sides are the lines there: upstream's before (`base`) and
    after the change (`theirs`), and the branch's (`ours`). `touched_by` are those of the conflict that made these lines
    differ.
    """

    line: int
    why: str
    needs: str
    base: tuple[str, ...] = ()
    theirs: tuple[str, ...] = ()
    ours: tuple[str, ...] = ()
    touched_by: tuple[Touch, ...] = ()


@dataclass(frozen=True, slots=True)
class Conflict:
    """One path that git could not merge.

    `worktree` is the linked work tree made for it, "" in a plan; `touched_by` says why it conflicts, newest last;
    `places` are those of its changes that no resolver could place.
    """

    path: str
    kind: ConflictKind
    worktree: str = ""
    touched_by: tuple[Touch, ...] = ()
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleUsed:
    """A resolver's work: which rule placed a change of `path` at `line` of the pick, and what it found there.

    `doubts` say what speaks against the place. `rung` orders rules by trust, the first being the surest.
    """

    rung: int
    rule: str
    path: str
    line: int
    detail: str
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """What a backport changes in a file otherwise than upstream did: lines with their mark, `-` or `+`.

    `lacks` are lines of upstream's change that the backport leaves out, `adds` those that only the backport has.
    """

    path: str
    lacks: tuple[str, ...]
    adds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """The commit that was picked: upstream's, main's landed one, or another branch's finished backport.

    `kind` is "upstream", "main", "neighbour", or "earlier-pick" (of the same commit to the same branch, resolved by a
    person before the branch moved on); `branch` names the branch it stands on.
    """

    kind: str
    commit: Sha
    branch: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """Lines of a file of the branch in which a pick conflicts, both ends in, from 1; null for the file as a whole.

    Where the branch has no lines of its own there, it is the line before.
    """

    path: str
    first: int | None = None
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Prerequisite:
    """A commit that makes a conflicting pick clean, and the paths that conflict without it.

    `removes` are the conflicts of the pick, as it is, that are gone with it; `needed_by` are other commits of the same
    set that conflict without it. `conflicts` are paths in which it conflicts itself where it is applied, which a person
    would resolve: of commits in `Searched.by_hand` alone.
    """

    sha: Sha
    subject: str
    resolves: tuple[str, ...]
    removes: tuple[Stretch, ...] = ()
    needed_by: tuple[Sha, ...] = ()
    conflicts: tuple[str, ...] = ()


class Advice(StrEnum):
    """Which set of prerequisites is the least work."""

    PREREQUISITES = "prerequisites"  # the proven set: each merges as it is
    BY_HAND = "by_hand"  # the one whose own conflicts a person would resolve: none merges, or only a far larger one
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Searched:
    """How the search for prerequisites ended: `why` says it for people, `tried` counts the sets that were tried.

    `status` is found, found-not-minimised, found-by-hand, none-found or out-of-time; `suspects` are the commits that
    the conflicts pointed to, the likeliest first; with those `by_hand` first, whose own conflicts a person would
    resolve, the pick is clean. `advised` tells which of the two sets is the least work.
    """

    status: str
    why: str
    tried: int
    suspects: tuple[Sha, ...]
    by_hand: tuple[Prerequisite, ...]
    advised: Advice = Advice.NONE


@dataclass(frozen=True, slots=True)
class Review:
    """Where a pick is under code review.

    `state` is "created", "updated" (a new patch set), "unchanged", "refused" (a person must look) or "failed" (no
    answer from the server); `why` tells more. `number` is 0 where there is no change.
    """

    state: str
    number: int = 0
    patch_set: int = 0
    url: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """One (upstream commit, branch) pair and what became of it.

    `tree` is the merged tree wherever the merge was clean, also where nothing was written. `commit` and `ref` are set
    when the pick stands in the repository. `prerequisites` make a conflict clean, or were brought before a pick, and
    `searched` tells how they were looked for. `rules` are those that resolved its conflicts, and `confidence` (0 to 1)
    how sure they are. `error` and `hint` belong to the outcome `error`; `notes` are remarks that a person should read.
    `review` is set where the pick was to go up for review.
    """

    upstream: Sha
    branch: str
    outcome: Outcome
    commit: Sha | None = None
    ref: str | None = None
    tree: Sha | None = None
    change_id: str | None = None
    source: Source | None = None
    fidelity: Fidelity | None = None
    evidence: tuple[Evidence, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    prerequisites: tuple[Prerequisite, ...] = ()
    searched: Searched | None = None
    followups: tuple[Followup, ...] = ()
    differences: tuple[Difference, ...] = ()
    rules: tuple[RuleUsed, ...] = ()
    confidence: float | None = None
    notes: tuple[str, ...] = field(default=())
    error: str = ""
    hint: str = ""
    review: Review | None = None
