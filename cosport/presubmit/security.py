"""Asks the CVE data whether a commit closes a security hole, and says which state of that data answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosport.config import expanded
from cosport.cve.index import CveIndex
from cosport.errors import CosportError
from cosport.git.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.model.commit import Sha
    from cosport.presubmit.context import Context


def closed(context: Context, commits: Sequence[Sha]) -> dict[Sha, tuple[str, ...]]:
    """The CVEs that each of these commits fixes, those of them that fix one; none where no data is configured.

    Raises ConfigError or CveDataError where the data cannot be read.
    """
    data = context.config.cve.data
    if not data or not commits:
        return {}
    with CveIndex.open(data, context.repository.state_dir / "cve.sqlite") as index:
        return {sha: cves for sha in commits if (cves := index.fixed_by(sha))}


def revision(context: Context) -> str:
    """The state of the data: the commit that its repository is at, else a name for all that it says.

    Data that cannot be read has a state too: what is judged by it has no answer, and is judged again when it changes.
    """
    data = context.config.cve.data
    try:
        done = Repository.open(expanded(data)).attempt("rev-parse", "-q", "--verify", "HEAD")
        if done.status == 0:
            return done.stdout.decode("ascii").strip()
    except CosportError:
        pass  # no repository: a plain folder
    try:
        with CveIndex.open(data, context.repository.state_dir / "cve.sqlite") as index:
            return index.digest()
    except CosportError as exc:
        return f"unreadable: {exc.what}"
