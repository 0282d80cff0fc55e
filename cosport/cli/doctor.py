"""`cosport doctor`: says what works here and what each missing part costs."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cosport.cli import machine
from cosport.cli.machine import Check, State
from cosport.cli.options import command
from cosport.cli.output import Styled
from cosport.cli.session import Session
from cosport.errors import CosportError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cosport.config import Config
    from cosport.git.repository import Repository

SCHEMA: Final = "cosport.doctor/1"
LOW_SPACE: Final = 1 << 30
"""Bytes free below which it warns: a few index rebuilds of a large history fit in a GiB."""
_COLORS: Final = {State.OK: "green", State.MISSING: "yellow", State.BROKEN: "red"}


@dataclass(frozen=True, slots=True)
class Report:
    """The document of `cosport doctor --json`. `ok` says that all that backports need works."""

    schema: str
    ok: bool
    checks: tuple[Check, ...]


@command(example="cosport doctor\ncosport doctor --json")
def doctor(session: Session) -> int:
    """Say what works on this machine, and what each missing part costs.

    git, compiler, QEMU, KVM, guest parts, the repository, its branches and Gerrit: each is tried, not only looked for.
    The exit code is 0 when all that backports need works, else 1.
    """
    checks = tuple(examine(session))
    report = Report(SCHEMA, all(check.state is State.OK for check in checks if check.needed), checks)
    if session.json:
        session.printer.json(report)
    else:
        _print(session, report)
    return 0 if report.ok else 1


def examine(session: Session) -> Iterator[Check]:
    """All checks, one after the other."""
    parts = (machine.qemu, machine.kvm, machine.busybox, machine.guest_kernel, machine.sandbox)
    for probe in (machine.git, machine.python, machine.compiler, *parts):
        yield probe()
    try:
        repository = session.repository
    except CosportError as exc:
        yield Check("repository", State.MISSING, exc.what, "there is nothing to backport in", needed=True)
        return
    yield identity(repository)
    yield disk(repository)
    yield from history(repository)
    try:
        config = session.config
    except CosportError as exc:
        yield Check("config", State.BROKEN, exc.what, "every command that needs it stops", needed=True)
        return
    yield from named(config)
    yield from branches(repository, config)
    if config.gerrit.url:
        reached = gerrit(config.gerrit.url)
        yield reached
        if reached.state is State.OK:
            yield gerrit_account(config)


def identity(repository: Repository) -> Check:
    """Whether git knows who the user is."""
    from cosport.git.identity import committer

    try:
        return Check("identity", State.OK, committer(repository).signature, needed=True)
    except CosportError as exc:
        costs = f"no backport can be signed off; {exc.hint}"
        return Check("identity", State.MISSING, "git has no user.name and user.email", costs, needed=True)


def disk(repository: Repository) -> Check:
    """Whether the repository can be written, and has room."""
    costs = "nothing can be written: plan and show work, backport does not"
    try:
        for folder in (repository.common_dir, repository.common_dir / "objects", repository.common_dir / "refs"):
            with tempfile.TemporaryFile(dir=folder) as probe:
                probe.write(b"probe")
        free = shutil.disk_usage(repository.common_dir).free
    except OSError as exc:
        return Check("disk", State.BROKEN, f"{repository.common_dir}: {exc.strerror}", costs, needed=True)
    room = f"{free / (1 << 30):.1f} GiB free"
    if free < LOW_SPACE:
        return Check("disk", State.BROKEN, f"only {room}", "the history index or a kernel build may not fit")
    return Check("disk", State.OK, f"writable, {room}", needed=True)


def history(repository: Repository) -> Iterator[Check]:
    """Whether the clone holds its whole history and all objects."""
    if repository.is_shallow:
        costs = "commits before the cut are unknown: applied and affected cannot be told; git fetch --unshallow"
        yield Check("history", State.BROKEN, "a shallow clone", costs)
        return
    partial = repository.attempt("config", "--get-regexp", r"^remote\..*\.promisor$").stdout.strip()
    refs = repository.attempt("config", "extensions.refStorage").stdout.decode("utf-8", "replace").strip() or "files"
    if partial:
        costs = "objects are fetched one by one when they are first needed: slow, and only while the remote answers"
        yield Check("history", State.BROKEN, "a partial clone", costs)
        return
    yield Check("history", State.OK, f"complete; {repository.hash_name} objects, {refs} refs")


def named(config: Config) -> Iterator[Check]:
    """Whether the configuration is right, and what it names besides branches is there."""
    from cosport.message.profile import load_profile

    try:
        load_profile(config.message.profile)
    except CosportError as exc:
        yield Check("config", State.BROKEN, f"{config.source}: {exc.what}", "no message can be written", needed=True)
    else:
        yield Check("config", State.OK, config.source)
    if config.cve.data and not Path(os.path.expanduser(config.cve.data)).is_dir():  # noqa: PTH111 - `~nobody` stays as it is
        costs = "missing, show, notes and site stop; clone the kernel CNA's vulns repository there"
        yield Check("cve data", State.MISSING, f"{config.cve.data} is no folder", costs)


def branches(repository: Repository, config: Config) -> Iterator[Check]:
    """Whether upstream and each configured branch lead to a commit."""
    wanted = [("upstream", config.upstream.ref), *((branch.name, branch.ref) for branch in config.branches)]
    for name, ref in wanted:
        label = "upstream" if name == "upstream" else f"branch {name}"
        if not ref:
            costs = "what upstream says of a fix (what fixes it, what reverts it) is unknown; run: cosport init"
            yield Check(label, State.MISSING, "not configured, and no remote looks like it", costs, needed=True)
            continue
        found = repository.attempt("rev-parse", "--verify", "-q", "--end-of-options", f"{ref}^{{commit}}")
        if found.status:
            costs = "nothing can be backported from it" if name == "upstream" else "it takes no backport"
            yield Check(label, State.MISSING, f"{ref} leads to no commit", f"{costs}; fetch it", needed=True)
        else:
            yield Check(label, State.OK, f"{ref} at {found.stdout.decode('ascii')[:12]}", needed=True)


def gerrit(url: str, timeout: float = 5.0) -> Check:
    """Whether Gerrit answers: any HTTP answer will do, a refusal to strangers too."""
    import http.client
    import urllib.error
    import urllib.request

    costs = "no pick can be pushed for review, and open changes are not known"
    if not url.startswith(("https://", "http://")):
        return Check("gerrit", State.BROKEN, f"{url} is no http or https URL", costs)
    request = urllib.request.Request(f"{url.rstrip('/')}/config/server/version", method="GET")  # noqa: S310 - checked above
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310 - checked above
            return Check("gerrit", State.OK, f"{url} answers ({answer.status})")
    except urllib.error.HTTPError as exc:
        exc.close()
        if exc.code < 500:
            return Check("gerrit", State.OK, f"{url} answers ({exc.code})")
        return Check("gerrit", State.BROKEN, f"{url}: HTTP {exc.code}", costs)
    except (OSError, http.client.HTTPException, ValueError) as exc:
        reason = getattr(exc, "reason", None) or exc
        return Check("gerrit", State.BROKEN, f"{url}: {reason}", costs)


def gerrit_account(config: Config) -> Check:
    """Whether our token is there, is kept to ourselves, and is taken."""
    from cosport.gerrit import credentials
    from cosport.gerrit.changes import myself
    from cosport.gerrit.client import Client

    costs = "picks can be pushed over ssh alone, and only what is public is seen"
    try:
        account = credentials.read(config.gerrit)
        if account is None:
            return Check("gerrit account", State.MISSING, f"no token in {config.gerrit.token_file}", costs)
        with Client(config.gerrit.url, account, timeout=5.0) as client:
            who = myself(client)
    except CosportError as exc:
        return Check("gerrit account", State.BROKEN, exc.what, f"{costs}; {exc.hint}" if exc.hint else costs)
    return Check("gerrit account", State.OK, f"{who.name or account.user} ({account.user})")


def _print(session: Session, report: Report) -> None:
    say = session.printer.say
    width = max(len(check.name) for check in report.checks)
    for check in report.checks:
        say(Styled(f"{check.state:<8}", _COLORS[check.state]), f"{check.name:<{width}}  {check.detail}")
        if check.costs:
            say(" " * (8 + width + 2), Styled(f"costs: {check.costs}", "dim"))
    if report.ok:
        say("all that backports need works")
    else:
        lacking = [check.name for check in report.checks if check.needed and check.state is not State.OK]
        say(Styled("backports do not work here yet: ", "bold"), ", ".join(lacking))
