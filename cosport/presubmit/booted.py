"""What a check may ask of whoever can boot a kernel. The checks know no machine: it is handed in (`workflow/boot`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from cosport.model.commit import Commit
    from cosport.presubmit.change import Change


@dataclass(frozen=True, slots=True)
class Booted:
    """What came of booting a commit: `what` was booted, and how it failed; "" where user space answered."""

    what: str
    trouble: str = ""
    console: str = ""


class Boots(Protocol):
    """Builds and boots a commit of a change: itself, or the one that it stands on."""

    def __call__(self, change: Change, commit: Commit, /) -> Booted:
        """What came of it. Raises ToolError where this machine is to blame."""
