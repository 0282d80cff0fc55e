"""Turns what the user named (revisions, a folder, images, nothing) into the two arms: trees, then what is booted.

Two arms of the same bytes are refused: they would compare a kernel with itself, and any verdict would be chance.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from cosport import resources
from cosport.errors import ToolError, UsageError
from cosport.git.objects import ObjectReader
from cosport.kbuild import archive, distribution, kernel, module, patch
from cosport.kbuild.tree import Archive, Folder, Revision, Tree
from cosport.model.regress import ArmName
from cosport.regress import guest
from cosport.regress.result import Arm

if TYPE_CHECKING:
    from collections.abc import Callable

    from cosport.git.repository import Repository
    from cosport.kbuild.distribution import Distribution
    from cosport.kbuild.kernel import Configuration
    from cosport.kbuild.module import Built
    from cosport.kbuild.tree import Source
    from cosport.regress.workload import Workload


class Mode(StrEnum):
    """What an arm is."""

    MODULE = "module"  # one distribution kernel, two builds of one module
    KERNEL = "kernel"  # two kernels


@dataclass(frozen=True, slots=True)
class Named:
    """What the user named. `without`, `with_` are a file, a folder or a revision; "" where left out."""

    without: str = ""
    with_: str = ""
    tree: Path | None = None
    mode: Mode | None = None
    control: bool = False
    swap: bool = False
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Boot:
    """An arm as it is booted: kernel, initramfs, and what is said of it."""

    arm: Arm
    kernel: Path
    initrd: bytes


@dataclass(frozen=True, slots=True)
class Prepared:
    """The arms of a job, ready to boot; or why the workload does not apply (`not_applicable`), and no arms."""

    mode: Mode
    boots: tuple[Boot, ...]
    notes: tuple[str, ...] = ()
    not_applicable: str = ""


Image = Path
"""A file that is booted, or loaded, as it is."""


def prepare(
    named: Named,
    workload: Workload,
    configuration: Configuration,
    repository: Callable[[], Repository],
    building: Callable[[str], None],
) -> Prepared:
    """Find, build and check the arms. `repository` is asked only where a revision is named.

    Raises UsageError for what cannot be compared, BuildError, ToolError.
    """
    sides = _sides(named, workload, repository)
    mode, why = (named.mode, "") if named.mode is not None else _mode(sides, workload.module.name)
    if reason := _never_had_it(sides, workload):
        return Prepared(mode, (), (), reason)
    builder = _Builder(workload, configuration, building)
    boots = tuple(builder.boot(mode, name, side) for name, side in sides)
    if len(boots) == 2 and not named.control and boots[0].arm.artifact == boots[1].arm.artifact:
        raise UsageError(
            f"both arms are the same, byte for byte ({boots[0].arm.title}; {boots[1].arm.title})",
            hint="name two that differ; --control compares an arm with itself on purpose",
        )
    return Prepared(mode, boots, (*((why,) if why else ()), *builder.notes))


_Side = tuple[ArmName, Tree | Image]


def _sides(named: Named, workload: Workload, repository: Callable[[], Repository]) -> tuple[_Side, ...]:
    """The arms as trees or images, in the order without, with."""
    if named.tree is not None and (named.with_ or named.without):
        raise UsageError(
            "--tree names both arms", hint="leave --with and --without out, or name the arms with them alone"
        )
    if named.without and not named.with_:
        raise UsageError("--without names one arm only", hint="name the other one with --with, or leave both out")
    fixed: Tree | Image
    if named.with_:
        fixed = _thing(named.with_, repository)
    else:
        fixed = Tree(_given(named.tree) if named.tree is not None else _default())
    if named.control:
        return (ArmName.WITHOUT, fixed), (ArmName.WITH, fixed)
    single = (
        named.alone or (workload.arms == 1 and not named.without) or (isinstance(fixed, Path) and not named.without)
    )
    if single:
        return ((ArmName.WITH, fixed),)
    other = _thing(named.without, repository) if named.without else _before(fixed, workload)
    if named.swap:
        fixed, other = other, fixed
    return (ArmName.WITHOUT, other), (ArmName.WITH, fixed)


def _thing(text: str, repository: Callable[[], Repository]) -> Tree | Image:
    """What a name on the command line means: a folder, a file, else a revision."""
    path = Path(text)
    if path.is_dir() or (path.is_file() and ".tar" in path.suffixes):
        return Tree(_given(path))
    if path.is_file():
        return path
    found = repository()
    with ObjectReader(found) as reader:
        commit = reader.resolve(text)
    return Tree(Revision(found, commit.sha, commit.tree, text))


def _given(path: Path) -> Source:
    if path.is_file():
        return Archive(path.resolve())
    if not (path / "Makefile").is_file() or not (path / "Kconfig").is_file():
        raise UsageError(f"{path} is no kernel tree", hint="name the top folder of one, or a linux-source archive")
    return Folder(path.resolve())


def _default() -> Source:
    found = archive.find()
    if found is None:
        raise ToolError(
            f"no kernel source in {archive.PACKAGES}, and no tree was named",
            hint="name a tree with --tree, revisions with --with and --without, or: apt-get install linux-source",
        )
    return Archive(found)


def _before(fixed: Tree | Image, workload: Workload) -> Tree:
    """The arm without the fix for a tree that has it: its parent, if the driver differs there; else a patched one."""
    assert isinstance(fixed, Tree)  # an image alone is one arm
    source = fixed.source
    if isinstance(source, Revision):
        with ObjectReader(source.repository) as reader:
            parents = reader.commit(source.commit).parents
            if parents:
                parent = reader.commit(parents[0])
                before = Tree(Revision(source.repository, parent.sha, parent.tree, parent.sha))
                if before.read(workload.module.source) != fixed.read(workload.module.source):
                    return before
    if workload.fix.marker not in fixed.read(workload.module.source).decode("utf-8", "replace"):
        return fixed  # it never had the bug, which is told before any of it is built
    folder = resources.path("patches", workload.fix.patches)
    found = patch.first_applied(fixed.read, folder.glob("without-*.patch"))
    if found is None:
        raise UsageError(
            f"none of cosport's patches takes {workload.fix.commit} out of {fixed.title}",
            hint="is the fix in it at all? Name the arm without it: --without REV",
        )
    return Tree(source, found[1], f"{workload.fix.commit} taken out")


def _mode(sides: tuple[_Side, ...], module: str) -> tuple[Mode, str]:
    """Modules where they will do, as they take seconds: the tree is of the version of the installed headers.

    Else the reason comes with it: who waits for a kernel should know why.
    """
    versions = set()
    for _, side in sides:
        if isinstance(side, Path):
            return (Mode.MODULE if side.suffix == ".ko" else Mode.KERNEL), ""
        versions.add(side.version)
    why_not = distribution.unfit(module, versions)
    return (Mode.KERNEL, f"whole kernels are built: {why_not}") if why_not else (Mode.MODULE, "")


def _never_had_it(sides: tuple[_Side, ...], workload: Workload) -> str:
    """Why the fix has nothing to fix in these trees, or ""."""
    for _, side in sides:
        if isinstance(side, Path):
            return ""
        if workload.fix.marker in side.read(workload.module.source).decode("utf-8", "replace"):
            return ""
    _, tree = sides[-1]
    assert isinstance(tree, Tree)
    return (
        f"{tree.title} never had the bug: its {workload.module.source} has no {workload.fix.marker}, "
        f"so it lacks {workload.fix.fixes}, which {workload.fix.commit} fixes"
    )


class _Builder:
    """Makes arms bootable; the distribution's kernel is looked for once."""

    def __init__(self, workload: Workload, configuration: Configuration, building: Callable[[str], None]) -> None:
        self._workload = workload
        self._configuration = configuration
        self._building = building
        self._distribution: Distribution | None = None
        self.notes: list[str] = []

    def boot(self, mode: Mode, name: ArmName, side: Tree | Image) -> Boot:
        """One arm, built and packed."""
        if mode is Mode.MODULE:
            return self._module(name, side)
        built = self._kernel_of(name, side)
        arm = _arm(name, side, built, side.version if isinstance(side, Tree) else "")
        return Boot(arm, built.path, guest.image(()))

    def _kernel_of(self, name: ArmName, side: Tree | Image) -> module.Built:
        if isinstance(side, Path):
            if side.suffix == ".ko":
                raise UsageError(
                    f"{side} is a module, and the mode is kernel", hint="leave --mode out, or name a kernel image"
                )
            return module.Built(side, 0.0, cached=True)
        self._building(f"building the kernel of the arm {name}: {side.title}")
        return kernel.build(side, self._configuration)

    def _module(self, name: ArmName, side: Tree | Image) -> Boot:
        if self._distribution is None:
            self._distribution = distribution.find()
        here = self._distribution
        if isinstance(side, Path):
            if side.suffix != ".ko":
                raise UsageError(
                    f"{side} is no module, and the mode is module", hint="leave --mode out, or name a .ko file"
                )
            built = module.Built(side, 0.0, cached=True)
        else:
            remark = module.check_version(side, here)
            if remark and remark not in self.notes:
                self.notes.append(remark)
            self._building(f"building {self._workload.module.name}.ko of the arm {name}: {side.title}")
            built = module.build(side, self._workload.module.source, here)
        tested = self._workload.module.name
        initrd = guest.image(guest.modules(here, tested, built.path.read_bytes()))
        return Boot(_arm(name, side, built, here.release), here.image, initrd)


def _arm(name: ArmName, side: Tree | Image, built: Built, version: str) -> Arm:
    title, commit = (side.title, "") if isinstance(side, Tree) else (str(side), "")
    if isinstance(side, Tree) and isinstance(side.source, Revision) and not side.replaced:
        commit = side.source.commit
    digest = hashlib.sha256(built.path.read_bytes()).hexdigest()
    return Arm(name, title, version, digest, str(built.path), commit, round(built.seconds, 1), built.cached)
