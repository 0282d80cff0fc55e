"""The commands in docs/conflicts.md are run, and what it shows is what they print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosport.backport.resolvers.ladder import RENAMED, RULES
from cosport.backport.resolvers.present import PRESENT
from cosport.backport.resolvers.within import WITHIN
from tests.docs import kernel, session
from tests.support import ROOT, Git

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PAGE = ROOT / "docs" / "conflicts.md"
LATER = "1610000000 +0000"


def test_the_page_shows_what_is_printed(seal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = session.prepare(seal, monkeypatch)
    git = Git(folder)
    own = kernel.LADDER.replace("\tvirtio_device_ready(vdev);\n", "\tvirtballoon_announce(vdev);\n")
    git.commit({kernel.DRIVER: own}, "CHROMIUM: announce the balloon", branch="cos-6.1", date=LATER)
    session.check(PAGE, folder, seal)


def test_the_page_names_every_rule() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for rule in (*RULES, PRESENT, WITHIN, RENAMED):
        assert f"`{rule.name}`" in page
