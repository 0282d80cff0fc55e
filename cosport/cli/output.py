"""All that a command prints goes through a Printer: one JSON document, JSON Lines, or text and tables for people.

Standard output holds the answer and nothing else; remarks and progress go to standard error. Rich is imported only
where something is drawn on a terminal.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
from typing import IO, TYPE_CHECKING, Any, Final

from cosport.cli.text import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console
    from rich.text import Text as RichText

    from cosport.cli.progress import Bar

_ANSI: Final = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}

_READABLE: Final = 30
"""Columns that a table's column has at least on a terminal, where it has so much to tell: less is a rope of words."""


@dataclasses.dataclass(frozen=True, slots=True)
class Styled:
    """A text and how it looks on a terminal: "bold", "dim", "red", "green", "yellow" or "cyan"."""

    text: str
    style: str


Text = str | Styled


def wants_color(stream: IO[str], *, no_color: bool) -> bool:
    """Whether to colour what goes to `stream`: only on a terminal, never under NO_COLOR (no-color.org) or TERM=dumb."""
    if no_color or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


class Printer:
    """Prints a command's answer in the form that the user asked for."""

    def __init__(
        self,
        *,
        json: bool = False,
        quiet: bool = False,
        no_color: bool = False,
        out: IO[str] | None = None,
        err: IO[str] | None = None,
    ) -> None:
        self.as_json = json
        self.quiet = quiet
        self.out = out if out is not None else sys.stdout
        self.err = err if err is not None else sys.stderr
        self.color = wants_color(self.out, no_color=no_color)
        self.color_err = wants_color(self.err, no_color=no_color)
        self._documents = 0
        self._bar: Bar | None = None

    def json(self, value: object) -> None:
        """Print `value` (dataclasses, enums, tuples, plain data) as the one JSON document of this run."""
        self._documents += 1
        assert self._documents == 1, "standard output holds exactly one JSON document"
        self._write(encode(value, indent=2) + b"\n")

    def line(self, value: object) -> None:
        """Print `value` as one line of a stream of JSON Lines, at once."""
        self._write(encode(value) + b"\n")
        self.out.flush()

    def whole(self, data: bytes) -> None:
        """Print a document of another form than JSON, byte for byte: the one of this run."""
        self._documents += 1
        assert self._documents == 1, "standard output holds exactly one document"
        self._write(data)

    def say(self, *parts: Text) -> None:
        """Print a line of the answer for people; silent under --json. Control characters in it are escaped."""
        if not self.as_json:
            self._make_way()
            self.out.write("".join(self._paint(part, color=self.color) for part in parts) + "\n")

    def note(self, *parts: Text) -> None:
        """Print a remark on standard error; silent under --quiet."""
        if not self.quiet:
            self._make_way()
            self.out.flush()  # so that both keep their order where they go to one terminal
            self.err.write("".join(self._paint(part, color=self.color_err) for part in parts) + "\n")

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[Text]]) -> None:
        """Print a table: drawn by Rich on a terminal, aligned plain columns otherwise. Silent under --json."""
        if self.as_json:
            return
        self._make_way()
        if self.out.isatty() and os.environ.get("TERM") != "dumb":
            self._rich_table(headings, rows)
            return
        cells = [[safe(head) for head in headings], *([safe(_bare(cell)) for cell in row] for row in rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
        for row in cells:
            self.out.write(
                "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n"
            )

    @contextlib.contextmanager
    def progress(self, what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """Show progress on standard error, if that is a terminal; the block calls the yielded function with steps.

        What is printed in the meantime takes the bar away for a moment.
        """
        if self.quiet or not self.err.isatty() or os.environ.get("TERM") == "dumb":
            yield _nothing
            return
        from cosport.cli.progress import Bar

        bar = Bar(self.err, what, total, no_color=not self.color_err)
        with self.undisturbed():
            outer, self._bar = self._bar, bar
            try:
                bar.wait()
                yield bar.step
            finally:
                bar.end()
                self._bar = outer

    @contextlib.contextmanager
    def undisturbed(self) -> Iterator[None]:
        """No progress is drawn in the block: the terminal is somebody else's, an editor's say."""
        bar = self._bar
        if bar is not None:
            bar.end()
        try:
            yield
        finally:
            if bar is not None:
                bar.wait()

    def _make_way(self) -> None:
        if self._bar is not None:
            self._bar.rest()

    def _rich_table(self, headings: Sequence[str], rows: Sequence[Sequence[Text]]) -> None:
        from rich import box
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text as RichText

        console = Console(file=self.out, highlight=False, color_system="auto" if self.color else None)
        heads = [RichText(safe(head)) for head in headings]
        cells = [[RichText(safe(_bare(cell)), style=_style(cell)) for cell in row] for row in rows]
        # What a column needs at least: a sha stays whole, and of a sentence some words stand in a line.
        least = [min(_READABLE, max(each.cell_len for each in column)) for column in zip(heads, *cells, strict=True)]
        if sum(least) + 3 * len(least) > console.width:
            self._rich_records(console, heads, cells)
            return
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for head, width in zip(heads, least, strict=True):
            table.add_column(head, min_width=width, overflow="fold")  # a ref is there to be copied
        for row in cells:
            table.add_row(*row)
        console.print(table)

    def _rich_records(self, console: Console, heads: Sequence[RichText], rows: Sequence[Sequence[RichText]]) -> None:
        """Draw a table that is too wide for the terminal: each row as a list of its cells, a line each."""
        from rich.table import Table

        for row in rows:
            record = Table.grid(padding=(0, 2))
            record.add_column(style="dim", no_wrap=True, min_width=max(head.cell_len for head in heads))
            record.add_column(overflow="fold")
            for head, cell in zip(heads, row, strict=True):
                if cell.plain:
                    record.add_row(head, cell)
            console.print(record)
            console.print()

    def _paint(self, part: Text, *, color: bool) -> str:
        text = safe(_bare(part), lines=True)
        if color and isinstance(part, Styled):
            return f"\x1b[{_ANSI[part.style]}m{text}\x1b[0m"
        return text

    def _write(self, data: bytes) -> None:
        """Write UTF-8 whatever the locale: JSON is UTF-8 (RFC 8259, section 8.1)."""
        binary = getattr(self.out, "buffer", None)
        if binary is None:  # a StringIO
            self.out.write(data.decode())
        else:
            self.out.flush()
            binary.write(data)


def encode(value: object, *, indent: int = 0) -> bytes:
    r"""`value` as JSON. Bytes that are no UTF-8 (surrogates, PEP 383) come out as `\udcXX`: a reader gets them back."""
    import msgspec

    try:
        data = msgspec.json.encode(value, enc_hook=_plain)
    except UnicodeEncodeError:
        import json

        return json.dumps(msgspec.to_builtins(value, enc_hook=_plain), indent=indent or None).encode("ascii")
    return msgspec.json.format(data, indent=indent) if indent else data


def _plain(value: object) -> Any:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise NotImplementedError(f"no JSON for {type(value).__name__}")


def _bare(part: Text) -> str:
    return part.text if isinstance(part, Styled) else part


def _style(part: Text) -> str:
    return part.style if isinstance(part, Styled) else ""


def _nothing(_steps: int) -> None:
    """Take a step nowhere: progress that nobody sees."""
