"""The kernel's checkpatch, as its branch has it: only what is new against upstream's own commit.

A backport inherits upstream's style, so style never blocks: where one project let it, a thousand findings were false.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from cosport.message.finding import Severity
from cosport.model.result import Fidelity
from cosport.presubmit import style
from cosport.presubmit.check import Answer, Check, CouldNotRun, NotApplicable, Reads
from cosport.presubmit.finding import COMMIT, Place, Rule
from cosport.presubmit.kind import PLAIN, Kind
from cosport.presubmit.lines import added

if TYPE_CHECKING:
    from cosport.presubmit.change import Change
    from cosport.presubmit.style import Remark

ERROR: Final = Rule(
    "checkpatch-error", Severity.WARN,
    "The branch's own scripts/checkpatch.pl calls this an error, and upstream's commit does not have it.",
)  # fmt: skip
REMARK: Final = Rule(
    "checkpatch-remark", Severity.INFO,
    "The branch's own scripts/checkpatch.pl remarks this, and upstream's commit does not have it.",
)  # fmt: skip

_LARGEST: Final = 2_000_000
"""Bytes of a patch that checkpatch is asked about: it takes a second for some ten thousand lines."""


def judge(change: Change) -> Answer:
    """Ask about both patches, and tell the difference."""
    if len(change.patch) > _LARGEST:
        return CouldNotRun(f"the patch has {len(change.patch)} bytes; {_LARGEST} are the most that checkpatch is given")
    made = style.tool(change.context.reader, change.target.tip)
    if made is None:
        return NotApplicable(f"{change.target.name} has no {style.SCRIPT}")
    if not change.patch or change.fidelity in (Fidelity.IDENTICAL, Fidelity.CONTEXT):
        return ()  # upstream's very lines: nothing in them is new
    try:
        ours = _keyed(style.remarks(made, change.patch), change.patch)
        theirs = _keyed(style.remarks(made, change.expected), change.expected) if ours and change.expected else []
    except style.ToolFailedError as exc:
        return CouldNotRun(str(exc))
    held = Counter(key for key, _ in theirs)
    found = []
    for key, remark in ours:
        if held[key]:
            held[key] -= 1
            continue
        rule = ERROR if remark.level == "ERROR" else REMARK
        place = Place.file(remark.path, remark.line) if remark.path else COMMIT
        what = f"{remark.type}: " if remark.type else ""
        found.append(rule.finding(f"{what}{remark.text}", place))
    return tuple(found)


def _keyed(remarks: tuple[Remark, ...], patch: bytes) -> list[tuple[tuple[str, str, bytes], Remark]]:
    """Each remark with what tells it again in another place: its type and text, and the line that it is about."""
    texts = {(line.path, line.number): line.text.strip() for line in added(patch)}
    places = ((each.path.encode("utf-8", "surrogateescape"), each.line) for each in remarks)
    about = (texts.get(place, b"") for place in places)
    return [((each.type, each.text, text), each) for each, text in zip(remarks, about, strict=True)]


CHECK: Final = Check(
    "checkpatch", "The branch's own checkpatch finds nothing that upstream's commit does not have.",
    PLAIN - {Kind.CONFIG}, (ERROR, REMARK), judge, reads=frozenset({Reads.TARGET}),
)  # fmt: skip
