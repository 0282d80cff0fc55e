from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.backport.house import House

if TYPE_CHECKING:
    from tests.support import Git


@pytest.fixture
def house(git: Git) -> House:
    """One branch, cos-5.4."""
    return House.build(git)


@pytest.fixture
def two(git: Git) -> House:
    """Two branches, cos-5.4 and cos-5.10."""
    return House.build(git, ("cos-5.4", "cos-5.10"))


@pytest.fixture
def release(git: Git) -> House:
    """A main branch cos-5.4 and the release branch R85 that takes its fixes from there."""
    return House.build(git, ("cos-5.4", "R85:cos-5.4"))
