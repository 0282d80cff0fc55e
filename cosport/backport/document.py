"""Results as the JSON documents of CONTRACT.md: `cosport.backport/1`, and its line form for `plan --stdin`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cosport.model.result import Place, Prerequisite, Result, Review, RuleUsed, Searched, Touch

SCHEMA: Final = "cosport.backport/1"


def document(results: Iterable[Result]) -> dict[str, Any]:
    """The whole document."""
    return {"schema": SCHEMA, "results": [plain(result) for result in results]}


def line(target: str, result: Result) -> dict[str, Any]:
    """One result with `target`, as the caller wrote it, in the place of `branch`."""
    built = plain(result)
    del built["branch"]
    return {"upstream": built.pop("upstream"), "target": target, **built}


def plain(result: Result) -> dict[str, Any]:
    """One result as plain data. Written out by hand: it is made thousands of times a second by `plan --stdin`."""
    source = result.source
    return {
        "upstream": result.upstream,
        "branch": result.branch,
        "outcome": result.outcome.value,
        "commit": result.commit,
        "ref": result.ref,
        "tree": result.tree,
        "change_id": result.change_id,
        "source": {"kind": source.kind, "commit": source.commit, "branch": source.branch} if source else None,
        "fidelity": result.fidelity.value if result.fidelity else None,
        "evidence": [{"kind": each.kind.value, "detail": each.detail} for each in result.evidence],
        "conflicts": [
            {
                "path": each.path,
                "kind": each.kind.value,
                "worktree": each.worktree,
                "touched_by": [_touch(touch) for touch in each.touched_by],
                "places": [_place(place) for place in each.places],
            }
            for each in result.conflicts
        ],
        "prerequisites": [_prerequisite(each) for each in result.prerequisites],
        "searched": _searched(result.searched) if result.searched else None,
        "followups": [{"sha": each.sha, "subject": each.subject, "kind": each.kind} for each in result.followups],
        "differences": [
            {"path": each.path, "lacks": list(each.lacks), "adds": list(each.adds)} for each in result.differences
        ],
        "rules": [_rule(each) for each in result.rules],
        "confidence": result.confidence,
        "notes": list(result.notes),
        "review": _review(result.review) if result.review else None,
        "error": {"what": result.error, "hint": result.hint} if result.error else None,
    }


def _prerequisite(needed: Prerequisite) -> dict[str, Any]:
    return {
        "sha": needed.sha,
        "subject": needed.subject,
        "resolves": list(needed.resolves),
        "removes": [{"path": each.path, "first": each.first, "last": each.last} for each in needed.removes],
        "needed_by": list(needed.needed_by),
        "conflicts": list(needed.conflicts),
    }


def _touch(touch: Touch) -> dict[str, Any]:
    return {"sha": touch.sha, "subject": touch.subject}


def _place(place: Place) -> dict[str, Any]:
    sides = {"base": list(place.base), "theirs": list(place.theirs), "ours": list(place.ours)}
    by = [_touch(touch) for touch in place.touched_by]
    return {"line": place.line, "why": place.why, "needs": place.needs, **sides, "touched_by": by}


def _rule(used: RuleUsed) -> dict[str, Any]:
    return {
        "rung": used.rung,
        "rule": used.rule,
        "path": used.path,
        "line": used.line,
        "detail": used.detail,
        "doubts": list(used.doubts),
    }


def _searched(how: Searched) -> dict[str, Any]:
    return {
        "status": how.status,
        "why": how.why,
        "tried": how.tried,
        "suspects": list(how.suspects),
        "by_hand": [_prerequisite(each) for each in how.by_hand],
        "advised": how.advised.value,
    }


def _review(review: Review) -> dict[str, Any]:
    return {
        "state": review.state,
        "number": review.number,
        "patch_set": review.patch_set,
        "url": review.url,
        "why": review.why,
    }
