"""Tells kernel configuration from code, and a stable release's merge from any other, by paths and names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cosport.model.commit import Commit, Sha
    from cosport.presubmit.change import Change
    from cosport.presubmit.context import Context

_CONFIG: Final = re.compile(
    rb"(?:arch/[^/]+/configs/[^/]+|kernel/configs/[^/]+|chromeos/config/.+|(?:.*/)?[^/]*(?:defconfig|\.config))\Z"
)
_VERSION: Final = re.compile(r"v?(\d{1,3}\.\d{1,3}(?:\.\d{1,4}){1,2})(?![\w.]*-rc)\b")


def is_config(change: Change, path: bytes) -> bool:
    """Whether a path holds kernel configuration: a defconfig, a fragment, or what the team names for the branch."""
    if _CONFIG.match(path):
        return True
    branch = change.target.branch
    return branch is not None and path.decode("utf-8", "surrogateescape") in branch.defconfigs


def lts_version(context: Context, commit: Commit) -> str:
    """The stable release that a merge brings in, such as v6.6.52, "" where it is none.

    Its subject names one, and a merged commit is what the tag of that name leads to. Where the tag is not here, a
    commit counts whose subject is `Linux 6.6.52`, as stable releases are committed: that is its own word alone.
    """
    if (match := _VERSION.search(commit.subject)) is None:
        return ""
    merged, tag = commit.parents[1:], f"v{match[1]}"
    if (released := tagged(context, tag)) is not None:
        return tag if released in merged else ""
    return tag if any(context.reader.commit(sha).subject == f"Linux {match[1]}" for sha in merged) else ""


def tagged(context: Context, tag: str) -> Sha | None:
    """The commit that a tag leads to; None where it is not here."""
    found = context.reader.read(f"refs/tags/{tag}^{{commit}}")
    return found[0] if found is not None else None
