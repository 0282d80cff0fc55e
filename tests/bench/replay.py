"""Replays real backports: does `upstream onto stable^` give the tree that people committed?"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tests.bench import measure, pairs
from tests.bench.tool import COSPORT, warm

if TYPE_CHECKING:
    from collections.abc import Sequence

Answer = dict[str, Any]

_JUDGED: Final = {
    # Answers that the rule below calls wrong and a reader of the history does not.
    "bb2896b1a7ea8e41bab1d5a58e4873051c618e3c": "its one line was in the table already, a few lines further down",
}


def bench(
    report: measure.Report,
    what: str,
    git_dir: Path,
    chosen: Sequence[pairs.Pair],
    *options: str,
    target: float | None = None,
) -> None:
    """Replay the pairs through cosport and through raw git, and compare both with what was committed.

    Pairs whose objects are not all there (a partial copy of a repository) are told of and left out.

    `target` is the least share, in percent, of exactly equal trees.
    """
    warm(git_dir, *options)
    with TemporaryDirectory(prefix="cosport-bench-") as folder:
        asked, answered, peer = Path(folder, "asked"), Path(folder, "answered"), Path(folder, "peer")
        pairs.write(chosen, asked)
        measure.run([sys.executable, "-m", "tests.bench.raw", str(git_dir)], stdin=asked, stdout=peer)
        raw = dict(zip(chosen, peer.read_text(encoding="ascii").splitlines(), strict=True))
        whole = [pair for pair in chosen if raw[pair] != "missing"]
        if len(whole) < len(chosen):
            report.add("replay", f"{what}: objects are missing", len(chosen) - len(whole), "pairs")
        pairs.write(whole, asked)
        # From upstream alone: the branches hold the very answers, which a neighbour's pick would find.
        words = ["plan", "--stdin", "--json", "--quiet", "--from", "upstream", "--repo", str(git_dir)]
        argv = [*COSPORT, *words, *options]
        measure.run(argv, stdin=asked, stdout=answered, ok=(0, 1, 3))
        answers = [msgspec.json.decode(line) for line in answered.read_bytes().splitlines()]
    if [answer["upstream"] for answer in answers] != [pair.upstream for pair in whole]:
        raise SystemExit(f"{len(answers)} answers to {len(whole)} pairs, or out of order")
    replayed = [_Replayed(pair, answer, raw[pair]) for pair, answer in zip(whole, answers, strict=True)]
    _tell(report, what, replayed, target)


@dataclass(frozen=True, slots=True)
class _Replayed:
    """One pair: cosport's answer, and what raw git makes of it (a tree, or "conflict")."""

    pair: pairs.Pair
    answer: Answer
    raw: str

    @property
    def wrongly_applied(self) -> bool:
        """Whether "already-applied" is wrong: the plain pick is clean and makes exactly what people then committed.

        Somebody needed that commit, so it was not there. People also commit what is there already (a line twice, or a
        rest that was forgotten); those picks conflict or come out empty, and the answer is right.
        """
        applied = self.answer["outcome"] == "already-applied"
        return applied and self.raw == self.pair.tree and self.pair.stable not in _JUDGED


def _tell(report: measure.Report, what: str, replayed: Sequence[_Replayed], target: float | None) -> None:
    count = len(replayed)
    for outcome, number in Counter(each.answer["outcome"] for each in replayed).most_common():
        report.add("replay", f"{what}: {outcome}", number, "pairs", note=f"of {count}")
    exact = sum(each.answer["tree"] == each.pair.tree for each in replayed) * 100 / count
    report.add("replay", f"{what}: exactly the tree that people committed", exact, "%", at_least=target)
    report.add("replay", f"{what}: the same by raw git", sum(e.raw == e.pair.tree for e in replayed) * 100 / count, "%")
    picked = [each for each in replayed if each.answer["outcome"] == "picked"]
    differ = sum(each.answer["tree"] != each.raw for each in picked)
    report.add("replay", f"{what}: picks that differ from raw git's", differ, "pairs", at_most=0)
    wrong = [each for each in replayed if each.wrongly_applied]
    report.add("replay", f"{what}: wrongly already-applied", len(wrong), "pairs", at_most=0)
    for each in wrong:
        where = f"{each.pair.stable} from {each.pair.upstream}"
        print(f"          {where}: {each.answer['evidence']}")  # noqa: T201 - the bench's output
    silent = sum(each.answer["outcome"] == "conflict" and not each.answer["conflicts"] for each in replayed)
    report.add("replay", f"{what}: conflicts that name no file", silent, "pairs", at_most=0)
