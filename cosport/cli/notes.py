"""`cosport notes`: release notes of a range, in every form; why something is in them; what will read badly."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperGroup

from cosport.cli import team
from cosport.cli.cves import opened
from cosport.cli.options import ProfileName, command, register
from cosport.cli.output import Styled
from cosport.cli.session import Session
from cosport.cli.working import working
from cosport.errors import ConfigError, RevisionError, UsageError
from cosport.notes.render import Format

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cosport.backport.context import Context
    from cosport.git.objects import ObjectReader
    from cosport.model.commit import Sha
    from cosport.notes.build import Request
    from cosport.notes.document import Document
    from cosport.notes.house import House

EPOCH: Final = "SOURCE_DATE_EPOCH"
"""See https://reproducible-builds.org/specs/source-date-epoch/"""

_STYLES: Final = {"block": "red", "warn": "yellow", "info": "dim"}

Span = Annotated[str, typer.Argument(metavar="[FROM..TO]", help="From the last release to this one.")]
ReleaseName = Annotated[
    str, typer.Option("--release", metavar="NAME", help="A release's tag; from the nearest release before it.")
]


@command(
    example="""cosport notes cos-121-1..cos-121-2 > notes.md
cosport notes --release v2.6.32.33 --format html > notes.html
cosport notes --release v2.6.32.33 --check notes.md
cosport notes explain CVE-2024-26581 --release v6.6.114
cosport notes lint v6.6.113..HEAD"""
)
def write(
    session: Session,
    span: Span = "",
    release: ReleaseName = "",
    form: Annotated[Format, typer.Option("--format", help="The form of the notes.")] = Format.MD,
    check: Annotated[
        Path | None, typer.Option("--check", metavar="FILE", help="Compare with a file; 1 where it differs.")
    ] = None,
    template: Annotated[
        Path | None, typer.Option("--template", metavar="FILE", help="A Jinja2 template of your own (.md, .html, ...).")
    ] = None,
    document: Annotated[
        Path | None, typer.Option("--document", metavar="FILE", help="Render a document that --format json wrote.")
    ] = None,
    profile: ProfileName = "",
    authors: Annotated[
        bool | None, typer.Option("--authors/--no-authors", help="Name the authors (default: as configured).")
    ] = None,
) -> int:
    """Write release notes of what a range of commits really changes, and of the CVEs that it fixes.

    One entry for one fix, however often it was picked; what was reverted again is left out. `notes explain` tells why
    a commit or CVE is in them or not, `notes lint` what will read badly. The same input gives the same bytes.
    """
    from cosport.notes.build import build
    from cosport.notes.render import load, render, render_by

    if document is not None:
        if span or release:
            raise UsageError("--document takes no range: the document holds it", hint="leave the range out")
        made = load(_read(document), str(document))
    else:
        with requesting(session, span, release, profile, authors=authors) as request:
            made = build(request)
    chosen = Format.JSON if session.json else form
    text = render(made, chosen) if template is None else render_by(made, template)
    if check is not None:
        return _check(session, text.encode(), check)
    _print(session, text)
    _alert(session, made)
    return 0


@command(example="cosport notes explain 553a8fe2b8d4 v6.6.113..v6.6.114\ncosport notes explain CVE-2024-26581 A..B")
def explain(
    session: Session,
    what: Annotated[str, typer.Argument(metavar="SHA|CVE", help="A commit, upstream's or the branch's, or a CVE.")],
    span: Span = "",
    release: ReleaseName = "",
    profile: ProfileName = "",
) -> int:
    """Tell why a commit or a CVE is in the notes of a range, or is not.

    The exit code is 1 where it is not in them.
    """
    from cosport.notes.build import build
    from cosport.notes.explain import explain as explained

    with requesting(session, span, release, profile) as request:
        found = explained(request, build(request), what)
    if session.json:
        session.printer.json(found)
    word = Styled("in the notes", "green") if found.told else Styled("not in the notes", "yellow")
    session.printer.say(f"{found.asked}: ", word)
    for reason in found.reasons:
        session.printer.say(f"  {reason}")
    return 0 if found.told else 1


@command(example="cosport notes lint v6.6.113..HEAD")
def lint(session: Session, span: Span = "", release: ReleaseName = "", profile: ProfileName = "") -> int:
    """Tell what of a range will read badly in its notes, before it is released.

    Empty notes, ones that older tools cut at the end of their first line, misspelled keys and CVEs. The exit code is 1
    where something needs a look.
    """
    from cosport.notes.build import build
    from cosport.notes.lint import SCHEMA, is_clean
    from cosport.notes.lint import lint as linted

    with requesting(session, span, release, profile) as request:
        found = linted(request, build(request))
    if session.json:
        session.printer.json({"schema": SCHEMA, "commits": found})
    for each in found:
        session.printer.say(Styled(each.commit[:12], "bold"), f" {each.subject}")
        for finding in each.findings:
            place = f"line {finding.line}: " if finding.line else ""
            grade = Styled(finding.severity.value, _STYLES[finding.severity.value])
            session.printer.say("  ", grade, f" {place}{finding.text} [{finding.id}]")
    if not found:
        session.printer.note("nothing will read badly")
    return 0 if is_clean(found) else 1


@contextmanager
def requesting(
    session: Session, span: str, release: str, profile: str, *, authors: bool | None = None
) -> Iterator[Request]:
    """What notes are made from. Raises UsageError, RevisionError, ConfigError, CveDataError."""
    import msgspec

    from cosport.message.profile import load_profile
    from cosport.notes import releases
    from cosport.notes.build import Request
    from cosport.notes.fields import Keys

    if bool(span) == bool(release):
        raise UsageError("name one range", hint="give FROM..TO, such as v6.6.113..v6.6.114, or --release NAME")
    with working(session) as context:
        settings = context.config.notes
        if authors is not None:
            settings = msgspec.structs.replace(settings, authors=authors)
        if span:
            found = releases.given(context.reader, span)
        else:
            found = releases.of_release(context.history, context.reader, release, settings.tags)
        context.history.ensure([sha for sha in (found.old, found.new) if sha is not None])
        cves = opened(session)
        try:
            yield Request(
                history=context.history,
                reader=context.reader,
                range=found,
                keys=Keys.of(load_profile(profile or context.config.message.profile)),
                settings=settings,
                house=_house(session, context.reader),
                cves=cves,
                branches=tuple(_branches(context)),
                tags=releases.tags_of(context.history, settings.tags),
                date=_epoch(),
            )
        finally:
            if cves is not None:
                cves.close()


def _branches(context: Context) -> Iterator[tuple[str, Sha]]:
    """The configured branches that are here."""
    for branch in context.config.branches:
        try:
            tip = context.reader.resolve(branch.ref).sha
        except RevisionError:
            continue
        context.history.ensure((tip,))
        yield branch.name, tip


def _house(session: Session, reader: ObjectReader) -> House:
    from cosport.notes import house

    return house.joined([house.parse(data, source) for data, source in team.read(session, reader, house.FILE)])


def _epoch() -> int | None:
    given = os.environ.get(EPOCH, "")
    if not given:
        return None
    if not given.isascii() or not given.isdigit():
        raise ConfigError(f"{EPOCH} is {given!r}", hint="give seconds since 1970, or unset it")
    return int(given)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as exc:
        raise UsageError(f"{file}: {exc.strerror}") from exc


def _check(session: Session, made: bytes, file: Path) -> int:
    """Compare the notes with a file; tell the first line that differs."""
    there = _read(file)
    if there == made:
        session.printer.note(f"{file} is up to date")
        return 0
    old, new = (data.decode("utf-8", "replace").split("\n") for data in (there, made))
    line = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    session.printer.note(f"{file} differs from line {line + 1} on")
    for mark, lines in (("-", old), ("+", new)):
        if line < len(lines):
            session.printer.note(f"  {mark} {lines[line][:200]}")
    return 1


def _print(session: Session, text: str) -> None:
    """Print the notes as they are: in UTF-8, whatever the locale; renderers leave no control character in them."""
    out = session.printer.out
    binary = getattr(out, "buffer", None)
    if binary is None:
        out.write(text)
    else:
        out.flush()
        binary.write(text.encode())


def _alert(session: Session, made: Document) -> None:
    """Say on standard error what nobody should publish without a look: CVEs that come back."""
    for cve in made.cves:
        if cve.before == "fixed" and cve.state != "fixed":
            what = f"{cve.id} was fixed in {made.previous.name} and is {cve.state.value} in {made.release.name}"
            session.printer.note(Styled("look: ", "red"), what)


class _Group(TyperGroup):
    """A group whose own name is a command too: `cosport notes FROM..TO` means `cosport notes write FROM..TO`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or args[0] not in self.commands:
            args = ["write", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_Group,
    help="Write release notes.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
register(app, "write", write, short="Write the notes of a range.")
register(app, "explain", explain, short="Tell why a commit or a CVE is in them, or not.")
register(app, "lint", lint, short="Tell what will read badly.")
