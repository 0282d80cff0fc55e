"""Works out which symbols may be on in a configuration: all others are off, whatever the user and the defaults do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from cosport.kbuild.kconfig import YES, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cosport.kbuild.kconfig import Definition, Expr


def may(expr: Expr, on: Callable[[str], bool]) -> bool:
    """Whether an expression may be true, where `on` says which symbols may be on. What is negated may always be."""
    if expr.kind is Kind.SYMBOL:
        return expr.name in ("y", "m") or (expr.name != "n" and on(expr.name))
    if expr.kind is Kind.AND:
        return all(may(part, on) for part in expr.parts)
    if expr.kind is Kind.OR:
        return any(may(part, on) for part in expr.parts)
    return expr.kind is not Kind.NOT or expr.parts[0] != YES


def possible(definitions: Iterable[Definition], chosen: dict[str, bool]) -> frozenset[str]:
    """The symbols that may be on in a configuration: `chosen` are those that it turns on, or off, explicitly.

    The smallest set that is closed under all rules: chosen, by default, or selected by another possible one, which
    overrides dependencies. What is implied counts as selected, though it is less. All others are off in any case.
    """
    entries = list(definitions)
    found: set[str] = set()
    on = found.__contains__
    waiting = entries
    grown = True
    while grown:
        grown = False
        rest = []
        for entry in waiting:
            if entry.name in found and not (entry.selects or entry.implies):
                continue
            if entry.name not in found and _may_be_on(entry, chosen, on):
                found.add(entry.name)
                grown = True
            if entry.name in found:
                for name, condition in (*entry.selects, *entry.implies):
                    if name not in found and may(condition, on):
                        found.add(name)
                        grown = True
            rest.append(entry)
        waiting = rest
    return frozenset(found)


def _may_be_on(entry: Definition, chosen: dict[str, bool], on: Callable[[str], bool]) -> bool:
    if not all(may(each, on) for each in entry.depends):
        return False
    wanted = chosen.get(entry.name)
    if wanted or entry.is_choice or not entry.is_switch:
        return True
    if wanted is False and entry.is_asked:
        return False
    return any(may(each.value, on) and may(each.condition, on) for each in entry.defaults)


_SET: Final = re.compile(r"CONFIG_(\w+)=(.*)")
_UNSET: Final = re.compile(r"# CONFIG_(\w+) is not set")


def chosen(text: str) -> dict[str, bool]:
    """The symbols that a configuration file (a defconfig) turns on (True) or off (False)."""
    found = {}
    for line in text.splitlines():
        if match := _SET.fullmatch(line.strip()):
            found[match[1]] = match[2] != "n"
        elif match := _UNSET.fullmatch(line.strip()):
            found[match[1]] = False
    return found
