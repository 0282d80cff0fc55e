"""Texts for tests of the ladder: three sides in, what became of them out."""

from __future__ import annotations

from cosport.backport.resolvers.ground import File
from cosport.backport.resolvers.ladder import Climbed, climb


def lines(text: str) -> list[bytes]:
    return text.encode().split(b"\n")


def resolve(base: str, ours: str, theirs: str, *, max_rung: int = 5) -> Climbed:
    """The ladder on three whole files, of which git has merged nothing."""
    file = File("a.c", lines(base), lines(ours), lines(theirs), lines(base), lines(theirs), lines(ours))
    return climb(file, max_rung)


def partly(base: str, ours: str, theirs: str) -> Climbed:
    """The ladder where git has merged another part of upstream's change to the file, which stands at its end."""
    more = "last();\n"
    before, after = lines(base), lines(theirs + more)
    return climb(File("a.c", lines(base + more), lines(ours + more), after, before, after, lines(ours)), 5)


def text(climbed: Climbed) -> str | None:
    """The resolved text; None where something is stuck."""
    return None if climbed.stuck else b"\n".join(climbed.lines).decode()


def rules(climbed: Climbed) -> list[str]:
    return [step.rule.name for step in climbed.steps]
