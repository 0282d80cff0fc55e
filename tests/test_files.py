"""A file is put in place whole or not at all, with its permissions, and nothing is left beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest import mock

import pytest

from cosport import files

if TYPE_CHECKING:
    from pathlib import Path


def test_new_and_again(tmp_path: Path) -> None:
    file = tmp_path / "file"
    files.replace(file, b"one")
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"one", 0o644)
    file.chmod(0o600)
    files.replace(file, b"two")
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"two", 0o600)
    files.replace(file, b"three", mode=0o755, lasting=False)
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"three", 0o755)
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"theirs")
    link = tmp_path / "link"
    link.symlink_to("target")
    files.replace(link, b"ours")
    assert not link.is_symlink()
    assert (tmp_path / "target").read_bytes() == b"theirs"


@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace", "os.fchmod"])
def test_what_fails_leaves_the_old_one_and_nothing_beside_it(step: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"old")
    with mock.patch(step, side_effect=OSError(28, "No space left on device")), pytest.raises(OSError, match="No space"):
        files.replace(file, b"new")
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]
