"""docs/presubmit.md: its commands are run, its table is the list of checks, its examples are read and run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from cosport import config
from cosport.presubmit import registry
from cosport.presubmit.check import Check
from tests.docs import session
from tests.support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PAGE = ROOT / "docs" / "presubmit.md"
TABLE = re.compile(r"(<!-- checks: .*? -->\n).*?(<!-- /checks -->)", re.DOTALL)


def _table() -> str:
    rows = ["| check | severity | what it sees to | rules |", "|---|---|---|---|"]
    for check in registry.checks():
        rules = ", ".join(f"`{rule.id}`" for rule in check.rules)
        rows.append(f"| `{check.id}` | {check.severity.value} | {check.title} | {rules} |")
    return "".join(f"{row}\n" for row in rows)


def test_the_table_is_the_list_of_checks() -> None:
    written = PAGE.read_text(encoding="utf-8")
    right = TABLE.sub(lambda match: match[1] + _table() + match[2], written)
    if session.UPDATE:
        PAGE.write_text(right, encoding="utf-8")
    assert right == PAGE.read_text(encoding="utf-8")


def test_each_thing_to_see_to_has_a_check_that_is_as_grave() -> None:
    rules = {rule.id: rule.severity.value for check in registry.checks() for rule in check.rules}
    (table,) = re.findall(r"<!-- asked: .*? -->\n(.*?)<!-- /asked -->", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    rows = [line.strip("|").split(" | ") for line in table.splitlines()[2:]]
    assert len(rows) == 19 + 2  # two of them are as grave as the case is
    for what, severity, said in rows:
        named = re.findall(r"`([a-z-]+)`", said)
        assert named, what
        assert {rules[name] for name in named} == {severity.strip()}, what


def test_the_page_shows_what_is_printed(seal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session.check(PAGE, session.prepare(seal, monkeypatch), seal)


def test_its_examples_are_read_and_run() -> None:
    text = PAGE.read_text(encoding="utf-8")
    (toml,) = re.findall(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    settings = config.parse(toml.encode(), "the page").presubmit
    registry.require_known(settings.skip, "the page")
    registry.require_rules(settings.severity, "the page")
    (code,) = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    made: dict[str, Any] = {}
    exec(code, made)
    assert isinstance(made["CHECK"], Check)
