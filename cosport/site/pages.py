"""Turns the site's values into pages: Jinja2 with everything escaped, one relative folder, nothing from elsewhere."""

from __future__ import annotations

import functools
import hashlib
import json
import re
import shutil
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from cosport import resources
from cosport.model.text import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from jinja2 import Environment

    from cosport.site.model import Cell, Fix, Site

ROWS: Final = 250
"""Rows of a table on one page: 6 branches make some 400 KB of it."""

SHARD: Final = 4000
"""Fixes in one file of the search's index."""

LONGEST: Final = 60_000
"""Characters of one text that a page shows: a commit may quote a whole log."""

LINES: Final = 400
"""Lines of differences that a page shows for a file."""

LARGEST: Final = 1_000_000
"""Bytes of a job's file that the site takes in."""

ASSETS: Final = ("style.css", "search.js", "icon.svg")


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a long table: its number, how many there are, and its file's name."""

    number: int
    count: int
    file: str
    rows: tuple[Any, ...]
    stem: str

    def at(self, number: int) -> str:
        """The file of another page of the same table."""
        return _page_file(self.stem, number)


class Writer:
    """Writes the pages of one site into a folder."""

    def __init__(self, site: Site, folder: Path, step: Callable[[int], None]) -> None:
        self._site = site
        self._folder = folder
        self._step = step
        self._jinja = _environment(site)

    def write(self) -> int:
        """Write all pages; how many files there are."""
        for name in ASSETS:
            shutil.copyfile(resources.path("templates", "site", name), self._folder / name)
        for sub in ("fix", "missing", "notes", "search", "plots"):
            (self._folder / sub).mkdir()
        self._overview()
        self._fixes()
        self._lists()
        self._notes()
        self._search()
        return sum(1 for file in self._folder.rglob("*") if file.is_file())

    def _page(self, template: str, file: str, **values: Any) -> None:
        text = self._jinja.get_template(template).render(root="../" * file.count("/"), here=file, **values)
        (self._folder / file).write_text(text, encoding="utf-8", errors="replace")

    def _overview(self) -> None:
        site = self._site
        counts = {
            name: Counter(fix.cells[name].outcome for fix in site.fixes if name in fix.cells)
            for name, _ in site.branches
        }
        for page in _pages(site.fixes, "index"):
            self._page("matrix.html.j2", page.file, page=page, counts=counts)

    def _fixes(self) -> None:
        template = self._jinja.get_template("fix.html.j2")
        titles = {cve.id: cve for cve in self._site.cves}
        for fix in self._site.fixes:
            columns = _columns(fix)
            here = fix_file(fix.sha)
            text = template.render(root="../", here=here, fix=fix, columns=columns, titles=titles, copied=self._copied)
            (self._folder / fix_file(fix.sha)).write_text(text, encoding="utf-8", errors="replace")
            self._step(1)

    def _lists(self) -> None:
        site = self._site
        known = {fix.sha for fix in site.fixes}
        for name, tip in site.branches:
            for page in _pages(site.missing.get(name, ()), f"missing/{slug(name)}"):
                self._page("missing.html.j2", page.file, page=page, branch=name, tip=tip, known=known)
        for page in _pages(site.cves, "cve"):
            self._page("cve.html.j2", page.file, page=page, known=known)

    def _notes(self) -> None:
        self._page("notes.html.j2", "notes/index.html")
        for each in self._site.notes:
            for ending, text in (("html", each.html), ("atom", each.atom)):
                file = self._folder / "notes" / f"{slug(each.span)}.{ending}"
                file.write_text(text, encoding="utf-8", errors="replace")

    def _search(self) -> None:
        """The index as scripts: a page that was opened from a disk may load those, and no JSON."""
        shards = [self._site.fixes[at : at + SHARD] for at in range(0, len(self._site.fixes), SHARD)]
        for number, shard in enumerate(shards):
            rows = [[fix.sha, safe(fix.subject), safe(fix.author), fix.date, list(fix.cves)] for fix in shard]
            text = f"cosportIndex({json.dumps(rows, separators=(',', ':'))});\n"
            (self._folder / "search" / f"{number}.js").write_text(text, encoding="ascii")
        self._page("search.html.j2", "search.html", shards=len(shards))

    def _copied(self, file: Path) -> str:
        """A file that a job made, copied into the site once; its name there, "" where it is gone or too large."""
        try:
            data = file.read_bytes() if file.stat().st_size < LARGEST else b""
        except OSError:
            return ""
        if not data:
            return ""
        name = f"{hashlib.sha256(data).hexdigest()[:20]}{file.suffix}"
        (self._folder / "plots" / name).write_bytes(data)
        return f"plots/{name}"


def fix_file(sha: str) -> str:
    """The page of a fix, from the site's folder."""
    return f"fix/{sha}.html"


def slug(name: str) -> str:
    """A file name for a branch's or a range's name; two names never share one."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "-", name).strip(".")
    return plain if plain == name else f"{plain}-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:8]}"


def _pages(rows: Sequence[Any], stem: str) -> Iterator[Page]:
    count = max(1, -(-len(rows) // ROWS))
    for number in range(1, count + 1):
        part = tuple(rows[(number - 1) * ROWS : number * ROWS])
        yield Page(number, count, _page_file(stem, number), part, stem)


def _page_file(stem: str, number: int) -> str:
    return f"{stem}.html" if number == 1 else f"{stem}~{number}.html"  # no name ends so: `slug` keeps no ~


def _environment(site: Site) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(resources.path("templates", "site")),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        # Control characters and marks of direction become visible; Jinja2 escapes the rest.
        finalize=_visible,
    )
    made.globals.update(site=site, fix_file=fix_file, slug=slug, lines_shown=LINES)
    made.globals.update(chip=_chip, detailed=_detailed)
    made.filters.update(cut=_cut)
    return made


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + f"\n[... {len(text) - LONGEST} characters more]"


_COLUMNS: Final = (
    ("fidelity", "Against upstream"), ("review", "Review"), ("verdict", "Proof"), ("release", "Release"),
    ("commit", "Commit"),
)  # fmt: skip


def _columns(fix: Fix) -> list[tuple[str, str]]:
    """What there is to tell of a fix besides its state, with the headings: columns without a word tell nothing."""
    return [(name, heading) for name, heading in _COLUMNS if any(getattr(cell, name) for cell in fix.cells.values())]


def _detailed(fix: Fix) -> list[Cell]:
    """The branches of which there is more to tell than fits into a row."""
    return [
        cell
        for cell in fix.cells.values()
        if cell.conflicts or cell.adapted or cell.differences or cell.jobs or cell.events
    ]


def _visible(value: object) -> object:
    """A text with control characters and marks of direction written out; most texts have none."""
    if type(value) is not str or (value.isascii() and value.isprintable()):
        return value
    return safe(value, lines=True)


_TONES: Final = {
    "landed": "good", "fixed": "good", "fixes": "good", "passed": "good", "not-affected": "quiet", "identical": "good",
    "context": "good", "picked": "open", "resolved": "look", "adapted": "look", "reverted": "bad", "missing": "bad",
    "affected": "bad", "partial": "look", "regresses": "bad", "no-effect": "bad", "failed": "bad", "error": "bad",
    "conflict": "bad", "maybe missing": "look", "missing-commit": "bad",
    "maybe-missing-commit": "look", "critical": "bad", "high": "bad", "medium": "look",
    "already-applied": "good", "waits-for-main": "open",
}  # fmt: skip


_SPOKEN: Final = {
    "already-applied": "has it", "not-affected": "not affected", "waits-for-main": "waits for main",
    "missing-commit": "missing", "maybe-missing-commit": "maybe missing",
}  # fmt: skip
"""Outcomes that read better otherwise than they are written in JSON."""


@functools.lru_cache(maxsize=1024)
def _chip(word: str) -> Markup:
    """A word in its colour; made here and not by a macro, since a site has some hundred thousand of a few of them."""
    return Markup('<span class="chip {}">{}</span>').format(
        _TONES.get(word, "quiet"), _visible(_SPOKEN.get(word, word))
    )
