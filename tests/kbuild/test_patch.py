from __future__ import annotations

from pathlib import Path

import pytest

from cosport import resources
from cosport.kbuild import archive, patch
from cosport.kbuild.tree import Archive, Tree
from tests.kbuild.trees import DRIVER

FOLDER = Path(resources.path("patches", "balloon"))


def test_the_fix_is_taken_out_of_the_distributions_source() -> None:
    found = archive.find()
    assert found is not None
    tree = Tree(Archive(found))
    done = patch.first_applied(tree.read, FOLDER.glob("without-*.patch"))
    assert done is not None
    _, files = done
    assert set(files) == {DRIVER}
    assert b"register_oom_notifier" in tree.read(DRIVER)
    assert b"register_oom_notifier" not in files[DRIVER]


def test_a_patch_that_does_not_fit_is_an_answer(tmp_path: Path) -> None:
    assert patch.first_applied(lambda _: b"int a;\n", FOLDER.glob("without-*.patch")) is None


@pytest.mark.parametrize(
    "setting", ["[apply]\nwhitespace=error-all", "[apply]\nwhitespace=fix", "[core]\nautocrlf=true"]
)
def test_the_users_settings_change_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    config, change = tmp_path / "config", tmp_path / "change.patch"
    config.write_text(setting, encoding="ascii")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    change.write_bytes(b"--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\n-b\n+c \n")
    assert patch.applied({"f": b"a\nb\n"}, change) == {"f": b"a\nc \n"}
