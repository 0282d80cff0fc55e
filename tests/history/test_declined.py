from __future__ import annotations

import datetime as dt
import tomllib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosport.errors import ConfigError, UsageError
from cosport.history import declined
from cosport.history.declined import Decision, Decline, decide, divide, find, parse
from cosport.history.missing import missing
from cosport.model.commit import Sha

if TYPE_CHECKING:
    from tests.history.conftest import Asker
    from tests.support import Git

A, B = Sha("a" * 40), Sha("b" * 40)
TODAY = dt.date(2026, 6, 1)
HAND_MADE = f"""\
# Our decisions.

# No such hardware here.
[[ decline ]]  # by the platform team
commit = "{A}"
branch = "cos-5.4"
reason = "no such hardware"

# Wait for the rework.
[[decline]]
commit = "{B[:12]}"
branch = "cos-5.4"
reason = '''two
lines'''
until = 2026-07-01
"""


def test_the_file_says_what_was_decided() -> None:
    first, second = parse(HAND_MADE.encode(), "declines.toml")
    assert first == Decline(A, "cos-5.4", "no such hardware")
    assert second.until == dt.date(2026, 7, 1)
    assert find((first, second), B, "cos-5.4") == second
    assert find((first, second), B, "cos-5.10") is None


def test_the_last_decision_on_a_commit_counts() -> None:
    first, second = Decline(A, "b", "one"), Decline(A, "b", "two")
    assert find((first, second), A, "b") == second


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = [", "x.toml: "),
        ("\xff", "byte 0"),
        ('[[decline]]\ncommit = "aaaaaaaaaaaa"\nbranch = "b"\n', "reason"),
        ('[[decline]]\ncommit = "aaaa"\nbranch = "b"\nreason = "r"\n', "no commit"),
        ('[[decline]]\ncommit = "HEAD"\nbranch = "b"\nreason = "r"\n', "no commit"),
        ('[[decline]]\ncommit = "aaaaaaaaaaaa"\nbranch = "b"\nreason = " "\n', "reason: empty"),
        ('[[decline]]\ncommit = "aaaaaaaaaaaa"\nbranch = "b"\nreason = "r"\nuntil = "soon"\n', "until"),
        ('[[declines]]\ncommit = "aaaaaaaaaaaa"\n', "declines"),
    ],
)
def test_a_wrong_file_is_refused_with_its_name_and_what_is_wrong(text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(text.encode("latin-1"), "x.toml")
    assert "x.toml" in error.value.what
    assert expected in error.value.what


def test_what_people_wrote_stays_as_it_is() -> None:
    new = Decline("c" * 40, "cos-5.10", "why", by="Me <me@x.org>", date=TODAY, until=TODAY, known=(A,))
    text = declined.added(HAND_MADE, new)
    assert text.startswith(HAND_MADE)
    assert parse(text.encode(), "x")[-1] == new


def test_a_new_decision_takes_the_place_of_the_old_one_and_its_comment() -> None:
    new = Decline(B, "cos-5.4", "never")
    text = declined.added(HAND_MADE, new)
    assert "# Wait for the rework." not in text
    assert "# No such hardware here." in text
    assert text.startswith("# Our decisions.\n")
    assert [each.reason for each in parse(text.encode(), "x")] == ["no such hardware", "never"]


def test_a_decision_can_be_taken_out() -> None:
    text = declined.removed(HAND_MADE, A, "cos-5.4")
    assert text.startswith("# Our decisions.\n\n# Wait for the rework.\n[[decline]]")
    assert [each.commit for each in parse(text.encode(), "x")] == [B[:12]]


def test_a_form_that_cannot_be_cut_safely_is_left_alone() -> None:
    one, two = (f'{{commit = "{sha}", branch = "b", reason = "r"}}' for sha in (A, B))
    inline = f"decline = [{one}, {two}]\n"
    with pytest.raises((UsageError, ConfigError)):
        declined.added(inline, Decline(A, "b", "other"))
    tricky = HAND_MADE.replace("two\nlines", "two\n[[decline]]\nlines")
    with pytest.raises((UsageError, ConfigError)):
        declined.removed(tricky, B, "cos-5.4")


@given(st.text(min_size=1).filter(str.strip), st.text(max_size=9))
def test_any_text_comes_back_as_it_was(reason: str, by: str) -> None:
    if any("\ud800" <= char <= "\udfff" for char in reason + by):
        return
    new = Decline(A, "b", reason, by=by)
    text = declined.added(HAND_MADE, new)
    assert parse(text.encode("utf-8"), "x")[-1] == new
    assert tomllib.loads(text)


class Case:
    """A bug in `stable`, its fix, and the fix of that fix where it was made."""

    def __init__(self, git: Git, ask: Asker) -> None:
        self.git, self.ask = git, ask
        self.cves: tuple[str, ...] = ()
        bug = git.commit({"a.c": "bug\n"}, "a: count")
        git.branch("stable")
        self.fix = Sha(git.commit({"a.c": "fix\n"}, f'a: fix\n\nFixes: {bug[:12]} ("a: count")\n'))

    def follow(self) -> Sha:
        return Sha(self.git.commit({"a.c": "better\n"}, f'a: fix the fix\n\nFixes: {self.fix[:12]} ("a: fix")\n'))

    def decide(self, decline: Decline, *, commit: Sha | None = None, today: dt.date = TODAY) -> Decision | None:
        with self.ask.open() as history:
            top = Sha(self.git.sha("main"))
            cves = {self.fix: self.cves}
            return decide(
                history,
                (decline,),
                commit or self.fix,
                "stable",
                upstream=top,
                today=today,
                cves=lambda sha: cves.get(sha, ()),
            )

    def divide(self, *declines: Decline) -> tuple[list[Sha], list[Sha]]:
        with self.ask.open() as history:
            top = Sha(self.git.sha("main"))
            divided = divide(
                missing(history, top, Sha(self.git.sha("stable"))),
                lambda sha: decide(history, declines, sha, "stable", upstream=top, today=TODAY, cves=lambda _: ()),
            )
            wanted = [each.commit.sha for each, _ in divided.wanted]
            return wanted, [each.commit.sha for each, _ in divided.aside]


@pytest.fixture
def case(git: Git, ask: Asker) -> Case:
    return Case(git, ask)


def test_a_decision_holds_through_its_last_day(case: Case) -> None:
    decline = Decline(case.fix, "stable", "r", until=TODAY)
    holds, over = case.decide(decline), case.decide(decline, today=TODAY + dt.timedelta(days=1))
    assert holds is not None
    assert holds.back == ""
    assert over is not None
    assert "2026-06-01" in over.back


def test_another_commit_or_branch_was_not_decided_on(case: Case) -> None:
    assert case.decide(Decline(A, "stable", "r")) is None
    assert case.decide(Decline(case.fix, "other", "r")) is None


def test_a_new_follow_up_brings_a_declined_fix_back_and_is_named(case: Case) -> None:
    decline = Decline(case.fix, "stable", "r")
    assert case.divide(decline) == ([], [case.fix])
    follow = case.follow()
    back = case.decide(decline)
    assert back is not None
    assert follow[:12] in back.back
    assert case.divide(decline) == ([case.fix, follow], [])


def test_a_new_cve_brings_a_declined_fix_back_and_is_named(case: Case) -> None:
    case.cves = ("CVE-2024-10001", "CVE-2024-10002")
    back = case.decide(Decline(case.fix, "stable", "r", cves=("CVE-2024-10001",)))
    assert back is not None
    assert "CVE-2024-10002" in back.back
    assert "CVE-2024-10001" not in back.back
    holds = case.decide(Decline(case.fix, "stable", "r", cves=case.cves))
    assert holds is not None
    assert holds.back == ""


def test_a_follow_up_known_then_stays_aside_with_what_it_fixes(case: Case) -> None:
    follow = case.follow()
    decline = Decline(case.fix, "stable", "r", known=(follow,))
    assert case.divide(decline) == ([], [case.fix, follow])
    assert case.divide(Decline(follow, "stable", "r")) == ([case.fix], [follow])
