"""The tester: a process of its own, without the token, that judges patch sets in the bot's clone.

It reads jobs from standard input and answers each with a line. Commits, messages and file names in them are anybody's:
what goes wrong with one is its answer, and the next one is judged all the same.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import msgspec

from cosport import config as settings
from cosport.bot.protocol import Answer, Job
from cosport.errors import ConfigError, CosportError, RevisionError
from cosport.git import refs
from cosport.git.objects import ObjectReader
from cosport.git.repository import Repository
from cosport.history.index import History
from cosport.model.commit import Sha
from cosport.presubmit import inputs, runner
from cosport.presubmit.context import Context, target
from cosport.workflow.boot import boot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cosport.config import Config
    from cosport.history.declined import Decline

KEPT: Final = ("PATH", "TMPDIR", "LANG", "TZ", "COSPORT_TIMEOUT")
"""The variables that a tester gets of the bot's; the token's is not among them."""


def argv(clone: Path, config: Path | None) -> list[str]:
    """How a tester is started. `-I`: Python's own variables and the current folder count for nothing."""
    return [sys.executable, "-I", "-m", "cosport.bot.tester", str(clone), *([str(config)] if config else [])]


def environment(clone: Path) -> dict[str, str]:
    """The environment of a tester: a home that holds nothing, and no token."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    empty = str(clone / "cosport" / "nobody")
    return {**kept, "HOME": empty, "XDG_CONFIG_HOME": empty, "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1", "PYTHONDONTWRITEBYTECODE": "1"}  # fmt: skip


def trusted(repository: Repository, config: Path | None) -> Config:
    """The configuration in force: the operator's file, else the one on refs/meta/cosport. Never a change's own.

    Raises ConfigError where there is neither.
    """
    if config is not None:
        return settings.load(config)
    where = f"{settings.SHARED_REF}:{settings.FILE}"
    tip = refs.read(repository, settings.SHARED_REF)
    done = repository.attempt("cat-file", "blob", f"{tip}:{settings.FILE}") if tip else None
    if done is None or done.status:
        raise ConfigError(
            f"there are no [[branch]]es in the bot's file, and no {where} in the project",
            hint="share one with: cosport init --shared, and push that ref; or write branches into the file",
        )
    return settings.parse(done.stdout, where)


def declined(repository: Repository, config: Path | None) -> tuple[Decline, ...]:
    """What the team has decided not to take: beside the operator's file and on refs/meta/cosport, as the configuration.

    Raises ConfigError where a file is wrong.
    """
    from cosport.history.declined import parse  # only where there are decisions: it reads TOML

    found: list[Decline] = []
    where = f"{settings.SHARED_REF}:{settings.DECLINES}"
    tip = refs.read(repository, settings.SHARED_REF)
    done = repository.attempt("cat-file", "blob", f"{tip}:{settings.DECLINES}") if tip else None
    if done is not None and done.status == 0:
        found += parse(done.stdout, where)
    beside = config.parent / settings.DECLINES if config is not None else None
    if beside is not None and beside.is_file():
        found += parse(beside.read_bytes(), str(beside))
    return tuple(found)


@contextmanager
def opened(repository: Repository, config: Config, declines: tuple[Decline, ...]) -> Iterator[Context]:
    """What the checks work with."""
    with ObjectReader(repository) as reader:
        upstream = None
        if config.upstream.ref:
            try:
                upstream = reader.resolve(config.upstream.ref).sha
            except RevisionError:  # told by the checks that need it
                upstream = None
        with History.open(repository, upstream=upstream) as history:
            yield replace(Context.of(repository, reader, history, config, upstream), boots=boot, declines=declines)


def answer(context: Context, job: Job) -> Answer:
    """Judge one patch set."""
    try:
        branch = target(context, job.branch)
        if job.before and not inputs.changed(context, branch, job.before):
            return Answer(job.change, job.revision, unchanged=True)
        skip = {each.check: f"{each.who}: {each.reason}" for each in job.waivers}
        report = runner.run(context, context.reader.commit(Sha(job.revision)), branch, skip=skip)
    except CosportError as exc:
        return Answer(job.change, job.revision, trouble=exc.what or "no reason given")
    return Answer(job.change, job.revision, report=report)


def main(args: list[str], jobs: IO[bytes], answers: IO[bytes]) -> int:
    """Answer jobs until there are no more."""
    repository = Repository.open(Path(args[0]))
    file = Path(args[1]) if len(args) > 1 else None
    with opened(repository, trusted(repository, file), declined(repository, file)) as context:
        for line in jobs:
            job = msgspec.json.decode(line, type=Job)
            answers.write(msgspec.json.encode(answer(context, job)) + b"\n")
            answers.flush()
    return 0


def _process() -> int:
    """The tester as a process of its own: its exit status, what went wrong told on standard error."""
    try:
        return main(sys.argv[1:], sys.stdin.buffer, sys.stdout.buffer)
    except CosportError as error:
        sys.stderr.write(f"{error.what}\n")
        return error.exit_code


if __name__ == "__main__":
    raise SystemExit(_process())
