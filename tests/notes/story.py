"""A release with every case in it: what its notes must say is in tests/data/notes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.cve import records

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support import Git

CONFIG = """\
[upstream]
ref = "refs/heads/main"
[message]
profile = "cos"
[[branch]]
name = "cos-6.6"
[[branch]]
name = "release-R121"
kind = "release"
main = "cos-6.6"
[cve]
data = "{vulns}"
[notes]
product = "Container-Optimized OS"
tags = "cos-*"
site = "https://cos.example.com/notes"
commit_url = "https://cos.example.com/kernel/+/{{sha}}"
purl = "pkg:generic/cos-kernel@{{release}}?kernel={{version}}"
vex_author = "COS Security"
authors = true
[notes.bugs]
"b/{{id}}" = "https://bugs.example.com/{{id}}"
"""

HOUSE = """\
[[override]]
change_id = "I{change_id}"
was = "Made fork() faster."
note = "Made fork(2) and clone(2) 3 % faster."
why = "clone(2) too"

[[erratum]]
release = "cos-121-2"
date = 2020-10-01
text = "The fix of the page cache is not in images for arm64."

[[release]]
name = "cos-121-2"
image = "cos-121-18867-294-12"
rows = {{ Docker = "v24.0.9", Containerd = "v1.7.23" }}
[[release.section]]
heading = "Changed settings"
intro = "Runtime sysctl changes:"
lines = ["Changed: fs.file-max: 812171 -> 812160", "Added: net.core.high_order_alloc_disable: 0"]
"""


@dataclass
class Story:
    """The repository, its configuration, and the names of commits by what they are."""

    git: Git
    config: Path
    commits: dict[str, str] = field(default_factory=dict)
    _files: int = 0

    def upstream(self, name: str, subject: str, body: str = "Words.\n") -> str:
        """An upstream commit."""
        self.commits[name] = self.git.commit({f"{name}.c": f"{name}\n"}, f"{subject}\n\n{body}")
        return self.commits[name]

    def own(self, name: str, subject: str, *, branch: str = "cos-6.6", note: str | None = "None", **more: str) -> str:
        """A commit of the branch: `note` is its RELEASE_NOTE (None: no such line), `origin` where it comes from."""
        self._files += 1
        lines = [f"BUG={more['bug']}"] if "bug" in more else []
        lines += [f"RELEASE_NOTE={note}"] if note is not None else []
        lines.append("")
        lines += [f"cos-patch: {more['kind']}"] if "kind" in more else []
        lines += [f"(cherry picked from commit {self.commits[each]})" for each in more.get("origin", "").split()]
        lines += [f"Change-Id: I{more['change']}"] if "change" in more else []
        body = f"This reverts commit {self.commits[more['reverts']]}.\n\n" if "reverts" in more else ""
        text = f"{subject}\n\n{body}" + "\n".join([*lines, "Signed-off-by: Kernel Engineer <engineer@example.com>"])
        contents = more.get("contents", f"{name} {self._files}\n")
        author = more.get("author", "Ada Upstream <ada@example.org>")
        path = more.get("path", f"{name}.c")
        self.commits[name] = self.git.commit({path: contents}, text, branch=branch, author=author)
        return self.commits[name]

    def tag(self, name: str, at: str) -> None:
        """A tag at a commit."""
        self.git("tag", name, at)


def change(number: int) -> str:
    """The digits of a Change-Id."""
    return f"{number:040x}"


MAKEFILE = "VERSION = 6\nPATCHLEVEL = 6\nSUBLEVEL = 113\nEXTRAVERSION =\n"


def tell(git: Git, folder: Path) -> Story:
    """Write the history, the CVE data, the configuration and notes.toml."""
    vulns = folder / "vulns"
    story = Story(git, folder / "cosport.toml")
    git.commit({"Makefile": MAKEFILE}, "Linux 6.6.113")
    bug = story.upstream("bug", "mm: count pages twice")
    git.branch("cos-6.6")
    for name, subject in (
        ("leak", "virtio: free the queue"),
        ("uaf", "netfilter: drop the set last"),
        ("uaf2", "netfilter: and its elements"),
        ("half1", "smb: check the length"),
        ("half2", "smb: check the length again"),
        ("old", "ext4: write the journal"),
        ("twice", "tcp: count a packet once"),
        ("gone", "usb: wait for the device"),
        ("back", "nvme: reset in order"),
        ("again", "drm: map the buffer"),
        ("quiet", "x86: rename a label"),
        ("secret", "kvm: check the index"),
    ):
        story.upstream(name, subject)
    # Released with cos-121-1.
    story.own("old-pick", "ext4: write the journal", note="Fixed CVE-2024-1005 in ext4.", kind="security", origin="old")
    story.own("shaky", "sched: spread the load", note="Spread load over cores.", kind="feature", change=change(20))
    story.own("shaky-off", 'Revert "sched: spread the load"', reverts="shaky", change=change(21))
    story.own("kept", "mm: keep a page", note="Kept pages longer.", kind="feature", origin="quiet")
    story.tag("cos-121-1-rc1", "cos-6.6~2")
    story.tag("cos-121-1", "cos-6.6")
    git.branch("release-R121", "cos-6.6")
    story.own("sibling", "sibling: a fix", branch="release-R121", note="Fixed a sibling.", kind="bug")
    story.tag("cos-121-1-hotfix", "release-R121")
    # Since then.
    told = {"kind": "bug", "bug": "b/100"}
    story.own("leak1", "virtio: free the queue", note="Fixed a leak in virtio.", origin="leak", **told)
    note = "Fixed CVE-2024-1001 in netfilter."
    story.own("squash", "netfilter: drop all last", note=note, kind="security", bug="b/101, b/102", origin="uaf uaf2")
    story.own("twice1", "tcp: count a packet once", note="Counted packets right.", origin="twice", **told)
    story.own("twice2", "tcp: count a packet once", note="Counted TCP packets right.", origin="twice", **told)
    story.own("gone1", "usb: wait for the device", note="Waited for USB devices.", origin="gone", **told)
    story.own("gone1-off", 'Revert "usb: wait for the device"', reverts="gone1", note="Took it back.")
    story.own("back1", "nvme: reset in order", note="Fixed resets of NVMe.", origin="back", **told)
    story.own("back1-off", 'Revert "nvme: reset in order"', reverts="back1")
    story.own("back1-on", 'Reapply "nvme: reset in order"', reverts="back1-off")
    story.own("again1", "drm: map the buffer", note="Mapped buffers.", origin="again", **told)
    story.own("again1-off", 'Revert "drm: map the buffer"', reverts="again1")
    story.own("again2", "drm: map the buffer", note="Mapped buffers of the display.", origin="again", **told)
    story.own("old-off", 'Revert "ext4: write the journal"', reverts="old-pick", note="None")
    story.own("shaky-on", 'Revert "Revert "sched: spread the load""', reverts="shaky-off", note="None")
    story.own("half", "smb: check the length", note="None", kind="security", origin="half1")
    story.own("secret1", "kvm: check the index", note=None, origin="secret", bug="b/107")
    story.own("kept2", "mm: keep a page", note="Kept pages longer.", kind="feature", origin="quiet")
    fork = {"kind": "feature", "change": change(42)}
    story.own("fork", "fork: fewer copies", note="Made fork() faster.", **fork, path="fork.c", contents="fork\n")
    patch = "sound: a quirk of the house"
    story.own("quirk", patch, note="Knew one more codec.", kind="feature", path="q.c", contents="q\n")
    story.own("quirk-off", f'Revert "{patch}"', reverts="quirk", path="q.c", contents="")
    story.own("quirk-on", patch, note="Knew one more codec.", kind="feature", path="q.c", contents="q\n")
    # A merge of a side branch, with one commit of its own and an empty note that main's commit fills.
    git.branch("side", "cos-6.6")
    story.own(
        "main-fix",
        "hwmon: read it twice",
        branch="other",
        note="Fixed readings of fans.",
        kind="bug",
        change=change(50),
    )
    story.own("side-fix", "hwmon: read it twice", branch="side", note="", origin="main-fix", change=change(50))
    tip, side = git.sha("cos-6.6"), git.sha("side")
    git.commit(
        {"side-fix.c": git.read(side, "side-fix.c")},
        "Merge branch 'side' into cos-6.6",
        branch="cos-6.6",
        parents=[tip, side],
    )
    story.own("plain", "Documentation: fix a word", note=None)
    hostile = "Fixed <script>alert(1)</script> & [a link](https://evil.example.com) `code` *stars* of mm_struct."
    story.own("hostile", "mm: hostile", note=hostile, kind="bug", author="Mallory &amp; *Sons* <m@example.org>")
    git("tag", "-a", "-m", "the release", "first-name", "cos-6.6")
    git("update-ref", "refs/tags/cos-121-2", git("rev-parse", "first-name"))
    git("tag", "-d", "first-name")
    git.branch("release-R121", "cos-121-1-hotfix")
    _publish(vulns, story, bug)
    (folder / "notes.toml").write_text(HOUSE.format(change_id=change(42)), encoding="utf-8")
    configure(folder)
    return story


def configure(folder: Path) -> None:
    """Write the configuration of the story in that folder."""
    (folder / "cosport.toml").write_text(CONFIG.format(vulns=folder / "vulns"), encoding="utf-8")


def _publish(vulns: Path, story: Story, bug: str) -> None:
    made = story.commits
    for name, fixes, more in (
        ("CVE-2024-1001", ["uaf", "uaf2"], {"score": 7.8, "title": "netfilter: use after free"}),
        ("CVE-2024-1003", ["half1", "half2"], {"title": "smb: out of bounds"}),
        ("CVE-2024-1005", ["old"], {"score": 5.5, "title": "ext4: lost writes"}),
        ("CVE-2024-1007", ["secret"], {"score": 9.1, "title": "kvm: index <b>out</b> of bounds"}),
    ):
        shas = [made[fix] for fix in fixes]
        records.publish(vulns, name, [(bug, sha) for sha in shas], ids=shas, **more)
    rejected = records.cve("CVE-2024-1009", state="REJECTED")
    records.write(vulns, "cve/rejected/2024/CVE-2024-1009.json", rejected)
