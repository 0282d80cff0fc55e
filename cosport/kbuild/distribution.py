"""Finds the distribution's kernel, its modules and headers: in mode `module` one such kernel serves both arms."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cosport.errors import ToolError
from cosport.kbuild import archive

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT: Final = Path("/")
HINT: Final = (
    "install a kernel and its headers (Debian: apt-get install linux-image-cloud-amd64 linux-headers-cloud-amd64; "
    "Ubuntu: linux-image-virtual linux-headers-virtual)"
)


@dataclass(frozen=True)
class Distribution:
    """One installed kernel. `headers` is the folder that out-of-tree modules are built against."""

    release: str
    image: Path
    modules: Path
    headers: Path

    @cached_property
    def version(self) -> str:
        """The version of the source that it was made of: "6.1.192", while `release` may say "6.1.0-56-cloud-amd64"."""
        makefile = (self.headers / "Makefile").read_bytes()
        if found := re.search(rb"^include +(/\S+/Makefile)$", makefile, re.MULTILINE):  # Debian: one line that leads on
            makefile = Path(found[1].decode()).read_bytes()
        return archive.version_of(makefile)

    def load_order(self, name: str) -> tuple[Path, ...]:
        """The module's file, after those that it needs; none where it is built into the kernel.

        Raises ToolError where this kernel has no such module.
        """
        wanted = name.replace("-", "_")
        for line in self._lines("modules.dep"):
            file, _, needs = line.partition(":")
            if _module_name(file) == wanted:
                # what it needs stands there in the order of unloading: modprobe goes from the end
                return tuple(self.modules / each for each in (*reversed(needs.split()), file))
        if self.has_built_in(name):
            return ()
        raise ToolError(f"the kernel {self.release} has no module {name}", hint=HINT)

    def has_built_in(self, name: str) -> bool:
        """Whether the module is part of the kernel's image. Raises ToolError where the kernel does not tell."""
        wanted = name.replace("-", "_")
        return any(_module_name(line) == wanted for line in self._lines("modules.builtin"))

    def _lines(self, name: str) -> list[str]:
        try:
            return (self.modules / name).read_text(encoding="utf-8").splitlines()
        except OSError as exc:
            raise ToolError(f"{self.modules / name}: {exc.strerror}", hint=HINT) from exc


def find(root: Path = ROOT) -> Distribution:
    """The newest installed kernel that has its modules and headers. Raises ToolError that says what is missing."""
    images = sorted((root / "boot").glob("vmlinuz-*"), key=lambda path: _numbers(path.name), reverse=True)
    if not images:
        raise ToolError(f"no kernel image in {root / 'boot'}", hint=HINT)
    trouble = []
    for image in images:
        release = image.name.removeprefix("vmlinuz-")
        modules = root / "lib/modules" / release
        headers = modules / "build"
        if not (modules / "modules.dep").is_file():
            trouble.append(f"{release}: no modules in {modules}")
        elif not (headers / "Makefile").is_file():
            trouble.append(f"{release}: no headers ({headers})")
        else:
            return Distribution(release, image, modules, headers)
    raise ToolError(f"no installed kernel can be tested with a module: {'; '.join(trouble)}", hint=HINT)


def unfit(module: str, versions: Iterable[str], root: Path = ROOT) -> str:
    """Why no installed kernel can take `module`, built from sources of these versions ("6.1.192"); "" where one can."""
    try:
        here = find(root)
        built_in = here.has_built_in(module)
    except ToolError as exc:
        return exc.what
    if {_series(version) for version in versions} != {_series(here.version)}:
        return f"the installed headers are of Linux {here.version}"
    return f"{module} is built into the installed kernel {here.release}" if built_in else ""


def _series(version: str) -> tuple[str, ...]:
    return tuple(version.split(".")[:2])


def _module_name(path: str) -> str:
    return path.rpartition("/")[2].partition(".")[0].replace("-", "_")


def _numbers(name: str) -> tuple[int, ...]:
    return tuple(int(digits) for digits in re.findall(r"\d+", name))
