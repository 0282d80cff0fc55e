"""Compiles the objects that a commit touches, by the tree's own Makefile and a defconfig, in a sandbox.

The tree is laid out in the build cache, once; from then on only files that differ are written, so that make builds
little. The objects are built without the commit first, which prepares what a build of any of them needs; and nobody is
blamed for what failed before.
"""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from cosport.errors import DiskError, ToolError
from cosport.kbuild import sandbox
from cosport.kbuild.built import relevance
from cosport.kbuild.cache import cache_folder, held, key
from cosport.kbuild.sandbox import Mount, Trust
from cosport.kbuild.tree import Revision, require_whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cosport.git.objects import ObjectReader
    from cosport.git.repository import Repository
    from cosport.model.commit import Sha

_DEFCONFIG: Final = re.compile(r"arch/([a-z0-9_]+)/configs/([A-Za-z0-9_.+-]+)\Z")
_SOURCE: Final = re.compile(r"[A-Za-z0-9_./+,@][A-Za-z0-9_./+,@-]*\.[cS]\Z")
"""Sources that make can be asked for by name; it would read other characters, and a dash in front, as its own."""

_MACHINES: Final = {"x86_64": "x86", "aarch64": "arm64", "riscv64": "riscv", "ppc64le": "powerpc", "s390x": "s390"}
_SECONDS: Final = 1800.0
_TAIL: Final = 3000


class Outcome(StrEnum):
    """How a build went."""

    BUILT = "built"
    FAILED = "failed"  # with the commit, and not without it
    FAILED_BEFORE = "failed-before"  # without the commit too: it is not to blame
    NOTHING = "nothing"  # no object of this configuration is touched


@dataclass(frozen=True, slots=True)
class Built:
    """What a build came to; `objects` are what was compiled, `log` the end of what make said."""

    outcome: Outcome
    objects: tuple[str, ...] = ()
    log: str = ""


@dataclass(frozen=True, slots=True)
class Bench:
    """Where a repository's trees are built for one defconfig: sources, make's output, git's index of the sources."""

    repository: Repository
    folder: Path
    arch: str
    config: str
    written: Path | None = None

    @property
    def source(self) -> Path:
        """The sources as they are laid out now."""
        return self.folder / "source"

    @property
    def output(self) -> Path:
        """What make writes: the one folder that the sandbox may change."""
        return self.written or self.folder / "output"

    def lay_out(self, tree: Sha) -> None:
        """Make the sources those of `tree`, writing only what differs. Raises GitError."""
        Revision(self.repository, tree, tree, tree).lay_out(self.source)

    def build(self, objects: tuple[str, ...]) -> tuple[int, str]:
        """Compile these objects by the configuration that stands; status and log as of `make`."""
        status, log = self.make("olddefconfig")
        return (status, log) if status else self.make(*objects)

    def make(self, *targets: str) -> tuple[int, str]:
        """Run make on these targets in the sandbox; its status and the end of what it said."""
        jobs = max(1, (os.cpu_count() or 2) - 1)
        command = ["make", "-C", "/source", "O=/output", f"ARCH={self.arch}", f"-j{jobs}", "-k", "--no-print-directory"]
        mounts = (Mount(self.source, "/source"), Mount(self.output, "/output", writable=True))
        done = sandbox.run([*command, *targets], mounts, timeout=_SECONDS)
        text = (done.stdout + done.stderr).decode("utf-8", "replace")
        return done.status, text[-_TAIL:]


def compile_touched(
    reader: ObjectReader, trees: tuple[Sha, Sha], paths: Sequence[bytes], defconfig: str, *, landed: bool
) -> Built:
    """Compile the objects of the sources `paths` in the second of the trees, configured by `defconfig` of the first.

    `landed`: the first tree is a branch's, so that what its build leaves may serve later ones.
    Raises ToolError where that cannot be done here: no sandbox, another machine's architecture, no such defconfig.
    """
    sandbox.require()
    repository, (before, after) = reader.repository, trees
    match = _DEFCONFIG.match(defconfig)
    if match is None:
        raise ToolError(f"{defconfig} is no defconfig of an architecture", hint="expected arch/ARCH/configs/NAME")
    if _MACHINES.get(platform.machine()) != match[1]:
        raise ToolError(
            f"{defconfig} needs a cross compiler on {platform.machine()}", hint="build it on its own machine"
        )
    names = [path.decode("ascii") for path in paths if path.isascii()]
    wanted = [name for name in names if _SOURCE.match(name)]
    out = set(relevance(repository, reader, after, [defconfig]).of(wanted).not_built)
    objects = tuple(f"{name[:-2]}.o" for name in wanted if name not in out and ".." not in name.split("/"))
    if not objects:
        return Built(Outcome.NOTHING)
    try:
        with held(cache_folder() / "objects" / key(str(repository.lasting_dir), match[1], match[2])) as folder:
            bench = Bench(repository, folder, match[1], match[2])
            for place in (bench.source, bench.output):
                place.mkdir(exist_ok=True)
            return _compile(bench, before, after, objects, landed=landed)
    except OSError as exc:
        hint = f"a kernel tree takes about 2 GiB in {cache_folder()}; XDG_CACHE_HOME moves it"
        raise DiskError(f"{exc.filename or cache_folder()}: {exc.strerror}", hint=hint) from exc


def _compile(bench: Bench, before: Sha, after: Sha, objects: tuple[str, ...], *, landed: bool) -> Built:
    """Both builds: the first one where later ones find what it left, if `landed`; else in a copy for this once."""
    with sandbox.output(bench.output, Trust.LANDED if landed else Trust.FOREIGN) as first:
        bench = replace(bench, written=first)
        bench.lay_out(before)  # the configuration is the branch's own, not the commit's
        status, log = bench.make(bench.config)
        if status:
            require_whole(bench.source, bench.arch, "the branch")
            raise ToolError(
                f"the branch cannot be configured by {bench.config}: {_last(log)}", hint="see: cosport doctor"
            )
        old = tuple(each for each in objects if any((bench.source / f"{each[:-2]}.{end}").exists() for end in "cS"))
        failed, earlier = bench.build(old) if old else (0, "")
        with sandbox.output(bench.output, Trust.FOREIGN) as copy:
            bench = replace(bench, written=copy)
            bench.lay_out(after)
            status, log = bench.build(objects)
    if status == 0:
        return Built(Outcome.BUILT, objects, log)
    return Built(Outcome.FAILED_BEFORE, objects, earlier) if failed else Built(Outcome.FAILED, objects, log)


def _last(log: str) -> str:
    lines = [line for line in log.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "make said nothing"
