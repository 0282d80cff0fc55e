"""The stages that a pipeline file can name: which command each is, which arguments it takes, which outputs it has.

A stage runs as `cosport <command> --json` in a process of its own, and what it answered is read from its document. The
document is what scripts rely on, so it is stable; and a process of its own can be limited in time and killed with all
that it started, which a function in a thread cannot.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cosport.pipeline.document import Place
from cosport.pipeline.order import FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cosport.pipeline.document import Scalar
    from cosport.pipeline.order import Answer

Outputs = dict[str, str]
"""What other jobs may refer to. Words, numbers and object names only: no text of a commit is among them."""

REPORT: Final = "result/report.html"
"""Where in its folder a regression job leaves what people read."""

COSPORT: Final = "cosport"
"""The first argument of a stage's command line: the cosport of the machine that runs it."""


class IsPath(Enum):
    """Whether the value of an argument is a path, which an input counts from where the user stood."""

    NO = 0
    YES = 1
    IF_THERE = 2  # a name or a revision too; a path where it looks like one and something is there


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a stage: an option, or (`option` "") a word of the command line."""

    option: str = ""
    required: bool = False
    many: bool = False
    flag: bool = False
    revision: bool = False
    path: IsPath = IsPath.NO


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage. `read` takes its outputs out of its document.

    `undecided` names outputs and their values that are an answer, and not one that a later run should take over.
    """

    command: tuple[str, ...]
    parameters: Mapping[str, Parameter]
    outputs: tuple[str, ...]
    read: Callable[[Any], Outputs]
    where: Place
    reuse: bool
    holds_token: bool = False
    undecided: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def argv(self, given: Mapping[str, Scalar | tuple[str, ...]]) -> tuple[str, ...]:
        """The command line for these arguments, which were checked before."""
        options: list[str] = []
        words: list[str] = []
        for name, parameter in self.parameters.items():
            if name not in given:
                continue
            value = given[name]
            values = value if isinstance(value, tuple) else (str(value),)
            if parameter.option and values in ((), ("",)):
                continue  # an input that was left empty: as if it were not there
            if parameter.flag:
                options += [parameter.option] * bool(value)
            elif parameter.option:
                options += [f"{parameter.option}={each}" for each in values]
            else:
                words += values
        return (COSPORT, *self.command, "--json", *options, "--", *words)


def _backport(document: Any) -> Outputs:
    """The last commit of a series stands for all of it; the worst outcome for the others."""
    results = document["results"]
    last = results[-1]
    worst = next((each for each in results if each["outcome"] in ("error", "conflict", "resolved")), last)
    names = ("commit", "ref", "fidelity", "change_id")
    return {"outcome": worst["outcome"], **{name: last[name] or "" for name in names}}


def _push(document: Any) -> Outputs:
    review = document["results"][-1]["review"] or {}
    return {**_backport(document), "review": str(review.get("state", "")), "change": str(review.get("number") or "")}


def _missing(document: Any) -> Outputs:
    return {"count": str(sum(len(branch["missing"]) for branch in document["branches"]))}


def _presubmit(document: Any) -> Outputs:
    """The worst verdict of the commits that were judged."""
    verdicts = {report["verdict"] for report in document["reports"]}
    return {"verdict": next((each for each in ("fail", "incomplete", "pass") if each in verdicts), "")}


def _build(document: Any) -> Outputs:
    """The worst of the commits that were compiled; a range may have none."""
    checks = [check for report in document["reports"] for check in report["checks"] if check["check"] == "build"]
    outcomes = {_built(check) for check in checks}
    return {"outcome": next((each for each in _BUILDS if each in outcomes), "not-applicable")}


def _built(check: Any) -> str:
    if check["state"] == "findings":
        return "failed" if any(each["rule"] == "build-failed" for each in check["findings"]) else "broken-before"
    return {"could-not-run": "unknown", "passed": "built"}.get(check["state"], "not-applicable")


def _regress(document: Any) -> Outputs:
    judgement = document["judgement"]
    p = judgement["p"]
    accelerator = str(document["host"]["accelerator"])
    return {"verdict": judgement["verdict"], "p": "" if p is None else f"{p:.3g}", "accelerator": accelerator}


def _notes(document: Any) -> Outputs:
    entries = sum(len(section["entries"]) for section in document["sections"])
    cves = len(document["cves"])
    return {"entries": str(entries), "cves": str(cves), "has-cves": "yes" if cves else "no"}


def _vote(document: Any) -> Outputs:
    return {name: str(document[name]) for name in ("open", "judged", "posted")}


def _site(document: Any) -> Outputs:
    return {"fixes": str(document["fixes"]), "files": str(document["files"])}


_PICK: Final = {
    "fix": Parameter(required=True, many=True, revision=True),
    "to": Parameter("--to", required=True),
    "bug": Parameter("--bug"),
    "test": Parameter("--test"),
    "release-note": Parameter("--release-note"),
    "class": Parameter("--class"),
    "from": Parameter("--from"),
    "force": Parameter("--force", flag=True),
    "dry-run": Parameter("--dry-run", flag=True),
    "with-prereqs": Parameter("--with-prereqs", flag=True),
    "with-followups": Parameter("--with-followups", flag=True),
}

_BUILDS: Final = ("failed", "unknown", "broken-before", "built", "not-applicable")
"""What a build came to, the worst first."""

STAGES: Final[dict[str, Stage]] = {
    "backport": Stage(
        command=("backport",),
        parameters=_PICK,
        outputs=("outcome", "commit", "ref", "fidelity", "change_id"),
        read=_backport,
        where=Place.HERE,  # it writes refs of the user's repository, in a fraction of a second
        reuse=False,  # a rerun gives the same commit; the repository itself is what it reuses
    ),
    "missing": Stage(
        command=("missing",),
        parameters={"branch": Parameter("--branch", required=True)},
        outputs=("count",),
        read=_missing,
        where=Place.HERE,
        reuse=False,
    ),
    "presubmit": Stage(
        command=("presubmit",),
        parameters={
            "revision": Parameter(required=True, revision=True),
            "branch": Parameter("--branch", required=True),
            "only": Parameter("--only", many=True),
            "skip": Parameter("--skip", many=True),
        },
        outputs=("verdict",),
        read=_presubmit,
        where=Place.HERE,  # it asks the history index, which stands here
        reuse=False,
        undecided={"verdict": ("incomplete",)},
    ),
    "build": Stage(
        command=("presubmit", "--only=build"),  # the one check that compiles; presubmit itself leaves it to this stage
        parameters={
            "revision": Parameter(required=True, revision=True),
            "branch": Parameter("--branch", required=True),
        },
        outputs=("outcome",),
        read=_build,
        where=Place.WORKER,
        reuse=False,  # what could not be built today may be tomorrow; what was, is not compiled again
        undecided={"outcome": ("unknown",)},
    ),
    "regress": Stage(
        command=("regress", "run", f"--out={FOLDER}/result"),
        parameters={
            "workload": Parameter(required=True, path=IsPath.IF_THERE),
            "with": Parameter("--with", revision=True, path=IsPath.IF_THERE),
            "without": Parameter("--without", revision=True, path=IsPath.IF_THERE),
            "tree": Parameter("--tree", path=IsPath.YES),
            "mode": Parameter("--mode"),
            "profile": Parameter("--profile", path=IsPath.IF_THERE),
            "repeats": Parameter("--repeats"),
            "accel": Parameter("--accel"),
            "control": Parameter("--control", flag=True),
        },
        outputs=("verdict", "p", "accelerator"),
        read=_regress,
        where=Place.WORKER,
        reuse=True,
        undecided={"verdict": ("inconclusive",)},
    ),
    "push": Stage(
        command=("backport", "--push"),
        parameters={
            **_PICK,
            "reviewer": Parameter("--reviewer", many=True),
            "hashtag": Parameter("--hashtag", many=True),
        },
        outputs=("outcome", "commit", "ref", "fidelity", "change_id", "review", "change"),
        read=_push,
        where=Place.HERE,
        reuse=False,
        holds_token=True,
    ),
    "vote": Stage(
        command=("bot", "once"),
        parameters={
            # The bot's file, where it is not the configuration of the run.
            "config": Parameter("--config", path=IsPath.YES),
            "dir": Parameter("--dir", path=IsPath.YES),
            "dry-run": Parameter("--dry-run", flag=True),
        },
        outputs=("open", "judged", "posted"),
        read=_vote,
        where=Place.HERE,
        reuse=False,
        holds_token=True,
    ),
    "notes": Stage(
        command=("notes",),
        parameters={"range": Parameter(required=True, revision=True), "profile": Parameter("--profile")},
        outputs=("entries", "cves", "has-cves"),
        read=_notes,
        where=Place.HERE,
        reuse=False,
    ),
    "site": Stage(
        command=("site",),
        parameters={
            "folder": Parameter(required=True, path=IsPath.YES),
            "title": Parameter("--title"),
            "notes": Parameter("--notes", many=True, revision=True),
        },
        outputs=("fixes", "files"),
        read=_site,
        where=Place.HERE,
        reuse=False,
    ),
}


_WORDS: Final = ("outcome", "verdict", "count", "status")
"""The outputs that say more than a state, the first of them that a job has."""

RUN_OUTPUTS: Final = ("status",)
"""The outputs of a plain command."""


def outputs_of(stage: str) -> tuple[str, ...]:
    """The outputs of a job of that stage ("" is a plain command): its state, and the stage's own."""
    return ("state", *(STAGES[stage].outputs if stage else RUN_OUTPUTS))


def word_of(outputs: Mapping[str, str]) -> str:
    """The word in which a job's outputs say more than its state; "" for none."""
    word = next((outputs[name] for name in _WORDS if outputs.get(name)), "")
    return "" if word == "0" else word


def undecided(stage: str, outputs: Mapping[str, str]) -> str:
    """The output of an answer that decides nothing, so that the job is done again; "" where it decides."""
    if not stage:
        return ""
    open_ones = STAGES[stage].undecided.items()
    return next((outputs[name] for name, values in open_ones if outputs.get(name) in values), "")


def outputs_from(stage: str, answer: Answer) -> Outputs:
    """The outputs that an answer gives. Raises ValueError where a stage's document cannot be read."""
    if not stage:
        return {"status": str(answer.status)}
    try:
        return STAGES[stage].read(msgspec.json.decode(answer.document))
    except (msgspec.DecodeError, LookupError, TypeError, AttributeError) as exc:
        raise ValueError(f"the document of {stage} is not what it should be: {exc!r}") from exc
