"""The objects that the commit touches compile, by the branch's own defconfigs, in a sandbox without network."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from cosport.kbuild.objects import Built, Outcome, compile_touched
from cosport.message.finding import Severity
from cosport.presubmit.check import Answer, Check, CouldNotRun, NotApplicable
from cosport.presubmit.finding import COMMIT, Place, Rule
from cosport.presubmit.kind import EVERY, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cosport.presubmit.change import Change
    from cosport.presubmit.finding import Finding

FAILED: Final = Rule(
    "build-failed", Severity.BLOCK,
    "It compiles without this commit, and not with it. Does it need another commit first? cosport backport "
    "--with-prereqs finds that.",
)  # fmt: skip
BEFORE: Final = Rule(
    "build-broken-before",
    Severity.WARN,
    "They do not compile without this commit either: the branch is broken.",
)

_ERROR: Final = re.compile(r"^(?:\.\./)*(?:/source/)?([^\s:]+):(\d+):(?:\d+:)? (?:fatal )?error: (.*)$", re.MULTILINE)
_SHOWN: Final = 20


def judge(change: Change) -> Answer:
    """Compile with each defconfig that is configured for the branch."""
    branch = change.target.branch
    defconfigs = branch.defconfigs if branch is not None else ()
    if not defconfigs:
        return CouldNotRun(f"no defconfigs are configured for {change.target.name}")
    paths = [entry.path for entry in change.entries if entry.new_mode != "000000"]
    found: list[Finding] = []
    compiled = 0
    for defconfig in defconfigs:
        trees = change.trees(change.commit)
        built = compile_touched(change.context.reader, trees, paths, defconfig, landed=change.on_landed)
        compiled += len(built.objects)
        found += _findings(built, defconfig)
    if not compiled:
        return NotApplicable("it touches no source that these configurations compile")
    return tuple(found)


def _findings(built: Built, defconfig: str) -> Iterator[Finding]:
    if built.outcome is Outcome.FAILED_BEFORE:
        yield BEFORE.finding(f"{defconfig}: {_tail(built)}")
    if built.outcome is not Outcome.FAILED:
        return
    errors = [*_ERROR.finditer(built.log)][:_SHOWN]
    for match in errors:
        yield FAILED.finding(f"{defconfig}: {match[3]}", Place.file(match[1], int(match[2])))
    if not errors:
        yield FAILED.finding(f"{defconfig}: {_tail(built)}", COMMIT)


def _tail(built: Built) -> str:
    return " / ".join(line.strip() for line in built.log.splitlines()[-5:] if line.strip())


CHECK: Final = Check(
    "build", "The objects that it touches compile, in a sandbox (needs presubmit.build or --only build).",
    EVERY - {Kind.LTS_MERGE}, (FAILED, BEFORE), judge, asked=lambda settings: settings.build,
)  # fmt: skip
