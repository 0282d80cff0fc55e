"""checkpatch from the branch: the real one of a kernel tree, and stand-ins that show what is run and what is told."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

import pytest

from cosport.presubmit import style
from cosport.presubmit.check import State
from cosport.workflow import demo_source
from tests.presubmit.house import FILE, House, edit

if TYPE_CHECKING:
    from tests.support import File

FILES = ("scripts/checkpatch.pl", "scripts/const_structs.checkpatch", "scripts/spelling.txt")


@pytest.fixture(scope="module")
def scripts() -> dict[str, bytes]:
    """The installed kernel source's checkpatch (`make test` installs that package)."""
    found: dict[str, bytes] = {}
    with tarfile.open(demo_source.find(), "r|*") as tar:
        for member in tar:
            name = member.name.partition("/")[2]
            if name in FILES:
                file = tar.extractfile(member)
                assert file is not None
                found[name] = file.read()
            if len(found) == len(FILES):
                break
    return found


def _script(house: House, text: bytes, branch: str = "cos-6.1", mode: str = "100755") -> None:
    file: File = (mode, text)
    house.git.commit({"scripts/checkpatch.pl": file}, "COS: a checkpatch", branch=branch)


def test_only_what_is_new_against_upstream(house: House, scripts: dict[str, bytes]) -> None:
    files: dict[str, File] = {name: ("100755", data) for name, data in scripts.items()}
    house.git.commit(files, "COS: scripts", branch="cos-6.1")
    fix = house.fix(new="\tif (a){")
    assert house.rules("checkpatch", house.pick(fix, new="\tif (a){")) == []
    adapted = house.pick(fix, files={FILE: edit(5, "\tif (a){", edit(9, "int nine;"))})
    assert house.rules("checkpatch", adapted) == []
    result = house.result("checkpatch", house.pick(fix, new="\twhile(a ){"))
    errors = [each for each in result.findings if each.rule == "checkpatch-error"]
    assert {each.severity for each in errors} == {"warn"}
    assert all((each.place.path, each.place.line) == (FILE, 5) for each in errors)
    assert any(each.message.startswith("SPACING: space required before the open parenthesis") for each in errors)
    known = style._options(scripts["scripts/checkpatch.pl"])  # all in one test: the archive takes seconds to read
    assert {each.partition("=")[0] for each in known} >= {
        "--no-tree", "--no-signoff", "--terse", "--no-summary", "--strict", "--showfile", "--show-types", "--ignore",
    }  # fmt: skip
    assert style._options(b"") == ()


SAYS = b"""open(F, $ARGV[-1]); exit 0 unless grep(/pwned/, <F>);
print "$ARGV[-1]:1: ERROR: of the branch\\n"; exit 1;
"""


def test_it_comes_from_the_target_s_tip_and_never_from_the_change(house: House) -> None:
    _script(house, SAYS)
    evil: dict[str, File] = {"scripts/checkpatch.pl": 'system("touch pwned"); exit 0;\n', FILE: edit(5, "int five;")}
    (finding,) = house.result("checkpatch", house.pick(house.fix(), files=evil)).findings
    assert finding.message == "of the branch"
    assert not list(house.git.path.rglob("pwned"))


@pytest.mark.parametrize(("script", "why"), [
    (b"this is no perl\n", "checkpatch ended with"),
    (b"exit 2;\n", "checkpatch ended with 2"),
    (b"print qq(odd\\n); exit 1;\n", "did not say what"),
])  # fmt: skip
def test_one_that_fails_is_no_pass(house: House, script: bytes, why: str) -> None:
    _script(house, script)
    assert house.result("checkpatch", house.pick(house.fix())).state is State.PASSED  # upstream's very lines
    result = house.result("checkpatch", house.pick(house.fix(9, "y"), line=9, new="x"))
    assert result.state is State.COULD_NOT_RUN
    assert why in result.reason


def test_a_branch_without_one(house: House) -> None:
    assert house.result("checkpatch", house.pick(house.fix())).state is State.NOT_APPLICABLE
