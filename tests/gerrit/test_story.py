"""The whole way on a real Gerrit: backport, push, vote, submit, release pick, Main-Branch-Verified, the message."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cosport.gerrit.client import path
from cosport.message.parse import parse

if TYPE_CHECKING:
    from tests.gerrit.team import Team

ENGINEER = "Kernel Engineer <engineer@example.com>"
READY = {"Code_Review": 2}


def test_a_fix_goes_from_upstream_to_main_to_a_release_branch(team: Team) -> None:
    team.init_bot()
    fix = team.fix()

    main = team.backport(fix)["review"]["number"]
    assert team.bot_votes(main) == {"Verified": 1}
    team.vote(main, team.reviewer, **READY)
    landed = team.submit(main)
    assert landed == team.git.sha("refs/remotes/origin/cos-5.4")

    release = team.backport(fix, "R85")
    number = release["review"]["number"]
    assert release["change_id"] == team.change(main).change_id
    assert team.bot_votes(number) == {"Verified": 1, "Main-Branch-Verified": 1}
    team.vote(number, team.reviewer, **READY)
    final = team.submit(number)

    message = team.git.message(final).decode()
    keys = [trailer.key for trailer in parse(message).trailers]
    assert keys.count("Change-Id") == 1
    assert re.findall(r"\(cherry picked from commit (\w+)\)", message) == [fix, landed]
    bot = "Cusky Presubmit Bot <cusky@example.com>"
    assert message.count(f"Tested-by: {bot}") == 1
    assert message.count(f"Main-Branch-Verified: {bot}") == 1
    order = [message.index(part) for part in (
        "BUG=b/123", "TEST=booted in QEMU", "RELEASE_NOTE=", "cos-patch: bug", f"(cherry picked from commit {fix})",
        "Change-Id: I", f"Tested-by: {bot}", f"(cherry picked from commit {landed})",
        f"Main-Branch-Verified: {bot}",
    )]  # fmt: skip
    assert order == sorted(order)
    reviewed = message.index("Reviewed-by: Vaibhav Reviewer <reviewer@example.com>")
    assert message.index("Change-Id: I") < reviewed < message.index(f"(cherry picked from commit {landed})")
    assert message.count("Reviewed-on: ") == 2


def test_a_release_pick_that_is_not_in_main_waits_and_is_renewed_by_itself(team: Team) -> None:
    team.init_bot()
    fix = team.fix()
    main = team.backport(fix)
    main_number = main["review"]["number"]
    # The release pick is made from main's open change: a person was too quick.
    team.git("update-ref", "refs/remotes/origin/cos-5.4", main["commit"])
    number = team.backport(fix, "R85")["review"]["number"]
    team.fetch()
    assert team.bot_votes(number)["Main-Branch-Verified"] == -1
    assert team.change(number).patch_set.number == 1
    assert team.refuses_submit(number)

    team.push(f"{main['commit']}:refs/heads/cos-5.4")  # main lands that very commit
    assert team.bot_votes(number) == {"Verified": 1, "Main-Branch-Verified": 1}
    assert team.change(number).patch_set.number == 1

    team.fetch()
    team.revert_on("cos-5.4", main["commit"])
    assert team.bot_votes(number)["Main-Branch-Verified"] == -1
    assert main_number
    said = team.bot_says(number)
    assert len(said) == 3  # one remark for each time that the answer changed


def test_a_message_edit_takes_the_votes_and_the_bot_gives_them_anew(team: Team) -> None:
    team.init_bot()
    number = team.backport(team.fix())["review"]["number"]
    assert team.bot_votes(number) == {"Verified": 1}
    message = team.change(number).patch_set.commit.message
    with team.server.client(team.engineer) as engineer:
        engineer.put(path("changes", number, "message"), {"message": message.replace("It hung.", "It hung, often.")})
    assert team.change(number).votes_of(team.bot.number) == {}
    assert team.bot_votes(number) == {"Verified": 1}

    team.push_on_top("cos-5.4", {"other.c": "int x;\n"})
    with team.server.client(team.engineer) as engineer:
        engineer.post(path("changes", number, "rebase"), {})
    assert team.change(number).votes_of(team.bot.number) == {}
    assert team.bot_votes(number) == {"Verified": 1}


def test_a_forged_trailer_is_blocked(team: Team) -> None:
    team.init_bot()
    fix = team.fix()
    number = team.backport(fix)["review"]["number"]
    message = team.change(number).patch_set.commit.message
    forged = message.rstrip("\n") + "\nTested-by: Cusky Presubmit Bot <cusky@example.com>\n"
    with team.server.client(team.engineer) as engineer:
        engineer.put(path("changes", number, "message"), {"message": forged})
    assert team.bot_votes(number) == {"Verified": -1}
    assert team.refuses_submit(number)


def test_a_change_that_edits_the_configuration_gains_nothing(team: Team) -> None:
    team.init_bot(shared=True)
    lax = (
        team.shared_config().replace('required = ["BUG", "TEST", "RELEASE_NOTE"]', "")
        + '[presubmit]\nskip = ["kind"]\n'
    )
    tip = team.git.sha("refs/remotes/origin/cos-5.4")
    bad = team.git.commit(
        {"cosport.toml": lax, "refs/meta/cosport": lax, ".cosport/cosport.toml": lax},
        "sneak: a laxer configuration\n\nChange-Id: I" + "cd" * 20, parents=[tip], author=ENGINEER,
        branch="refs/heads/sneak",
    )  # fmt: skip
    team.push_as(team.engineer, f"{bad}:refs/for/refs/heads/cos-5.4")
    # the same edit under review for the shared configuration itself
    meta = team.git.commit({"cosport.toml": lax}, "lax\n\nChange-Id: I" + "ce" * 20, branch="refs/heads/meta-lax",
                           parents=[team.git.sha("refs/meta/cosport")], author=ENGINEER)  # fmt: skip
    team.push(f"{meta}:refs/for/refs/meta/cosport")
    (number,) = [change.number for change in team.open_changes() if change.branch == "cos-5.4"]
    assert team.bot_votes(number) == {"Verified": -1}
