"""What the configuration's [message] section asks of every pick: required fields, defaults, classes."""

from __future__ import annotations

from tests.backport.house import LINES, House, edit

REQUIRED = '[message]\nprofile = "cos"\nrequired = ["BUG", "TEST"]\n'


def rule(house: House, message: str) -> None:
    """Write the configuration with this [message] section."""
    branches = '[[branch]]\nname = "cos-5.4"\n[[branch]]\nname = "R85"\nkind = "release"\nmain = "cos-5.4"\n'
    text = f'{message}\n[upstream]\nref = "refs/heads/main"\n{branches}'
    (house.common / "cosport" / "cosport.toml").write_text(text, encoding="utf-8")


def test_a_required_field_that_is_not_given_is_refused_before_anything_changes(release: House) -> None:
    rule(release, REQUIRED)
    fix = release.fix()
    before = release.frozen()
    answer = release.run(fix, "--to", "cos-5.4", "--bug", "b/1", check=2)
    assert "TEST: required by" in answer.err
    assert "--test" in answer.err
    assert release.frozen() == before


def test_with_all_required_fields_it_goes_through_and_a_rerun_need_not_repeat_them(release: House) -> None:
    rule(release, REQUIRED)
    fix = release.fix()
    made = release.pick(fix, "cos-5.4", "--bug", "b/1", "--test", "None")
    again = release.pick(fix, "cos-5.4")
    assert again["commit"] == made["commit"]


def test_a_dry_run_and_a_pick_from_main_need_no_fields(release: House) -> None:
    rule(release, REQUIRED)
    fix = release.fix()
    assert release.pick(fix, "cos-5.4", "--dry-run")["outcome"] == "picked"
    release.land("cos-5.4", edit(LINES, l5="int five;"), f"mm: fix it\n\n(cherry picked from commit {fix})\n")
    assert release.pick(fix, "R85")["source"]["kind"] == "main"
    release.run(fix, "--to", "R85", "--from", "upstream", "--force", check=0)


def test_a_release_branch_served_from_upstream_needs_them(release: House) -> None:
    rule(release, REQUIRED)
    release.run(release.fix(), "--to", "R85", "--from", "upstream", check=2)


def test_a_default_stands_for_a_required_field(release: House) -> None:
    rule(release, f'{REQUIRED}\n[message.defaults]\nBUG = "None"\nTEST = "presubmit"\n')
    made = release.pick(release.fix(), "cos-5.4")
    assert b"\nTEST=presubmit\n" in release.git.message(made["commit"])


def test_the_first_of_a_teams_classes_is_the_default(release: House) -> None:
    rule(release, '[message]\nprofile = "cos"\nclasses = ["fix", "cve"]\n')
    fix = release.fix()
    assert b"\ncos-patch: fix\n" in release.git.message(release.pick(fix, "cos-5.4")["commit"])
    made = release.pick(fix, "cos-5.4", "--class", "cve")
    assert b"\ncos-patch: cve\n" in release.git.message(made["commit"])


def test_another_profile_than_the_houses_takes_what_fits(release: House) -> None:
    rule(release, f'{REQUIRED}\n[message.defaults]\nBUG = "None"\nTEST = "presubmit"\n')
    made = release.pick(release.fix(), "cos-5.4", "--profile", "plain")
    assert b"TEST=" not in release.git.message(made["commit"])
