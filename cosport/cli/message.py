"""`cosport message`: lints, repairs and takes apart one commit message, from a file, a commit or standard input."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cosport import files
from cosport.cli.options import ProfileName, command, group, register
from cosport.cli.output import Styled
from cosport.cli.session import Session
from cosport.errors import RevisionError, UsageError
from cosport.message import charset, profile

if TYPE_CHECKING:
    from cosport.message.finding import Finding
    from cosport.message.parse import Message
    from cosport.message.profile import Profile

_STYLES: Final = {"block": "red", "warn": "yellow", "info": "dim"}

Source = Annotated[str, typer.Argument(metavar="[FILE|REV]", help="A file, `-` for standard input, or a commit.")]


@dataclass(frozen=True, slots=True)
class _Input:
    """A message and where it came from; `file` is set where it can be written back."""

    text: str
    file: Path | None = None


@command(example="cosport message lint HEAD\ncosport message lint --profile cos .git/COMMIT_EDITMSG")
def lint(session: Session, source: Source = "HEAD", profile: ProfileName = "") -> int:
    """Check a commit message: fields, trailers, Change-Id, origin lines, hidden characters.

    Exits with 1 where something blocks an upload or needs a look. What `cosport message fix` repairs is marked.
    """
    from cosport.message.lint import is_clean
    from cosport.message.lint import lint as findings_of

    rules, required = rules_of(session, profile)
    findings = findings_of(_read(session, source).text, rules, required)
    if session.json:
        document = {"schema": "cosport.message-lint/1", "profile": rules.name, "findings": findings}
        session.printer.json(document)
    for finding in findings:
        _tell(session, finding)
    if not findings:
        session.printer.note("nothing to find fault with")
    return 0 if is_clean(findings) else 1


def _tell(session: Session, finding: Finding) -> None:
    place = f"line {finding.line}: " if finding.line else ""
    repair = f" (fix {finding.fix})" if finding.fix else ""
    grade = Styled(finding.severity.value, _STYLES[finding.severity.value])
    session.printer.say(grade, f" {place}{finding.text} [{finding.id}]{repair}")


@command(example="cosport message fix HEAD\ncosport message fix --write .git/COMMIT_EDITMSG")
def fix(
    session: Session,
    source: Source = "HEAD",
    profile: ProfileName = "",
    write: Annotated[bool, typer.Option("--write", help="Write the file instead of printing it.")] = False,
) -> int:
    """Print a commit message with every repair that needs no judgement.

    White space, wrapped or misspelled fields, bare bug numbers, CVE ids, fields among the trailers. A commit is never
    changed: give the text to `git commit --amend -F -`.
    """
    from cosport.message.fix import fix as fixed_of

    rules, _ = rules_of(session, profile)
    given = _read(session, source)
    if write and given.file is None:
        raise UsageError("--write needs a file", hint="cosport message fix REV | git commit --amend -F -")
    fixed = fixed_of(given.text, rules)
    if write and given.file is not None and fixed != given.text:
        replace_file(given.file, fixed)
    if session.json:
        session.printer.json({"schema": "cosport.message-fix/1", "changed": fixed != given.text, "text": fixed})
    elif not write:
        _print(session, fixed)
    return 0


@command(example="cosport message parse HEAD\ncosport message parse --json - < message.txt")
def parse(session: Session, source: Source = "HEAD") -> int:
    """Show every trailer of a commit message, in order, with its line and paragraph.

    All paragraphs are read, and fields such as BUG= and RELEASE_NOTE= too, which git itself does not see.
    """
    from cosport.message.parse import parse as parsed

    message = parsed(_read(session, source).text)
    if session.json:
        session.printer.json(_document(message))
    rows = [(str(trailer.line), trailer.kind.value, trailer.key, trailer.full) for trailer in message.trailers]
    if rows:
        session.printer.table(("LINE", "KIND", "KEY", "VALUE"), rows)
    else:
        session.printer.note("no trailers")
    return 0


def _document(message: Message) -> dict[str, Any]:
    return {
        "schema": "cosport.message/1",
        "subject": message.subject,
        "body": message.body,
        "trailers": [{**asdict(trailer), "separator": trailer.separator} for trailer in message.trailers],
    }


def rules_of(session: Session, name: str) -> tuple[Profile, tuple[str, ...] | None]:
    """The profile, and the fields that must be filled (None: all of its own).

    A message in a file can be checked outside of a repository: then `name` must be given.
    """
    if name and not _in_repository(session):
        return profile.load_profile(name), None
    settings = session.config.message
    rules = profile.load_profile(name or settings.profile)
    if name and name != settings.profile:
        return rules, None
    rules = profile.configured(rules, classes=settings.classes, defaults=settings.defaults)
    return rules, settings.required or None


def _in_repository(session: Session) -> bool:
    try:
        return session.repository is not None
    except UsageError:
        if session.repo is not None:
            raise
        return False


def _read(session: Session, source: str) -> _Input:
    """The message that `source` names. Raises RevisionError where it is neither a file nor a commit."""
    if source == "-":
        return _Input(charset.decode(sys.stdin.buffer.read(), None).text)
    file = Path(source)
    if file.is_file():
        return _Input(charset.decode(file.read_bytes(), None).text, file)
    from cosport.git.objects import ObjectReader

    with ObjectReader(session.repository) as objects:
        try:
            commit = objects.resolve(source)
        except RevisionError as exc:
            raise RevisionError(
                f"there is no file {source!r}, and {exc.what}", hint="name a file, `-` for standard input, or a commit"
            ) from exc
    return _Input(charset.decode(commit.message, commit.encoding).text)


def _print(session: Session, text: str) -> None:
    """Print a whole message: with its control characters escaped on a terminal, byte for byte elsewhere."""
    binary = getattr(session.printer.out, "buffer", None)
    if session.printer.out.isatty() or binary is None:
        session.printer.say(text.removesuffix("\n"))
    else:
        session.printer.out.flush()
        binary.write(charset.encode(text)[0])


def replace_file(file: Path, text: str) -> None:
    """Write a file whole or not at all, with the mode that it has; a link leads to the file that is written."""
    files.replace(file.resolve(), charset.encode(text)[0])


app = group("Lint, fix or parse a commit message by itself.")
register(app, "lint", lint, short="Check a commit message.")
register(app, "fix", fix, short="Print a commit message with the repairs that need no judgement.")
register(app, "parse", parse, short="Show every trailer of a commit message.")
