"""One commit under judgement and all that checks ask about it, each thing worked out once and only when asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from cosport.compare.fidelity import fidelity
from cosport.compare.interdiff import differences
from cosport.git.diff import entries, patches
from cosport.history.applied import Applied, applied
from cosport.history.picks import origins, resolve
from cosport.message import charset
from cosport.message.lint import lint
from cosport.message.parse import Kind as TrailerKind
from cosport.message.parse import Message, Trailer, parse
from cosport.message.provenance import scan
from cosport.model.commit import is_full_sha
from cosport.model.provenance import Provenance
from cosport.model.result import Fidelity
from cosport.presubmit.kind import RETURNS, Classified, Kind, Signs, classify
from cosport.presubmit.paths import is_config, lts_version

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cosport.git.diff import Entry
    from cosport.message.finding import Finding as LintFinding
    from cosport.model.commit import Commit, Sha
    from cosport.presubmit.context import Context, Target

_EMPTY_TREE: Final = {
    "sha1": "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "sha256": "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}
"""The name of the tree without files, which git knows without having it."""


@dataclass(frozen=True, slots=True)
class Named:
    """A commit that a message names: the name as written, what it leads to (None: nothing here), if upstream has it."""

    text: str
    commit: Commit | None
    in_upstream: bool


class Change:
    """A commit for a branch. `head` is the last commit of the series that it is part of, itself where it is alone."""

    def __init__(self, context: Context, commit: Commit, target: Target, head: Sha | None = None) -> None:
        self.context = context
        self.commit = commit
        self.target = target
        self.head = head or commit.sha
        context.history.ensure((commit.sha, target.tip, self.head))

    # --- its message

    @cached_property
    def text(self) -> str:
        """Its message as text."""
        return charset.decode(self.commit.message, self.commit.encoding).text

    @cached_property
    def message(self) -> Message:
        """Its message, taken apart."""
        return parse(self.text)

    @cached_property
    def lint(self) -> tuple[LintFinding, ...]:
        """What the message linter finds in it, by the rules of the profile."""
        return lint(self.text, self.context.profile, self.context.required)

    def inherits(self, line: int) -> bool:
        """Whether a line of its message (from 1) stands just so in the message of the commit that it names."""
        return self.message.lines[line - 1] in self._their_lines

    @cached_property
    def their_text(self) -> str:
        """The message of the commit that it names last, "" where that is not here."""
        return text_of(self.source) if self.source is not None else ""

    @cached_property
    def _their_lines(self) -> frozenset[str]:
        return frozenset(self.their_text.split("\n")) if self.source is not None else frozenset()

    @cached_property
    def said(self) -> Provenance:
        """What its message says of other commits."""
        return scan(self.commit.message)

    @cached_property
    def own(self) -> tuple[Trailer, ...]:
        """The trailers that this commit adds to the message of the commit it names last."""
        if self.source is None:
            return self.message.trailers
        theirs = parse(text_of(self.source))
        held = [(trailer.kind, trailer.key, trailer.full) for trailer in theirs.trailers]
        added = []
        for trailer in self.message.trailers:
            sign = (trailer.kind, trailer.key, trailer.full)
            if sign in held:
                held.remove(sign)
            else:
                added.append(trailer)
        return tuple(added)

    @cached_property
    def explains(self) -> bool:
        """Whether it says itself what was changed to make it fit: a note that its source's message does not hold.

        Where the profile has no trailers for origins (linux-stable), people say it in sentences: any line counts that
        its source does not have, and that names no commit it comes from.
        """
        if any(trailer.kind is TrailerKind.NOTE for trailer in self.own):
            return True
        if self.context.profile.origin != "commit-upstream":
            return False
        origins = [each.text for each in self.named]
        return any(
            line.strip() and line not in self._their_lines and not any(text in line.lower() for text in origins)
            for line in self.message.body.split("\n")
        )

    # --- where it comes from

    @cached_property
    def named(self) -> tuple[Named, ...]:
        """The commits that it says it comes from, in the order of its lines."""
        return tuple(self._named(each.sha) for each in self.said.origins)

    def _named(self, text: str) -> Named:
        history = self.context.history
        rank = resolve(history, text, self.commit.subject)
        if rank is None and is_full_sha(text):
            held = self.context.reader.read(text)
            if held is not None and held[1] == "commit":  # one that no branch leads to: an open change
                rank = history.rank(held[0])
        if rank is None:
            return Named(text, None, in_upstream=False)
        found = history.entry(rank).sha
        return Named(text, self.context.reader.commit(found), self.in_upstream(found))

    def in_upstream(self, sha: Sha) -> bool:
        """Whether upstream's branch holds that very commit."""
        upstream = self.context.upstream
        return upstream is not None and self.context.history.contains(sha, upstream)

    @cached_property
    def source(self) -> Commit | None:
        """The commit that it was picked from: the one named last."""
        return self.named[-1].commit if self.named else None

    @cached_property
    def upstream(self) -> tuple[Commit, ...]:
        """The upstream commits whose patches it carries, by way of other picks or not; those that are here."""
        if self.kind is Kind.SQUASH:
            return tuple(each.commit for each in self.named if each.commit is not None)
        if self.kind not in (Kind.PICK, Kind.PICK_OF_PICK) or self.source is None:
            return ()
        if self.named[-1].in_upstream:
            return (self.source,)
        above = origins(self.context.history, self.source.sha)
        held = next((sha for sha in above if self.in_upstream(sha)), above[-1] if above else self.source.sha)
        return (self.context.reader.commit(held),)

    @cached_property
    def source_landed(self) -> bool:
        """Whether what it was picked from is on a branch that people pushed it to: upstream's, or a configured one."""
        source = self.source
        if source is None:
            return False
        tips = (self.context.tip(branch) for branch in self.context.config.branches)
        return self.in_upstream(source.sha) or any(
            tip is not None and self.context.history.contains(source.sha, tip) for tip in tips
        )

    @property
    def takes_back(self) -> bool:
        """Whether it undoes what it names: a revert, or the revert of a revert."""
        return self.kind is Kind.REVERT or (self.kind is Kind.REAPPLY and not self.said.reapplies)

    @cached_property
    def returned(self) -> tuple[Commit, ...]:
        """The commits that it takes back or brings back, as its message names them; those that are here."""
        names = self.said.reverts if self.takes_back else self.said.reapplies
        found = (self._named(name).commit for name in names)
        return tuple(commit for commit in found if commit is not None)

    @cached_property
    def theirs(self) -> Provenance:
        """What the message of its source says of other commits."""
        return scan(self.source.message) if self.source is not None else Provenance()

    @cached_property
    def chain(self) -> bool:
        """Whether the commit named last names all the others that it names: a pick of a pick, and no squash."""
        stated = {each.sha for each in self.theirs.origins}
        return self.source is not None and all(
            any(one.startswith(each.text) or each.text.startswith(one) for one in stated) for each in self.named[:-1]
        )

    # --- its kind

    @property
    def kind(self) -> Kind:
        """What kind of commit it is."""
        return self.classified.kind

    @cached_property
    def classified(self) -> Classified:
        """Its kind, and how that is known."""
        said = self.said
        last = self.source
        house = (*self.context.profile.labels.distribution, *self.context.config.presubmit.distribution)
        quoted = self.commit.subject.startswith("Reapply ") or said.reverted_subject.startswith('Revert "')
        return classify(
            Signs(
                merge=self.commit.is_merge,
                lts=lts_version(self.context, self.commit) if self.commit.is_merge else "",
                origins=len({each.text for each in self.named}),
                chain=self.chain,
                from_pick=bool(
                    last is not None and not self.named[-1].in_upstream and origins(self.context.history, last.sha)
                ),
                source_reverts=bool(self.theirs.reverts or self.theirs.reverted_subject),
                reverts=bool(said.reverts or said.reverted_subject),
                reapplies=bool(said.reapplies) or quoted,
                config_only=bool(self.entries) and all(is_config(self, entry.path) for entry in self.entries),
                distribution=self.commit.subject.startswith(house),
            )
        )

    # --- its patch

    @cached_property
    def parent(self) -> Commit | None:
        """What it stands on: its first parent, None for a root commit."""
        return self.context.reader.commit(self.commit.parents[0]) if self.commit.parents else None

    @cached_property
    def landed(self) -> bool:
        """Whether it is on its branch already: then it is judged as it was when it came there."""
        return self.context.history.contains(self.commit.sha, self.target.tip)

    @cached_property
    def on_landed(self) -> bool:
        """Whether what it stands on has landed on its branch: no open change, which anybody may have uploaded."""
        return self.parent is not None and self.context.history.contains(self.parent.sha, self.target.tip)

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """The paths that it changes against its first parent."""
        return entries(self.context.repository, *self.trees(self.commit))

    @cached_property
    def shown(self) -> frozenset[str]:
        """The changed paths that a review can point at: those with a name in UTF-8 that are there after the commit."""
        names = (entry.path for entry in self.entries if entry.new_mode != "000000")
        return frozenset(name.decode("utf-8") for name in names if _is_text(name))

    def trees(self, commit: Commit) -> tuple[Sha, Sha]:
        """The trees before and after a commit."""
        if not commit.parents:
            return type(commit.tree)(_EMPTY_TREE[self.context.repository.hash_name]), commit.tree
        return self.context.reader.commit(commit.parents[0]).tree, commit.tree

    @cached_property
    def patch(self) -> bytes:
        """Its patch, as git prints it."""
        return self._patches[-1]

    @cached_property
    def expected(self) -> bytes:
        """The patch that it should have: that of the commits it carries; of a revert, the other way round."""
        return b"".join(self._patches[:-1])

    @cached_property
    def _patches(self) -> list[bytes]:
        pairs = [self.trees(commit) for commit in (self.returned if self.kind in RETURNS else self.compared)]
        if self.takes_back:
            pairs = [(new, old) for old, new in pairs]
        return patches(self.context.repository, [*pairs, self.trees(self.commit)])

    @property
    def compared(self) -> tuple[Commit, ...]:
        """The commits whose patches it must make: what it names, of a chain the last one."""
        if self.kind is Kind.PICK_OF_PICK and self.source is not None:
            return (self.source,)
        return self.upstream

    @cached_property
    def fidelity(self) -> Fidelity | None:
        """How near its patch is to the one that it should have; None where there is none to compare with."""
        if not (self.returned if self.kind in RETURNS else self.compared):
            return None
        if self.kind is Kind.SQUASH:
            return Fidelity.ADAPTED if differences(self.expected, self.patch) else Fidelity.CONTEXT
        return fidelity(self.expected, self.patch)

    # --- what its branch holds

    def held(self, sha: Sha, *, patches: bool = True) -> Applied:
        """Whether its branch holds the change of an upstream commit, by what is before this commit.

        Its branch may have moved on since it was made: what is at the tip counts too, where it has not landed.
        """
        answer = Applied(False)
        for tip in self.before:
            answer = applied(self.context.history, sha, tip, patches=patches)
            if answer.applied:
                break
        return answer

    @cached_property
    def before(self) -> tuple[Sha, ...]:
        """What its branch held before it: its parent, and the tip where that has moved on and it has not landed."""
        tips = (self.parent.sha,) if self.parent is not None else ()
        return tips if self.landed else tuple(dict.fromkeys((*tips, self.target.tip)))

    def has(self, sha: Sha) -> bool:
        """Whether its branch will hold the change of an upstream commit: before it, or by its series."""
        return self.held(sha).applied or applied(self.context.history, sha, self.head).applied

    def origins_of(self, commit: Commit) -> tuple[Sha, ...]:
        """The upstream commits that another commit says it carries."""
        return tuple(sha for sha in origins(self.context.history, commit.sha) if self.in_upstream(sha))


def _is_text(name: bytes) -> bool:
    try:
        name.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def signers(trailers: Iterable[Trailer]) -> frozenset[str]:
    """The people of `Signed-off-by:` lines, as written."""
    return frozenset(each.full for each in trailers if each.has_key("Signed-off-by"))


def text_of(commit: Commit) -> str:
    """A commit's message as text."""
    return charset.decode(commit.message, commit.encoding).text
