"""Runs the kernel's own checkpatch on a patch: the script of the branch that the commit is for, never the commit's.

The script and the lists that it reads are taken out of the branch's tree into a folder of our own, once for each
version of them, and run there with nothing of the user's settings in reach.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cosport import process
from cosport.errors import DiskError

if TYPE_CHECKING:
    from cosport.git.objects import ObjectReader
    from cosport.model.commit import Sha

SCRIPT: Final = "scripts/checkpatch.pl"
_COMPANIONS: Final = ("scripts/spelling.txt", "scripts/const_structs.checkpatch")

_SECONDS: Final = 60.0
_LINE: Final = re.compile(r"^(.*?):(\d+): (ERROR|WARNING|CHECK):(?:([A-Z0-9_]+):)? (.*)$")

_IGNORED: Final = (
    # About messages, which other checks judge, and what picks inherit; the first two as ChromiumOS has them, the rest
    # as netdev's bot does.
    "GERRIT_CHANGE_ID", "FILE_PATH_CHANGES", "COMMIT_MESSAGE", "COMMIT_LOG_LONG_LINE", "GIT_COMMIT_ID",
    "MISSING_SIGN_OFF", "NO_AUTHOR_SIGN_OFF", "EMAIL_SUBJECT", "PATCH_PREFIX", "UNKNOWN_COMMIT_ID",
    "FROM_SIGN_OFF_MISMATCH", "COMMIT_COMMENT_SYMBOL", "MACRO_ARG_REUSE", "ALLOC_SIZEOF_STRUCT", "PREFER_FALLTHROUGH",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that checkpatch says: its level (ERROR, WARNING, CHECK), type ("" in old versions), place and text."""

    level: str
    type: str
    path: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Tool:
    """A checkpatch taken out of a tree: the script, and the options that this version of it knows."""

    script: Path
    options: tuple[str, ...]


class ToolFailedError(Exception):
    """checkpatch gave no answer; why, for people."""


def tool(reader: ObjectReader, tip: Sha) -> Tool | None:
    """The checkpatch of the commit `tip`; None where its tree has none. Raises DiskError."""
    held = {}
    for name in (SCRIPT, *_COMPANIONS):
        found = reader.read(f"{tip}:{name}")
        if found is not None and found[1] == "blob":
            held[name] = found
    if SCRIPT not in held:
        return None
    names = hashlib.sha256("\n".join(f"{name} {found[0]}" for name, found in held.items()).encode()).hexdigest()[:32]
    folder = reader.repository.state_dir / "checkpatch" / names
    if not folder.is_dir():
        _extract(folder, {name: found[2] for name, found in held.items()})
    return Tool(folder / SCRIPT, _options(held[SCRIPT][2]))


def _extract(folder: Path, files: dict[str, bytes]) -> None:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
        try:
            for name, data in files.items():
                (draft / name).parent.mkdir(exist_ok=True)
                (draft / name).write_bytes(data)
            draft.rename(folder)
        except OSError:
            shutil.rmtree(draft, ignore_errors=True)
            if not folder.is_dir():  # else another process was quicker
                raise
    except OSError as exc:
        raise DiskError(f"{exc.filename or folder}: {exc.strerror}") from exc


def _options(script: bytes) -> tuple[str, ...]:
    """Options by what the script itself says that it takes: old branches have old versions of it."""
    wanted = [("--no-tree", b"tree"), ("--no-signoff", b"signoff"), ("--terse", b"terse"), ("--no-summary", b"summary")]
    wanted += [("--strict", b"strict"), ("--showfile", b"showfile"), ("--show-types", b"show-types")]
    wanted += [("--color=never", b"color"), (f"--ignore={','.join(_IGNORED)}", b"ignore")]
    known = set(re.findall(rb"^\s*'([a-z-]+)(?:\|[^']*)?[!+:=][^']*'\s*=>", script, re.MULTILINE))
    return tuple(option for option, name in wanted if name in known)


def remarks(made: Tool, patch: bytes) -> tuple[Remark, ...]:
    """What checkpatch says of a patch. Raises ToolFailedError where it gives no answer, ToolError without perl."""
    with tempfile.TemporaryDirectory(prefix="cosport-checkpatch-") as folder:
        file = Path(folder, "patch")
        file.write_bytes(patch)
        env = {"PATH": os.environ.get("PATH", os.defpath), "HOME": folder, "LC_ALL": "C"}
        argv = ["perl", str(made.script), *made.options, "--", str(file)]
        done = process.run(argv, env=env, cwd=folder, timeout=_SECONDS)
    if done.status not in (0, 1):
        raise ToolFailedError(f"checkpatch ended with {done.status}: {done.tail.splitlines()[0] if done.tail else ''}")
    found = []
    for line in done.stdout.decode("utf-8", "surrogateescape").split("\n"):
        if (match := _LINE.match(line)) is not None:
            path = "" if match[1] == str(file) else match[1]
            found.append(Remark(match[3], match[4] or "", path, int(match[2]), match[5]))
    if done.status == 1 and not found:
        raise ToolFailedError(f"checkpatch found something, and did not say what: {done.tail[:200]}")
    return tuple(found)
