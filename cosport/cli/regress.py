"""`cosport regress`: runs a regression job, lists the workloads, shows a result, and sets two side by side."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cosport.cli import complete
from cosport.cli import regress_view as view
from cosport.cli.options import command, group, register
from cosport.cli.session import Session
from cosport.errors import BuildError, CosportError, UsageError

if TYPE_CHECKING:
    from enum import StrEnum

    from cosport.kbuild.kernel import Configuration
    from cosport.regress.job import Request
    from cosport.regress.result import Result

ABORT: Final = 128
SKIP: Final = 125
"""What `git bisect run` takes for "stop" and for "this commit cannot be tested" (git-bisect(1))."""

_Arm = "A revision, a kernel tree, a kernel image or a .ko file"


@command(
    example="""
    cosport regress run balloon
    cosport regress run balloon --with backport/cos-6.1/da10329cb057 --out /tmp/proof
    cosport regress run balloon --tree ~/linux --mode kernel --repeats 4
    git bisect run cosport regress run balloon --with HEAD --bisect-run
    """
)
def run(
    session: Session,
    workload: Annotated[
        str,
        typer.Argument(
            metavar="WORKLOAD", help="A workload's name, or a YAML file.", autocompletion=complete.workloads
        ),
    ],
    without: Annotated[str, typer.Option("--without", metavar="IMAGE|REV", help=f"{_Arm}: without the fix.")] = "",
    with_: Annotated[
        str,
        typer.Option("--with", metavar="IMAGE|REV", help=f"{_Arm}: with it. Alone: against itself without the fix."),
    ] = "",
    tree: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A tree that has the fix (default: the distribution's linux-source)."),
    ] = None,
    mode: Annotated[
        str, typer.Option(metavar="module|kernel", help="What differs (default: module, where the headers fit).")
    ] = "",
    profile: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="The machine: small, upstream or a file.")
    ] = "small",
    repeats: Annotated[
        int | None, typer.Option(min=1, max=1000, metavar="N", help="Boots of each arm (default: the workload's).")
    ] = None,
    accel: Annotated[str, typer.Option(metavar="auto|kvm|tcg", help="What runs the guest.")] = "auto",
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where the result goes.")] = None,
    defconfig: Annotated[
        str, typer.Option(metavar="PATH", help="Mode kernel: start from this file of the tree, not from tinyconfig.")
    ] = "",
    fragment: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Mode kernel: your own fragment on top of that.")
    ] = None,
    control: Annotated[bool, typer.Option("--control", help="Run the arm with the fix against itself.")] = False,
    swap: Annotated[bool, typer.Option("--swap", help="Exchange the arms, to test the test.")] = False,
    bisect_run: Annotated[
        bool, typer.Option("--bisect-run", help="Exit as git bisect run wants: 0 good, 1 bad, 125 skip, 128 stop.")
    ] = False,
    bisect_fix: Annotated[
        bool, typer.Option("--bisect-fix", help="The same for the search for a fix: 0 still bad, 1 fixed.")
    ] = False,
) -> int:
    """Boot real kernels in QEMU, with a fix and without, and say with statistics whether the fix works.

    Verdicts: fixes, no-effect, regresses, not-reproduced, not-applicable, inconclusive, harness-error; with one arm
    alone: holds or fails. The result's folder has report.html, result.json, junit.xml, kcidb.json, series.csv and the
    consoles.
    """
    from cosport.regress import arms, job
    from cosport.regress import workload as workloads
    from cosport.regress.accel import Accelerator

    try:
        wanted = workloads.find(workload)
        named = arms.Named(
            without=without, with_=with_, tree=tree,
            mode=arms.Mode(_one_of("--mode", mode, arms.Mode)) if mode else None,
            control=control, swap=swap, alone=(bisect_run or bisect_fix) and not without,
        )  # fmt: skip
        request = job.Request(
            workload=wanted, profile_name=profile, profile=wanted.profile(profile), named=named,
            configuration=_configuration(defconfig, fragment),
            accelerator=accel if accel == "auto" else _one_of("--accel", accel, Accelerator),
            repeats=repeats or wanted.repeats, command=("cosport", *sys.argv[1:]),
        )  # fmt: skip
        result, folder = _run(session, request, out)
    except CosportError as exc:
        if not (bisect_run or bisect_fix):
            raise
        session.printer.note("cosport: ", exc.what)
        return SKIP if isinstance(exc, BuildError) else ABORT
    view.tell(session.printer, result, folder)
    if bisect_run or bisect_fix:
        return bisect_code(result, fix=bisect_fix)
    return result.exit_code


def _one_of(option: str, value: str, known: type[StrEnum]) -> str:
    if value not in tuple(known):
        raise UsageError(f"{option} {value!r} is none", hint=f"there are: {', '.join(known)}")
    return value


def _configuration(base: str, fragment: Path | None) -> Configuration:
    from cosport import resources
    from cosport.kbuild.kernel import TINY, Configuration

    try:
        text = (
            fragment.read_text(encoding="utf-8")
            if fragment
            else resources.text("pipelines", "kernel", "balloon.config")
        )
    except OSError as exc:
        raise UsageError(
            f"cannot read {fragment}: {exc.strerror}", hint="name a kernel configuration fragment"
        ) from exc
    return Configuration(base or TINY, text)


def _run(session: Session, request: Request, out: Path | None) -> tuple[Result, Path]:
    """Do the job and record its verdict; the result and its folder."""
    from cosport.regress import job
    from cosport.regress.output import Output, default_folder

    stamp = dt.datetime.now(tz=dt.UTC).strftime("%Y%m%d-%H%M%S")
    output = Output.make(out if out is not None else default_folder(request.workload.name, stamp), request.workload)
    with view.progress(session.printer) as observer:
        result = job.run(request, output, lambda: session.repository, observer)
    if not request.named.swap:
        _record(session, result)
    return result, output.folder


def _record(session: Session, result: Result) -> None:
    """Keep the verdict beside the commit that it is about. The result stands on disk: trouble here is a remark."""
    from cosport.git.objects import ObjectReader
    from cosport.regress import recorded

    commit = recorded.commit_of(result)
    if commit is None:
        return
    try:
        with ObjectReader(session.repository) as reader:
            recorded.record_verdict(reader, commit, result)
    except CosportError as exc:
        session.printer.note(f"the verdict is not on record for {commit[:12]}: {exc.what}")


def bisect_code(result: Result, *, fix: bool = False) -> int:
    """The exit code that `git bisect run` wants: a guest that cannot be measured is skipped, as is what is unclear.

    git's 0 is the state at the beginning: in the search for a `fix` that is the broken one.
    """
    from cosport.model.regress import RegressVerdict as Verdict

    good = (Verdict.HOLDS, Verdict.FIXES, Verdict.NOT_APPLICABLE)
    bad = (Verdict.FAILS, Verdict.NO_EFFECT, Verdict.REGRESSES)
    if result.judgement.verdict not in (*good, *bad):
        return SKIP
    return int((result.judgement.verdict in bad) is not fix)


@command(example="cosport regress list\ncosport regress list --json")
def list_workloads(session: Session) -> int:
    """Explain the workloads and their profiles."""
    from cosport.regress import workload

    view.tell_workloads(session.printer, workload.all_shipped())
    return 0


@command(example="cosport regress show\ncosport regress show /tmp/proof --json")
def show(
    session: Session,
    place: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="A result's folder (default: the newest).")
    ] = None,
) -> int:
    """Show one result: verdict, reasons, every run. Exits as the job did."""
    from cosport.regress import output

    folder = place if place is not None else output.latest()
    result = output.read(folder)
    view.tell(session.printer, result, folder)
    return result.exit_code


@command(
    example="cosport regress compare /tmp/before /tmp/after\ncosport regress compare a/result.json b/result.json --json"
)
def compare(
    session: Session,
    first: Annotated[Path, typer.Argument(metavar="FIRST", help="A result's folder.")],
    second: Annotated[Path, typer.Argument(metavar="SECOND", help="Another one.")],
) -> int:
    """Compare the arm with the fix of two results, by the same rank test: kernels, hosts, configurations.

    Exits with 1 where the second is worse by the workload's level, or the results cannot be compared.
    """
    from cosport.regress import output
    from cosport.regress.comparison import of

    found = of(output.read(first), output.read(second))
    view.tell_comparison(session.printer, found, (str(first), str(second)))
    return 1 if found.worse else 0


app = group("Prove a fix by regression jobs on real kernels in QEMU.")
register(app, "run", run, short="Run a job: boot both arms, measure, judge.")
register(app, "list", list_workloads, short="Explain the workloads and their profiles.")
register(app, "show", show, short="Show one result.")
register(app, "compare", compare, short="Set two results side by side.")
