"""Kernel configuration fragments: what a guest needs, and the check that a tree's Kconfig really kept it.

`make olddefconfig` drops without a word what it does not know or whose dependencies fail; a kernel without its balloon
driver would then look like one whose balloon never moves.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from cosport.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SET: Final = re.compile(r"(CONFIG_[A-Za-z0-9_]+)=(.+)")
_UNSET: Final = re.compile(r"# (CONFIG_[A-Za-z0-9_]+) is not set")


def parse(text: str) -> dict[str, str]:
    """Symbols and values of a .config or a fragment; "n" for what is not set. Later lines win, as in Kconfig."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if match := _SET.fullmatch(line.strip()):
            found[match[1]] = match[2]
        elif match := _UNSET.fullmatch(line.strip()):
            found[match[1]] = "n"
    return found


def lost(wanted: Mapping[str, str], config: Mapping[str, str]) -> tuple[str, ...]:
    """What the configuration has otherwise than wanted, a line each. What is not there at all counts as not set."""
    return tuple(
        f"{symbol}={value} became {config.get(symbol, 'n')}"
        for symbol, value in wanted.items()
        if config.get(symbol, "n") != value
    )


def check(wanted: Mapping[str, str], config: Mapping[str, str], what: str) -> None:
    """Raise BuildError that names what a configuration lost."""
    gone = lost(wanted, config)
    if gone:
        raise BuildError(
            f"the configuration of {what} lost {', '.join(gone)}",
            hint="this tree calls them otherwise, or they need more: correct a copy, and name it by --fragment",
        )
