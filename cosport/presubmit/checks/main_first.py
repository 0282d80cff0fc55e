"""Main first: a release branch takes what has landed in its main branch and stands there, as it landed there.

Otherwise a fix that was only on the release is lost with the next one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cosport.compare.fidelity import fidelity
from cosport.git.diff import patches
from cosport.history.applied import applied
from cosport.message.finding import Severity
from cosport.message.provenance import scan
from cosport.model.evidence import EvidenceKind
from cosport.model.result import Fidelity
from cosport.presubmit.check import Answer, Check, CouldNotRun, NotApplicable, Reads
from cosport.presubmit.checks.origin import line_of
from cosport.presubmit.finding import COMMIT, Rule
from cosport.presubmit.kind import PLAIN, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cosport.model.commit import Commit, Sha
    from cosport.presubmit.change import Change
    from cosport.presubmit.finding import Finding

LABEL: Final = "Main-Branch-Verified"

UNNAMED: Final = Rule(
    "main-unnamed", Severity.BLOCK,
    "A release branch takes main's landed commit: pick that one (cosport backport), so that its own line `(cherry "
    "picked from commit X)` names main's commit. What truly belongs to the release alone needs a waiver.",
)  # fmt: skip
WAITS: Final = Rule(
    "main-not-landed", Severity.BLOCK, "Wait until the commit has landed in main: it is judged again by itself then."
)
REVERTED: Final = Rule(
    "main-reverted", Severity.BLOCK, "Main took the commit back: the release must not get what main no longer has."
)
CHANGE_ID: Final = Rule(
    "main-change-id", Severity.BLOCK, "One fix has one Change-Id on all branches: take over main's."
)
PATCH: Final = Rule(
    "main-patch", Severity.BLOCK,
    "What was tested on main is another patch. Say above the last origin line what the release needed otherwise: "
    "`[name: what and why]`.",
)  # fmt: skip


def judge(change: Change) -> Answer:
    """Compare with the commit of main that is named last."""
    if not change.target.is_release:
        return NotApplicable(f"{change.target.name} is no release branch")
    assert change.target.branch is not None
    main = change.context.config.branch(change.target.branch.main)
    tip = change.context.tip(main)
    if tip is None:
        return CouldNotRun(f"the main branch {main.name} ({main.ref}) is not here")
    source = change.source
    if source is not None and change.context.history.contains(source.sha, tip):
        return tuple(_landed(change, source, tip, main.name))
    return tuple(_not_landed(change, tip, main.name))


def _landed(change: Change, source: Commit, tip: Sha, main: str) -> Iterator[Finding]:
    """It names a commit of main: it stands there still, and is the same change."""
    place = line_of(change, change.named[-1])
    held = applied(change.context.history, source.sha, tip, patches=False)
    if not held.applied:
        why = next((each.detail for each in held.evidence if each.kind is EvidenceKind.REVERTED), "")
        yield REVERTED.finding(f"{main} no longer holds {source.sha[:12]}: {why}", place)
    if not change.named[-1].in_upstream:
        theirs, ours = scan(source.message).change_id, change.said.change_id
        if theirs and theirs != ours:
            yield CHANGE_ID.finding(
                f"the Change-Id is {ours or 'missing'}; that of {source.sha[:12]} is {theirs}", place
            )
    upstream, mine = patches(change.context.repository, [change.trees(source), change.trees(change.commit)])
    if fidelity(upstream, mine) is Fidelity.ADAPTED and not change.explains:
        yield PATCH.finding(f"changed lines differ from {source.sha[:12]}, which landed in {main}", place)


def _not_landed(change: Change, tip: Sha, main: str) -> Iterator[Finding]:
    """It names no commit of main: that one is to come, or main holds the fix another way, or not at all."""
    if change.kind is Kind.PICK_OF_PICK or (change.named and change.named[-1].commit is None):
        named = change.named[-1]
        yield WAITS.finding(f"{named.text[:12]} has not landed in {main}", line_of(change, named))
        return
    for commit in change.upstream:
        held = applied(change.context.history, commit.sha, tip)
        if held.applied and held.carrier is not None:
            text = f"it names {commit.sha[:12]}; {main} landed that as {held.carrier[:12]}, which is to be picked"
        else:
            text = f"{commit.sha[:12]} has not landed in {main}"
        yield (UNNAMED if held.applied else WAITS).finding(text, line_of(change, change.named[-1]))
    if not change.upstream:
        yield UNNAMED.finding(f"it names no commit that landed in {main}", COMMIT)


CHECK: Final = Check(
    "main-branch-verified", "For a release branch: the named commit landed in main, and is the same change.", PLAIN,
    (UNNAMED, WAITS, REVERTED, CHANGE_ID, PATCH), judge, reads=frozenset({Reads.MAIN, Reads.UPSTREAM}), label=LABEL,
)  # fmt: skip
