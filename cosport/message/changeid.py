"""Makes and checks Gerrit's Change-Ids, so that one fix has one Change-Id on every branch, however often it is picked.

Gerrit's rules (Documentation/user-changeid.txt): `Change-Id: I` and 40 hex digits in the last paragraph of the
message, exactly one. A change is addressed by project, branch and Change-Id, so the same id on several branches names
one change on each of them, and a second upload to a branch is a new patch set of the same change. A change that was
abandoned or merged takes no new patch set: then a new id is needed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cosport.model.commit import Sha

_VALID = re.compile(r"I[0-9a-f]{40}\Z")

VERSION = 1
"""Of the derivation below. It never changes once released: reruns must give the ids that Gerrit already holds."""


def valid(text: str) -> bool:
    """Whether `text` is a Change-Id: `I` and 40 lower-case hex digits."""
    return _VALID.match(text) is not None


def derive(upstream: Sha, generation: int = 0) -> str:
    """The Change-Id of the fix `upstream`: the same on every machine, on every day and for every branch.

    `generation` counts from 0 and rises where the change of an earlier one was abandoned, or its commit reverted. The
    id is `I` and the SHA-1 of the ASCII text "cosport change-id 1", the full upstream sha and the generation, each on
    a line. Raises ValueError for a negative generation.
    """
    import hashlib

    if generation < 0:
        raise ValueError(f"a generation counts from 0: {generation}")
    text = f"cosport change-id {VERSION}\n{upstream}\n{generation}\n"
    return "I" + hashlib.sha1(text.encode("ascii"), usedforsecurity=False).hexdigest()


def minted(committer: str, head: str, message: bytes) -> str:
    """The Change-Id that Gerrit's own commit-msg hook gives a new commit (its resources/.../hooks/commit-msg).

    It is `I` and the name that git gives a blob of the committer's ident, the commit that HEAD is on (of an unborn
    branch the empty tree), and the message, each followed by a line end but the last.
    """
    import hashlib

    data = committer.encode("utf-8", "surrogateescape") + b"\n" + head.encode("ascii") + b"\n" + message
    return "I" + hashlib.sha1(b"blob %d\0%s" % (len(data), data), usedforsecurity=False).hexdigest()
