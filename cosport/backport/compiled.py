"""Compiles what a resolved pick touches before it is offered (`--build`): by the branch's defconfigs, in a sandbox."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cosport.errors import ToolError
from cosport.git.objects import ObjectReader
from cosport.model.result import Outcome

if TYPE_CHECKING:
    from cosport.backport.target import Target
    from cosport.git.quarantine import Quarantine
    from cosport.kbuild.objects import Built
    from cosport.model.commit import Sha
    from cosport.model.result import Result

_LINES: Final = 5
"""Lines of make's last words that a result tells."""


_SAID: Final = {
    "built": "compiled",
    "failed-before": "does not compile, and did not before the pick,",
    "nothing": "nothing to compile",
}
"""What each outcome of a build means for a pick (cosport.kbuild.objects.Outcome)."""


def compiled(place: Quarantine, result: Result, ours: Sha, target: Target) -> Result:
    """A resolved pick onto the tree `ours` with a word on its build; the conflict again where it does not compile.

    What cannot be built here (no defconfig, no sandbox, another architecture) is said, and is no failure.
    """
    from cosport.kbuild import objects

    assert result.tree is not None
    defconfigs = target.branch.defconfigs if target.branch is not None else ()
    if not defconfigs:
        return _noted(result, f"not compiled: no defconfigs are configured for {target.name}")
    listed = ("diff-tree", "-r", "-z", "--name-only", "--no-renames", "--diff-filter=d")
    paths = place.repository.run(*listed, ours, result.tree).split(b"\0")[:-1]
    for defconfig in defconfigs:
        try:
            with ObjectReader(place.repository) as reader:
                built = objects.compile_touched(reader, (ours, result.tree), paths, defconfig, landed=True)
        except ToolError as error:
            result = _noted(result, f"not compiled by {defconfig}: {error.what}")
            continue
        if built.outcome is objects.Outcome.FAILED:
            what = f"resolved by rule, it does not compile by {defconfig}: {_last_words(built)}"
            return _noted(_undone(result), what)
        touched = ", ".join(built.objects) or "it compiles no source that the pick touches"
        result = _noted(result, f"{_SAID[built.outcome]} by {defconfig}: {touched}")
    return result


def _undone(result: Result) -> Result:
    """The conflict that it was."""
    bare = replace(result, tree=None, fidelity=None, differences=(), rules=(), confidence=None)
    return replace(bare, outcome=Outcome.CONFLICT)


def _noted(result: Result, note: str) -> Result:
    return replace(result, notes=(*result.notes, note))


def _last_words(built: Built) -> str:
    return " / ".join(line.strip() for line in built.log.splitlines()[-_LINES:] if line.strip())
