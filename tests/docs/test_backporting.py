"""The commands in docs/backporting.md are run, and what it shows is what they print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.docs import kernel, session
from tests.support import ROOT, Git

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


LATER = "1610000000 +0000"


def test_the_page_shows_what_is_printed(seal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = session.prepare(seal, monkeypatch)
    git = Git(folder)
    fix = git.sha(kernel.UPSTREAM)
    later = kernel.FIX.replace("\tvdev->config->del_vqs(vdev);\n", "\tremove_vqs(vb);\n")
    message = (
        "virtio_balloon: reset the device before its queues go\n\n"
        f'Fixes: {fix[:12]} ("virtio_balloon: delete the queues when the shrinker fails")\n'
    )
    git.commit({kernel.DRIVER: later}, message, branch=kernel.UPSTREAM, author=kernel.ENGINEER, date=LATER)
    session.check(ROOT / "docs" / "backporting.md", folder, seal)
