"""The site of 20,000 fixes on 6 branches: from git to pages."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.bench import measure
from tests.bench.tool import COSPORT, warm

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

FIXES: Final = 20_000
BRANCHES: Final = 6
FIRST_DATE: Final = 1_600_000_000


def bench(report: measure.Report) -> None:
    """Build it once from a warm index, and look for the largest file."""
    with tempfile.TemporaryDirectory(prefix="cosport-bench-") as folder:
        repo, site = Path(folder) / "repo", Path(folder) / "site"
        make(repo, FIXES, BRANCHES)
        warm(repo)
        argv = [*COSPORT, "site", str(site), "--repo", str(repo), "--quiet"]
        run = measure.run(argv)
        report.add("site", f"{FIXES} fixes x {BRANCHES} branches", run.seconds, "s", at_most=60)
        report.add("site", "its peak memory", run.own_mib, "MiB")
        largest = max(file.stat().st_size for file in site.rglob("*") if file.is_file())
        report.add("site", "its largest file", largest / 1e6, "MB", at_most=1)


def make(repo: Path, fixes: int, branches: int) -> None:
    """A bare repository with so many upstream commits, of which each branch picks all but its share.

    The later half fixes the earlier one, so that a branch is not affected by half of what it did not pick.
    """
    subprocess.run(["git", "init", "-q", "--bare", str(repo)], check=True)
    argv = ["git", f"--git-dir={repo}", "fast-import", "--quiet", "--date-format=raw"]
    half = fixes // 2
    _import(argv, _stream("main", range(half), {}))
    faults = _git(repo, "rev-list", "--reverse", "main").split()
    tags = {
        half + at: f'Fixes: {sha[:12]} ("subsystem: mend fault {at} of the driver")' for at, sha in enumerate(faults)
    }
    _import(argv, _stream("main", range(half, 2 * half), tags, onto=faults[-1]))
    shas = _git(repo, "rev-list", "--reverse", "main").split()
    for number in range(branches):
        origins = {at: f"(cherry picked from commit {sha})" for at, sha in enumerate(shas)}
        _import(argv, _stream(f"cos-{number}", (at for at in origins if at % half % branches != number), origins))
    config = repo / "cosport"
    config.mkdir()
    names = "".join(f'[[branch]]\nname = "cos-{number}"\n' for number in range(branches))
    text = f'[upstream]\nref = "refs/heads/main"\n[message]\nprofile = "plain"\n{names}'
    (config / "cosport.toml").write_text(text, encoding="utf-8")


def _stream(branch: str, numbers: Iterable[int], tags: Mapping[int, str], *, onto: str = "") -> Iterator[bytes]:
    for number in numbers:
        body = "It crashed when it was used in another way than before, and this is how to mend it.\n" * 5
        text = f"subsystem: mend fault {number} of the driver\n\n{body}\nRELEASE_NOTE=Mended fault {number}.\n\n"
        if number in tags:
            text += f"{tags[number]}\n"
        text += "Signed-off-by: Up Stream <up@example.org>\n"
        data = text.encode()
        who = b"%s <up@example.org> %d +0000" % (branch.encode(), FIRST_DATE + 60 * number)
        yield b"commit refs/heads/%s\nauthor %s\ncommitter %s\n" % (branch.encode(), who, who)
        start, onto = b"from %s\n" % onto.encode() if onto else b"", ""
        yield b"data %d\n%s\n%sM 100644 inline f\ndata %d\n%d\n" % (len(data), data, start, len(str(number)), number)


def _import(argv: list[str], stream: Iterator[bytes]) -> None:
    with subprocess.Popen(argv, stdin=subprocess.PIPE) as child:
        assert child.stdin is not None
        child.stdin.writelines(stream)
    assert child.returncode == 0


def _git(repo: Path, *args: str) -> str:
    done = subprocess.run(["git", f"--git-dir={repo}", *args], capture_output=True, check=True)
    return done.stdout.decode("ascii")
