"""Real commits full of tricks, in messages, names and files: each is judged and told, and nothing gets through."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import jsonschema
import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cosport.cli import schema
from cosport.cli.output import Printer
from cosport.cli.presubmit import Format, tell
from cosport.presubmit.report import document
from tests.presubmit.house import FILE, House, edit
from tests.presubmit.test_formats import CONTROL, EVIL
from tests.support import Git

if TYPE_CHECKING:
    from tests.support import File

# git takes no NUL in a message, and no newline or angle bracket in a name.
WORDS = [word.replace("\0", "") for word in EVIL if word != "\ud800"]
LINES = st.lists(st.sampled_from(WORDS) | st.text(st.characters(codec="utf-8"), max_size=8), max_size=4).map(" ".join)
MESSAGES = st.tuples(LINES, LINES, st.sampled_from((
    "", "Fixes: ", "(cherry picked from commit ", "This reverts commit ", "Change-Id: I", "Signed-off-by: ", "BUG=",
    "TEST=", "cos-patch: ", "commit {} upstream.\n", "Conflicts:\n\t", "[x: ", "Tested-by: ",
)), LINES)  # fmt: skip
NAMES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=2).map(
    lambda words: "".join(char for char in " ".join(words) if char not in "<>\n\r\0")[:80] or "x"
)
PATHS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=2).map(
    lambda words: "d/" + ("".join(words).replace("/", "_").replace("\0", "")[:60] or "x")
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    made = House(Git.init(tmp_path_factory.mktemp("hostile") / "repo"))
    made.first_fix = made.fix()  # type: ignore[attr-defined]
    return made


@pytest.mark.soak
@settings(
    max_examples=1000 if os.environ.get("COSPORT_SOAK") else 100,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=(Phase.generate,),  # an example is some lines long: to shrink it would take minutes
    deadline=None,
)
@given(message=MESSAGES, author=NAMES, path=PATHS, branch=st.sampled_from(("a;b", "$(touch pwned)", "x`id`", "-x'\"")))
def test_each_is_judged_and_told(
    house: House, message: tuple[str, str, str, str], author: str, path: str, branch: str
) -> None:
    subject, body, key, value = message
    fix: str = house.first_fix  # type: ignore[attr-defined]
    text = f"{subject}\n\n{body}\n\n{key.format(fix)}{value}\n"
    name = "x" if branch.startswith("-") else f"topic/{branch.replace(' ', '')}"
    files: dict[str, File] = {path: "<<<<<<< x\n\u202e\n", FILE: edit(5, "int five;")}
    data = text.encode("utf-8", "surrogateescape")
    pick = house.git.commit(files, data, branch=f"refs/heads/{name}", author=f"{author} <a@x>", parents=[house.first])
    report = house.judge(pick, "cos-6.1")
    assert not [each for each in report.checks if "a bug in the check" in each.reason]
    assert report.verdict != "pass"  # a conflict marker is in it whatever else is
    for form in Format:
        out, err = io.StringIO(), io.StringIO()
        tell(Printer(out=out, err=err), form, [report])
        assert not CONTROL.search(err.getvalue())
        if form is Format.TEXT:
            assert not CONTROL.search(out.getvalue())
        elif form is Format.JUNIT:
            assert ET.fromstring(out.getvalue().encode()).tag == "testsuites"
        else:
            msgspec.json.decode(out.getvalue())
    jsonschema.validate(msgspec.json.decode(msgspec.json.encode(document([report]))), schema.of("presubmit"))
    assert not list(house.git.path.rglob("pwned"))
    assert house.judge(pick, name if house.git.exists(f"refs/heads/{name}") else "cos-6.1").commit == pick
