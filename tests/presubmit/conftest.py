from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.presubmit.house import House

if TYPE_CHECKING:
    from tests.support import Git


@pytest.fixture
def house(git: Git) -> House:
    """A house of the profile cos."""
    return House(git)
