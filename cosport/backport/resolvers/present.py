"""Rung 3: changes that the branch holds already, by an earlier backport or because it never had the old lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cosport.backport.resolvers.ground import Edit, Ground, Rule, is_blank

if TYPE_CHECKING:
    from cosport.backport.resolvers.ground import Change


def _present(ground: Ground, change: Change) -> Edit | None:
    around = ground.around(change)
    standing = ground.file.ours[around.low : around.high]
    if not change.new or all(map(is_blank, change.new)) or list(standing) != ground.changed(around):
        return None
    detail = f"the branch has these lines already, at line {around.low + 1}"
    return Edit(around.low, around.high, tuple(standing), detail)


PRESENT: Final = Rule("present", 3, 0.95, "the branch holds the new lines in this very place already", _present)
