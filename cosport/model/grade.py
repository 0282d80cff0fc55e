"""How grave a house takes what a presubmit rule finds: configuration and message profiles both say it."""

from __future__ import annotations

from enum import StrEnum


class Grade(StrEnum):
    """A severity, or "off" for not at all."""

    BLOCK = "block"
    WARN = "warn"
    INFO = "info"
    OFF = "off"
