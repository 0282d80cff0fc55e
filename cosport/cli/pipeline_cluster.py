"""`cosport pipeline worker` and `scheduler`: the two kinds of processes that make a cluster, and their options."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cosport.cli.options import command
from cosport.cli.session import Session
from cosport.config import expanded
from cosport.errors import UsageError

if TYPE_CHECKING:
    from cosport.pipeline import cluster

Jobs = Annotated[int | None, typer.Option("--jobs", metavar="N", min=1, help="Jobs at once (default: the processors).")]
Memory = Annotated[
    str, typer.Option("--memory", metavar="SIZE", help='Memory for jobs, such as "8 GiB" (default: all).')
]
Qemu = Annotated[
    int | None,
    typer.Option("--qemu", metavar="N", min=0, help="QEMU machines at once (default: one for two processors)."),
]
Tls = Annotated[
    Path | None, typer.Option("--tls", metavar="DIR", help="The folder of ca.pem, cert.pem and key.pem of a cluster.")
]


@command(
    example="""cosport pipeline worker tcp://127.0.0.1:8786
cosport pipeline worker tls://lab:8786 --tls ~/.config/cosport/tls --qemu 4 --repo ~/src/linux"""
)
def worker(
    session: Session,
    scheduler: Annotated[str, typer.Argument(metavar="ADDRESS", help="Where the scheduler listens.")],
    tls: Tls = None,
    jobs: Jobs = None,
    memory: Memory = "",
    qemu: Qemu = None,
    folder: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where it keeps its things (default: ~/.cache/cosport/worker).")
    ] = None,
    inside: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> int:
    """Be a worker of a cluster until told to end: announces what this machine has, and performs jobs.

    When it dies, all that its jobs started dies too, and another worker process takes its place. `--repo` names a clone
    whose commits need not be sent to it.
    """
    from cosport.gerrit import credentials
    from cosport.pipeline import cluster, supervise
    from cosport.pipeline import worker as work

    for name in credentials.VARIABLES:
        os.environ.pop(name, None)  # no job here may vote or push
    where = tls_of(tls)
    address = cluster.checked(scheduler, where)
    has = machine(jobs, memory, qemu)
    if inside is not None:
        os.environ[work.VARIABLE] = str(inside)
        cluster.join(address, where, has, folder=inside, ready=lambda each: session.printer.note(f"worker at {each}"))
        return 0
    home = folder or expanded(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "cosport" / "worker"
    if session.repo is not None:
        work.lend(session.repository, home)
    argv = [sys.executable, "-P", "-m", "cosport", "pipeline", "worker", address, f"--jobs={has.jobs}",
            f"--memory={has.memory >> 20} MiB", f"--qemu={has.qemu}"]  # fmt: skip
    if where is not None:
        argv.append(f"--tls={where.folder}")
    supervise.keep(home, lambda inside: [*argv, f"--inside={inside}"], session.printer.note)
    return 0


@command(
    example="""cosport pipeline scheduler
cosport pipeline scheduler --listen tls://0.0.0.0:8786 --tls ~/.config/cosport/tls"""
)
def scheduler(
    session: Session,
    listen: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen; port 0 takes a free one.")] = "",
    tls: Tls = None,
) -> int:
    """Be the scheduler of a cluster until told to end. It keeps nothing: the journal is with the run.

    Beyond this machine it listens with TLS alone, since whoever reaches it runs code on its workers.
    """
    from cosport.pipeline import cluster

    where = tls_of(tls)
    address = cluster.checked(listen or f"{'tls' if where else 'tcp'}://127.0.0.1:8786", where)
    cluster.serve(address, where, lambda each: _say(session, each))
    return 0


def _say(session: Session, address: str) -> None:
    session.printer.say("scheduler at ", address)
    session.printer.out.flush()


def machine(jobs: int | None, memory: str, qemu: int | None) -> cluster.Machine:
    """What this machine has, as far as the user does not say otherwise. Raises UsageError."""
    from cosport.pipeline.cluster import Machine
    from cosport.pipeline.document import size

    if memory and not re.fullmatch(r"[1-9][0-9]* *(MiB|GiB)", memory):
        raise UsageError(f"--memory {memory!r} is no size", hint='give one such as "8 GiB"')
    return Machine.this(jobs, size(memory) if memory else None, qemu)


def tls_of(folder: Path | None) -> cluster.Tls | None:
    """The certificates in a folder."""
    from cosport.pipeline.cluster import Tls as Certificates

    return Certificates(expanded(folder).absolute()) if folder is not None else None
