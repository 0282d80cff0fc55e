"""The commands in docs/notes.md are run, and what it shows is what they print; its files are ones that are read."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

from cosport import config
from cosport.notes import house
from tests.cve import records
from tests.docs import kernel, session
from tests.support import ROOT, Git

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PAGE = ROOT / "docs" / "notes.md"
TOML = re.compile(r"^```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_page_shows_what_is_printed(seal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = session.prepare(seal, monkeypatch)
    git = Git(folder)
    fix = git.sha(kernel.UPSTREAM)
    start = git.commit({"Makefile": "VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 9\n"}, "Linux 6.1.9", branch="stable")
    git("tag", "v1", start)
    for subject, note, more in (
        ("virtio_balloon: delete the queues when the shrinker fails", "None", f"(cherry picked from commit {fix})\n"),
        ("ext4: try a new allocator", "Made writes to ext4 faster.", ""),
        ('Revert "ext4: try a new allocator"', "None", ""),
        ("tcp: count retransmits", "Counted retransmits of\nTCP right.", "cos-patch: bug\n"),
    ):
        name = f"{len(subject)}.c"
        git.commit({name: f"{subject}\n"}, f"{subject}\n\nWords.\n\nRELEASE_NOTE={note}\n\n{more}", branch="stable")
    git("tag", "v2", "stable")
    git.checkout("stable")
    records.publish(seal / "vulns", "CVE-2024-1001", [("", fix)], ids=[fix], score=7.8)
    (folder / ".git" / "cosport").mkdir(exist_ok=True)
    settings = f'[message]\nprofile = "cos"\n[cve]\ndata = "{seal}/vulns"\n[upstream]\nref = "{kernel.UPSTREAM}"\n'
    (folder / ".git" / "cosport" / "cosport.toml").write_text(settings, encoding="utf-8")
    session.check(PAGE, folder, seal)


def test_the_files_that_it_shows_are_read() -> None:
    for block in TOML.findall(PAGE.read_text(encoding="utf-8")):
        if "[[override]]" in block:
            assert house.parse(block.encode(), "the page").overrides
        else:
            config.parse(block.encode(), "the page")
        assert tomllib.loads(block)
