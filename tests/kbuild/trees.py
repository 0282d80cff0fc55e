"""Kernel trees of a few files, and an installed kernel of empty ones."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from cosport.kbuild import objects

if TYPE_CHECKING:
    from pathlib import Path

DRIVER = "drivers/virtio/virtio_balloon.c"
MAKEFILE = b"# SPDX-License-Identifier: GPL-2.0\nVERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 192\nEXTRAVERSION =\n"

ARCH = objects._MACHINES[platform.machine()]
BUILDABLE = """\
VERSION = 6
PATCHLEVEL = 1
obj-y += mm/
%_defconfig:
\t@cp arch/$(ARCH)/configs/$@ $(O)/.config
olddefconfig:
\t@test -f $(O)/.config
%.o:
\t@mkdir -p $(O)/$(dir $@)
\t$(CC) -Werror -c -o $(O)/$@ $*.c
"""
"""A top Makefile that configures a tree and compiles single objects of it, as Kbuild's does."""


def plant(folder: Path, **files: bytes) -> Path:
    """A tree: top Makefile, Kconfig, the driver; `files` by path with `__` for slashes are added."""
    contents = {"Makefile": MAKEFILE, "Kconfig": b"mainmenu\n", DRIVER: b"int shrinker;\n"}
    contents |= {name.replace("__", "/"): data for name, data in files.items()}
    for name, data in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def install(root: Path, release: str, *, headers: bool = True, modules: bool = True) -> None:
    """An installed kernel in `root`, with Debian's way of headers: a Makefile that leads on to a common one."""
    (root / "boot").mkdir(parents=True, exist_ok=True)
    (root / "boot" / f"vmlinuz-{release}").write_bytes(b"image")
    place = root / "lib/modules" / release
    if modules:
        place.mkdir(parents=True)
        (place / "modules.dep").write_text(
            "kernel/drivers/virtio/virtio.ko.xz: kernel/drivers/virtio/virtio_ring.ko.xz\n"
            "kernel/drivers/virtio/virtio_ring.ko.xz:\n"
            "kernel/drivers/virtio/virtio-balloon.ko.xz: kernel/drivers/virtio/virtio.ko.xz "
            "kernel/drivers/virtio/virtio_ring.ko.xz\n",
            encoding="ascii",
        )
        (place / "modules.builtin").write_text("kernel/drivers/block/virtio_blk.ko\n", encoding="ascii")
    if headers:
        common = root / "usr/src/common"
        common.mkdir(parents=True, exist_ok=True)
        (common / "Makefile").write_bytes(MAKEFILE)
        (place / "build").mkdir(parents=True)
        (place / "build/Makefile").write_text(f"override ARCH = x86\ninclude {common}/Makefile\n", encoding="utf-8")
