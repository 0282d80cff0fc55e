from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from cosport.errors import ToolError, UsageError
from cosport.workflow import demo_source

if TYPE_CHECKING:
    from pathlib import Path

    from cosport.workflow.demo_source import KernelSource


def test_no_source_package_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ToolError) as caught:
        demo_source.find(tmp_path)
    assert "apt-get install linux-source" in caught.value.hint


def test_the_newest_source_is_taken_in_either_distribution_s_place(tmp_path: Path) -> None:
    (tmp_path / "linux-source-6.1.tar.xz").touch()
    (tmp_path / "linux-source-6.12").mkdir()
    newest = tmp_path / "linux-source-6.12" / "linux-source-6.12.tar.bz2"
    newest.touch()
    (tmp_path / "linux-source-6.8.tar.xz").touch()
    assert demo_source.find(tmp_path) == newest


@pytest.mark.parametrize("content", [b"", b"no archive at all\n" * 100, b"\xfd7zXZ\0\0\4cut off"])
def test_a_damaged_archive_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "linux-source-6.1.tar.xz"
    path.write_bytes(content)
    with pytest.raises(ToolError) as caught:
        demo_source.read(path)
    assert str(path) in caught.value.what


def test_a_truncated_archive_is_an_error(tmp_path: Path, archive: Path) -> None:
    path = tmp_path / "cut.tar.xz"
    path.write_bytes(archive.read_bytes()[:100_000])
    with pytest.raises(ToolError):
        demo_source.read(path)


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.tar"
    with tarfile.open(path, "w") as tar:
        member = tarfile.TarInfo("other-1.0/Makefile")
        member.size = 4
        tar.addfile(member, io.BytesIO(b"all:"))
    with pytest.raises(UsageError, match=r"drivers/virtio/virtio_balloon\.c"):
        demo_source.read(path)


def test_the_package_gives_the_balloon_driver_and_its_version(kernel_source: KernelSource) -> None:
    assert b"VIRTIO_BALLOON_F_DEFLATE_ON_OOM" in kernel_source.files[demo_source.DRIVER]
    major, _, rest = kernel_source.version.partition(".")
    assert f"VERSION = {major}\n".encode() in kernel_source.files["Makefile"]
    assert rest


def test_the_driver_turns_back_to_the_shrinker_and_to_the_notifier_before_it(kernel_source: KernelSource) -> None:
    states = demo_source.driver_states(kernel_source)
    assert states["notifier"] == kernel_source.files[demo_source.DRIVER]
    assert len(set(states.values())) == 4
    for name, oom_notifier in (("notifier", True), ("parameter", True), ("shrinker", False), ("shrinker-first", False)):
        assert (b"register_oom_notifier(" in states[name]) == oom_notifier
        assert (b"shrink_balloon_pages(" in states[name]) != oom_notifier
    assert b"module_param(oom_pages" in states["parameter"]


def test_a_driver_that_no_patch_fits_is_an_error(kernel_source: KernelSource) -> None:
    files = {**kernel_source.files, demo_source.DRIVER: b"/* another driver */\n"}
    with pytest.raises(ToolError) as caught:
        demo_source.driver_states(demo_source.KernelSource("x.tar", "9.9", files))
    assert "--source" in caught.value.hint
