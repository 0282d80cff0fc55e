"""What a configuration does not build, against make itself: `cosport.kbuild.built` on a real kernel's tree.

The kernel's own conf makes the configuration, and `make -n` prints all that it would compile. "Not built" said of a
file that make compiles is the bad error; one that make does not compile and that is not said to be so costs nothing.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from time import perf_counter
from typing import TYPE_CHECKING, Final

from cosport.git.objects import ObjectReader
from cosport.git.repository import Repository
from cosport.kbuild.built import relevance
from cosport.model.commit import Sha, sha
from cosport.workflow.demo_source import find

if TYPE_CHECKING:
    from tests.bench.measure import Report

CONFIGS: Final = (
    ("x86", "tinyconfig"), ("x86", "x86_64_defconfig"), ("arm64", "defconfig"), ("arm", "multi_v7_defconfig"),
    ("powerpc", "ppc64_defconfig"), ("s390", "defconfig"), ("riscv", "defconfig"), ("mips", "malta_defconfig"),
)  # fmt: skip

_NAMES: Final = ("Makefile", "Kbuild", "Kconfig")
_SOURCE: Final = re.compile(r"(?<![\w./-])(?:\./)?([\w./+-]+\.[cS])(?=[\s;]|$)")


@dataclass(frozen=True, slots=True)
class Compared:
    """How many sources make compiles, how many it does not, how many were named as such, and which of them wrongly."""

    compiled: int
    not_compiled: int
    named: int
    wrong: tuple[str, ...]
    seconds: float


def unpack(folder: Path, archive: Path | None = None) -> Path:
    """Unpack a kernel source package as a repository: what make and kconfig read; all other files are empty."""
    tree = folder / "linux"
    with tarfile.open(archive or find(), "r|*") as tar:
        for member in tar:
            path = PurePosixPath(member.name.partition("/")[2])
            file = tree / path
            if not member.isreg():
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            is_read = path.name.startswith(_NAMES) or path.parts[0] == "scripts" or "configs" in path.parts
            content = tar.extractfile(member) if is_read else None
            file.write_bytes(content.read() if content is not None else b"")
            file.chmod(member.mode)
    _git(tree, "init", "-q")
    (tree / ".gitignore").unlink(missing_ok=True)
    _git(tree, "add", "--all", "--force")
    return tree


def compare(tree: Path, arch: str, config: str) -> Compared:
    """Ask make and cosport the same question; `config` is a defconfig, or a target such as tinyconfig."""
    make = ["make", "-s", f"ARCH={arch}"]
    subprocess.run([*make, config], cwd=tree, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)
    path = f"arch/{arch}/configs/{config}"
    if not (tree / path).exists():  # what the target chose, in the form of a defconfig
        subprocess.run([*make, "savedefconfig"], cwd=tree, stdout=subprocess.DEVNULL, check=True)
        shutil.move(tree / "defconfig", tree / path)
        _git(tree, "add", "--force", path)
    # It ends with an error, as nothing of what it needs at the end was built; by then all is printed.
    printed = subprocess.run(
        ["make", "-n", "-k", f"ARCH={arch}", "vmlinux", "modules"], cwd=tree, capture_output=True, check=False
    ).stdout.decode("utf-8", "replace")
    compiled = {name for name in _SOURCE.findall(printed) if (tree / name).exists()}
    repository = Repository.open(tree)
    with ObjectReader(repository) as reader:
        begin = perf_counter()
        named = relevance(repository, reader, _tree(tree), (path,)).not_built
        seconds = perf_counter() - begin
    sources = _git(tree, "ls-files", "*.c", "*.S").splitlines()
    every = {name for name in sources if not name.startswith(("tools/", "scripts/"))}
    return Compared(len(compiled), len(every - compiled), len(named), tuple(sorted(named & compiled)), seconds)


def bench(report: Report) -> None:
    """Compare all configurations on the installed kernel source."""
    with tempfile.TemporaryDirectory(prefix="cosport-bench-") as folder:
        tree = unpack(Path(folder))
        for arch, config in CONFIGS:
            found = compare(tree, arch, config)
            what = f"{arch} {config}"
            note = f"of {found.named} said to be not built; make compiles {found.compiled}"
            report.add("built", f"{what}: wrongly not built", len(found.wrong), "files", at_most=0, note=note)
            share = 100 * (found.named - len(found.wrong)) / found.not_compiled
            report.add("built", f"{what}: of what make does not compile", share, "%")
            report.add("built", f"{what}: time", found.seconds, "s")


def _tree(folder: Path) -> Sha:
    return sha(_git(folder, "write-tree"))


def _git(folder: Path, *args: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *args], stdout=subprocess.PIPE, check=True)
    return done.stdout.decode("utf-8", "surrogateescape").rstrip("\n")
