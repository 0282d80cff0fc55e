"""Applies the fixes that checks offer: a new commit with a repaired message, everything else as it was.

Only messages are repaired, so the tree stays the same, and the user's files and index stay right whichever commit the
branch is on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cosport.message import charset
from cosport.model.commit import Sha, parse_commit
from cosport.presubmit import registry
from cosport.presubmit.change import Change
from cosport.presubmit.runner import judge

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from cosport.model.commit import Commit
    from cosport.presubmit.context import Context, Target
    from cosport.presubmit.report import Report

_ROUNDS: Final = 4
"""A repair may uncover the next finding (a field that was misspelled and misplaced); more than this is a quarrel."""

_DROPPED: Final = (b"gpgsig", b"gpgsig-sha256")
"""Headers that sign the message as it was."""


def repaired(change: Change, report: Report) -> str:
    """The message with the fixes that the findings of a report offer."""
    fixable = {finding.check for finding in report.findings if finding.fix}
    text = change.text
    for check in registry.checks():
        if check.id in fixable and check.repair is not None:
            text = check.repair(change, text)
    return text


def repair(
    context: Context,
    commits: Sequence[Commit],
    target: Target,
    *,
    only: Collection[str] = (),
    skip: Mapping[str, str],
) -> tuple[Commit, ...]:
    """The commits of a series, oldest first, with repaired messages; those before the first repair as they are."""
    done: list[Commit] = []
    renamed: dict[Sha, Sha] = {}
    for commit in commits:
        now = _rewritten(context, commit, None, renamed)
        for _ in range(_ROUNDS):
            change = Change(context, now, target)
            text = repaired(change, judge(change, only=only, skip=skip))
            if text == change.text:
                break
            now = _rewritten(context, now, text, {})
        if now.sha != commit.sha:
            renamed[commit.sha] = now.sha
        done.append(now)
    return tuple(done)


def _rewritten(context: Context, commit: Commit, text: str | None, renamed: Mapping[Sha, Sha]) -> Commit:
    """The same commit with another message, and parents that were rewritten; itself where neither is so."""
    if text is None and not any(parent in renamed for parent in commit.parents):
        return commit
    found = context.reader.read(commit.sha)
    assert found is not None
    head, _, message = found[2].partition(b"\n\n")
    if text is not None:
        message, _ = charset.encode(text, charset.decode(commit.message, commit.encoding).codec)
    lines: list[bytes] = []
    dropping = False
    for line in head.split(b"\n"):
        key, _, value = line.partition(b" ")
        dropping = key in _DROPPED or (dropping and not key)  # a continuation line begins with a space
        if key == b"parent":
            name = Sha(value.decode("ascii"))
            lines.append(b"parent " + renamed.get(name, name).encode("ascii"))
        elif not dropping:
            lines.append(line)
    raw = b"\n".join(lines) + b"\n\n" + message
    written = context.repository.text("hash-object", "-w", "-t", "commit", "--stdin", stdin=raw)
    return parse_commit(Sha(written), raw)
