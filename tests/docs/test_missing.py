"""The commands in docs/missing.md are run, and what it shows is what they print, whatever year it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.cve import records
from tests.docs import kernel, session
from tests.support import ROOT, Git, cosport

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PAGE = ROOT / "docs" / "missing.md"
LIST = re.compile(r"^```text\n\$ cosport (.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
AGE = re.compile(r"\b\d+ (?:years|months|days?)\b")


def test_the_page_shows_what_is_printed(seal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = session.prepare(seal, monkeypatch)
    git = Git(folder)
    fix = git.sha(kernel.UPSTREAM)
    later = kernel.FIX.replace("\tvdev->config->del_vqs(vdev);\n", "\tremove_vqs(vb);\n")
    message = f"virtio_balloon: reset the device before its queues go\n\nSince commit {fix[:12]} they go too early.\n"
    git.commit({kernel.DRIVER: later}, message, branch=kernel.UPSTREAM, author=kernel.ENGINEER, date="1610000000 +0000")
    records.publish(seal / "vulns", "CVE-2024-1001", [("", fix)], ids=[fix], score=7.8, title="virtio_balloon: leak")
    cosport("init", cwd=folder, check=0)
    config = folder / ".git" / "cosport" / "cosport.toml"
    config.write_text(f'{config.read_text(encoding="utf-8")}\n[cve]\ndata = "{seal}/vulns"\n', encoding="utf-8")
    shown = LIST.search(PAGE.read_text(encoding="utf-8"))
    assert shown is not None
    printed = cosport(*shown[1].split(), cwd=folder, check=1)
    listed = printed.out + printed.err
    if session.UPDATE:
        text = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(text[: shown.start(2)] + listed + text[shown.end(2) :], encoding="utf-8")
    else:
        assert AGE.sub("years", shown[2]).split() == AGE.sub("years", listed).split()
    session.check(PAGE, folder, seal)
