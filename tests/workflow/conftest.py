"""The kernel source that the demo is made of: the installed package's files, read once and packed small."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from cosport.errors import ToolError
from cosport.workflow import demo_source

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def kernel_source() -> demo_source.KernelSource:
    """The demo's files out of the installed linux-source package (`make test` installs it)."""
    try:
        archive = demo_source.find()
    except ToolError as exc:
        pytest.skip(f"{exc.what}; {exc.hint}")
    return demo_source.read(archive)


@pytest.fixture(scope="session")
def archive(kernel_source: demo_source.KernelSource, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same files as an archive of their own, so that a test need not read 80,000 others."""
    path = tmp_path_factory.mktemp("source") / f"linux-source-{kernel_source.version}.tar.xz"
    with tarfile.open(path, "w:xz", preset=0) as tar:
        for name, content in kernel_source.files.items():
            member = tarfile.TarInfo(f"linux-source-{kernel_source.version}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path
