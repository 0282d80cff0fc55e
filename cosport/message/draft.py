"""A message as an editor leaves it to the commit-msg hook: text, and below it the comments that git will take out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from cosport.message.parse import BLANK

_SCISSORS: Final = " ------------------------ >8 ------------------------"
_FIXUP: Final = re.compile(r"[a-z]+! ")


@dataclass(frozen=True, slots=True)
class Draft:
    """The text of a message, and what stands below it: comments, and what is cut off (git-commit(1), --cleanup)."""

    text: str
    rest: str

    @property
    def is_fixup(self) -> bool:
        """Whether it is to be melted into another commit (`fixup! `, `squash! `, `amend! `): Gerrit's hook skips it."""
        return _FIXUP.match(self.text) is not None


def split(message: str, comment: str = "#") -> Draft:
    """Part a message from the comments at its end; `comment` is what git begins them with."""
    lines = message.split("\n")
    cut = next((at for at, line in enumerate(lines) if line == comment + _SCISSORS), len(lines))
    end = cut
    while end and (not lines[end - 1].strip(BLANK) or lines[end - 1].startswith(comment)):
        end -= 1
    kept, rest = lines[:end], lines[end:]
    while rest and not rest[0].strip(BLANK):
        rest.pop(0)
    return Draft("\n".join([*kept, ""]) if kept else "", "\n".join(["", *rest]) if rest else "")
