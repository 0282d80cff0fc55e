"""Warns of clean picks that speak of what the branch does not have: git merges lines, and knows no names.

Of real clean picks one in a hundred does so. People changed a quarter of these, and one in a hundred of the others
(docs/conflicts.md), so it is a remark for the person who reviews, and no obstacle.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from cosport.backport.resolvers.names import names
from cosport.git.trees import changes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cosport.backport.trial import Attempt
    from cosport.git.objects import ObjectReader
    from cosport.model.commit import Sha

_NAMED: Final = 4
"""Names, and files, that a remark lists."""

_LARGEST: Final = 4 << 20
"""Bytes of a file that is looked at."""


def remarks(reader: ObjectReader, attempt: Attempt) -> tuple[str, ...]:
    """A remark on names that the change adds to a file, which upstream's file had before and the branch's lacks."""
    paths = _modified(reader, attempt.base, attempt.theirs)
    found = [
        f"{path}: {', '.join(strange[:_NAMED])}" for path in paths if (strange := [*_strange(reader, attempt, path)])
    ]
    if not found:
        return ()
    more = f" and {len(found) - _NAMED} files more" if len(found) > _NAMED else ""
    told = "; ".join(found[:_NAMED])
    return (f"it merged cleanly, and speaks of names that the branch's file lacks: look at it ({told}{more})",)


@lru_cache(maxsize=64)
def _modified(reader: ObjectReader, base: Sha, theirs: Sha) -> tuple[str, ...]:
    """The files that the change modifies: of one fix, the same for all branches."""
    found = (each.path for each in changes(reader, base, theirs) if each.modifies_file)
    return tuple(path.decode("utf-8", "surrogateescape") for path in found)


def _strange(reader: ObjectReader, attempt: Attempt, path: str) -> Iterator[str]:
    texts = []
    for tree in (attempt.base, attempt.theirs, attempt.ours):
        found = reader.read(f"{tree}:{path}")
        if found is None or found[1] != "blob" or len(found[2]) > _LARGEST:
            return
        texts.append(found[2])
    base, theirs, ours = texts
    added = Counter(theirs.split(b"\n")) - Counter(base.split(b"\n"))
    for name in sorted(names(added)):
        if _stands(name, base) and not _stands(name, ours):
            yield name.decode("ascii")


def _stands(name: bytes, text: bytes) -> bool:
    return name in text and re.search(rb"\b%b\b" % name, text) is not None
