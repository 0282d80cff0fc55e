"""No file that make compiles is ever said to be not built: asked of make itself, on a real kernel's tree.

`make soak` asks of eight configurations of seven architectures; `make test` of the smallest one.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.bench import built

if TYPE_CHECKING:
    from pathlib import Path

CONFIGS = built.CONFIGS if os.environ.get("COSPORT_SOAK") else built.CONFIGS[:1]


@pytest.mark.soak
def test_nothing_that_make_compiles_is_said_to_be_not_built(tmp_path: Path) -> None:
    tree = built.unpack(tmp_path)
    for arch, config in CONFIGS:
        found = built.compare(tree, arch, config)
        assert found.wrong == (), f"{arch} {config}"
        assert found.compiled > 300
        assert found.named > 0.9 * found.not_compiled
