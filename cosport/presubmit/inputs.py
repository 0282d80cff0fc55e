"""What a judgement depends on besides the commit: when one of these changes, it must be made again.

The bot compares them with what they were when it voted; an open change is judged again only where one of its own has
another value.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import TYPE_CHECKING, Final

import msgspec

from cosport import __version__, config
from cosport.presubmit import security
from cosport.presubmit.check import Reads
from cosport.presubmit.report import Input
from cosport.records import notes
from cosport.records.record import Kind as RecordKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cosport.presubmit.context import Context, Target

CONFIG: Final = "config"
SOFTWARE: Final = "software"


def inputs(context: Context, target: Target, reads: Iterable[Reads]) -> tuple[Input, ...]:
    """The inputs of a judgement for `target` whose checks read these, as they are now."""
    read = frozenset(reads)
    return (
        Input(CONFIG, context.config.source, config_version(context)),
        Input(SOFTWARE, "cosport", __version__),
        *(each for kind in Reads if kind in read for each in _READERS[kind](context, target)),
    )


def changed(context: Context, target: Target, before: Iterable[Input]) -> tuple[Input, ...]:
    """Those of the inputs `before` that have another value now, with that value."""
    known = tuple(before)
    kinds = {each.kind for each in known}
    now = inputs(context, target, (kind for kind in Reads if kind.value in kinds))
    return tuple(each for each in now if each not in known)


def config_version(context: Context) -> str:
    """A name for what the configuration says: it changes with any value, not with comments or where it lies."""
    said = msgspec.to_builtins(context.config)
    del said["source"]
    return hashlib.sha256(msgspec.json.encode([said, msgspec.to_builtins(context.profile)])).hexdigest()[:16]


def _target(_context: Context, target: Target) -> Iterator[Input]:
    yield Input(Reads.TARGET, target.ref or target.name, target.tip)


def _main(context: Context, target: Target) -> Iterator[Input]:
    if target.branch is not None and target.branch.main:
        main = context.config.branch(target.branch.main)
        yield Input(Reads.MAIN, main.ref, context.tip(main) or "")


def _upstream(context: Context, _target: Target) -> Iterator[Input]:
    yield Input(Reads.UPSTREAM, context.config.upstream.ref, context.upstream or "")


def _branches(context: Context, target: Target) -> Iterator[Input]:
    for branch in context.config.branches:
        if branch.name != target.name:
            yield Input(Reads.BRANCHES, branch.ref, context.tip(branch) or "")


def _cve(context: Context, _target: Target) -> Iterator[Input]:
    if context.config.cve.data:
        yield Input(Reads.CVE, context.config.cve.data, security.revision(context))


def _declines(context: Context, target: Target) -> Iterator[Input]:
    today = dt.datetime.now(tz=dt.UTC).date()
    held = [each for each in context.declines if each.branch == target.name and not (each.until and each.until < today)]
    said = hashlib.sha256(msgspec.json.encode(held)).hexdigest()[:16] if held else ""
    yield Input(Reads.DECLINES, config.DECLINES, said)


def _records(context: Context, _target: Target) -> Iterator[Input]:
    """What regression jobs left on record: other records (of judgements, of votes) change no judgement."""
    held = [
        (sha, each.at, each.data)
        for sha, records in sorted(notes.read_all(context.reader).items())
        for each in records
        if each.kind is RecordKind.REGRESS
    ]
    said = json.dumps(held, sort_keys=True).encode("ascii")
    yield Input(Reads.RECORDS, notes.REF, hashlib.sha256(said).hexdigest()[:16] if held else "")


_READERS: Final = {
    Reads.TARGET: _target,
    Reads.MAIN: _main,
    Reads.UPSTREAM: _upstream,
    Reads.BRANCHES: _branches,
    Reads.CVE: _cve,
    Reads.DECLINES: _declines,
    Reads.RECORDS: _records,
}
