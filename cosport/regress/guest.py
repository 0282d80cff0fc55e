"""Makes the guest's image: a static busybox, an init script, and the kernel modules in the order of their needs."""

from __future__ import annotations

import gzip
import lzma
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cosport import process, resources
from cosport.errors import ToolError
from cosport.model.elf import is_static
from cosport.regress import cpio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.kbuild.distribution import Distribution

NEEDED: Final = ("virtio_pci", "virtio_blk", "virtio_console")
"""Drivers that the guest cannot do without, besides the balloon's."""


@dataclass(frozen=True, slots=True)
class GuestModule:
    """One module to load: its file name in the image, and its contents."""

    file: str
    data: bytes


def image(modules: Sequence[GuestModule]) -> bytes:
    """The initramfs, with `modules` loaded in this order. Raises ToolError where there is no static busybox."""
    order = "".join(f"{module.file}\n" for module in modules)
    files = [
        cpio.File("bin/busybox", busybox(), 0o755),
        cpio.File("init", resources.path("templates", "guest", "init.sh").read_bytes(), 0o755),
        cpio.File("modules/order", order.encode()),
        *(cpio.File(f"modules/{module.file}", module.data) for module in modules),
    ]
    return cpio.archive(files, folders=("proc", "sys", "tmp"))


def busybox() -> bytes:
    """The host's static busybox. Raises ToolError where there is none."""
    hint = "install it (Debian: apt-get install busybox-static); see: cosport doctor"
    found = shutil.which("busybox")
    if found is None:
        raise ToolError("busybox is not installed: it is the guest's user space", hint=hint)
    data = Path(found).read_bytes()
    if not is_static(data):
        raise ToolError(f"{found} is not static: the guest has no libraries", hint=hint)
    return data


def modules(distribution: Distribution, tested: str, arm: bytes) -> tuple[GuestModule, ...]:
    """The distribution's modules that the guest needs, what they depend on first, and `arm` for the one `tested`."""
    wanted: dict[str, Path] = {}
    for name in (*NEEDED, tested):
        for file in distribution.load_order(name):
            wanted.setdefault(_stem(file), file)
    wanted.pop(tested, None)
    chosen = [GuestModule(f"{name}.ko", unpacked(file)) for name, file in wanted.items()]
    return (*chosen, GuestModule(f"{tested}.ko", arm))


def unpacked(file: Path) -> bytes:
    """A module file's contents; distributions compress them in one of three ways. Raises ToolError on damage."""
    data = file.read_bytes()
    try:
        if file.suffix == ".xz":
            return lzma.decompress(data)
        if file.suffix == ".gz":
            return gzip.decompress(data)
    except (lzma.LZMAError, OSError, EOFError) as exc:
        raise ToolError(f"cannot unpack {file}: {exc}", hint="install the kernel's package again") from exc
    if file.suffix != ".zst":
        return data
    done = process.run(["zstd", "-dc"], stdin=data, timeout=60.0)
    if done.status:
        raise ToolError(f"cannot unpack {file}: {done.tail}", hint="install the kernel's package again")
    return done.stdout


def _stem(file: Path) -> str:
    """The module's name: files may be written with dashes, modules are not."""
    return file.name.partition(".")[0].replace("-", "_")
