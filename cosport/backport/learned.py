"""Rung 5: names that upstream changed since the branch left, learned from the commits that did it, and mapped back.

A commit tells a renaming by its own diff: lines taken away are those added but for one name, wherever it has that name,
and one of them declares it. So a call that became another function's is none. Asked only where no rule found a place.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from cosport import process
from cosport.backport.prereq_suspects import commits, path_of
from cosport.backport.resolvers.ground import Rule
from cosport.backport.resolvers.ladder import climb
from cosport.backport.resolvers.names import code, names, renamed_in_code, words
from cosport.errors import ProcessTimeout

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cosport.backport.resolvers.ground import File
    from cosport.backport.resolvers.ladder import Climbed, Step
    from cosport.backport.trial import Attempt
    from cosport.git.quarantine import Quarantine
    from cosport.model.commit import Sha

LEARNED: Final = Rule(
    "learned", 5, 0.6, "upstream renamed something since the branch left, one for one", lambda *_: None
)
"""Not tried by itself, as `renamed`, whose trust it has: it lends the branch's names to what the ladder then places."""

_COMMITS: Final = 100
"""Upstream's commits to the file that are looked into, the newest."""

_PATIENCE: Final = 0.5
"""Seconds that git may take for them: beyond, a conflict is explained sooner than resolved."""

_LINES: Final = 2
"""Lines of a commit that must show a renaming, where they are not all that it changes in one place."""

_LARGEST: Final = 1 << 20
"""Bytes of a commit's patch: what sweeps through a whole tree takes too long to read."""

_LONGEST: Final = 400
"""Characters of a line: a longer one is no line that people wrote."""

_NEAR: Final = 3
"""Lines above and below a change that tie it to its place."""

_LOG: Final = (
    "--literal-pathspecs", "log", "--topo-order", f"--max-count={_COMMITS}", "--no-merges", "--full-diff", "-p", "-U0",
    "--no-follow", "--no-renames", "--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/",
    "--format=%x00%H %P",
)  # fmt: skip

_WORD: Final = re.compile(rb"\w+|[^\w\s]")
_NAME: Final = re.compile(rb"[A-Za-z_]\w*\Z")
_DECLARED: Final = re.compile(
    rb"^\s*#\s*define\s+(\w+)"
    rb"|(?<![.>\w])(?!(?:return|goto|else|case|sizeof|do|in|and|or|not|yield|await|throw|new|delete)\b)"
    rb"[A-Za-z_]\w*(?:\s+|\s*\*+|\s+\*+)(\w+)\s*[][(),;:={]"
)
"""A name behind a type, or behind #define. What stands behind `return` and its like is used there, not declared."""

Pair = tuple[bytes, bytes]
"""A name before a commit and after it."""


@dataclass(frozen=True, slots=True)
class Renaming:
    """One for one: upstream called it `old`, and `new` since `commits`, the newest first (more than one in a chain)."""

    new: bytes
    old: bytes
    commits: tuple[Sha, ...]

    @property
    def says(self) -> str:
        """For people: the two names, and the evidence."""
        by = ", ".join(name[:12] for name in self.commits)
        return f"{self.new.decode('ascii')} is {self.old.decode('ascii')} there, upstream renamed it in {by}"


def learned(place: Quarantine, attempt: Attempt, stuck: Climbed, max_rung: int) -> Climbed | None:
    """The file in conflict with upstream's new names mapped back, where the ladder then finds all places.

    None too where one of them would be left in it, in what upstream prints: whether that changes is for a person.
    """
    file = stuck.ground.file
    if max_rung < LEARNED.rung or not _strange(stuck):
        return None
    wanted = (names(file.original) & names(file.upstream)) - words(file.branch)
    gone = words(file.branch) - words(file.original) - words(file.upstream)
    found = _one_for_one(list(_told(place, attempt, file.path)), wanted, gone)
    if not found:
        return None
    climbed = climb(_mapped(file, {each.new: each.old for each in found}), max_rung)
    if climbed.stuck or not climbed.steps or words(climbed.lines) & {each.new for each in found}:
        return None
    return replace(climbed, steps=_marked(climbed, found))


def _strange(stuck: Climbed) -> bool:
    """Whether the places in conflict speak of what upstream had before its change, and the branch's file has not."""
    ground = stuck.ground
    known, theirs = words(ground.file.branch), names(ground.file.original)
    for each in ground.changes:
        around = ground.around(each)
        lines = (*ground.file.base[max(0, around.start - _NEAR) : around.stop + _NEAR], *ground.changed(around))
        if (names(lines) & theirs) - known:
            return True
    return False


def _told(place: Quarantine, attempt: Attempt, path: str) -> Iterator[tuple[Sha, set[Pair]]]:
    """The renamings by each of upstream's commits to the file since the branch left, the newest first.

    None where git cannot tell, or not at once: the conflict is left as the other rules left it.
    """
    home = place.home
    if attempt.parent is None or attempt.onto is None or home.is_partial:  # it would fetch blob by blob
        return
    args = (*_LOG, attempt.parent, f"^{attempt.onto}", "--", path)
    try:
        done = process.run(home.argv(*args), env=home.env, cwd=home.git_dir, timeout=_PATIENCE)
    except ProcessTimeout:
        return
    for found, patch in commits(done.stdout) if not done.status else ():
        yield found[0], renamings(patch, path.encode("utf-8", "surrogateescape"))


def renamings(patch: bytes, path: bytes) -> set[Pair]:
    """The names that a commit changes one for one, wherever it speaks of them, this file among the places."""
    here = {pair for place in _places(patch, path) for each in place.changed for pair in each}
    if not here or len(patch) > _LARGEST:
        return set()
    counts: Counter[Pair] = Counter()
    declared: set[Pair] = set()
    before: set[bytes] = set()
    after: set[bytes] = set()
    for place in _places(patch):
        before |= names(place.removed)
        after |= names(place.added)
        weight = _LINES if place.changed and all(place.changed) else 1
        for each, old, new in zip(place.changed, place.removed, place.added, strict=False):
            counts.update(dict.fromkeys(each, weight))
            if len(each) == 1:  # a declaration that changes its type as well is another thing
                declared |= {pair for pair in each if pair[0] in _declares(old) and pair[1] in _declares(new)}
    return {
        (old, new)
        for old, new in declared & here
        if counts[old, new] >= _LINES and old not in after and new not in before
    }


@dataclass(frozen=True, slots=True)
class _Place:
    """A place in a patch: lines taken away and added; where they are as many, the names in which each pair differs."""

    removed: list[bytes]
    added: list[bytes]
    changed: list[set[Pair]]


def _places(patch: bytes, path: bytes | None = None) -> Iterator[_Place]:
    """The places in a patch without context, all of them or those in one file."""
    for part in (b"\n" + patch).split(b"\ndiff --")[1:]:
        head, *places = part.split(b"\n@@")
        if path is not None and path_of(head.split(b"\n")) != path:
            continue
        for each in places:
            lines = each.split(b"\n")[1:]
            removed, added = ([line[1:] for line in lines if line.startswith(mark)] for mark in (b"-", b"+"))
            same = len(removed) == len(added)
            yield _Place(removed, added, [*map(_changed, removed, added)] if same else [])


def _changed(old: bytes, new: bytes) -> set[Pair]:
    """The names in which two lines differ, if nothing else does but white space; strings and comments tell nothing."""
    if max(len(old), len(new)) > _LONGEST:
        return set()
    found = _differences(old, new)
    proven = _differences(code(old), code(new))
    if not found or not proven or found != proven or not all(_NAME.match(name) for pair in found for name in pair):
        return set()
    olds, news = {pair[0] for pair in found}, {pair[1] for pair in found}
    return found if len(olds) == len(news) == len(found) else set()


def _differences(old: bytes, new: bytes) -> set[Pair] | None:
    one, other = _WORD.findall(old), _WORD.findall(new)
    if len(one) != len(other):
        return None
    return {(left, right) for left, right in zip(one, other, strict=True) if left != right}


def _declares(line: bytes) -> set[bytes]:
    return {name for found in _DECLARED.finditer(code(line)) for name in found.groups() if name}


def _one_for_one(told: Sequence[tuple[Sha, set[Pair]]], wanted: set[bytes], gone: set[bytes]) -> list[Renaming]:
    """What the branch calls these names of upstream's; without those for which there is more than one answer."""
    found = [each for name in sorted(wanted) if (each := _back(told, name, gone)) is not None]
    common = Counter(each.old for each in found)
    return [each for each in found if common[each.old] == 1]


def _back(told: Sequence[tuple[Sha, set[Pair]]], new: bytes, gone: set[bytes]) -> Renaming | None:
    """A name followed back through ever older commits, to one that the branch alone has."""
    by: list[Sha] = []
    name, start = new, 0
    while name not in gone:
        # Any commit may speak against it; only one that is older than the last step can take it further back.
        olds = {old for _, pairs in told for old, other in pairs if other == name}
        step = next((at for at in range(start, len(told)) if any(other == name for _, other in told[at][1])), None)
        if len(olds) != 1 or step is None:
            return None
        by.append(told[step][0])
        name, start = olds.pop(), step + 1
    return Renaming(new, name, tuple(by))


def _mapped(file: File, others: Mapping[bytes, bytes]) -> File:
    """The file in the branch's names. What git merged into `ours` is upstream's too, as the branch has no such name."""

    def lines(text: Sequence[bytes]) -> list[bytes]:
        return [renamed_in_code(line, others) for line in text]

    return replace(
        file,
        base=lines(file.base),
        ours=lines(file.ours),
        theirs=lines(file.theirs),
        original=lines(file.original),
        upstream=lines(file.upstream),
    )


def _marked(climbed: Climbed, found: Sequence[Renaming]) -> tuple[Step, ...]:
    """The steps, with this rule for those that have a mapped name in them or beside them; for all, if none has."""
    steps = [_as_learned(climbed, step, found) for step in climbed.steps]
    if any(step.rule is LEARNED for step in steps):
        return tuple(steps)
    said = "; ".join(each.says for each in found)
    return tuple(_said(step, said) for step in climbed.steps)


def _as_learned(climbed: Climbed, step: Step, found: Sequence[Renaming]) -> Step:
    base, change = climbed.ground.file.base, step.change
    near = names((*base[max(0, change.start - _NEAR) : change.stop + _NEAR], *change.new, *step.edit.lines))
    said = "; ".join(each.says for each in found if each.old in near)
    return _said(step, said) if said else step


def _said(step: Step, said: str) -> Step:
    return replace(step, rule=LEARNED, edit=replace(step.edit, detail=f"{step.edit.detail}; {said}"))
