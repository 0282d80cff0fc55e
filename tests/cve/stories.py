"""Random histories whose truth is known, and records of CVEs in them: many branches in one repository, written fast.

Each upstream change turns one file of its own from off to on; so what a branch holds is what its tree says.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cosport.cve.record import Pair, Record, Status

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence
    from pathlib import Path

WHO = "Up Stream <up@example.org>"


class Importer:
    """One standing `git fast-import`, which tells each commit's name as soon as it is written."""

    def __init__(self, repository: Path) -> None:
        argv = ["git", "-C", str(repository), "fast-import", "--quiet", "--done", "--date-format=raw"]
        self._child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._mark = 0
        self._marks: dict[str, int] = {}

    def commit(self, ref: str, message: str, parents: Sequence[str], files: Mapping[str, str]) -> str:
        """Write a commit on `ref` and return its name."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._mark += 1
        when = f"{1_600_000_000 + 60 * self._mark} +0000"
        data = message.rstrip("\n").encode() + b"\n"
        lines = [f"commit {ref}", f"mark :{self._mark}", f"author {WHO} {when}", f"committer {WHO} {when}"]
        stream = "\n".join(lines).encode() + b"\ndata %d\n%s\n" % (len(data), data)
        for number, parent in enumerate(parents):
            stream += f"{'merge' if number else 'from'} :{self._marks[parent]}\n".encode()
        for path, text in files.items():
            stream += b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(text), text.encode())
        self._child.stdin.write(stream + b"\nget-mark :%d\n" % self._mark)
        self._child.stdin.flush()
        sha = self._child.stdout.readline().decode().strip()
        assert sha, "git fast-import gave up"
        self._marks[sha] = self._mark
        return sha

    def close(self) -> None:
        """End it; the refs stand then."""
        assert self._child.stdin is not None
        self._child.stdin.write(b"done\n")
        self._child.stdin.close()
        assert self._child.wait() == 0
        if self._child.stdout is not None:
            self._child.stdout.close()


@dataclass
class Upstream:
    """Upstream's line: the commit of each change, and after each commit, what stands."""

    names: list[str] = field(default_factory=list)
    line: list[tuple[str, frozenset[int], frozenset[int]]] = field(default_factory=list)
    """Commit, the changes that stand there, the changes that ever stood there."""

    def subject(self, change: int) -> str:
        """Of the commit of a change."""
        return f"part{change}: switch it on"


def upstream(git: Importer, chance: random.Random, changes: int) -> Upstream:
    """A line of `changes` changes, some of them reverted and reapplied later."""
    story = Upstream()
    tip = git.commit("refs/heads/main", "start", [], {f"x{number}": "off\n" for number in range(changes)})
    here: set[int] = set()
    ever: set[int] = set()
    reverted: dict[int, str] = {}
    story.line.append((tip, frozenset(), frozenset()))
    while len(story.names) < changes:
        again = [change for change in reverted if change not in here]
        if here and chance.random() < 0.1:
            change = chance.choice(sorted(here))
            text = f'Revert "{story.subject(change)}"\n\nThis reverts commit {story.names[change]}.\n'
            tip = reverted[change] = git.commit("refs/heads/main", text, [tip], {f"x{change}": "off\n"})
            here.discard(change)
        elif again and chance.random() < 0.3:
            change = chance.choice(again)
            text = f'Reapply "{story.subject(change)}"\n\nThis reverts commit {reverted[change]}.\n'
            tip = git.commit("refs/heads/main", text, [tip], {f"x{change}": "on\n"})
            here.add(change)
        else:
            change = len(story.names)
            tip = git.commit("refs/heads/main", f"{story.subject(change)}\n\nWords.\n", [tip], {f"x{change}": "on\n"})
            story.names.append(tip)
            here.add(change)
            ever.add(change)
        story.line.append((tip, frozenset(here), frozenset(ever)))
    return story


@dataclass
class Branch:
    """A branch: its tip, what stands there, what ever stood there; the commits that brought and took each change."""

    ref: str
    tip: str
    here: set[int]
    ever: set[int]
    brought: dict[int, str] = field(default_factory=dict)
    taken: dict[int, str] = field(default_factory=dict)
    stated: dict[int, str] = field(default_factory=dict)
    """Picks that say where they come from: what a record may list."""
    line: list[tuple[str, frozenset[int]]] = field(default_factory=list)
    """The tip after each step, and what stood there."""


def branch(git: Importer, chance: random.Random, story: Upstream, name: str, steps: int) -> Branch:
    """A branch that leaves upstream somewhere and takes `steps` steps of its own."""
    start, here, ever = chance.choice(story.line)
    made = Branch(f"refs/heads/{name}", start, set(here), set(ever))
    made.brought = {change: story.names[change] for change in ever}
    made.tip = git.commit(made.ref, f"{name}: start", [made.tip], {name: "start\n"})
    made.line.append((made.tip, frozenset(made.here)))
    for _ in range(steps):
        _step(git, chance, story, made)
        made.line.append((made.tip, frozenset(made.here)))
    return made


def _step(git: Importer, chance: random.Random, story: Upstream, made: Branch) -> None:
    absent = [change for change in range(len(story.names)) if change not in made.here]
    back = [change for change in made.taken if change not in made.here]
    kind = chance.choice(["pick", "pick", "pick", "revert", "revert", "back", "side"])
    if kind == "pick" and absent:
        _pick(git, chance, story, made, absent)
    elif kind == "side" and absent:
        before = made.tip
        _pick(git, chance, story, made, absent, ref="refs/heads/side")
        side, change = made.tip, next(each for each in made.here if made.brought.get(each) == made.tip)
        own = git.commit(made.ref, "work here", [before], {"work": f"{before}\n"})
        made.tip = git.commit(made.ref, "Merge branch 'side'", [own, side], {f"x{change}": "on\n"})
    elif kind == "revert" and made.here:
        change = chance.choice(sorted(made.here))
        named = chance.choice([made.brought[change], made.brought[change][:12], story.names[change]])
        told = f"This reverts commit {named}.\n" if chance.random() < 0.8 else "It broke things.\n"
        text = f'Revert "{story.subject(change)}"\n\n{told}'
        made.tip = made.taken[change] = git.commit(made.ref, text, [made.tip], {f"x{change}": "off\n"})
        made.here.discard(change)
    elif kind == "back" and back:
        change = chance.choice(back)
        quoted = f'Revert "{story.subject(change)}"'
        title = chance.choice([f'Reapply "{story.subject(change)}"', f'Revert "{quoted}"'])
        text = f"{title}\n\nThis reverts commit {made.taken[change]}.\n"
        made.tip = git.commit(made.ref, text, [made.tip], {f"x{change}": "on\n"})
        made.here.add(change)


def _pick(
    git: Importer, chance: random.Random, story: Upstream, made: Branch, absent: Sequence[int], *, ref: str = ""
) -> None:
    change = chance.choice(absent)
    name = story.names[change]
    form = chance.choice([f"(cherry picked from commit {name})", f"commit {name} upstream.", "Words.", None])
    again = change in made.ever  # a patch is no evidence where it was once taken back: it is the old one's too
    if form in (None, "Words.") and again:
        form = f"[ Upstream commit {name} ]"
    text = f"{story.subject(change)}\n\n{form or 'Other words.'}\n"
    made.tip = made.brought[change] = git.commit(ref or made.ref, text, [made.tip], {f"x{change}": "on\n"})
    made.here.add(change)
    made.ever.add(change)
    if form is not None and name in form:
        made.stated[change] = made.tip


@dataclass(frozen=True)
class Case:
    """A record, and what it means: for each fix (a change), the changes that brought the bug.

    None among them is the beginning of history, -1 a commit that the repository lacks; a fix of -1 is such a commit.
    """

    record: Record
    bugs: dict[int, frozenset[int | None]]
    unfixed: frozenset[int | None]


def case(chance: random.Random, story: Upstream, branches: Sequence[Branch], number: int, *, marked: bool) -> Case:
    """A random record; `marked` says whether it tells upstream's fixes, as a `.dyad` does."""
    name = f"CVE-2024-{1000 + number}"
    if chance.random() < 0.05:
        return Case(Record(name, Status.REJECTED), {}, frozenset())
    size = len(story.names)
    bugs: dict[int, frozenset[int | None]] = {}
    introduced: list[int | None] = [
        chance.choice([*range(size)] * 4 + [None, -1]) for _ in range(chance.choice([1, 1, 2]))
    ]
    for fix in chance.sample(range(size), chance.choice([0, 1, 1, 1, 2, 2, 3])):
        bugs[fix] = frozenset(introduced if chance.random() < 0.7 else introduced[:1]) - {fix}
    pairs: list[Pair] = []
    for fix, starts in bugs.items():
        carriers = [story.names[fix], *(made.stated[fix] for made in branches if fix in made.stated)]
        for start in sorted(starts, key=str):
            pairs += [Pair(_start(chance, story, start), _short(chance, carrier)) for carrier in carriers]
    unfixed = frozenset(introduced) if not bugs else frozenset()
    pairs += [Pair(_start(chance, story, start), "") for start in unfixed]
    bugs = {fix: starts for fix, starts in bugs.items() if starts}
    mainline = tuple(story.names[fix] for fix in bugs) if marked else ()
    chance.shuffle(pairs)
    return Case(Record(name, Status.PUBLISHED, pairs=tuple(pairs), mainline=mainline), bugs, unfixed)


def _start(chance: random.Random, story: Upstream, start: int | None) -> str:
    if start is None:
        return ""
    return f"{chance.getrandbits(160):040x}" if start == -1 else _short(chance, story.names[start])


def _short(chance: random.Random, name: str) -> str:
    return name[: chance.choice([12, 40])]


def expected(case: Case, here: set[int], ever: set[int]) -> str:
    """The state by brute force, from what stands in the branch and what ever stood there."""
    if case.record.status is Status.REJECTED:
        return "rejected"

    def bug(starts: frozenset[int | None]) -> str:
        if None in starts or any(start in here for start in starts):
            return "here"
        return "unknown" if -1 in starts or not starts else "absent"

    if not case.bugs:
        return {"here": "affected", "absent": "not-affected", "unknown": "unknown"}[bug(case.unfixed)]
    told = []
    for fix, starts in case.bugs.items():
        if fix in here:
            told.append("held")
        elif bug(starts) != "absent":
            told.append("reverted" if fix in ever else bug(starts))
    for answer, state in (("reverted", "reverted"), ("here", "affected"), ("unknown", "unknown")):
        if "held" in told:
            return "fixed" if set(told) == {"held"} else "partial"
        if answer in told:
            return state
    return "not-affected"
