from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cosport.errors import ToolError
from cosport.kbuild import distribution
from tests.kbuild.trees import install

if TYPE_CHECKING:
    from pathlib import Path


def test_the_newest_kernel_with_modules_and_headers_is_taken(tmp_path: Path) -> None:
    install(tmp_path, "6.1.0-9-amd64")
    install(tmp_path, "6.1.0-56-amd64")
    install(tmp_path, "6.12.0-1-amd64", headers=False)
    found = distribution.find(tmp_path)
    assert found.release == "6.1.0-56-amd64"
    assert found.version == "6.1.192"


def test_what_a_module_needs_is_loaded_before_it(tmp_path: Path) -> None:
    install(tmp_path, "6.1.0-56-amd64")
    found = distribution.find(tmp_path)
    names = [path.name for path in found.load_order("virtio_balloon")]
    assert names == ["virtio_ring.ko.xz", "virtio.ko.xz", "virtio-balloon.ko.xz"]
    assert found.load_order("virtio_blk") == ()
    with pytest.raises(ToolError, match="no module virtio_console"):
        found.load_order("virtio_console")


@pytest.mark.parametrize(
    ("headers", "modules", "says"),
    [(False, True, "no headers"), (True, False, "no modules"), (False, False, "no modules")],
)
def test_what_is_missing_is_told(tmp_path: Path, headers: bool, modules: bool, says: str) -> None:
    install(tmp_path, "6.1.0-56-amd64", headers=headers, modules=modules)
    with pytest.raises(ToolError) as caught:
        distribution.find(tmp_path)
    assert says in caught.value.what
    assert "linux-headers" in caught.value.hint


def test_no_kernel_at_all_is_told(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="no kernel image"):
        distribution.find(tmp_path)


@pytest.mark.parametrize(
    ("module", "versions", "says"),
    [
        ("virtio_balloon", ["6.1.1", "6.1.200"], ""),
        ("virtio_balloon", ["6.1.1", "6.8.0"], "the installed headers are of Linux 6.1.192"),
        ("virtio_blk", ["6.1.1"], "virtio_blk is built into the installed kernel 6.1.0-56-amd64"),
    ],
)
def test_whether_a_module_can_be_exchanged_is_known(
    tmp_path: Path, module: str, versions: list[str], says: str
) -> None:
    install(tmp_path, "6.1.0-56-amd64")
    assert distribution.unfit(module, versions, tmp_path) == says


def test_without_a_kernel_no_module_can_be_exchanged(tmp_path: Path) -> None:
    assert "no kernel image" in distribution.unfit("virtio_balloon", ["6.1.1"], tmp_path)
