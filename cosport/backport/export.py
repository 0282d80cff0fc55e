"""Writes a pick or a series as mail patches with a quilt `series` file, for teams that keep patches and not branches.

Nothing here sends mail. The patches get no To: or Cc: header, whatever git's configuration or upstream's trailers say.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cosport.errors import RevisionError, UsageError
from cosport.model.commit import Sha

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.git.objects import ObjectReader
    from cosport.git.repository import Repository

# Each option undoes a format.* key of the user's that would add recipients or change the text (git-format-patch(1)).
_MAIL: Final = (
    "--no-add-header", "--no-to", "--no-cc", "--no-from", "--no-thread", "--no-attach", "--no-cover-letter",
    "--no-base", "--no-signoff", "--no-notes", "--no-signature", "--suffix=.patch", "--subject-prefix=PATCH",
    "--zero-commit", "--full-index", "--binary", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames",
    "--no-relative", "--src-prefix=a/", "--dst-prefix=b/",
)  # fmt: skip


def commits_of(
    repository: Repository, reader: ObjectReader, name: str, *, known: Sequence[Sha], local: Sequence[Sha]
) -> tuple[Sha, ...]:
    """The commits to export, oldest first: of a range `A..B` all, of a ref what no other branch holds.

    `known` are the tips of branches that are kept alive and of remote ones, `local` those of the user's own, of which
    one may stand where the ref does. Where nothing is left, the one commit itself. Raises RevisionError for a name that
    leads nowhere, for an empty range, and where a merge is among them: mail patches cannot hold one.
    """
    if "..." in name:
        raise RevisionError(f"{name} is a symmetric difference", hint="name a range: BASE..TIP")
    if ".." in name:
        first, _, last = name.partition("..")
        since, until = [reader.resolve(first or "HEAD").sha], reader.resolve(last or "HEAD").sha
    else:
        until = reader.resolve(name).sha
        since = [*known, *(tip for tip in local if tip != until)]
    stdin = "\n".join([until, *(f"^{tip}" for tip in since)]).encode()
    listed = repository.run("rev-list", "--reverse", "--topo-order", "--parents", "--stdin", stdin=stdin)
    lines = listed.decode("ascii").splitlines()
    if not lines and ".." not in name:
        lines = [f"{until} {' '.join(reader.commit(until).parents)}".rstrip()]
    if not lines:
        raise RevisionError(f"{name} holds no commit to export", hint="name a pick's branch, or a range: BASE..TIP")
    if any(line.count(" ") > 1 for line in lines):
        raise RevisionError(
            f"there is a merge in {name}, and mail patches cannot hold one", hint="name a range without it"
        )
    return tuple(Sha(line.split(" ")[0]) for line in lines)


def export(repository: Repository, commits: Sequence[Sha], folder: Path, *, force: bool = False) -> tuple[str, ...]:
    """Write the patches and `series` to `folder`, whole or not at all; the names of the patches, in order.

    Raises UsageError where `folder` is a file or holds other files (unless `force`), OSError where it is not writable.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is no folder", hint="name a new folder with --out")
    if folder.exists() and any(folder.iterdir()) and not force:
        raise UsageError(f"{folder} is not empty", hint="name a new folder, or pass --force to replace patches in it")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".cosport-export-", dir=folder) as temporary:
        made: list[str] = []
        for number, commit in enumerate(commits, 1):
            args = ("format-patch", *_MAIL, f"--start-number={number}", "-o", temporary, "-1", commit)
            made.append(Path(os.fsdecode(repository.run(*args)).rstrip("\n")).name)
        series = Path(temporary) / "series"
        series.write_text("".join(f"{name}\n" for name in made), encoding="utf-8")
        for name in (*made, "series"):  # the list last: it names only files that are there
            shutil.move(Path(temporary) / name, folder / name)
    return tuple(made)
