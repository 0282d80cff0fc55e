"""What a branch lacks: how fast the list comes on a million commits, and how it does against real histories.

Two parts. `bench` measures the list on a history of a million commits with 20,000 backports on four branches; its
commits change no files, because the list reads none. `recall` cuts a stable branch of a real repository back to an
earlier commit, asks what is missing there, and compares with what the stable team then took because it fixes something
in that commit by an explicit reference. That is told by patterns of its own, over `git log`, without cosport.

Run it alone for the second part: python -m tests.bench.missing REPOSITORY UPSTREAM BASE STABLE
"""

from __future__ import annotations

import bisect
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from tests.bench import measure
from tests.bench.tool import COSPORT, configured, git, warm

if TYPE_CHECKING:
    from collections.abc import Iterator

UPSTREAM: Final = 960_000
BRANCHES: Final = 4
PER_BRANCH: Final = 10_000
"""Half of them are backports."""

_EMPTY: Final = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
_VERSION: Final = 1


def bench(report: measure.Report, repeats: int) -> None:
    """Measure the list for one branch, with a warm index, alternating with the grep that people do instead."""
    home = cached()
    config = home / "cosport.toml"
    options = ("--repo", str(home / "repo"), "--config", str(config))
    warm(home / "repo", "--config", str(config))
    branch = f"cos-{BRANCHES // 2}"
    listing = [*COSPORT, "missing", *options, "--branch", branch, "--no-try", "--json"]
    with TemporaryDirectory(prefix="cosport-bench-") as folder:
        out = Path(folder, "missing.json")
        first = measure.run(listing, stdout=out, ok=(1,))
        count = len(json.loads(out.read_bytes())["branches"][0]["missing"])
    grep = ["git", "-C", str(home / "repo"), "log", "--format=%H %B", "--grep=^Fixes:", f"{branch}..upstream"]
    lists, greps = measure.alternate(repeats, lambda _: measure.run(listing, ok=(1,)), lambda _: measure.run(grep))
    report.add("missing", f"first list for {branch} ({count} missing)", first.seconds, "s", at_most=6)
    report.add("missing", "list, warm", measure.median(lists), "s", at_most=3)
    report.add("missing", "memory of it", max(run.own_mib for run in lists), "MiB", at_most=600)
    report.add("missing", "git log --grep=Fixes: / list", measure.median(greps) / measure.median(lists), "x")


def cached() -> Path:
    """The folder of the generated repository, made now where it is not in the cache yet."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    home = cache / "cosport-bench" / f"missing-{_VERSION}-{UPSTREAM}-{BRANCHES}-{PER_BRANCH}"
    if not (home / "cosport.toml").exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        subprocess.run(["git", "init", "-q", "--bare", str(home / "repo")], check=True)
        argv = ["git", "-C", str(home / "repo"), "fast-import", "--quiet", "--done", "--date-format=raw", "--depth=0"]
        with subprocess.Popen(argv, stdin=subprocess.PIPE) as child:
            assert child.stdin is not None
            for piece in _stream():
                child.stdin.write(piece)
            child.stdin.close()
        if child.returncode:
            raise SystemExit(f"git fast-import failed with status {child.returncode}")
        git(home / "repo", "commit-graph", "write", "--reachable")
        (home / "cosport.toml").write_text('[upstream]\nref = "refs/heads/upstream"\n', encoding="utf-8")
    return home


@dataclass(frozen=True, slots=True)
class _Made:
    mark: int
    sha: str
    subject: str


class _History:
    """Commits of the empty tree; their names are computed here, so that later messages can name them."""

    def __init__(self) -> None:
        self.chance = random.Random(1)
        self.marks = 0

    def commit(self, ref: str, parent: _Made | None, text: str) -> tuple[_Made, bytes]:
        self.marks += 1
        message = text.encode("ascii")
        who = f"Up Stream <up@example.com> {1_300_000_000 + self.marks * 60} +0000"
        head = f"tree {_EMPTY}\n" + (f"parent {parent.sha}\n" if parent else "") + f"author {who}\ncommitter {who}\n\n"
        data = head.encode("ascii") + message
        name = hashlib.sha1(b"commit %d\0%s" % (len(data), data), usedforsecurity=False).hexdigest()
        made = _Made(self.marks, name, text.split("\n", 1)[0])
        stream = f"commit {ref}\nmark :{made.mark}\nauthor {who}\ncommitter {who}\ndata {len(message)}\n{text}\n"
        return made, (stream + (f"from :{parent.mark}\n" if parent else "") + "\n").encode("ascii")


def _stream() -> Iterator[bytes]:
    """Upstream with a fix in every fourth commit and a revert in every hundredth; branches that leave it on the way."""
    history, chance = _History(), random.Random(2)
    made: list[_Made] = []
    starts: dict[int, int] = {}
    for number in range(UPSTREAM):
        if number % (UPSTREAM // (BRANCHES + 1)) == 0 and number:
            starts[len(starts) + 1] = number - 1
        subject, tail = f"drivers/part{number % 997}: change {number} for machine {chance.getrandbits(24):x}", ""
        if number % 100 == 99:
            gone = chance.choice(made[-60:])
            subject, tail = f'Revert "{gone.subject}"', f"This reverts commit {gone.sha}.\n\n"
        elif number % 4 == 3:
            # Most bugs are found soon, some after years.
            fixed = chance.choice(made[-min(len(made), 10 ** chance.choice((2, 2, 3, 4, 5, 6))) :])
            tail = f'Fixes: {fixed.sha[:12]} ("{fixed.subject}")\n'
        body = "The value was not the right one for all machines."
        text = f"{subject}\n\n{body}\n\n{tail}Signed-off-by: Up Stream <up@example.com>\n"
        one, data = history.commit("refs/heads/upstream", made[-1] if made else None, text)
        made.append(one)
        yield data
    for branch, start in starts.items():
        tip = made[start]
        for number, source in enumerate(sorted(chance.sample(range(start + 1, UPSTREAM), PER_BRANCH // 2))):
            origin = made[source]
            words = f"{origin.subject}\n\ncommit {origin.sha} upstream.\n\nFor machines here.\n"
            for text in (words, f"COS: own change {number} of {branch}\n\nBUG=b/{number}\nTEST=booted\n"):
                tip, data = history.commit(f"refs/heads/cos-{branch}", tip, text)
                yield data
    yield b"done\n"


# --- recall on real histories

_SHA: Final = r"([0-9a-f]{7,40})"
_FIXES: Final = re.compile(rf"^\s*Fixes:\s+(?:commit\s+)?{_SHA}\b", re.MULTILINE | re.IGNORECASE)
_REVERTS: Final = re.compile(rf"This reverts commit\s+{_SHA}\b", re.IGNORECASE)
_PROSE: Final = re.compile(
    rf"(?:caused|introduced|broken|regression|regressed|since|bug|problem|due|added|fix(?:es|ed)?)\s+(?:\w+\s+){{0,3}}"
    rf"(?:by|in|with|to|from|from)?\s*(?:the\s+)?commit[: ]+\(?{_SHA}\b",
    re.IGNORECASE,
)
_ORIGIN: Final = re.compile(
    r"commit:? ([0-9a-f]{40}),? upstream|\[ ?upstream commit ([0-9a-f]{40})|"
    r"cherry[ -]picked from (?:commit )?([0-9a-f]{40})",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Recall:
    """What the stable team took after a commit, in upstream order, and what cosport named as missing at it.

    Of what they `taken`, `tagged` are the commits with a `Fixes:` tag or "This reverts commit" that names something the
    commit holds (or an earlier tagged one), and `prose` those that name such a commit in a sentence only.
    """

    taken: tuple[str, ...]
    tagged: tuple[str, ...]
    prose: tuple[str, ...]
    named: tuple[str, ...]


def recall(repository: Path, upstream: str, base: str, stable: str) -> Recall:
    """Compare what is missing at `base` with what was taken between it and `stable`."""
    messages = _messages(repository, upstream)
    held = set(git(repository, "rev-list", base).split())
    held.update(_origins(repository, messages, f"{upstream}..{base}"))
    later = _origins(repository, messages, f"{base}..{stable}")
    taken = [sha for sha in messages if sha in later and sha not in held]
    tagged, prose = [], []
    names = _Names(held)
    for sha in taken:
        text = messages[sha]
        if any(name in names for name in (*_FIXES.findall(text), *_REVERTS.findall(text))):
            tagged.append(sha)
            names.add(sha)
        elif any(name in names for name in _PROSE.findall(text)):
            prose.append(sha)
    return Recall(tuple(taken), tuple(tagged), tuple(prose), _missing(repository, upstream, base))


class _Names:
    """Full commit names, to be asked for by abbreviations."""

    def __init__(self, shas: set[str]) -> None:
        self._sorted = sorted(shas)
        self._more: list[str] = []

    def add(self, sha: str) -> None:
        self._more.append(sha)

    def __contains__(self, name: str) -> bool:
        at = bisect.bisect_left(self._sorted, name.lower())
        near = [*self._sorted[at : at + 1], *self._more]
        return any(sha.startswith(name.lower()) for sha in near)


def _messages(repository: Path, revisions: str) -> dict[str, str]:
    """The messages of all commits but merges, oldest first."""
    log = git(repository, "log", "--reverse", "--topo-order", "--no-merges", "--format=%H%x00%B%x01", revisions)
    pairs = (record.lstrip("\n").partition("\0") for record in log.split("\x01"))
    return {sha: text for sha, _, text in pairs if sha}


def _origins(repository: Path, upstream: dict[str, str], revisions: str) -> set[str]:
    """The upstream commits that the commits of a range say they come from."""
    texts = _messages(repository, revisions).values()
    found = {next(filter(None, match.groups())).lower() for text in texts for match in _ORIGIN.finditer(text)}
    return found & upstream.keys()


def _missing(repository: Path, upstream: str, base: str) -> tuple[str, ...]:
    with TemporaryDirectory(prefix="cosport-bench-") as folder, configured(upstream) as config:
        out = Path(folder, "missing.json")
        options = ("--repo", str(repository), *config, "--branch", base)
        measure.run([*COSPORT, "missing", "--no-try", "--json", *options], stdout=out, ok=(0, 1))
        (branch,) = json.loads(out.read_bytes())["branches"]
    return tuple(each["sha"] for each in branch["missing"])


def main() -> int:
    """Print the recall on one repository, and each commit that was tagged and not named."""
    repository = Path(sys.argv[1])
    found = recall(repository, *sys.argv[2:5])
    named = {*found.named}
    lines = [
        f"taken later          {len(found.taken)}",
        f"  by tag or revert   {len(found.tagged)}, of which named: {len(named.intersection(found.tagged))}",
        f"  in a sentence only {len(found.prose)}, of which named: {len(named.intersection(found.prose))}",
        f"named as missing     {len(found.named)}, of which taken: {len(named.intersection(found.taken))}",
    ]
    lost = (sha for sha in found.tagged if sha not in named)
    lines += [f"not named: {git(repository, 'log', '-1', '--format=%h %s', sha)}" for sha in lost]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
