"""What hides in files: conflict markers, NUL bytes, characters that deceive, mode bits, links, submodules.

Only what upstream's own commit does not bring: a test file full of conflict markers may be just what was picked.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from cosport.git.diff import entries
from cosport.message.finding import Severity
from cosport.presubmit.check import Answer, Check
from cosport.presubmit.finding import Place, Rule
from cosport.presubmit.kind import PLAIN
from cosport.presubmit.lines import added

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cosport.git.diff import Entry
    from cosport.presubmit.change import Change
    from cosport.presubmit.finding import Finding

MARKER: Final = Rule(
    "conflict-marker", Severity.BLOCK, "A conflict was left as git wrote it. Resolve it: one side, the other, or both."
)
NUL: Final = Rule(
    "nul-byte", Severity.BLOCK, "A file with a NUL byte is binary to git: its changes are not shown, and not reviewed."
)
BIDI: Final = Rule(
    "deceiving-text", Severity.BLOCK,
    "Characters that hide or reorder text make a reviewer read another program than the compiler does "
    "(CVE-2021-42574).",
)  # fmt: skip
MODE: Final = Rule(
    "mode-changed", Severity.BLOCK, "Upstream's commit does not change this file's mode: git update-index --chmod=-x."
)
LINK: Final = Rule("symlink", Severity.BLOCK, "Upstream's commit brings no such link; one may lead out of the tree.")
SUBMODULE: Final = Rule(
    "submodule", Severity.BLOCK, "A submodule is another repository's content, which no review here has seen."
)

_MARKER: Final = re.compile(rb"(?:<{7} |>{7} |\|{7} )|={7}\r?\Z")
_BIDI: Final = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069]")
_WORTH: Final = re.compile(rb"\xe2\x80|\xe2\x81")
"""What all of these begin with in UTF-8: few lines do."""

_MOST: Final = 50


def judge(change: Change) -> Answer:
    """Look at the added lines, the modes and the binary files."""
    return (*tuple(_lines(change))[:_MOST], *_modes(change))


def _lines(change: Change) -> Iterator[Finding]:
    theirs: frozenset[bytes] | None = None
    for line in added(change.patch):
        rule, what = MARKER, "a conflict marker"
        if not _MARKER.match(line.text):
            if not _WORTH.search(line.text):
                continue
            match = _BIDI.search(line.text.decode("utf-8", "replace"))
            if match is None:
                continue
            rule, what = BIDI, f"the character U+{ord(match[0]):04X}"
        if theirs is None:
            theirs = frozenset(each.text for each in added(change.expected))
        if line.text not in theirs:
            yield rule.finding(what, Place.file(line.path, line.number))


def _modes(change: Change) -> Iterator[Finding]:
    odd = [entry for entry in change.entries if _is_odd(entry) or _may_be_binary(change, entry)]
    if not odd:
        return
    repository = change.context.repository
    theirs = [
        each for commit in (*change.compared, *change.returned) for each in entries(repository, *change.trees(commit))
    ]
    modes = {(each.path, each.new_mode) for each in theirs} | {(each.path, each.old_mode) for each in theirs}
    blobs = {each.new for each in theirs} | {each.old for each in theirs}
    for entry in odd:
        place = Place.file(entry.path)
        if _is_odd(entry) and (entry.path, entry.new_mode) not in modes:
            rule = {"160000": SUBMODULE, "120000": LINK}.get(entry.new_mode, MODE)
            yield rule.finding(f"mode {entry.new_mode} where {_was(entry)}", place)
        elif _may_be_binary(change, entry) and entry.new not in blobs:
            data = change.context.reader.blob(entry.new)
            at = data.find(b"\0")
            if at >= 0:
                number = data.count(b"\n", 0, at) + 1
                yield NUL.finding("a NUL byte", Place.file(entry.path, number))


def _is_odd(entry: Entry) -> bool:
    return entry.new_mode not in ("000000", "100644", entry.old_mode) or entry.new_mode == "160000"


def _was(entry: Entry) -> str:
    return "there was nothing" if entry.old_mode == "000000" else f"it was {entry.old_mode}"


def _may_be_binary(change: Change, entry: Entry) -> bool:
    return entry.new_mode in ("100644", "100755") and b"\nBinary files " in change.patch


CHECK: Final = Check(
    "contents", "No conflict markers, NUL bytes, deceiving characters, odd modes, links or submodules.", PLAIN,
    (MARKER, NUL, BIDI, MODE, LINK, SUBMODULE), judge,
)  # fmt: skip
