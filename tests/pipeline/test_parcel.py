"""The files of a job as they travel home from a worker: what arrives is what was there, and nothing leads elsewhere."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from cosport.errors import DiskError, ToolError
from cosport.pipeline import parcel

if TYPE_CHECKING:
    from pathlib import Path


def archive(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return data.getvalue()


def link(name: str, to: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, to
    return member, b""


def test_files_arrive_as_they_were(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "deep" / "er").mkdir(parents=True)
    (source / "empty").mkdir()
    (source / "deep" / "er" / "log").write_bytes(bytes(range(256)) * 300)
    (source / "report.json").write_text("{}", encoding="utf-8")
    parcel.unpack(parcel.pack(source), target)
    arrived = {str(each.relative_to(target)): each.is_file() and each.read_bytes() for each in target.rglob("*")}
    assert arrived == {
        str(each.relative_to(source)): each.is_file() and each.read_bytes() for each in source.rglob("*")
    }


def test_links_stay_behind(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    (source / "file").write_text("x", encoding="utf-8")
    (source / "link").symlink_to("/etc/hostname")
    parcel.unpack(parcel.pack(source), target)
    assert [each.name for each in target.iterdir()] == ["file"]


@pytest.mark.parametrize(
    "member",
    [
        (tarfile.TarInfo("../out"), b"x"),
        (tarfile.TarInfo("/out"), b"x"),
        (tarfile.TarInfo("a/../../out"), b"x"),
        link("out", "/etc"),
        link("out", "in", tarfile.LNKTYPE),
        link("out", "", tarfile.FIFOTYPE),
        link("out", "", tarfile.CHRTYPE),
    ],
    ids=lambda member: f"{member[0].name} {member[0].type.decode()}",
)
def test_nothing_leads_out_of_the_folder(tmp_path: Path, member: tuple[tarfile.TarInfo, bytes]) -> None:
    with pytest.raises(ToolError, match="no file of its job's folder"):
        parcel.unpack(archive(member), tmp_path / "job")
    assert [each.name for each in tmp_path.rglob("*")] == ["job"]


WHOLE = archive((tarfile.TarInfo("log"), bytes(range(256)) * 300))


@pytest.mark.parametrize("data", [b"", b"no archive", WHOLE[: len(WHOLE) // 2]], ids=["empty", "other", "cut"])
def test_a_broken_archive_is_an_error(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(DiskError, match="cannot be laid down"):
        parcel.unpack(data, tmp_path / "job")
