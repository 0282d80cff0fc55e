"""Tells kernel configuration from code, and a stable release's merge from any other, by paths and names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cosport.model.commit import Commit
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

    Its subject names one, and a merged commit is what a tag of that name leads to, or a commit whose subject is
    `Linux 6.6.52`, as stable releases are committed.
    """
    if (match := _VERSION.search(commit.subject)) is None:
        return ""
    merged = commit.parents[1:]
    if any(context.reader.commit(sha).subject == f"Linux {match[1]}" for sha in merged):
        return f"v{match[1]}"
    found = context.reader.read(f"refs/tags/v{match[1]}^{{commit}}")
    return f"v{match[1]}" if found is not None and found[0] in merged else ""
