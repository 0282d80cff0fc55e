"""Gives conflicting picks to the ladder of resolvers: a tree and the rules that made it, or what is left, and why.

A pick is resolved whole or not at all. Many picks at a time, as everything here: git merges them once more, this time
with what upstream had before, in one process.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import prod
from typing import TYPE_CHECKING, Final

from cosport.backport import remembered
from cosport.backport.learned import learned
from cosport.backport.marked import hunks
from cosport.backport.relocated import relocated
from cosport.backport.remembered import Memory
from cosport.backport.resolvers import plugins
from cosport.backport.resolvers.ground import File
from cosport.backport.resolvers.ladder import Need, climb
from cosport.backport.symbols import doubted
from cosport.compare.fidelity import fidelity
from cosport.compare.interdiff import differences
from cosport.errors import CosportError, Interrupted
from cosport.git.diff import patches
from cosport.git.merge import Merge, merge_trees
from cosport.git.objects import ObjectReader
from cosport.git.trees import with_blobs
from cosport.model.result import ConflictKind, Fidelity, Outcome, Place, RuleUsed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.backport.request import Limits
    from cosport.backport.resolvers.ladder import Climbed, Step, Stuck
    from cosport.backport.trial import Attempt, Trial
    from cosport.git.merge import Merged, Stage
    from cosport.git.quarantine import Quarantine
    from cosport.model.commit import Sha
    from cosport.model.result import Difference, Result

_LARGEST: Final = 4 << 20
"""Bytes of a file that is looked at."""

_SHOWN: Final = 12
"""Lines of a side that a result tells of a place; the work tree of the conflict has them all."""

_BEFORE: Final = "as a person resolved the same conflict before (git-rerere)"

_STRUCTURE: Final = {
    ConflictKind.MODIFY_DELETE: ("the branch does not have this file", Need.COMMIT),
    ConflictKind.ADD_ADD: ("both sides added this file", Need.DECISION),
    ConflictKind.BINARY: ("it is no text", Need.DECISION),
    ConflictKind.SUBMODULE: ("it is a submodule", Need.DECISION),
}


@dataclass(frozen=True, slots=True)
class Resolved:
    """A pick whose conflicts were resolved: its tree, how, and how true it is to upstream.

    `confidence` is None where other people's resolvers had a hand in it.
    """

    tree: Sha
    rules: tuple[RuleUsed, ...]
    confidence: float | None
    fidelity: Fidelity
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A pick that was not, with what each of its paths in conflict has left."""

    places: dict[str, tuple[Place, ...]]


def settle(place: Quarantine, asked: Sequence[tuple[Result, Trial | None]], limits: Limits) -> list[Result]:
    """These results, those in conflict with what the ladder makes of their trials: resolved, or explained."""
    wanted = [trial for result, trial in asked if result.outcome is Outcome.CONFLICT and trial is not None]
    found = iter(resolve(place, wanted, limits))
    return [
        told(result, next(found)) if result.outcome is Outcome.CONFLICT and trial is not None else result
        for result, trial in asked
    ]


def told(conflict: Result, found: Resolved | Unresolved) -> Result:
    """The result of a conflict with what the ladder made of it."""
    if isinstance(found, Unresolved):
        explained = tuple(replace(each, places=found.places.get(each.path, ())) for each in conflict.conflicts)
        return replace(conflict, conflicts=explained)
    return replace(
        conflict,
        outcome=Outcome.RESOLVED,
        tree=found.tree,
        fidelity=found.fidelity,
        differences=found.differences,
        rules=found.rules,
        confidence=found.confidence,
    )


def resolve(place: Quarantine, trials: Sequence[Trial], limits: Limits) -> list[Resolved | Unresolved]:
    """What the ladder makes of picks in conflict, in order. One that git cannot answer for is left as it is."""
    if not limits.max_rung or not trials:
        return [Unresolved({}) for _ in trials]
    try:
        return _resolve(place, [trial.attempt for trial in trials], limits)
    except Interrupted:
        raise
    except CosportError:
        if len(trials) == 1:
            return [Unresolved({})]
    return [found for trial in trials for found in resolve(place, [trial], limits)]


def _resolve(place: Quarantine, attempts: Sequence[Attempt], limits: Limits) -> list[Resolved | Unresolved]:
    merges = [Merge(each.base, each.ours, each.theirs) for each in attempts]
    found: list[Resolved | Unresolved] = []
    with ObjectReader(place.repository) as objects:
        for attempt, merged in zip(attempts, merge_trees(place, merges, style="diff3"), strict=True):
            found.append(_pick(place, objects, attempt, merged, limits))
    return found


@dataclass(frozen=True, slots=True)
class _Looked:
    """What was found for each path in conflict: placed by rules, known from before, told by a plug-in, or left.

    `gone` are files of upstream's that the branch does not get, as their code is elsewhere there.
    """

    climbed: dict[bytes, Climbed] = field(default_factory=dict)
    known: dict[bytes, tuple[bytes, ...]] = field(default_factory=dict)
    plugged: dict[bytes, tuple[str, tuple[bytes, ...]]] = field(default_factory=dict)
    gone: list[bytes] = field(default_factory=list)
    left: dict[str, tuple[Place, ...]] = field(default_factory=dict)


def _look(place: Quarantine, objects: ObjectReader, attempt: Attempt, merged: Merged, limits: Limits) -> _Looked:
    looked = _Looked()
    memory = Memory(place, objects, attempt, merged)
    for each in merged.unmerged:
        if each.kind is ConflictKind.MODIFY_DELETE:
            elsewhere = relocated(place, objects, attempt, merged, each.path) or {}
            if elsewhere and not elsewhere.keys() & looked.climbed.keys():
                looked.climbed.update(elsewhere)
                looked.gone.append(each.path)
                continue
        file = _file(objects, merged, each.path, each.kind)
        if isinstance(file, Place):
            looked.left[_text(each.path)] = (file,)
            continue
        if (lines := memory.resolution(each.path)) is not None:
            looked.known[each.path] = lines
            continue
        found = climb(file, limits.max_rung)
        if found.stuck and not looked.left:  # else the pick stays as it is, whatever history tells
            found = learned(place, attempt, found, limits.max_rung) or found
        if not found.stuck:
            looked.climbed[each.path] = doubted(place, attempt, found)
        elif limits.max_rung >= plugins.RUNG and (answer := plugins.ask(file)) is not None:
            looked.plugged[each.path] = answer
        else:
            looked.left[_text(each.path)] = tuple(_place(found, stuck) for stuck in found.stuck)
    return looked


def _pick(
    place: Quarantine, objects: ObjectReader, attempt: Attempt, merged: Merged, limits: Limits
) -> Resolved | Unresolved:
    looked = _look(place, objects, attempt, merged, limits)
    if looked.left:
        return Unresolved(looked.left)
    confidence = prod(each.confidence for each in looked.climbed.values())
    if confidence < limits.min_confidence:
        return Unresolved({_text(path): _unsure(each, confidence) for path, each in looked.climbed.items()})
    texts = {path: each.lines for path, each in looked.climbed.items()} | looked.known
    texts |= {path: lines for path, (_, lines) in looked.plugged.items()}
    blobs: dict[bytes, Sha | None] = dict.fromkeys(looked.gone)
    blobs.update((path, place.write("blob", b"\n".join(lines))) for path, lines in texts.items())
    tree = with_blobs(place, objects, merged.tree, blobs)
    rules = [rule for path, each in looked.climbed.items() for rule in _rules(_text(path), each)]
    rules += [RuleUsed(remembered.RUNG, remembered.NAME, _text(path), 1, _BEFORE) for path in looked.known]
    for path, (name, _) in looked.plugged.items():
        rules.append(RuleUsed(plugins.RUNG, "plug-in", _text(path), 1, f"by the plug-in {name}"))
    return finished(place, attempt, tree, tuple(rules), None if looked.plugged else round(confidence, 3))


def finished(
    place: Quarantine, attempt: Attempt, tree: Sha, rules: tuple[RuleUsed, ...], confidence: float | None
) -> Resolved | Unresolved:
    """A pick whose conflicts are resolved, judged against upstream's patch."""
    if tree == attempt.ours:
        held = Place(1, "the branch seems to hold all of it already", Need.DECISION.value)
        return Unresolved(dict.fromkeys(dict.fromkeys(each.path for each in rules), (held,)))
    upstream, ours = patches(place.repository, [attempt.upstream, (attempt.ours, tree)])
    nearness = fidelity(upstream, ours)
    more = differences(upstream, ours) if nearness is Fidelity.ADAPTED else ()
    return Resolved(tree, rules, confidence, nearness, more)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _file(objects: ObjectReader, merged: Merged, path: bytes, kind: ConflictKind) -> File | Place:
    """A file in conflict as lines, or why it is none that resolvers can look at."""
    sides = {stage.stage: stage for stage in merged.stages if stage.path == path}
    if kind is not ConflictKind.CONTENT or set(sides) != {1, 2, 3}:
        why, need = _STRUCTURE.get(kind, (f"the conflict is no matter of lines ({kind.value})", Need.DECISION))
        return Place(1, why, need.value)
    texts = _texts(objects, sides)
    shown = objects.read(f"{merged.tree}:{_text(path)}")
    if texts is None or shown is None or shown[1] != "blob":
        return Place(1, "it is no text, or too large", Need.DECISION.value)
    original, branch, upstream = texts
    if any(line.startswith((b"=======", b"||||||| ")) for text in texts for line in text):
        return Place(1, "it has lines that look like conflict markers", Need.DECISION.value)
    base: list[bytes] = []
    ours: list[bytes] = []
    theirs: list[bytes] = []
    for hunk in hunks(shown[2].split(b"\n"), merged):
        base += hunk.base
        ours += hunk.ours
        theirs += hunk.theirs
    return File(_text(path), base, ours, theirs, original, upstream, branch)


def _texts(objects: ObjectReader, sides: dict[int, Stage]) -> tuple[list[bytes], list[bytes], list[bytes]] | None:
    """The lines of upstream's file before, the branch's, and upstream's after; None for what is no text."""
    if len({sides[side].mode for side in (1, 2, 3)}) != 1 or not sides[1].mode.startswith("100"):
        return None
    base, ours, theirs = (objects.blob(sides[side].blob) for side in (1, 2, 3))
    if any(len(text) > _LARGEST or b"\0" in text for text in (base, ours, theirs)):
        return None
    return base.split(b"\n"), ours.split(b"\n"), theirs.split(b"\n")


def _place(climbed: Climbed, stuck: Stuck) -> Place:
    """A change that found no place, as results tell it: the three sides, and where."""
    around = climbed.ground.around(stuck.change)
    file = climbed.ground.file
    return Place(
        stuck.line,
        stuck.why,
        stuck.need.value,
        base=_some(climbed.ground.old(stuck.change)),
        theirs=_some(stuck.change.new),
        ours=_some(file.ours[around.low : around.high]),
    )


def _unsure(climbed: Climbed, confidence: float) -> tuple[Place, ...]:
    """The places of a pick that was placed, but not surely enough."""
    found = []
    for step in climbed.steps:
        against = (each.says for each in (*step.doubts, *climbed.doubts))
        said = "; ".join((f"rule {step.rule.name} would place it: {step.edit.detail}", *against))
        why = f"{said} (the pick's confidence is {confidence:.2f})"
        sides = (
            climbed.ground.old(step.change),
            step.change.new,
            climbed.ground.file.ours[step.edit.start : step.edit.stop],
        )
        base, theirs, ours = map(_some, sides)
        found.append(Place(step.edit.start + 1, why, Need.DECISION.value, base, theirs, ours))
    return tuple(found)


def _some(lines: Sequence[bytes]) -> tuple[str, ...]:
    shown = tuple(_text(line) for line in lines[:_SHOWN])
    return (*shown, f"... {len(lines) - _SHOWN} lines more") if len(lines) > _SHOWN else shown


def _rules(path: str, climbed: Climbed) -> list[RuleUsed]:
    """The rules that placed a file's changes, each with the line in the pick."""
    found = []
    moved = 0
    steps: list[Step] = sorted(climbed.steps, key=lambda step: (step.edit.start, step.edit.stop))
    for step in steps:
        said = tuple(each.says for each in (*step.doubts, *climbed.doubts))
        line = step.edit.start + moved + 1
        found.append(RuleUsed(step.rule.rung, step.rule.name, path, line, step.edit.detail, said))
        moved += len(step.edit.lines) - (step.edit.stop - step.edit.start)
    return found
