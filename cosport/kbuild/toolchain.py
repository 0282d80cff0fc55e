"""What compiles: asks for the tools before a build starts, and runs make with an environment that leaves no traces."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Final

from cosport import process
from cosport.errors import BuildError, ToolError
from cosport.kbuild import sandbox

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cosport.kbuild.sandbox import Mount

FOR_MODULE: Final = ("gcc", "make", "strip")
FOR_KERNEL: Final = (*FOR_MODULE, "flex", "bison", "bc")

REPRODUCIBLE: Final = {
    # Equal sources must give equal bytes: that is how two identical arms are told (Documentation/kbuild/
    # reproducible-builds.rst).
    "KBUILD_BUILD_TIMESTAMP": "Thu Jan 1 00:00:00 UTC 1970",
    "KBUILD_BUILD_USER": "cosport",
    "KBUILD_BUILD_HOST": "cosport",
    "KBUILD_BUILD_VERSION": "1",
    "LC_ALL": "C",
}

_FORGOTTEN: Final = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "KBUILD_OUTPUT", "KCFLAGS", "ARCH", "CROSS_COMPILE")
"""Variables of a user's (or of the make around us) that would turn the build into another one."""


def require(tools: Sequence[str]) -> None:
    """Raise ToolError that names the tools that are missing."""
    lacking = [tool for tool in tools if shutil.which(tool) is None]
    if lacking:
        raise ToolError(
            f"not installed: {', '.join(lacking)}; a build needs them",
            hint="install them (Debian: apt-get install gcc make binutils flex bison bc); see: cosport doctor",
        )


def compiler() -> str:
    """The compiler's name and version: part of a build's key. Raises ToolError where there is none."""
    require(("gcc",))
    done = process.run(["gcc", "--version"], timeout=30.0)
    return done.stdout.decode("utf-8", "replace").partition("\n")[0]


def make(
    *arguments: str, folder: Path, what: str, mounts: Sequence[Mount] | None = None, timeout: float = 3600.0
) -> None:
    """Run make in `folder` on all CPUs; with `mounts` in a sandbox that sees those.

    Raises BuildError with the end of what the compiler said, ToolError where there is no sandbox.
    """
    argv = ["make", f"-j{len(os.sched_getaffinity(0))}", *arguments]
    if mounts is not None:
        boxed = [*argv, *(f"{name}={value}" for name, value in REPRODUCIBLE.items())]
        done = sandbox.run(boxed, mounts, cwd=str(folder), timeout=timeout)
        if done.status:
            raise BuildError(f"{what} cannot be built: {' '.join(argv)}: status {done.status}:\n{done.tail}")
        return
    env = {name: value for name, value in os.environ.items() if name not in _FORGOTTEN} | REPRODUCIBLE
    done = process.run(argv, cwd=folder, env=env, timeout=timeout)
    if done.status:
        raise BuildError(f"{what} cannot be built: {' '.join(argv)}: status {done.status}:\n{done.tail}")
