"""Checks of the patch and of what branches hold: follow-ups, main first, parity, what hides in files."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cosport.git.objects import ObjectReader
from cosport.git.repository import Repository
from cosport.history.declined import Decline
from cosport.model.commit import Sha
from cosport.presubmit import inputs
from cosport.presubmit.check import Reads, State
from cosport.presubmit.context import target
from cosport.presubmit.report import Verdict
from cosport.records import notes
from cosport.records.record import Kind, record
from tests.presubmit.house import ENGINEER, FILE, LINES, UPSTREAM, House, edit
from tests.support import invoke

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support import File


def test_a_patch_that_differs_needs_a_note(house: House) -> None:
    fix = house.fix()
    pick = house.pick(fix, new="int cinq;")
    (finding,) = house.result("upstream-patch", pick).findings
    assert (finding.rule, finding.severity) == ("patch-differs", "block")
    assert (finding.place.path, finding.place.line) == (FILE, 5)
    assert "lacks `+int five;`; adds `+int cinq;`" in finding.message
    noted = house.message(fix, note="[Kernel Engineer: said in French]\n")
    assert house.rules("upstream-patch", house.pick(fix, new="int cinq;", message=noted)) == ["patch-adapted:info"]
    listed = house.message(fix, note=f"Conflicts:\n\t{FILE}\n")
    rules = house.rules("upstream-patch", house.pick(fix, message=listed))
    assert rules == ["conflicts-without-note:block"]


def test_other_surroundings_are_no_difference(house: House) -> None:
    fix = house.fix(10, "int ten;")
    house.git.commit({FILE: edit(8, "own")}, "COS: own", branch="cos-6.1")
    assert house.rules("upstream-patch", house.pick(fix, line=10, new="int ten;")) == []


def test_a_file_that_only_upstream_changes_is_told_at_the_commit(house: House) -> None:
    fix = house.fix(files={FILE: edit(5, "int five;"), "other.c": "x\n"})
    (finding,) = house.result("upstream-patch", house.pick(fix)).findings
    assert finding.place.kind == "commit"
    assert finding.message.startswith("other.c: ")


@pytest.mark.parametrize(("subject", "new", "rules"), [
    ("UPSTREAM: mm: fix it", "int five;", []),
    ("BACKPORT: mm: fix it", "int five;", ["label-needless:warn"]),
    ("UPSTREAM: mm: fix it", "int cinq;", ["patch-adapted:info", "label-false:block"]),
    ("BACKPORT: mm: fix it", "int cinq;", ["patch-adapted:info"]),
])  # fmt: skip
def test_labels_that_are_false_either_way(house: House, subject: str, new: str, rules: list[str]) -> None:
    house.profile = "chromeos"
    fix = house.fix()
    note = "[Kernel Engineer: in French]\n" if new != "int five;" else ""
    message = house.message(fix, note=note).replace("mm: fix it", subject, 1)
    assert house.rules("upstream-patch", house.pick(fix, new=new, message=message)) == rules


def test_a_squash_is_the_sum_of_its_patches(house: House) -> None:
    one, two = house.fix(), house.fix(9, "int nine;", "mm: fix more")
    message = house.message(one, extra=f"(cherry picked from commit {two})\n")
    both = edit(9, "int nine;", edit(5, "int five;"))
    assert house.rules("upstream-patch", house.pick(one, message=message, files={FILE: both})) == []
    half = house.pick(one, message=message)
    assert house.rules("upstream-patch", half) == ["patch-differs:block"]


def test_a_revert_is_the_patch_the_other_way_round(house: House) -> None:
    git = house.git
    pick = house.pick(house.fix(), on="refs/heads/cos-6.1")
    text = f'Revert "mm: fix it"\n\nThis reverts commit {pick}.\n'
    good = git.commit({FILE: LINES}, text, branch="refs/changes/2", parents=[pick])
    assert house.rules("upstream-patch", good) == []
    assert house.rules("reverts", good) == []
    bad = git.commit({FILE: edit(5, "line V")}, text, branch="refs/changes/3", parents=[pick])
    assert house.rules("upstream-patch", bad) == ["patch-differs:block"]
    nameless = git.commit({FILE: LINES}, 'Revert "mm: fix it"\n\nBad.\n', branch="refs/changes/4", parents=[pick])
    assert house.rules("reverts", nameless) == ["revert-no-sha:warn"]
    elsewhere = git.commit({FILE: edit(7, "x")}, text, branch="refs/changes/5", parents=[house.first])
    assert house.rules("reverts", elsewhere, "release-1") == ["revert-absent:warn"]
    again = git.commit({FILE: edit(5, "int five;")}, f'Reapply "mm: fix it"\n\nThis reverts commit {good}.\n',
                       branch="refs/changes/2")  # fmt: skip
    git.branch("cos-6.1", good)
    assert house.rules("upstream-patch", again) == []


def test_what_it_fixes_is_not_in_this_branch(house: House) -> None:
    bug = house.git.commit({FILE: edit(20, "bug")}, f"mm: bring the bug\n\nB.\n\nSigned-off-by: {UPSTREAM}\n")
    tag = f'Fixes: {bug[:12]} ("mm: bring the bug")'
    fix = house.fix(20, "no bug", f"mm: fix it\n\nB.\n\n{tag}\nSigned-off-by: {UPSTREAM}\n")
    pick = house.pick(fix, line=20, new="no bug")
    (finding,) = house.result("fixes-target", pick).findings
    assert (finding.rule, finding.severity, finding.place.kind) == ("fixes-target-absent", "warn", "message")
    carried = house.pick(bug, line=20, new="bug", on="refs/heads/cos-6.1")
    assert house.rules("fixes-target", house.pick(fix, line=20, new="no bug")) == []
    assert carried


def _later(house: House, fix: str, body: str = "It was worse.") -> str:
    tag = f'Fixes: {fix[:12]} ("mm: fix it")'
    return house.fix(6, "int six;", f"mm: fix the fix\n\n{body}\n\n{tag}\nSigned-off-by: {UPSTREAM}\n")


def test_later_fixes_that_the_branch_lacks(house: House) -> None:
    fix = house.fix()
    pick = house.pick(fix, on="refs/heads/topic", branch="cos-6.1")
    later = _later(house, fix)
    assert house.rules("followups", pick) == ["followup-missing:warn"]
    both = house.pick(later, "topic", line=6, new="int six;", on="refs/heads/topic")
    assert house.result("followups", pick, head=both).state is State.PASSED
    gone = f'Revert "mm: fix the fix"\n\nThis reverts commit {later}.\n'
    house.git.commit({FILE: edit(5, "int five;")}, gone)
    assert house.rules("followups", pick) == []


def test_a_later_security_fix_blocks(house: House) -> None:
    fix = house.fix()
    _later(house, fix, "This is CVE-2024-12345.")
    assert house.rules("followups", house.pick(fix)) == ["security-followup-missing:block"]


def test_a_later_fix_that_the_team_declined_is_told_and_blocks_nothing(house: House) -> None:
    house.configure()
    fix = house.fix()
    later = _later(house, fix, "This is CVE-2024-12345.")
    pick = house.pick(fix)

    def said() -> str:
        return invoke("presubmit", pick, "--branch", "cos-6.1", "--only", "followups", cwd=house.git.path).out

    assert "block " in said()
    for branch in ("release-1", "cos-6.1"):
        invoke("decline", later, "--branch", branch, "--reason", "not built here", cwd=house.git.path, check=0)
        assert ("block " in said()) is (branch == "release-1")  # a decision is on one branch
    assert "info " in said()
    assert "not built here [followups/followup-declined]" in said()
    tag = f'Fixes: {later[:12]} ("mm: fix the fix")'
    house.fix(7, "int seven;", f"mm: fix that too\n\nWorse.\n\n{tag}\nSigned-off-by: {UPSTREAM}\n")
    assert "block " in said()
    assert "declined before upstream had its follow-up" in said()


def test_a_decision_is_an_input_for_as_long_as_it_holds(house: House) -> None:
    day = dt.timedelta(days=1)
    today = dt.datetime.now(tz=dt.UTC).date()
    with house.context() as context:
        aim = target(context, "cos-6.1")
        before = inputs.inputs(context, aim, (Reads.DECLINES,))
        assert not inputs.changed(context, aim, before)
        for until, branch, matters in (
            (None, "cos-6.1", True), (today, "cos-6.1", True), (today - day, "cos-6.1", False), (None, "other", False),
        ):  # fmt: skip
            decline = Decline("1" * 40, branch, "why", until=until)
            now = replace(context, declines=(decline,))
            assert bool(inputs.changed(now, aim, before)) is matters, (until, branch)


def test_what_upstream_took_back(house: House) -> None:
    fix = house.fix()
    pick = house.pick(fix)
    back = house.git.commit({FILE: LINES}, f'Revert "mm: fix it"\n\nThis reverts commit {fix}.\n')
    assert house.rules("followups", pick) == ["upstream-reverted:warn"]
    house.git.commit({FILE: edit(5, "int five;")}, f'Revert "Revert "mm: fix it""\n\nThis reverts commit {back}.\n')
    assert house.rules("followups", pick) == []


def test_empty_and_applied_already(house: House) -> None:
    fix = house.fix()
    assert house.rules("needed", house.pick(fix, files={FILE: LINES})) == ["commit-empty:block"]
    pick = house.pick(fix)
    assert house.rules("needed", pick) == []
    house.git.branch("cos-6.1", pick)
    assert house.rules("needed", pick) == []  # it is what landed
    again = house.git.commit({FILE: edit(6, "x", edit(5, "int five;"))}, house.message(fix), branch="refs/changes/2",
                             parents=[pick])  # fmt: skip
    assert house.rules("needed", again) == ["already-applied:block"]
    apart = house.pick(fix, on="refs/heads/apart", branch="release-1")
    assert house.rules("needed", apart) == ["already-applied:block"]  # the branch has moved on meanwhile


class TestMainFirst:
    """What a release branch may take."""

    def release(self, house: House, main: str, **more: str) -> str:
        said = house.git.message(main).decode() + f"(cherry picked from commit {main})\nSigned-off-by: {ENGINEER}\n"
        for old, new in more.items():
            said = said.replace(old, new)
        return said

    def test_it_comes_when_main_lands_and_goes_when_main_reverts(self, house: House) -> None:
        fix = house.fix()
        house.git.branch("review", "cos-6.1")
        main = house.pick(fix, on="refs/heads/review")
        pick = house.pick(fix, "release-1", message=self.release(house, main))
        report = house.judge(pick, "release-1")
        assert [each.rule for each in report.findings] == ["main-not-landed"]
        assert report.labels == {"Verified": Verdict.PASS, "Main-Branch-Verified": Verdict.FAIL}
        house.git.branch("cos-6.1", main)
        report = house.judge(pick, "release-1")
        assert report.findings == ()
        assert report.labels == {"Verified": Verdict.PASS, "Main-Branch-Verified": Verdict.PASS}
        assert {each.kind for each in report.inputs} >= {"main", "target", "upstream", "config"}
        house.git.commit({FILE: LINES}, f'Revert "mm: fix it"\n\nThis reverts commit {main}.\n', branch="cos-6.1")
        assert house.rules("main-branch-verified", pick, "release-1") == ["main-reverted:block"]

    def test_another_change_id_or_patch(self, house: House) -> None:
        fix = house.fix()
        main = house.pick(fix, on="refs/heads/cos-6.1")
        said = self.release(house, main)
        other = house.pick(fix, "release-1", message=said.replace("Change-Id: I", "Change-Id: I1")[:-1])
        assert house.rules("main-branch-verified", other, "release-1") == ["main-change-id:block"]
        differs = house.pick(fix, "release-1", message=said, new="int cinq;")
        assert house.rules("main-branch-verified", differs, "release-1") == ["main-patch:block"]
        note = said.replace(f"(cherry picked from commit {main})", f"[K E: French]\n(cherry picked from commit {main})")
        noted = house.pick(fix, "release-1", message=note, new="int cinq;")
        assert house.rules("main-branch-verified", noted, "release-1") == []

    def test_a_pick_past_main(self, house: House) -> None:
        fix = house.fix()
        pick = house.pick(fix, "release-1")
        assert house.rules("main-branch-verified", pick, "release-1") == ["main-not-landed:block"]
        house.pick(fix, on="refs/heads/cos-6.1")
        assert house.rules("main-branch-verified", pick, "release-1") == ["main-unnamed:block"]
        own = house.git.commit({FILE: edit(8, "own")}, "COS: own", branch="refs/changes/9", parents=[house.first])
        assert house.rules("main-branch-verified", own, "release-1") == ["main-unnamed:block"]

    def test_other_branches_are_not_asked(self, house: House) -> None:
        result = house.result("main-branch-verified", house.pick(house.fix()))
        assert result.state is State.NOT_APPLICABLE
        assert "Main-Branch-Verified" not in house.judge(house.pick(house.fix(7, "x", "y"))).labels


def test_a_newer_branch_lacks_the_fix(git_house: House) -> None:
    house = git_house
    fix = house.fix()
    assert house.rules("parity", house.pick(fix)) == ["parity:warn"]
    house.pick(fix, "cos-6.6", on="refs/heads/cos-6.6")
    assert house.rules("parity", house.pick(fix)) == []
    assert house.result("parity", house.pick(fix, "cos-6.6"), "cos-6.6").state is State.NOT_APPLICABLE


@pytest.fixture
def git_house(house: House) -> House:
    """A house with a newer main branch."""
    house.names.append("cos-6.6")
    makefile = "VERSION = 6\nPATCHLEVEL = 6\n"
    house.git.commit({"Makefile": makefile}, "Linux 6.6", branch="cos-6.6", parents=[house.first])
    return house


@pytest.mark.parametrize(("files", "rules"), [
    ({FILE: edit(5, "<<<<<<< HEAD")}, ["conflict-marker:block"]),
    ({FILE: edit(5, "=======")}, ["conflict-marker:block"]),
    ({FILE: edit(5, "======== title")}, []),
    ({FILE: edit(5, "/* \u202e */")}, ["deceiving-text:block"]),
    ({FILE: "a\0b\n"}, ["nul-byte:block"]),
    ({FILE: ("100755", edit(5, "x"))}, ["mode-changed:block"]),
    ({"new.sh": ("100755", "x\n")}, ["mode-changed:block"]),
    ({"link": ("120000", "../../etc/passwd")}, ["symlink:block"]),
    ({"sub": ("160000", "1" * 40)}, ["submodule:block"]),
    ({'a\nb\t"c': "<<<<<<< x\n"}, ["conflict-marker:block"]),
    ({"lat\udce9n": "<<<<<<< x\n"}, ["conflict-marker:block"]),
])  # fmt: skip
def test_what_hides_in_files(house: House, files: dict[str, File], rules: list[str]) -> None:
    fix = house.fix()
    assert house.rules("contents", house.pick(fix, files=files)) == rules
    theirs = house.fix(files={**files, "more": "y\n"}, message="mm: the same upstream")
    if "submodule:block" not in rules:  # fast-import takes no submodule's commit that is not there into a second tree
        assert house.rules("contents", house.pick(theirs, files=files)) == []


def test_configuration_mixed_with_code(house: House) -> None:
    config = "arch/x86/configs/lakitu_defconfig"
    files: dict[str, File] = {FILE: edit(5, "int five;"), config: "CONFIG_X=y\n"}
    fix = house.fix()
    (finding,) = house.result("config", house.pick(fix, files=files)).findings
    assert (finding.rule, finding.place.path) == ("config-mixed", config)
    mixed = house.fix(files={**files, FILE: edit(5, "int 5;")}, message="mm: mixed")
    assert house.rules("config", house.pick(mixed, files={**files, FILE: edit(5, "int 5;")})) == []


class TestMerge:
    """Merges of stable releases."""

    def merge(self, house: House, files: dict[str, File], message: str, branch: str = "refs/changes/1") -> str:
        git = house.git
        if not git.exists("refs/heads/stable"):
            makefile = {"Makefile": "VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 2\n"}
            git.commit({FILE: edit(5, "stable five")}, "mm: stable", branch="stable", parents=[house.first])
            git.commit(makefile, "Linux 6.1.2", branch="stable")
            git.commit({FILE: edit(5, "own five"), "own.c": "own\n"}, "COS: own", branch="cos-6.1")
        tip, release = git.sha("cos-6.1"), git.sha("stable")
        git("tag", "-f", "v6.1.2", release)
        return git.commit({"Makefile": git.read("stable", "Makefile").decode(), **files}, message, branch=branch,
                          parents=[tip, release])  # fmt: skip

    @pytest.mark.parametrize(("files", "message", "rules"), [
        ({FILE: edit(5, "own five")}, "Merge v6.1.2\n\n[K E: mm/oom.c: kept ours]\n", []),
        ({FILE: edit(5, "own five")}, "Merge v6.1.2\n\nIn mm/oom.c ours was kept.\n", []),
        ({FILE: edit(5, "own five")}, "Merge v6.1.2\n", ["merge-unexplained:block"]),
        ({FILE: edit(5, "<<<<<<< a"), }, "Merge v6.1.2\n\nmm/oom.c\n", ["merge-conflict-marker:block"]),
        ({FILE: edit(5, "own five"), "own.c": "hidden\n"}, "Merge v6.1.2\n\nmm/oom.c\n", ["merge-hidden-change:block"]),
    ])  # fmt: skip
    def test_its_resolution_is_told(self, house: House, files: dict[str, File], message: str, rules: list[str]) -> None:
        merge = self.merge(house, files, message)
        before = house.git("count-objects")
        assert house.rules("merge", merge) == rules
        assert house.git("count-objects") == before

    def test_a_release_is_known_by_its_tag_and_not_by_a_subject_that_anybody_can_write(self, house: House) -> None:
        files: dict[str, File] = {FILE: edit(5, "own five")}
        merge = self.merge(house, files, "Merge v6.1.2\n\nmm/oom.c: ours\n")
        assert house.judge(merge).kind == "lts-merge"
        house.git("tag", "-d", "v6.1.2")
        assert house.judge(merge).kind == "lts-merge"
        assert house.rules("merge", merge) == ["merge-untagged:warn"]
        house.git("tag", "v6.1.2", house.first)  # it is another commit: the merged one only calls itself so
        report = house.judge(merge)
        assert (report.kind, report.verdict) == ("unknown", Verdict.FAIL)

    def test_newer_branches_have_what_it_brings(self, git_house: House) -> None:
        house = git_house
        fix = house.fix(20, "int twenty;")
        text = f"mm: fix it\n\ncommit {fix} upstream.\n\nSigned-off-by: {UPSTREAM}\n"
        house.git.commit({FILE: edit(20, "int twenty;")}, text, branch="stable", parents=[house.first])
        house.git.commit({"Makefile": "VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 2\n"}, "Linux 6.1.2", branch="stable")
        house.git.commit({"own.c": "own\n"}, "COS: own", branch="cos-6.1")
        merge = self.merge(house, {FILE: edit(20, "int twenty;")}, "Merge v6.1.2\n")
        assert house.rules("merge", merge) == []
        (finding,) = house.result("parity", merge).findings
        assert (finding.rule, finding.severity) == ("parity-merge", "warn")
        assert "1 merged fixes are not in cos-6.6" in finding.message


def test_cve_data_tells_a_security_fix_and_is_an_input(house: House, tmp_path: Path) -> None:
    fix = house.fix()
    later = _later(house, fix)
    pick = house.pick(fix)
    data = tmp_path / "vulns"
    (data / "cve" / "published" / "2024").mkdir(parents=True)
    house.extra = f'[cve]\ndata = "{data}"\n'
    result = house.result("followups", pick)
    assert result.state is State.COULD_NOT_RUN
    assert "holds no CVE record" in result.reason
    file = data / "cve" / "published" / "2024" / "CVE-2024-11111.dyad"
    file.write_text("# a dyad\n0:0:6.1:" + "1" * 40 + "\n")
    assert house.rules("followups", pick) == ["followup-missing:warn"]
    before = {each.kind: each.value for each in house.judge(pick).inputs}["cve"]
    file.write_text(f"# a dyad\n6.0:{fix}:6.1:{later}\n")
    (finding,) = house.result("followups", pick).findings
    assert (finding.rule, finding.severity) == ("security-followup-missing", "block")
    assert "(CVE-2024-11111)" in finding.message
    assert {each.kind: each.value for each in house.judge(pick).inputs}["cve"] != before


class TestRegression:
    """What TEST= claims, and what is on record."""

    def put(self, house: House, commit: str, verdict: str, workload: str = "balloon") -> None:
        repository = Repository.open(house.git.path)
        with ObjectReader(repository) as reader:
            data = {"workload": workload, "verdict": verdict}
            when = dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=len(notes.read(reader, Sha(commit))))
            notes.append(reader, {Sha(commit): [record(Kind.REGRESS, data, at=when)]})

    def test_a_claim_needs_a_verdict_on_record(self, house: House) -> None:
        house.git.commit({"own.c": "own\n"}, "COS: own", branch="cos-6.1")
        fix = house.fix()
        message = house.message(fix).replace("TEST=boot", "TEST=cosport regress run balloon")
        pick = house.pick(fix, message=message)
        assert house.result("regression", house.pick(fix)).state is State.NOT_APPLICABLE
        assert house.rules("regression", pick) == ["regression-unproven:block"]
        before = {each.kind: each.value for each in house.judge(pick).inputs}
        assert "records" not in {each.kind for each in house.judge(house.pick(fix)).inputs}
        self.put(house, fix, "fixes")
        assert house.rules("regression", pick) == ["regression-elsewhere:warn"]
        assert {each.kind: each.value for each in house.judge(pick).inputs}["records"] != before["records"]
        self.put(house, pick, "fixes", "other")
        assert house.rules("regression", pick) == ["regression-elsewhere:warn"]
        self.put(house, pick, "fixes")
        assert house.rules("regression", pick) == []
        again = house.pick(fix, message=message.replace("BUG=b/1", "BUG=b/2"))  # the same tree on the same parent
        assert house.rules("regression", again) == []
        self.put(house, pick, "no-effect")
        assert house.rules("regression", pick) == ["regression-verdict:block"]
        self.put(house, pick, "inconclusive")
        assert house.rules("regression", pick) == ["regression-inconclusive:warn"]

    @pytest.mark.parametrize(
        ("said", "state"),
        [("proven by a regression job in QEMU", State.NOT_APPLICABLE), ("regression job: balloon", State.FINDINGS)],
    )
    def test_prose_is_no_claim(self, house: House, said: str, state: State) -> None:
        fix = house.fix()
        pick = house.pick(fix, message=house.message(fix).replace("TEST=boot", f"TEST={said}"))
        assert house.result("regression", pick).state is state


@pytest.mark.parametrize(("files", "rules"), [
    ({FILE: edit(5, "\tif (a)")}, []),
    ({FILE: edit(5, "        if  (a) ")}, ["patch-alike:warn"]),
    ({FILE: edit(5, "\tif (a)").replace("line 9\n", "line 9\n\n")}, ["patch-alike:warn"]),
    ({FILE: edit(5, "\tif(a)")}, ["patch-differs:block"]),  # other words, to one that does not parse C
    ({FILE: ("100755", edit(5, "        if (a)"))}, ["patch-differs:block"]),
])  # fmt: skip
def test_white_space_alone_is_no_reason_to_block(house: House, files: dict[str, File], rules: list[str]) -> None:
    fix = house.fix(new="\tif (a)")
    assert house.rules("upstream-patch", house.pick(fix, files=files)) == rules


def test_white_space_counts_in_a_makefile(house: House) -> None:
    makefile = "VERSION = 6\nPATCHLEVEL = 1\n"
    fix = house.fix(files={"Makefile": f"{makefile}x:\n\ttrue\n"})
    pick = house.pick(fix, files={"Makefile": f"{makefile}x:\n        true\n"})
    assert house.rules("upstream-patch", pick) == ["patch-differs:block"]


def test_the_same_lines_in_another_order(house: House) -> None:
    fix = house.fix(files={FILE: edit(5, "one;", edit(30, "two;"))}, message="mm: fix it")
    pick = house.pick(fix, files={FILE: LINES.replace("line 30\n", "two;\n", 1).replace("line 5\n", "one;\n", 1)})
    assert house.rules("upstream-patch", pick) == []
    moved = LINES.replace("line 5\n", "line X\n").replace("line 30\n", "line 5\n").replace("line X\n", "line 30\n")
    house.git.commit({FILE: moved}, "COS: another order", branch="cos-6.1")
    other = moved.replace("line 5\n", "one;\n", 1).replace("line 30\n", "two;\n", 1)
    assert house.rules("upstream-patch", house.pick(fix, files={FILE: other})) == ["patch-alike:warn"]
