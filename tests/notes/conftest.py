"""The release with every case in it, written once and copied for each test."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.notes import story as stories
from tests.notes.story import Story
from tests.support import Git

if TYPE_CHECKING:
    from pathlib import Path

_MADE: dict[str, tuple[Path, Story]] = {}


@pytest.fixture
def story(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Story:
    if "story" not in _MADE:  # within a test, whose seal holds
        folder = tmp_path_factory.mktemp("story")
        _MADE["story"] = folder, stories.tell(Git.init(folder / "repo"), folder)
    folder, made = _MADE["story"]
    copy = tmp_path / "story"
    shutil.copytree(folder, copy)
    stories.configure(copy)
    return Story(Git(copy / "repo"), copy / "cosport.toml", made.commits)
