"""The patch is upstream's, or a note says what was changed and why; the label in the subject tells the truth."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from cosport.compare.fidelity import changes
from cosport.compare.interdiff import differences
from cosport.message.finding import Severity
from cosport.model.result import Fidelity
from cosport.presubmit.check import Answer, Check, CouldNotRun, NotApplicable
from cosport.presubmit.finding import Place, Rule
from cosport.presubmit.kind import CARRIERS, RETURNS
from cosport.presubmit.lines import added, first_line
from cosport.presubmit.linted import linted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cosport.model.result import Difference
    from cosport.presubmit.change import Change
    from cosport.presubmit.finding import Finding

DIFFERS: Final = Rule(
    "patch-differs", Severity.BLOCK,
    "Changed lines differ from those of the commit that it names, and nothing says why. Say in the message what was "
    "changed to make it fit, above the origin line: `[name: what and why]`. Or pick it again: cosport backport.",
)  # fmt: skip
ADAPTED: Final = Rule(
    "patch-adapted", Severity.INFO, "Changed lines differ, and a note says why: reviewers look at these lines first."
)
ALIKE: Final = Rule(
    "patch-alike", Severity.WARN,
    "The same lines change, but for white space or their order. Mostly it was made so to fit; a note would say so.",
)  # fmt: skip
UNEXPLAINED: Final = Rule(
    "conflicts-without-note", Severity.BLOCK, "A list of conflicts tells where, not how. Add `[name: what and why]`."
)
FALSE: Final = Rule(
    "label-false", Severity.BLOCK,
    "The label in the subject promises upstream's patch as it is, or one that was adapted; people review by it.",
)  # fmt: skip
NEEDLESS: Final = Rule(
    "label-needless", Severity.WARN, "The label says that it was adapted, and it is upstream's patch."
)

_SENSITIVE: Final = re.compile(r"(?:\A|/)(?:Makefile|Kbuild)[^/]*\Z|\.(?:py|ya?ml|mk)\Z")
"""Files whose language gives white space a meaning."""

_SHOWN: Final = 3
"""Differing lines of a file that a finding quotes."""
_FILES: Final = 20
"""Files with a finding of their own; one more finding tells of the rest."""


def judge(change: Change) -> Answer:
    """Compare the patch with the one that it should have."""
    near = change.fidelity
    if near is None:
        if change.kind in RETURNS and not (change.said.reverts or change.said.reapplies):
            return NotApplicable("it does not say which commit")
        return CouldNotRun("nothing that it names is here to compare it with")
    found = [] if near is Fidelity.ADAPTED else list(_needless(change, near))
    if near is Fidelity.ADAPTED:
        found += _adapted(change)
        found += _false(change)
    return (*found, *linted(change, (UNEXPLAINED,)))


def _adapted(change: Change) -> Iterator[Finding]:
    rule, how = (ADAPTED, "as noted") if change.explains else (DIFFERS, "and no note says why")
    lines = added(change.patch)
    differing = differences(change.expected, change.patch)
    if not change.explains and _same_but_for_lines(change) and all(map(_is_spacing, differing)):
        rule, how = ALIKE, "in white space or the order of lines"
    if not differing:  # a mode, a name, a binary file; or the same lines in another order
        yield rule.finding(f"the patch is not that of {_names(change)}, {how}")
    for each in differing[:_FILES]:
        mine = first_line(lines, each.path, each.adds)
        yield rule.finding(f"differs from {_names(change)}, {how}: {_quoted(each)}", Place.file(each.path, mine))
    if len(differing) > _FILES:
        yield rule.finding(f"{len(differing) - _FILES} files more differ from {_names(change)}, {how}")


def _same_but_for_lines(change: Change) -> bool:
    """Whether modes, names and binary files are as they should be: only lines can differ."""
    theirs, ours = (
        Counter((each.path, each.header, each.blobs) for each in changes(patch))
        for patch in (change.expected, change.patch)
    )
    return theirs == ours


def _is_spacing(difference: Difference) -> bool:
    """Whether two versions of a file's change differ in white space alone, where that means nothing to its language."""
    if _SENSITIVE.search(difference.path):
        return False
    lacks, adds = (
        Counter(line[0] + text for line in lines if (text := " ".join(line[1:].split())))
        for lines in (difference.lacks, difference.adds)
    )
    return lacks == adds


def _names(change: Change) -> str:
    what = "the revert of " if change.kind in RETURNS and change.takes_back else ""
    commits = change.returned if change.kind in RETURNS else change.compared
    return what + " and ".join(commit.sha[:12] for commit in commits[:3])


def _quoted(difference: Difference) -> str:
    said = []
    for word, lines in (("lacks", difference.lacks), ("adds", difference.adds)):
        if lines:
            more = f" and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
            said.append(f"{word} {', '.join(f'`{line.strip()[:120]}`' for line in lines[:_SHOWN])}{more}")
    return "; ".join(said)


def _false(change: Change) -> Iterator[Finding]:
    labels = change.context.profile.labels
    if labels.picked and labels.adapted and change.commit.subject.startswith(labels.picked):
        text = f"labelled {labels.picked.strip()} though changed lines differ; {labels.adapted.strip()} is right"
        yield FALSE.finding(text, Place.message(1))


def _needless(change: Change, near: Fidelity) -> Iterator[Finding]:
    adapted = change.context.profile.labels.adapted
    if adapted and change.commit.subject.startswith(adapted) and near is Fidelity.IDENTICAL:
        text = f"labelled {adapted.strip()}, and the patch is that of {_names(change)} line by line"
        yield NEEDLESS.finding(text, Place.message(1))


CHECK: Final = Check(
    "upstream-patch", "The patch equals that of the commit it names, or a note says what was changed.",
    CARRIERS | RETURNS, (DIFFERS, UNEXPLAINED, FALSE, ALIKE, NEEDLESS, ADAPTED), judge,
)  # fmt: skip
