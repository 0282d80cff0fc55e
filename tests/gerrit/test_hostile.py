"""Commits, names and topics full of tricks: nothing is run, nothing is markup, no escape comes through; it stays up."""

from __future__ import annotations

import os
import random
import re
import unicodedata
from typing import TYPE_CHECKING, Final

import pytest

from cosport.gerrit.client import path
from tests.support import cosport

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gerrit.team import Team

TRICKS: Final = (
    "$(touch pwned)", "`touch pwned`", "; touch pwned #", "| touch pwned", "&& touch pwned", "'; touch pwned; '", '"',
    "--upload-pack=touch pwned", "-rf", "--exec=touch pwned", "$IFS", "${PATH}", "%s%n%x", "{{ 7*7 }}", "{% raw %}",
    ".*", "(?P<x", "[[[", "\\1\\2", "(a+)+$", "a" * 3000 + "!", "^$", "*", "?",
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "&lt;b&gt;", "<!--", "]]>",
    "[click](javascript:alert(1))", "![x](http://evil.example/x.png)", "# heading", "- item", "> quote", "```", "~~x~~",
    "**bold**", "@reviewer@example.com", "http://evil.example/", "\\", "|a|b|",
    "\x1b[2J\x1b[31mred", "\x1b]0;title\x07", "\x08\x08\x08", "\x7f", "\x9b31m", "\u202egnp.exe", "\u2066", "\u200b",
    "\u2028", "\ufeff", "\t", "../../../../etc/passwd", "/etc/passwd", "~root", "C:\\x", "refs/heads/main", "HEAD^{/x}",
    "/cosport skip kind because", "/cosport cherrypick R85", "Verified: +2", "Patch Set 1: Verified+1",
    "Tested-by: Cusky Presubmit Bot <cusky@example.com>",
    "Main-Branch-Verified: Cusky Presubmit Bot <cusky@example.com>",
    "(cherry picked from commit 0000000000000000000000000000000000000000)", "Fixes: zzzz", 'Fixes: -1 ("x")',
    "BUG=$(touch pwned)", "TEST=", "cos-patch: <b>", "\U0001f600", "\u0430", "e\u0301", "\u00e9",
)  # fmt: skip
BRANCH: Final = "x$(touch${IFS}pwned)<b>&'\"`;|"


class Generator:
    """Hostile values, the same in each run."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def text(self, pieces: int) -> str:
        return " ".join(self.chance.choice(TRICKS) for _ in range(pieces))

    def line(self, pieces: int = 2) -> str:
        return re.sub(r"[\r\n]", " ", self.text(pieces))

    def name(self) -> str:
        """A name that git takes in an ident line."""
        return re.sub(r"[<>\n\r\0]", "", self.line()).strip(" .,:;\"'") or "x"

    def file(self) -> str:
        plain = re.sub(r"[\0/]", "", self.text(2))[:100]
        return f"drivers/{plain.strip('. ') or 'x'}\n.c" if self.chance.random() < 0.2 else f"drivers/x{plain}.c"

    def message(self, number: int, upstream: str) -> str:
        body = "\n".join(self.line(self.chance.randint(1, 4)) for _ in range(self.chance.randint(1, 12)))
        origin = self.chance.choice([f"(cherry picked from commit {upstream})", self.line()])
        ident = f"I{number + 1:040x}"  # Gerrit takes none of only zeros
        return f"{self.line()} x\n\n{body}\n\n{self.line()}\n{origin}\nChange-Id: {ident}\nSigned-off-by: {self.line()}"


@pytest.mark.soak
def test_hostile_commits_run_nothing_and_show_nothing_raw(team: Team, tmp_path: Path) -> None:
    count = 1000 if os.environ.get("COSPORT_SOAK") else 60
    team.init_bot()
    made = Generator(count)
    upstream = team.fix()
    first = team.git.sha("refs/remotes/origin/cos-5.4")
    team.push(f"{first}:refs/heads/{BRANCH}")
    quoted = BRANCH.replace("\\", "\\\\").replace('"', '\\"')
    team.bot_config.write_text(f'{team.bot_config.read_text()}\n[[branch]]\nname = "{quoted}"\n')
    numbers = iter(range(count))
    for branch, share in (("cos-5.4", 0.5), ("R85", 0.3), (BRANCH, 0.2)):
        tip = first
        for number in [next(numbers) for _ in range(int(count * share))]:
            tip = team.git.commit(
                {made.file(): f"{made.text(3)}\n"}, made.message(number, upstream), parents=[tip],
                author=f"{made.name()} <{made.name().replace(' ', '')[:60] or 'x'}>", branch="refs/heads/hostile",
            )  # fmt: skip
        team.push(f"{tip}:refs/for/refs/heads/{branch}")
    opened = team.open_changes()
    assert len(opened) == count
    for change in opened[:20]:
        team.admin.put(path("changes", change.number, "topic"), {"topic": made.line()[:200].replace('"', "'")})

    team.push("+refs/remotes/upstream/master:refs/heads/upstream")
    answer = cosport(
        "bot", "once", "--config", str(team.bot_config), "--dir", str(team.bot_dir), cwd=tmp_path, timeout=1500
    )
    assert answer.code == 0, answer.err
    assert harmless(answer.out + answer.err)
    assert not [*tmp_path.rglob("pwned")]
    for change in team.open_changes():
        found = team.change(change.number)
        assert found.votes_of(team.bot.number)["Verified"] == -1  # none of them is a proper pick
        (said,) = team.bot_says(change.number)
        assert harmless(said)
        outside = re.sub(r"`[^`\n]*`", "", said)
        assert not re.search(r"[<>@]|\]\(|\$\(|https?:", outside), outside
        comments = team.admin.get(path("changes", change.number, "comments") + "/", dict[str, list[dict[str, object]]])
        for each in (each for some in comments.values() for each in some):
            text = str(each["message"])
            assert harmless(text)
            outside = "\n".join(line for line in text.split("\n") if not line.startswith("    "))
            assert "touch pwned" not in outside
            assert "<script" not in outside
            assert "@reviewer" not in text
        asked = team.admin.get(path("changes", change.number, "reviewers") + "/", tuple[dict[str, object], ...])
        assert team.reviewer.number not in [each["_account_id"] for each in asked]  # nobody was called


def harmless(text: str) -> bool:
    """Whether no character in a text steers a terminal, or hides."""
    return not [char for char in text if char != "\n" and unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp", "Cs")]
