"""Puts hooks of ours where git looks for them, beside those that are there, and takes them out again.

A hook that stands there already is kept under another name, and runs first: ours run only where it says yes. Git looks
for hooks in `core.hooksPath`, else in the common directory, so linked work trees share them.
"""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cosport import files
from cosport.errors import DiskError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.git.repository import Repository

CLIENT: Final = ("commit-msg", "pre-push")
"""The hooks of somebody who commits and pushes."""
SERVER: Final = ("update",)
"""The hook of a server that others push to."""

MARK: Final = "# cosport hook:"
"""How the second line of each hook of ours begins."""
KEPT: Final = ".before-cosport"
"""What is added to the name of a hook that was there before."""

_SCRIPT: Final = """\
#!/bin/sh
{mark} {name}. `cosport hook install --undo` takes it out again.
before={before}
{reading}if [ -x "$before" ]; then
    {given}"$before" "$@" || exit $?
fi
python={python}
if [ -x "$python" ] && "$python" -c 'import cosport' 2>/dev/null; then
    {given}"$python" -m cosport hook {name} "$@"
elif command -v cosport >/dev/null; then
    {given}cosport hook {name} "$@"
else
    echo "cosport: the hook {name} finds no cosport; install it again, or remove $0" >&2
    exit 1
fi
"""

_READING: Final = """\
input="$(cat)"
feed() { [ -z "$input" ] || printf '%s\\n' "$input"; }
"""
"""What is pushed, for the hook from before and for ours; not a line where nothing is."""


@dataclass(frozen=True, slots=True)
class Installed:
    """What became of one hook: `state` is "installed", "current", "removed" or "absent"; `kept` the one from before."""

    hook: str
    path: str
    state: str
    kept: str = ""


def folder(repository: Repository) -> Path:
    """Where git looks for the hooks of this repository."""
    # The last value is the one that keeps git from running hooks for us.
    values = repository.run("config", "--null", "--type=path", "--get-all", "core.hooksPath").split(b"\0")[:-2]
    if not values:
        return repository.common_dir / "hooks"
    named = Path(os.fsdecode(values[-1]))
    return named if named.is_absolute() else _top(repository) / named


def shared(repository: Repository) -> str:
    """The folder of the hooks where a setting outside of this repository names it: others use it too; else ""."""
    said = repository.run("config", "--null", "--show-scope", "--get-all", "core.hooksPath").split(b"\0")[:-3]
    return str(folder(repository)) if said and said[-2] in (b"global", b"system") else ""


def _top(repository: Repository) -> Path:
    """The folder in which hooks run: the top of the work tree, or a bare repository itself (githooks(5))."""
    if repository.is_bare:
        return repository.git_dir
    if repository.git_dir == repository.common_dir:
        return repository.common_dir.parent
    return Path(os.fsdecode((repository.git_dir / "gitdir").read_bytes()).strip()).parent


def install(repository: Repository, names: Sequence[str]) -> tuple[Installed, ...]:
    """Put these hooks of ours in place; doing it twice is the same as once.

    Raises UsageError where a hook that is not ours stands there beside one that was kept before, DiskError.
    """
    place = folder(repository)
    try:
        place.mkdir(parents=True, exist_ok=True)
        return tuple(_install(place / name) for name in names)
    except OSError as exc:
        raise _refused(place, exc) from exc


def _refused(place: Path, exc: OSError) -> DiskError:
    return DiskError(
        f"hooks cannot be changed in {place}: {exc.strerror}", hint="make it writable, then run the same command again"
    )


def _install(hook: Path) -> Installed:
    kept = hook.with_name(hook.name + KEPT)
    text = _script(hook)
    if hook.exists() and not is_ours(hook):
        if kept.exists() and not kept.samefile(hook):
            raise UsageError(
                f"{hook} is not cosport's, and {kept.name} stands beside it already",
                hint="join the two, or remove the one that is not needed; then run the same command again",
            )
        if not kept.exists():  # it does after a kill at this point
            os.link(hook, kept)  # unlike a rename, this never replaces a file
    elif hook.exists() and hook.read_bytes() == text.encode("utf-8", "surrogateescape"):
        return Installed(hook.name, str(hook), "current", str(kept) if kept.exists() else "")
    files.replace(hook, text.encode("utf-8", "surrogateescape"), mode=0o755)
    return Installed(hook.name, str(hook), "installed", str(kept) if kept.exists() else "")


def uninstall(repository: Repository, names: Sequence[str]) -> tuple[Installed, ...]:
    """Take these hooks of ours out, and put back what was there before. Raises DiskError."""
    place = folder(repository)
    try:
        return tuple(_uninstall(place / name) for name in names)
    except OSError as exc:
        raise _refused(place, exc) from exc


def _uninstall(hook: Path) -> Installed:
    kept = hook.with_name(hook.name + KEPT)
    if not hook.exists() or not is_ours(hook):
        return Installed(hook.name, str(hook), "absent")
    if kept.exists():
        kept.replace(hook)
    else:
        hook.unlink()
    return Installed(hook.name, str(hook), "removed")


def is_ours(hook: Path) -> bool:
    """Whether a hook is one that `install` wrote."""
    lines = hook.read_bytes().split(b"\n", 2)
    return len(lines) > 1 and lines[1].startswith(MARK.encode())


def _script(hook: Path) -> str:
    """The hook: pre-push reads what is pushed from its input, which the hook from before needs too."""
    reads = hook.name == "pre-push"
    return _SCRIPT.format(
        mark=MARK,
        name=hook.name,
        before=shlex.quote(str(hook.absolute()) + KEPT),
        python=shlex.quote(sys.executable),
        reading=_READING if reads else "",
        given="feed | " if reads else "",
    )
