from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from cosport.regress import cpio
from cosport.regress.guest import busybox

if TYPE_CHECKING:
    from pathlib import Path

FILES = (
    cpio.File("init", b"#!/bin/busybox sh\n", 0o755),
    cpio.File("modules/deep/a.ko", b"\0" * 5),
    cpio.File("bin/b", b""),
)


def test_the_same_files_give_the_same_bytes_in_any_order() -> None:
    image = cpio.archive(FILES, folders=("proc",))
    assert image == cpio.archive(reversed(FILES), folders=("proc",))
    assert len(image) % 512 == 0


def test_another_cpio_reads_it(tmp_path: Path) -> None:
    tool = tmp_path / "busybox"
    tool.write_bytes(busybox())
    tool.chmod(0o755)
    out = tmp_path / "out"
    out.mkdir()
    done = subprocess.run(
        [tool, "cpio", "-idm", "init", "modules/deep/a.ko", "proc", "bin/b"],
        cwd=out, input=cpio.archive(FILES, folders=("proc",)), capture_output=True, check=True,
    )  # fmt: skip
    assert done.returncode == 0
    assert (out / "init").read_bytes() == b"#!/bin/busybox sh\n"
    assert (out / "init").stat().st_mode & 0o777 == 0o755
    assert (out / "modules/deep/a.ko").read_bytes() == b"\0" * 5
    assert (out / "bin/b").read_bytes() == b""
    assert (out / "proc").is_dir()
