"""The checks that there are: cosport's own, one a module, and those that a team's packages add.

A package adds checks by an entry point of the group `cosport.checks` that leads to a Check:

    [project.entry-points."cosport.checks"]
    house-style = "acme_checks:HOUSE_STYLE"

Entry points are what is installed where cosport runs; a change under judgement cannot add one.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Final

from cosport.errors import ConfigError, ToolError
from cosport.presubmit.check import Check

if TYPE_CHECKING:
    from collections.abc import Iterable

GROUP: Final = "cosport.checks"

MODULES: Final = (
    "kinds",
    "origin",
    "fields",
    "patch_class",
    "change_id",
    "message_text",
    "bot_trailers",
    "signoff",
    "upstream_patch",
    "fixes",
    "fixes_target",
    "followups",
    "needed",
    "reverts",
    "main_first",
    "parity",
    "config_mixed",
    "contents",
    "merge",
    "checkpatch",
    "build",
    "boot",
    "regression",
)
"""The modules of `cosport.presubmit.checks`, in the order in which people read their findings."""


@cache
def checks() -> tuple[Check, ...]:
    """All checks. Raises ToolError where a package's entry point leads to none, or two have one id."""
    own = [import_module(f"cosport.presubmit.checks.{name}").CHECK for name in MODULES]
    found: dict[str, Check] = {}
    for check in (*own, *_added()):
        if check.id in found:
            raise ToolError(
                f"two presubmit checks are called {check.id}", hint=f"look at the entry points of the group {GROUP}"
            )
        found[check.id] = check
    return tuple(found.values())


def _added() -> list[Check]:
    from importlib.metadata import entry_points

    found = []
    for point in sorted(entry_points(group=GROUP), key=lambda each: each.name):
        try:
            check = point.load()
        except Exception as exc:  # foreign code may raise anything
            raise ToolError(f"the check {point.name} ({point.value}) cannot be loaded: {exc}") from exc
        if not isinstance(check, Check):
            raise ToolError(f"the check {point.name} ({point.value}) is no Check of cosport.presubmit.check")
        found.append(check)
    return found


def require_known(names: Iterable[str], where: str) -> None:
    """Raise ConfigError for a name that is no check's id."""
    _require(names, {check.id for check in checks()}, where, "check")


def require_rules(names: Iterable[str], where: str) -> None:
    """Raise ConfigError for a name that is no rule's id."""
    _require(names, {rule.id for check in checks() for rule in check.rules}, where, "rule")


def _require(names: Iterable[str], known: set[str], where: str, what: str) -> None:
    from difflib import get_close_matches

    for name in names:
        if name not in known:
            near = get_close_matches(name, sorted(known), 1)
            hint = f"did you mean {near[0]}?" if near else "see: cosport presubmit --list"
            raise ConfigError(f"{where}: no presubmit {what} is called {name!r}", hint=hint)
