"""What a branch lacks: how fast the list comes, how much of what people took it names, and how much of it is right.

`bench` measures the list and its trial picks. `real` cuts a stable branch of a real repository back to an earlier
commit, asks what is missing there, and compares with what the stable team then took because it fixes something in that
commit by an explicit reference; that is told by patterns of its own, over `git log`, without cosport. What the team did
not take is not wrong for that: how much is right was judged by hand, for a sample (tests/data/missing/judged.tsv).

Run it alone to see what was not named: python -m tests.bench.missing REPOSITORY UPSTREAM BASE STABLE
"""

from __future__ import annotations

import bisect
import json
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.bench import measure
from tests.bench.tool import COSPORT, configured, git, warm

JUDGED: Final = Path(__file__).resolve().parents[1] / "data" / "missing" / "judged.tsv"

STABLE: Final = {
    "linux": (("v2.6.32.10", "v2.6.32.33"), ("v2.6.34", "v2.6.34.6"), ("v2.6.35", "v2.6.35.4")),
    "qemu": (("b67b00e6b4c7831a3f5bc684bc0df7a9bfd1bd56", "stable-7.2"),),
}
"""Where the stable branches of the real histories are cut back to, and how far people then came. The sentences that
blame a commit were worked out at the first pair; all others came after."""

_TRIED: Final = 20.0
"""Seconds for which trial picks are watched."""


def bench(report: measure.Report, git_dir: Path, branch: str, upstream: str, repeats: int) -> None:
    """Measure the list for one branch, with a warm index, alternating with the grep that people do instead."""
    options = ("--repo", str(git_dir))
    warm(git_dir)
    listing = [*COSPORT, "missing", *options, "--branch", branch, "--no-try", "--json"]
    with TemporaryDirectory(prefix="cosport-bench-") as folder:
        out = Path(folder, "missing.json")
        first = measure.run(listing, stdout=out, ok=(1,))
        count = len(json.loads(out.read_bytes())["branches"][0]["missing"])
    grep = ["git", "-C", str(git_dir), "log", "--format=%H %B", "--grep=^Fixes:", f"{branch}..{upstream}"]
    lists, greps = measure.alternate(
        min(repeats, 3), lambda _: measure.run(listing, ok=(1,)), lambda _: measure.run(grep)
    )
    report.add("missing", "the first list for a branch", first.seconds, "s", note=f"{count} missing")
    report.add("missing", "list, warm", measure.median(lists), "s", at_most=3)
    report.add("missing", "the same, CPU time", measure.median_cpu(lists), "s")
    report.add("missing", "memory of it", max(run.own_mib for run in lists), "MiB", at_most=600)
    report.add(
        "missing", "git log --grep=^Fixes: BRANCH..UPSTREAM / list", measure.median(greps) / measure.median(lists), "x"
    )
    _trials(report, git_dir, branch)


def _trials(report: measure.Report, git_dir: Path, branch: str) -> None:
    """Watch trial picks stream in behind the list for some seconds."""
    for file in (git_dir / "cosport").glob("trials.sqlite*"):  # they are kept, and known the next time
        file.unlink()
    argv = [*COSPORT, "missing", "--repo", str(git_dir), "--branch", branch, "--try"]
    began = time.perf_counter()
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        assert child.stdout is not None
        listed = tried = 0
        since = began
        for line in child.stdout:
            if not re.fullmatch(r"[0-9a-f]{12}  (clean|conflict|changes|error).*", line.rstrip("\n")):
                listed += 1
                since = time.perf_counter()
                continue
            tried += 1
            if time.perf_counter() - since > _TRIED:
                break
        spent = time.perf_counter() - since
        child.terminate()
    report.add("missing", "until the table stands, trials asked for", since - began, "s", note=f"{listed} lines")
    report.add(
        "missing", "trial picks behind it, each", spent / max(1, tried) * 1000, "ms", note=f"{tried} in {spent:.0f} s"
    )


def real(report: measure.Report, name: str, repository: Path) -> None:
    """Recall and precision on one real history."""
    for base, stable in STABLE[name]:
        found = recall(repository, "master", base, stable)
        named = {*found.named}
        span = f"{name}: {base[:12]}..{stable}"
        report.add(
            "missing", f"{span}: taken by the stable team", len(found.taken), "", note=f"{found.fixes} bear Fixes:"
        )
        for what, told in (("tag or revert", found.tagged), ("a sentence", found.prose)):
            if told:
                hit = len(named.intersection(told))
                note = f"{hit} of {len(told)}"
                report.add("missing", f"{span}: named of those by {what}", hit / len(told) * 100, "%", note=note)
    judged = [line.split("\t") for line in JUDGED.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    for base in dict.fromkeys(each[1] for each in judged if each[0] == name):
        named = {*_missing(repository, "master", base)}
        verdicts = [each[3] for each in judged if each[:2] == [name, base] and each[2] in named]
        right = verdicts.count("right") / len(verdicts) * 100
        note = f"{len(verdicts)} of the sample are still named"
        report.add("missing", f"{name}: right of a judged sample at {base[:12]}", right, "%", note=note)


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
    commit holds (or an earlier tagged one), and `prose` those that name such a commit in a sentence only. `fixes` is
    how many of them bear a `Fixes:` tag at all.
    """

    taken: tuple[str, ...]
    tagged: tuple[str, ...]
    prose: tuple[str, ...]
    named: tuple[str, ...]
    fixes: int


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
    bearing = sum(_FIXES.search(messages[sha]) is not None for sha in taken)
    return Recall(tuple(taken), tuple(tagged), tuple(prose), _missing(repository, upstream, base), bearing)


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
        f"taken later          {len(found.taken)}, of which {found.fixes} bear a Fixes: tag",
        f"  by tag or revert   {len(found.tagged)}, of which named: {len(named.intersection(found.tagged))}",
        f"  in a sentence only {len(found.prose)}, of which named: {len(named.intersection(found.prose))}",
        f"named as missing     {len(found.named)}, of which taken: {len(named.intersection(found.taken))}",
    ]
    lost = (sha for sha in (*found.tagged, *found.prose) if sha not in named)
    lines += [f"not named: {git(repository, 'log', '-1', '--format=%h %s', sha)}" for sha in lost]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
