"""Answers a stream of questions "this upstream commit onto that commit?": one line in, one result out, in order.

For scripts that ask thousands. Memory stays flat: lines are read as they come, worked on in batches, and forgotten. A batch
is what is there to read, so that a caller who waits for each answer gets it; two batches are on their way at a time, so
that git's merging and our judging share the processors.
"""

from __future__ import annotations

import os
import select
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from cosport.backport.context import parent_of
from cosport.backport.judge import Judgement, judge
from cosport.backport.plan import outcome
from cosport.backport.target import Target, resolve
from cosport.backport.trial import Attempt, try_all
from cosport.errors import CosportError, RevisionError
from cosport.git.quarantine import quarantine
from cosport.model.commit import Sha
from cosport.model.result import Outcome, Result, Source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from cosport.backport.context import Context
    from cosport.backport.request import Request
    from cosport.model.commit import Commit

BATCH: Final = 48
"""Pairs in one merging process. Its start costs about 5 ms, so longer batches gain little and hold answers back."""

_WORKERS: Final = 2
_LONGEST: Final = 4096
"""Bytes of a line at most: two revisions. A longer one is an error, not a reason to grow."""


def stream(context: Context, request: Request, source: int) -> Iterator[tuple[str, Result]]:
    """Results for the lines `UPSTREAM TARGET` that are read from the file descriptor `source`, each with its target as given.

    A line that makes no sense gives a result with outcome `error`, and the stream goes on.
    """
    waiting: deque[Future[list[tuple[str, Result]]]] = deque()
    with ThreadPoolExecutor(_WORKERS) as pool:
        for lines in batches(source):
            if lines:
                judged = _judge_all(context, request, lines)
                waiting.append(pool.submit(_try_all, context, judged))
            while waiting and (not lines or len(waiting) > _WORKERS or waiting[0].done()):
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def batches(source: int, size: int = BATCH) -> Iterator[list[bytes]]:
    """Lines from a file descriptor, `size` at a time; fewer where no more are there yet, and [] before it must wait.

    The empty list tells the caller to hand out all answers first: whoever writes may be waiting for them.
    """
    buffer = b""
    done = False
    while not done or buffer:
        pieces = buffer.split(b"\n")
        buffer = pieces.pop()
        if done and buffer:
            pieces.append(buffer)
            buffer = b""
        while len(pieces) >= size:
            yield pieces[:size]
            del pieces[:size]
        if done:
            if pieces:
                yield pieces
            return
        if pieces and not _ready(source):
            yield pieces
            pieces = []
        if not pieces and not _ready(source):
            yield []
        if len(buffer) > _LONGEST:
            buffer = buffer[:_LONGEST]
        data = os.read(source, 1 << 16)
        done = not data
        buffer = b"".join(piece + b"\n" for piece in pieces) + buffer + data


def _ready(source: int) -> bool:
    return bool(select.select([source], [], [], 0)[0])


_Judged = tuple[str, Result | tuple["Commit", Judgement, list[tuple[Source, Attempt]]]]


def _judge_all(context: Context, request: Request, lines: list[bytes]) -> list[_Judged]:
    named: list[tuple[str, str, Commit | None, Target | None, CosportError | None]] = []
    for line in lines:
        words = line.decode("utf-8", "surrogateescape").split()
        if not words:
            continue
        target_name = words[1] if len(words) > 1 else ""
        try:
            if len(words) != 2:
                raise RevisionError(f"not a pair: {' '.join(words)[:80]!r}", hint="each line is: UPSTREAM TARGET")
            commit = context.reader.resolve(words[0])
            named.append((words[0], target_name, commit, _target(context, target_name), None))
        except CosportError as error:
            named.append((words[0], target_name, None, None, error))
    context.history.ensure(
        [each.sha for _, _, each, _, _ in named if each] + [each.tip for _, _, _, each, _ in named if each]
    )
    return [
        (name, _judge(context, request, upstream, commit, target, error))
        for upstream, name, commit, target, error in named
    ]


def _target(context: Context, name: str) -> Target:
    """A target by name; a plain commit, which most lines name, without asking git for a ref."""
    found = context.reader.resolve(name) if len(name) >= 40 or name.endswith(("^", "~")) else None
    if found is not None:
        return Target(found.sha[:12], "", found.sha, None)
    return resolve(context.repository, context.reader, context.config, name)


def _judge(
    context: Context,
    request: Request,
    upstream: str,
    commit: Commit | None,
    target: Target | None,
    error: CosportError | None,
) -> Result | tuple[Commit, Judgement, list[tuple[Source, Attempt]]]:
    if commit is None or target is None:
        assert error is not None
        return Result(Sha(upstream), target.name if target else "", Outcome.ERROR, error=error.what, hint=error.hint)
    try:
        found = judge(context, request, commit, target, ())
        if found.outcome is not None:
            return Result(
                commit.sha, target.name, found.outcome, change_id=found.applied.change_id, evidence=found.evidence
            )
        parent = parent_of(context, commit, request.mainline)
        ours = context.reader.commit(target.tip).tree
        attempt = Attempt(parent.tree, commit.tree, ours, (parent.tree, commit.tree))
    except CosportError as problem:
        return Result(commit.sha, target.name, Outcome.ERROR, error=problem.what, hint=problem.hint)
    return commit, found, [(found.sources[0], attempt)]


def _try_all(context: Context, judged: list[_Judged]) -> list[tuple[str, Result]]:
    wanted = [each[1][2][0][1] for each in judged if not isinstance(each[1], Result)]
    with quarantine(context.repository) as place:
        trials = iter(try_all(place, wanted))
    answers = []
    for name, each in judged:
        if isinstance(each, Result):
            answers.append((name, each))
        else:
            commit, found, attempts = each
            answers.append((name, outcome(commit, name, found, [(attempts[0][0], next(trials))])))
    return answers
