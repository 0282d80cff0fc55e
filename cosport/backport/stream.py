"""Answers a stream of questions "this upstream commit onto that commit?": one line in, one result out, in order.

For scripts that ask thousands. Memory stays flat: lines are read as they come, worked on in batches, and forgotten. A
batch is what is there to read, so that a caller who waits for each answer gets it; two batches are on their way at a
time, so that git's merging and our judging share the processors.
"""

from __future__ import annotations

import os
import re
import select
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from cosport.backport.plan import answer, judge_pair, settled
from cosport.backport.request import Limits
from cosport.backport.target import Target, resolve
from cosport.backport.trial import try_each
from cosport.errors import CosportError, RevisionError
from cosport.git.quarantine import quarantine
from cosport.model.commit import Sha, is_full_sha
from cosport.model.result import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from cosport.backport.context import Context
    from cosport.backport.judge import Judgement
    from cosport.backport.request import Request
    from cosport.backport.trial import Attempt, Trial
    from cosport.model.commit import Commit

BATCH: Final = 256
"""Pairs in one merging process, at most. A new process has read no pack yet: on Linux a batch of 48 costs 2.3 times
what one process for everything costs, one of 256 1.8 times, and longer ones gain little more (make bench)."""

_WORKERS: Final = 2
_NAMES: Final = 4096
"""Names whose kind is remembered."""

_NO_REF: Final = re.compile(r"[\^~]")
"""Marks that no ref name may hold (git-check-ref-format(1)): such a name is an expression for a bare commit."""

_LONGEST: Final = 4096
"""Bytes of a line at most: two revisions. A longer one is an error, not a reason to grow."""


def stream(context: Context, request: Request, source: int) -> Iterator[tuple[str, Result]]:
    """Results for the lines `UPSTREAM TARGET` read from the file descriptor `source`, each with its target as given.

    A line that makes no sense gives a result with outcome `error`, and the stream goes on. Unless a neighbour's pick is
    asked for, only the first source is tried: a script that asks about a commit wants to know about that one.
    """
    request = replace(request, alone=True)
    names = _Names(context)
    limits = Limits.of(context, request)
    waiting: deque[Future[list[tuple[str, Result]]]] = deque()
    with ThreadPoolExecutor(_WORKERS) as pool:
        for lines in batches(source):
            if lines:
                judged = _judge_all(context, request, names, lines)
                waiting.append(pool.submit(_try_all, context, limits, judged))
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


_Judged: TypeAlias = "Result | tuple[Commit, Judgement, tuple[Attempt, ...]]"
"""A pair before its trial: what became of it, or the commit, what is known, and the picks to try."""

_T = TypeVar("_T")


class _Names:
    """Targets by the names that the lines give them. Git is asked once what a name is, and each time where it is."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._kinds: dict[str, Target] = {}

    def target(self, name: str) -> Target:
        """The target `name`. Raises RevisionError."""
        tip = self._context.reader.resolve(name) if name else None
        if tip is not None and (_NO_REF.search(name) or is_full_sha(name)):  # no ref has such a name
            return Target(tip.sha[:12], "", tip.sha, None)
        known = self._kinds.get(name)
        if known is None or tip is None:
            known = resolve(self._context.repository, self._context.reader, self._context.config, name)
            if len(self._kinds) < _NAMES:
                self._kinds[name] = known
            return known
        return replace(known, tip=tip.sha) if known.ref else Target(tip.sha[:12], "", tip.sha, None)


def _judge_all(context: Context, request: Request, names: _Names, lines: list[bytes]) -> list[tuple[str, _Judged]]:
    asked: list[tuple[str, str, Commit | CosportError, Target | CosportError]] = []
    for line in lines:
        words = line.decode("utf-8", "surrogateescape").split()
        if len(words) == 2:
            asked.append(
                (words[0], words[1], _or_error(context.reader.resolve, words[0]), _or_error(names.target, words[1]))
            )
        elif words:
            error = RevisionError(f"not a pair: {' '.join(words)[:80]!r}", hint="each line is: UPSTREAM TARGET")
            asked.append((words[0], "", error, error))
    commits = [each.sha for _, _, each, _ in asked if not isinstance(each, CosportError)]
    tips = [each.tip for _, _, _, each in asked if not isinstance(each, CosportError)]
    context.history.ensure([*commits, *tips])
    return [(name, _judge(context, request, upstream, commit, target)) for upstream, name, commit, target in asked]


def _or_error(find: Callable[[str], _T], name: str) -> _T | CosportError:
    try:
        return find(name)
    except CosportError as error:
        return error


def _judge(
    context: Context, request: Request, upstream: str, commit: Commit | CosportError, target: Target | CosportError
) -> _Judged:
    if isinstance(commit, CosportError):
        return Result(Sha(upstream), "", Outcome.ERROR, error=commit.what, hint=commit.hint)
    if isinstance(target, CosportError):
        return Result(commit.sha, "", Outcome.ERROR, error=target.what, hint=target.hint)
    found = judge_pair(context, request, commit, target)
    return found if isinstance(found, Result) else (commit, *found)


def _try_all(context: Context, limits: Limits, judged: list[tuple[str, _Judged]]) -> list[tuple[str, Result]]:
    wanted = [attempt for _, each in judged if not isinstance(each, Result) for attempt in each[2]]
    answers: list[tuple[Result, Trial | None]] = []
    with quarantine(context.repository, kept=False) as place:
        trials = iter(try_each(place, wanted))
        for name, each in judged:
            if isinstance(each, Result):
                answers.append((each, None))
            else:
                commit, found, attempts = each
                answers.append(answer(commit, name, found, [next(trials) for _ in attempts]))
        results = settled(place, answers, limits)
    return [(name, result) for (name, _), result in zip(judged, results, strict=True)]
