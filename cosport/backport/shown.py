"""A resolved pick as a person reviews it: which rule placed what, and how upstream's patch became this one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosport.compare.interdiff import between
from cosport.git.diff import patches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cosport.backport.context import Context
    from cosport.model.result import Result


def review(context: Context, pick: Result) -> Iterator[str]:
    """The lines to show for a pick that stands on its ref."""
    reader = context.reader
    assert pick.commit is not None
    made, upstream = reader.commit(pick.commit), reader.commit(pick.upstream)
    fidelity = f"fidelity {pick.fidelity}" if pick.fidelity else "fidelity unknown"
    confidence = f", confidence {pick.confidence:.2f}" if pick.confidence is not None else ""
    yield f"{pick.branch}: {pick.commit[:12]} {made.subject}"
    yield f"    of upstream's {pick.upstream[:12]}; {fidelity}{confidence}"
    for used in pick.rules:
        yield f"    {used.path}:{used.line} by rule {used.rule} (rung {used.rung}): {used.detail}"
        for doubt in used.doubts:
            yield f"        but: {doubt}"
    pairs = [(reader.commit(each.parents[0]).tree, each.tree) for each in (upstream, made)]
    found = between(*patches(context.repository, pairs))
    for path, lines in found:
        yield f"{path}, upstream's patch and this one:"
        yield from lines
    if not found:
        yield "the patch is upstream's, word for word"
