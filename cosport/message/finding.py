"""What the linter finds: values that tell the rule, how grave it is, where it stands, and what would repair it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cosport.message.parse import Message
    from cosport.message.profile import Profile


class Severity(StrEnum):
    """How grave a finding is: `block` is refused on upload, `warn` needs a look, `info` is a matter of taste."""

    BLOCK = "block"
    WARN = "warn"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. `id` names the rule and never changes; `line` counts from 1, 0 for what is missing.

    `fix` says what `cosport message fix` does about it; "" where only a person can tell.
    """

    id: str
    severity: Severity
    line: int
    text: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What the rules look at: a message, the profile whose rules hold, and the fields that must be filled."""

    message: Message
    profile: Profile
    required: tuple[str, ...]
