"""Opens what a backport works with, and prints its results: shared by `backport` and `plan`."""

from __future__ import annotations

import shlex
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from cosport.backport import target as targets
from cosport.backport.context import Context
from cosport.backport.document import document
from cosport.cli import cves, team
from cosport.cli.output import Styled
from cosport.errors import ConfigError, RevisionError
from cosport.git.objects import ObjectReader
from cosport.history.index import History
from cosport.model.evidence import EvidenceKind
from cosport.model.result import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cosport.backport.target import Target
    from cosport.cli.output import Printer, Text
    from cosport.cli.session import Session
    from cosport.errors import CosportError
    from cosport.model.commit import Commit, Sha
    from cosport.model.result import Conflict, Difference, Prerequisite, Review, Searched

_SHOWN: Final = 12
"""Differing lines shown of a file and a side; `--json` has them all."""

_PLACES: Final = 4
"""Places in conflict that are told of a file; `--json` has them all."""

_LATER: Final = {"fixes": "fixed something in it", "reverts": "reverted it, or a fix of it"}

_REVIEWED: Final = {"refused": 1, "failed": 3}
"""What a review adds to the exit code."""

_STYLES: Final = {
    Outcome.PICKED: "green",
    Outcome.RESOLVED: "yellow",
    Outcome.CONFLICT: "red",
    Outcome.ERROR: "red",
    Outcome.PENDING: "yellow",
    Outcome.REVERTED_UPSTREAM: "red",
}


@contextmanager
def working(session: Session) -> Iterator[Context]:
    """The context of a run, its index up to date.

    Raises ConfigError where upstream's ref is configured and not here.
    """
    repository = session.repository
    config = session.config
    with ObjectReader(repository) as reader:
        upstream = _upstream(reader, config.upstream.ref, config.source)
        with session.printer.progress("indexing history") as step:
            opened = History.open(repository, upstream=upstream, progress=step)
        with opened as history:
            if history.note:
                session.printer.note(history.note)
            declines = team.declines(session, reader)
            yield Context(repository, reader, history, config, upstream, declines, lambda sha: cves.ids(session, sha))


def _upstream(reader: ObjectReader, ref: str, source: str) -> Sha | None:
    if not ref:
        return None
    try:
        return reader.resolve(ref).sha
    except RevisionError as error:
        raise ConfigError(
            f"{source}: upstream.ref: {error.what}", hint=f"fetch it, or correct the key; {error.hint}"
        ) from error


def worst(results: Sequence[Result]) -> int:
    """The exit code of a batch: its worst."""
    return max(
        (
            max(result.outcome.exit_code, _REVIEWED.get(result.review.state, 0) if result.review else 0)
            for result in results
        ),
        default=0,
    )


def targets_of(
    context: Context, names: Sequence[str], *, every: bool
) -> tuple[tuple[Target, ...], tuple[tuple[str, CosportError], ...]]:
    """The targets named by the user, or (`every`) all configured ones and those of them that are not here."""
    if every:
        chosen, absent = targets.every(context.reader, context.config)
    else:
        chosen, absent = targets.choose(context.repository, context.reader, context.config, names), ()
    context.history.ensure([target.tip for target in chosen])
    return chosen, absent


def missing(series: Sequence[Commit], absent: Sequence[tuple[str, CosportError]]) -> tuple[Result, ...]:
    """Results for configured branches that are not here: their own trouble, which holds up no other."""
    return tuple(
        Result(commit.sha, name, Outcome.ERROR, error=error.what, hint=error.hint)
        for name, error in absent
        for commit in series
    )


def tell(printer: Printer, results: Sequence[Result]) -> None:
    """Print results: the JSON document, or a table and what a person should know beyond it."""
    if printer.as_json:
        printer.json(document(results))
        return
    rows: list[list[Text]] = [
        [
            result.upstream[:12],
            result.branch,
            Styled(result.outcome.value, _STYLES.get(result.outcome, "dim")),
            result.fidelity.value if result.fidelity else "",
            _where(result),
        ]
        for result in results
    ]
    printer.table(["upstream", "branch", "outcome", "fidelity", "how and where"], rows)
    for result in results:
        _remarks(printer, result)


def _where(result: Result) -> str:
    if result.outcome is Outcome.ERROR:
        return result.error
    if result.outcome is Outcome.CONFLICT:
        return ", ".join(f"{each.path} ({each.kind.value})" for each in result.conflicts)
    parts = []
    if result.ref:
        parts.append(result.ref.removeprefix("refs/heads/"))
    if result.source is not None and result.source.kind != "upstream":
        parts.append(f"from {result.source.branch} {result.source.commit[:12]}")
    if result.outcome in (Outcome.WAITS_FOR_MAIN, Outcome.DECLINED):
        parts += [each.detail for each in result.evidence[-1:]]
    elif not result.outcome.made:
        parts += [each.detail for each in result.evidence[:1]]
    if result.outcome is Outcome.PENDING:
        parts += result.notes
    return "; ".join(parts)


def _remarks(printer: Printer, result: Result) -> None:
    """What a person should know of a result beyond its row."""
    head = f"{result.branch}: "
    if result.outcome.made:
        for each in result.evidence:
            if each.kind is not EvidenceKind.FIXES_TARGET_PRESENT:  # what one expects needs no remark
                printer.note(head, each.kind.value, ": ", each.detail)
    for later in result.followups:
        printer.note(head, f"upstream later {_LATER[later.kind]}: {later.sha[:12]} {later.subject}")
    if result.outcome is not Outcome.PENDING:
        for note in result.notes:
            printer.note(head, note)
    _review(printer, head, result.review)
    if result.hint:
        printer.note(head, "hint: ", result.hint)
    for difference in result.differences:
        _differs(printer, head, difference)
    _tell_rules(printer, head, result)
    for conflict in result.conflicts if result.outcome is Outcome.CONFLICT else ():
        _explain(printer, head, conflict)
    if result.searched is not None:
        _tell_search(printer, head, result, result.searched)
    _next(printer, head, result)


def _tell_rules(printer: Printer, head: str, result: Result) -> None:
    for used in result.rules:
        printer.say(head, f"{used.path}:{used.line} resolved by rule {used.rule} (rung {used.rung}): {used.detail}")
        for doubt in used.doubts:
            printer.say(f"    but: {doubt}")


def _next(printer: Printer, head: str, result: Result) -> None:
    """What a person who must look does now: lines to be copied into a shell."""
    branch = shlex.quote(result.branch)
    worktree = next((each.worktree for each in result.conflicts if each.worktree), "")
    if worktree:
        printer.say(head, "resolve it in ", Styled(worktree, "bold"))
        printer.say(f"    then: cosport backport --continue --branch {branch}   (or --skip, --abort)")
    if result.outcome is Outcome.RESOLVED and result.ref:
        how = "not measured" if result.confidence is None else f"{result.confidence:g}"
        show = f"cosport backport --show --branch {branch}"
        printer.say(head, f"look at it (confidence {how}): {show}")
        printer.say(f"    then: cosport backport --accept --branch {branch}")


def _review(printer: Printer, head: str, review: Review | None) -> None:
    """Where a pick is reviewed: an answer, on standard output; why not: a remark."""
    if review is None:
        return
    if review.number:
        why = f" ({review.why})" if review.why else ""
        printer.say(head, f"review {review.state}: {review.url} patch set {review.patch_set}{why}")
    else:
        printer.note(head, f"review {review.state}: {review.why}")


def _differs(printer: Printer, head: str, difference: Difference) -> None:
    printer.note(head, f"{difference.path}, against upstream's change:")
    for what, lines in (("lacks", difference.lacks), ("adds", difference.adds)):
        for line in lines[:_SHOWN]:
            printer.note(f"    {what:5}  {line}")
        if len(lines) > _SHOWN:
            printer.note(f"    {what:5}  and {len(lines) - _SHOWN} lines more")


def _explain(printer: Printer, head: str, conflict: Conflict) -> None:
    # Changes of one hunk share its line, and often the reason: once said is enough.
    places = tuple(dict.fromkeys((each.line, each.why, each.needs, each.touched_by) for each in conflict.places))
    for line, why, needs, touches in places[:_PLACES]:
        by = f"; changed upstream by {', '.join(each.sha[:12] for each in touches)}" if touches else ""
        printer.say(head, f"{conflict.path}:{line} was not resolved: {why} (it needs: {needs}{by})")
    if len(places) > _PLACES:
        printer.say(f"    and {len(places) - _PLACES} places more")
    if conflict.touched_by:
        what = "these upstream commits changed the lines in conflict since the branch left:"
        printer.say(head, f"{conflict.path}: {what}")
        for touch in conflict.touched_by:
            printer.say(f"    {touch.sha[:12]} {touch.subject}")


def _tell_search(printer: Printer, head: str, result: Result, how: Searched) -> None:
    printer.say(head, f"prerequisites of {result.upstream[:12]}: {how.why}")
    _list(printer, result.prerequisites)
    if result.prerequisites:
        printer.say("    to pick them first, give the same command with --with-prereqs")
    if how.by_hand:
        fewer = "fewer would do" if result.prerequisites else "these would do"
        printer.say(f"    {fewer}, if a person resolved their own conflicts:")
        _list(printer, how.by_hand)


def _list(printer: Printer, needed: Sequence[Prerequisite]) -> None:
    for each in needed:
        what = f"   ({said})" if (said := _good_for(each)) else ""
        printer.say(f"    {each.sha[:12]} {each.subject}{what}")


def _good_for(needed: Prerequisite) -> str:
    """What a prerequisite is there for: the places of the pick's conflicts that it removes, or who needs it."""
    places: dict[str, list[str]] = {path: [] for path in needed.resolves}
    for each in needed.removes:
        if each.first is not None:
            span = f"{each.first}" if each.first == each.last else f"{each.first}-{each.last}"
            places.setdefault(each.path, []).append(span)
    parts = [f"{path}:{_some(spans)}" if spans else path for path, spans in places.items()]
    if needed.needed_by:
        parts.append(f"needed by {_some([name[:12] for name in needed.needed_by])}")
    if needed.conflicts:
        parts.append(f"conflicts itself in {_some(needed.conflicts)}")
    return "; ".join(parts)


def _some(words: Sequence[str]) -> str:
    more = f" and {len(words) - _PLACES} more" if len(words) > _PLACES else ""
    return ",".join(words[:_PLACES]) + more
