"""A team around one Gerrit project: an engineer's clone, a reviewer, and the bot's account.

Upstream is `refs/remotes/upstream/master` of the clone; `cos-5.4` is a main branch and `R85` its release branch.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cosport.errors import GerritError
from cosport.gerrit import changes
from cosport.gerrit.client import path
from cosport.gerrit.credentials import for_git
from tests.backport.house import FILE, LINES, edit
from tests.gerrit.server import ADMIN
from tests.support import Answer, Git, cosport, invoke

if TYPE_CHECKING:
    from pathlib import Path

    from cosport.gerrit.client import Client
    from cosport.gerrit.model import Change
    from tests.gerrit.server import Account, GerritServer
    from tests.support import File

UPSTREAM: Final = "refs/remotes/upstream/master"
SAID: Final = ("--bug", "b/123", "--test", "booted in QEMU", "--release-note", "Fixed a hang.")

_numbers = itertools.count()

CONFIG: Final = """\
[upstream]
ref = "refs/remotes/upstream/master"
[message]
profile = "cos"
required = ["BUG", "TEST", "RELEASE_NOTE"]
[[branch]]
name = "cos-5.4"
ref = "{where}cos-5.4"
[[branch]]
name = "R85"
ref = "{where}R85"
kind = "release"
main = "cos-5.4"
[gerrit]
url = "{url}"
project = "{project}"
token_file = "{token}"
{gerrit}
"""


@dataclass
class Team:
    """One project, and who works on it."""

    server: GerritServer
    project: str
    git: Git
    folder: Path
    engineer: Account
    reviewer: Account
    bot: Account
    admin: Client

    @classmethod
    def build(cls, server: GerritServer, folder: Path, **project: Any) -> Team:
        """A new project with both branches at upstream's first commit."""
        admin = server.client()
        name = f"third_party/kernel-{os.getpid()}-{next(_numbers)}"
        body = {"create_empty_commit": False, "submit_type": "CHERRY_PICK", **project}
        admin.put(path("projects", name), body)
        push = {"rules": {_group(admin, "Administrators"): {"action": "ALLOW", "force": True}}}
        anyone = {"global:Registered-Users": {"action": "ALLOW", "min": -2, "max": 2}}
        rights = {
            "refs/*": {"permissions": dict.fromkeys(("push", "create", "forgeAuthor", "forgeCommitter"), push)},
            "refs/heads/*": {"permissions": {"label-Code-Review": {"label": "Code-Review", "rules": anyone}}},
        }
        admin.post(path("projects", name, "access"), {"add": rights})
        git = Git.init(folder / "clone")
        engineer = server.add_account("engineer", "Kernel Engineer", "engineer@example.com")
        reviewer = server.add_account("reviewer", "Vaibhav Reviewer", "reviewer@example.com")
        bot = server.add_account("cusky", "Cusky Presubmit Bot", "cusky@example.com", "Service Users")
        team = cls(server, name, git, folder, engineer, reviewer, bot, admin)
        first = git.commit({FILE: LINES, "README": "kernel\n"}, "mm: start", branch=UPSTREAM)
        team.push(f"{first}:refs/heads/cos-5.4", f"{first}:refs/heads/R85")
        team.fetch()
        team.configure()
        return team

    @property
    def url(self) -> str:
        """Where git finds the project without a token."""
        return f"{self.server.url}/{self.project}"

    def push(self, *refspecs: str) -> None:
        """Push as the administrator, past all review."""
        self.git("push", "-q", f"{self.server.url}/a/{self.project}", *refspecs, env=for_git(self.server.url, ADMIN))

    def fetch(self) -> None:
        """Bring the clone up to date."""
        self.git("fetch", "-q", self.url, "+refs/heads/*:refs/remotes/origin/*")

    def configure(self, extra: str = "") -> None:
        """Write the clone's configuration, and the engineer's token."""
        token = self.write_token("engineer.token", self.engineer)
        folder = self.git.path / ".git" / "cosport"
        folder.mkdir(exist_ok=True)
        (folder / "cosport.toml").write_text(self.config("refs/remotes/origin/", token, extra))

    def config(self, where: str, token: Path, extra: str = "") -> str:
        """A configuration whose branches lie below `where`."""
        values = {"url": self.server.url, "project": self.project, "token": token, "gerrit": extra}
        return CONFIG.format(where=where, **values)

    def write_token(self, name: str, account: Account) -> Path:
        """A token file, as an account has it."""
        file = self.folder / name
        file.touch(0o600)
        file.write_text(f"{account.credentials.user}:{account.credentials.token}\n")
        return file

    def fix(self, line: int = 5, message: str = "mm: fix it", text: str = "", **more: Any) -> str:
        """A commit upstream."""
        before = self.git.read(UPSTREAM, FILE).decode()
        return self.git.commit({FILE: text or edit(before, **{f"l{line}": f"int fixed_{line};"})},
                               f"{message}\n\nIt hung.\n\nSigned-off-by: Up Stream <up@example.org>",
                               branch=UPSTREAM, **more)  # fmt: skip

    def backport(self, sha: str, to: str = "cos-5.4", *args: str, check: int | None = 0) -> dict[str, Any]:
        """`cosport backport --push`; its one result."""
        answer = invoke("backport", sha, "--to", to, "--push", "--json", *SAID, *args, cwd=self.git.path, check=check)
        (result,) = answer.json()["results"]
        found: dict[str, Any] = result
        return found

    def change(self, number: int) -> Change:
        """A change as the administrator sees it."""
        found = changes.get(self.admin, number, (*changes.FULL, "CURRENT_COMMIT"))
        assert found is not None
        return found

    def vote(self, number: int, account: Account, **labels: int) -> None:
        """Vote as somebody."""
        values = {name.replace("_", "-"): value for name, value in labels.items()}
        with self.server.client(account) as client:
            client.post(path("changes", number, "revisions", "current", "review"), {"labels": values})

    def say(self, number: int, account: Account, text: str) -> None:
        """Comment as somebody."""
        with self.server.client(account) as client:
            client.post(path("changes", number, "revisions", "current", "review"), {"message": text})

    def submit(self, number: int) -> str:
        """Submit a change; the commit that landed."""
        self.admin.post(path("changes", number, "submit"), {})
        self.fetch()
        return self.change(number).current

    def run(self, *args: str, check: int | None = None) -> Answer:
        """cosport in the clone."""
        return cosport(*args, cwd=self.git.path, check=check)

    # --- the bot

    @property
    def bot_dir(self) -> Path:
        """Where the bot lives."""
        return self.folder / "bot"

    @property
    def bot_config(self) -> Path:
        """The operator's file."""
        return self.folder / "bot.toml"

    def shared_config(self) -> str:
        """The team's configuration, as the server's clone of it has it."""
        text = self.config("refs/heads/", self.folder / "bot.token")
        return text[: text.index("[gerrit]")].replace("refs/remotes/upstream/master", "refs/heads/upstream")

    def init_bot(self, *, shared: bool = False, extra: str = "") -> None:
        """Set the project up for the bot. `shared`: the configuration lies on refs/meta/cosport."""
        token = self.write_token("bot.token", self.bot)
        operator = self.config("refs/heads/", token)
        rest = operator[operator.index("[gerrit]") :] + f'[bot]\ngroup = "Commanders"\ninterval = 0.5\n{extra}'
        self.bot_config.write_text(rest if shared else self.shared_config() + rest)
        if shared:
            sha = self.git.commit({"cosport.toml": self.shared_config()}, "Share it", branch="refs/meta/cosport")
            self.push(f"{sha}:refs/meta/cosport")
        admin_token = self.folder / "admin.token"
        admin_token.touch(0o600)
        admin_token.write_text(f"{ADMIN.user}:{ADMIN.token}")
        owner = self.folder / "owner.toml"
        owner.write_text((self.shared_config() + rest).replace(str(token), str(admin_token)))
        invoke("bot", "init", "--config", str(owner), cwd=self.git.path, check=0)
        for group, account in (("Presubmit Bots", self.bot), ("Commanders", self.reviewer)):
            with contextlib.suppress(GerritError):  # 409: it is there
                self.admin.put(path("groups", group), {"visible_to_all": True})
            self.admin.put(path("groups", group, "members", account.number))
        self.git("push", "-q", f"{self.server.url}/a/{self.project}", f"+{UPSTREAM}:refs/heads/upstream",
                 env=for_git(self.server.url, ADMIN))  # fmt: skip

    def bot_once(self, *args: str, check: int | None = 0) -> dict[str, Any]:
        """One round of the bot, after upstream's newest state was pushed where it looks."""
        self.push(f"+{UPSTREAM}:refs/heads/upstream")
        answer = invoke("bot", "once", "--config", str(self.bot_config), "--dir", str(self.bot_dir), "--json", *args,
                        cwd=self.folder, check=check)  # fmt: skip
        found: dict[str, Any] = answer.json()
        return found

    def bot_fails(self) -> str:
        """What a round that fails says."""
        self.push(f"+{UPSTREAM}:refs/heads/upstream")
        argv = ("bot", "once", "--config", str(self.bot_config), "--dir", str(self.bot_dir))
        return invoke(*argv, cwd=self.folder, check=3).err

    def bot_votes(self, number: int) -> dict[str, int]:
        """The bot's votes on a change after one round."""
        self.bot_once()
        return self.change(number).votes_of(self.bot.number)

    def bot_says(self, number: int) -> list[str]:
        """The bot's remarks on a change, oldest first."""
        return [each.message for each in self.change(number).messages if each.author.number == self.bot.number]

    def refuses_submit(self, number: int) -> bool:
        """Whether Gerrit does not let the change in, even with a reviewer's consent."""
        self.vote(number, self.reviewer, Code_Review=2)
        try:
            self.admin.post(path("changes", number, "submit"), {})
        except GerritError as error:
            return error.status == 409
        return False

    def push_as(self, account: Account, refspec: str) -> None:
        """Push as somebody."""
        env = for_git(self.server.url, account.credentials)
        self.git("push", "-q", f"{self.server.url}/a/{self.project}", refspec, env=env)

    def push_on_top(self, branch: str, files: dict[str, File]) -> str:
        """A commit that lands on a branch without review."""
        at = self.git.sha(f"refs/remotes/origin/{branch}")
        tip = self.git.commit(files, "more: work", parents=[at], branch="refs/heads/elsewhere")
        self.push(f"{tip}:refs/heads/{branch}")
        self.fetch()
        return tip

    def revert_on(self, branch: str, sha: str) -> str:
        """A revert that lands on a branch without review."""
        at = self.git.sha(f"refs/remotes/origin/{branch}")
        files: dict[str, File] = {FILE: self.git.read(f"{sha}^", FILE)}
        message = f'Revert "{self.git.subjects(f"{sha}^!")[0]}"\n\nThis reverts commit {sha}.'
        tip = self.git.commit(files, message, parents=[at], branch="refs/heads/elsewhere")
        self.push(f"{tip}:refs/heads/{branch}")
        self.fetch()
        return tip

    def open_changes(self) -> list[Change]:
        """All open changes of the project."""
        return list(changes.query(self.admin, f"project:{changes.quoted(self.project)} status:open"))


def _group(client: Client, name: str) -> str:
    found = client.get("/groups/", dict[str, dict[str, Any]])
    return str(found[name]["id"])
