"""What docs/gerrit.md shows: its commands are ones that there are, and its configuration is read."""

from __future__ import annotations

import re
import shlex

import pytest

from cosport.config import parse
from tests.support import ROOT, invoke

TEXT = (ROOT / "docs" / "gerrit.md").read_text(encoding="utf-8")
SHELL = "\n".join(re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL))
COMMANDS = re.findall(r"^cosport .*$", SHELL, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_the_options_that_it_is_shown_with(command: str) -> None:
    words = shlex.split(command)[1:]
    name = words[:2] if words[0] == "bot" else words[:1]
    told = invoke(*name, "--help", cwd=ROOT, check=0).out
    for option in (word for word in words if word.startswith("--")):
        assert option in told, option


@pytest.mark.parametrize("block", re.findall(r"^```toml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL))
def test_each_configuration_is_read(block: str) -> None:
    for commented in (block, re.sub(r"^# (\w+ = )", r"\1", block, flags=re.MULTILINE)):
        parse(commented.encode(), "docs/gerrit.md")
