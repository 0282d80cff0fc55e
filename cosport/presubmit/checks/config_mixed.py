"""Kernel configuration and code come in commits of their own, so that each can be reverted alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cosport.git.diff import entries
from cosport.message.finding import Severity
from cosport.presubmit.check import Answer, Check
from cosport.presubmit.finding import Place, Rule
from cosport.presubmit.kind import PLAIN, Kind
from cosport.presubmit.paths import is_config

if TYPE_CHECKING:
    from cosport.presubmit.change import Change

MIXED: Final = Rule(
    "config-mixed", Severity.BLOCK,
    "Put the configuration into a commit of its own. What upstream's own commit mixed may stay together.",
)  # fmt: skip


def judge(change: Change) -> Answer:
    """Part the paths."""
    configs = [entry.path for entry in change.entries if is_config(change, entry.path)]
    if not configs or len(configs) == len(change.entries):
        return ()
    theirs = {
        entry.path
        for commit in (*change.compared, *change.returned)
        for entry in entries(change.context.repository, *change.trees(commit))
    }
    return tuple(
        MIXED.finding("kernel configuration changes in one commit with code", Place.file(path))
        for path in configs
        if path not in theirs
    )


CHECK: Final = Check(
    "config", "Kernel configuration and code are not mixed where upstream did not mix them.", PLAIN - {Kind.CONFIG},
    (MIXED,), judge,
)  # fmt: skip
