"""What a push brings to which branch: the commits that the pre-push and update hooks judge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cosport.errors import UsageError
from cosport.model.commit import Sha, is_full_sha
from cosport.presubmit.context import Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cosport.config import Branch
    from cosport.presubmit.context import Context

REVIEW: Final = "refs/for/"
"""Where Gerrit takes uploads for review: the branch comes next, options after a `%`."""


@dataclass(frozen=True, slots=True)
class Update:
    """One ref that a push moves from `old` to `new`; None where it does not exist before or after."""

    ref: str
    old: Sha | None
    new: Sha | None

    @property
    def for_review(self) -> bool:
        """Whether it goes to review, and not to the branch itself."""
        return self.ref.startswith(REVIEW)

    def branch(self, branches: Iterable[Branch]) -> Branch | None:
        """The configured branch that it is for, None for any other ref."""
        name = self.ref.removeprefix(REVIEW).partition("%")[0].removeprefix("refs/heads/")
        for each in branches:
            # A clone follows a server's branch under a name of its own (refs/remotes/origin/cos-6.1).
            if self.ref == each.ref or name == each.name or each.ref.removeprefix("refs/heads/") == name:
                return each
        return None


def read_pre_push(text: str) -> tuple[Update, ...]:
    """The updates that git tells a pre-push hook, a line each: local ref, its commit, remote ref, its commit.

    Raises UsageError for a line that is none (githooks(5)).
    """
    found = []
    for line in filter(None, text.split("\n")):
        words = line.rsplit(" ", 2)
        first = words[0].rsplit(" ", 1) if len(words) == 3 else []
        if len(first) != 2 or not all(map(is_full_sha, (first[1], words[2]))):
            raise UsageError(f"not a line that git gives a pre-push hook: {line[:100]!r}", hint="see: git help hooks")
        found.append(update(words[1], words[2], first[1]))
    return tuple(found)


def update(ref: str, old: str, new: str) -> Update:
    """The update that git tells a hook: a name of zeros is no commit. Raises UsageError for what is no object name."""
    for name in (old, new):
        if not is_full_sha(name):
            raise UsageError(f"{name[:100]!r} is no object name", hint="git gives the update hook: REF OLD NEW")
    return Update(ref, _some(old), _some(new))


def commits(context: Context, pushed: Update, branch: Branch, known: Iterable[str]) -> tuple[Sha, ...]:
    """The commits that a push brings, along first parents, oldest first.

    Left out is what the other side has: the ref as it is, what the refs matching the patterns `known` lead to, and the
    branch's tip where that is the other side's, or nothing else is known.
    """
    assert pushed.new is not None
    listed = context.repository.text("for-each-ref", "--format=%(objectname)", "--", *known).split() if known else []
    without = {*listed, *(sha for sha in (_here(context, pushed.old),) if sha is not None)}
    tip = context.tip(branch)
    if tip is not None and (branch.ref.startswith("refs/remotes/") or not without):
        without.add(tip)
    asked = "\n".join((pushed.new, *(f"^{sha}" for sha in without))).encode("ascii")
    out = context.repository.text("rev-list", "--reverse", "--first-parent", "--stdin", stdin=asked)
    return tuple(Sha(name) for name in out.split())


def target(context: Context, pushed: Update, branch: Branch, brought: Sequence[Sha]) -> Target:
    """The branch as it is before the push of the commits `brought`; a local branch may hold them already."""
    context.history.ensure(brought)
    tip = context.tip(branch)
    if tip is None or context.history.contains(brought[-1], tip):
        first = context.reader.commit(brought[0])
        tip = _here(context, pushed.old) or (first.parents[0] if first.parents else first.sha)
    return Target(branch.name, branch.ref, tip, branch)


def _here(context: Context, sha: Sha | None) -> Sha | None:
    """The commit, where it is in this repository."""
    return sha if sha is not None and context.reader.read(sha) is not None else None


def _some(name: str) -> Sha | None:
    return Sha(name) if name.strip("0") else None
