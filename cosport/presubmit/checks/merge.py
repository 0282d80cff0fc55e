"""A merge of a stable release is what git would make of it, and each conflict's resolution is told.

Judged against the first parent, the house's own line: the merge is done again in memory, and what the commit has
otherwise is either the resolution of a conflict or a change that hides in a merge.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from cosport.git.diff import entries
from cosport.git.quarantine import quarantine
from cosport.message.finding import Severity
from cosport.presubmit.check import Answer, Check, CouldNotRun
from cosport.presubmit.finding import Place, Rule, clean
from cosport.presubmit.kind import Kind
from cosport.presubmit.paths import lts_version, tagged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cosport.git.diff import Entry
    from cosport.presubmit.change import Change
    from cosport.presubmit.finding import Finding

UNTOLD: Final = Rule(
    "merge-unexplained", Severity.BLOCK,
    "A conflict was resolved here, and the message does not say how. Name the file and what was done, as `[name: what "
    "and why]` or in a sentence: the next merge meets the same conflict.",
)  # fmt: skip
HIDDEN: Final = Rule(
    "merge-hidden-change", Severity.BLOCK,
    "git merges this file without a conflict, and the commit has something else: a change that nobody sees in a review "
    "of the merge. Put it into a commit of its own, or name the file in the message and say why.",
)  # fmt: skip
MARKER: Final = Rule(
    "merge-conflict-marker",
    Severity.BLOCK,
    "A conflict was left as git wrote it. Resolve it: one side, the other, or both.",
)
UNTAGGED: Final = Rule(
    "merge-untagged", Severity.WARN,
    "Only the subject of the merged commit says that it is a stable release, and anybody can write that. Fetch the "
    "stable tree's tags: then it is known.",
)  # fmt: skip

_MARKER: Final = re.compile(rb"^(?:<{7}|>{7}) ", re.MULTILINE)
_SHOWN: Final = 50


def judge(change: Change) -> Answer:
    """Merge again, and compare."""
    if len(change.commit.parents) > 2:
        return CouldNotRun(f"it merges {len(change.commit.parents) - 1} branches at once, which is not done again here")
    with quarantine(change.context.repository, kept=False) as place:
        args = ("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", *change.commit.parents)
        done = place.repository.attempt(*args)
        if done.status not in (0, 1):
            raise place.repository.failed(done, args)
        tree, *conflicts = done.stdout.split(b"\0")[:-1]
        other = entries(place.repository, type(change.commit.tree)(tree.decode("ascii")), change.commit.tree)
    found = [finding for entry in other[:_SHOWN] for finding in _told(change, entry, frozenset(conflicts))]
    tag = lts_version(change.context, change.commit)
    if tagged(change.context, tag) is None:
        found.append(UNTAGGED.finding(f"there is no tag {tag} here"))
    return tuple(found)


def _told(change: Change, entry: Entry, conflicts: frozenset[bytes]) -> Iterator[Finding]:
    path = clean(entry.path)
    place = Place.file(path)
    named = change.explains or path in change.text
    if entry.path not in conflicts:
        if not named:
            yield HIDDEN.finding("it is not what git's merge makes of it", place)
        return
    if not named:
        yield UNTOLD.finding("a conflict was resolved, and the message does not name the file", place)
    if entry.new_mode in ("100644", "100755"):
        data = change.context.reader.blob(entry.new)
        if (match := _MARKER.search(data)) is not None:
            line = data.count(b"\n", 0, match.start()) + 1
            yield MARKER.finding("a conflict marker", Place.file(path, line))


CHECK: Final = Check(
    "merge", "A merge is what git makes of it; how conflicts were resolved is told.", frozenset({Kind.LTS_MERGE}),
    (UNTOLD, HIDDEN, MARKER, UNTAGGED), judge,
)  # fmt: skip
