"""Joins presubmit and the machine of regression jobs: builds what a change makes, in a sandbox, and boots it.

A kernel that booted is not booted again: what is kept is the name of its bytes. One that failed is, each time.
"""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from cosport import resources
from cosport.config import Boot
from cosport.errors import BuildError, ToolError
from cosport.kbuild import distribution, kernel, module, sandbox
from cosport.kbuild.cache import cache_folder, publish
from cosport.kbuild.kernel import Configuration
from cosport.kbuild.sandbox import Trust
from cosport.kbuild.tree import Revision, Tree
from cosport.presubmit.booted import Booted
from cosport.regress import guest, smoke

if TYPE_CHECKING:
    from cosport.kbuild.distribution import Distribution
    from cosport.model.commit import Commit
    from cosport.presubmit.change import Change

_FRAGMENT: Final = ("pipelines", "kernel", "boot.config")


def boot(change: Change, commit: Commit, /) -> Booted:
    """Build and boot a commit of a change: one module where that is wanted and is all it touches, else its kernels.

    What cannot be built does not boot. Raises ToolError where this machine is to blame.
    """
    sandbox.require()
    touched = _module(change) if change.context.config.presubmit.boot is Boot.MODULE else None
    if touched is not None:
        return _tried(f"{touched.source} as a module of Linux {touched.kernel.release}", change, commit, touched)
    branch = change.target.branch
    if branch is None or not branch.defconfigs:
        raise ToolError(
            f"no defconfigs are configured for {change.target.name}: which kernel should be booted is not known",
            hint="give the [[branch]] its defconfigs",
        )
    booted = [_tried(f"the kernel by {each}", change, commit, each) for each in branch.defconfigs]
    return next((each for each in booted if each.trouble), booted[0])


@dataclass(frozen=True, slots=True)
class _Module:
    """The one module that a change touches, of an installed kernel."""

    source: str
    kernel: Distribution


def _module(change: Change) -> _Module | None:
    """What of the installed kernel the change touches, where that is the one file of one module."""
    if len(change.entries) != 1 or not change.entries[0].path.endswith(b".c"):
        return None
    path = PurePosixPath(change.entries[0].path.decode("utf-8", "surrogateescape"))
    try:
        here = distribution.find()
        *_, file = here.load_order(path.stem) or (Path(),)
        version = _tree(change, change.commit).version
    except ToolError:
        return None
    same = here.version.split(".")[:2] == version.split(".")[:2]
    folder = here.modules / "kernel" / path.parent
    return _Module(str(path), here) if same and file.parent == folder else None


def _tried(what: str, change: Change, commit: Commit, made_of: _Module | str) -> Booted:
    try:
        if isinstance(made_of, str):
            image, initrd, loaded = _kernel(change, commit, made_of), guest.image(()), []
        else:
            image, initrd = made_of.kernel.image, _initrd(change, commit, made_of)
            loaded = [PurePosixPath(made_of.source).stem.replace("-", "_")]
    except BuildError as exc:
        return Booted(what, f"it cannot be built: {exc.what}")
    told = smoke_of(image, initrd, loaded)
    return Booted(what, told.trouble, told.console)


def _kernel(change: Change, commit: Commit, defconfig: str) -> Path:
    """The commit's kernel. What it stands on is built first, so that only what it changes is compiled for it."""
    wanted = Configuration(defconfig, resources.text(*_FRAGMENT))
    if commit is change.commit and change.on_landed and change.parent is not None:
        with contextlib.suppress(BuildError):  # then it stands for itself
            kernel.build(_tree(change, change.parent), wanted, Trust.LANDED)
    return kernel.build(_tree(change, commit), wanted, _trust(change, commit)).path


def _initrd(change: Change, commit: Commit, touched: _Module) -> bytes:
    built = module.build(_tree(change, commit), touched.source, touched.kernel, _trust(change, commit))
    name = PurePosixPath(touched.source).stem.replace("-", "_")
    return guest.image(guest.modules(touched.kernel, name, built.path.read_bytes()))


def _tree(change: Change, commit: Commit) -> Tree:
    return Tree(Revision(change.context.repository, commit.sha, commit.tree, commit.sha))


def _trust(change: Change, commit: Commit) -> Trust:
    return Trust.LANDED if commit is not change.commit and change.on_landed else Trust.FOREIGN


def smoke_of(image: Path, initrd: bytes, loaded: list[str]) -> smoke.Smoke:
    """What comes of booting these bytes; remembered where they boot."""
    digest = hashlib.sha256(image.read_bytes() + initrd).hexdigest()
    kept = cache_folder() / "booted" / digest[:32]
    with contextlib.suppress(OSError):
        return smoke.Smoke(kept.read_text(encoding="utf-8"), 0.0)
    told = smoke.boot(image, initrd, loaded)
    if not told.trouble:
        publish(kept, told.kernel.encode("utf-8", "replace"))
    return told
