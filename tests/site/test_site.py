"""What `cosport site` writes: the right facts, links that lead somewhere, and never half a site."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import jsonschema
import pytest

from cosport.cli import schema
from cosport.errors import UsageError
from cosport.model.result import Difference
from cosport.records.record import Kind, Record
from cosport.site import build
from cosport.site.model import Cell, Cve, Fix, Missing, Site
from cosport.site.pages import slug
from cosport.site.recorded import known_of
from tests.support import cosport

if TYPE_CHECKING:
    from pathlib import Path

    from tests.site.conftest import Made


class Links(HTMLParser):
    """The addresses that a page leads to, and the names in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action")]


def test_every_link_leads_to_a_file_of_the_site(made: Made) -> None:
    checked = 0
    for file in made.folder.rglob("*.html"):
        for link in Links(file.read_text(encoding="utf-8")).links:
            parts = urlsplit(link)
            if parts.scheme == "https" and file.parent.name == "notes":
                continue  # notes lead to bugs and CVEs where they live
            assert not parts.scheme, link
            assert not parts.netloc, link
            if parts.path:
                target = (file.parent / unquote(parts.path)).resolve()
                assert target.is_file(), (file, link)
                assert target.is_relative_to(made.folder.resolve())
                checked += 1
    assert checked > 50


def test_the_facts_are_those_of_the_repository(made: Made) -> None:
    page = (made.folder / made.fix("hostile")).read_text(encoding="utf-8")
    for text in ("adapted", "+&lt;b&gt;twenty", "+&lt;i&gt;zwanzig", "mm/&lt;oom&gt;.c", "fixes"):
        assert text in page
    # Whose line it is says the heading; what the patch does with it, the line's own mark and colour.
    theirs, ours = (page.index(f"<h4>Only in {whose} patch") for whose in ("upstream&#39;s", "this pick&#39;s"))
    assert theirs < page.index('class="add">+&lt;b&gt;twenty') < ours < page.index('class="add">+&lt;i&gt;zwanzig')
    # What was proven before review gave the pick another name counts for what landed.
    assert ">no-effect<" in (made.folder / made.fix("plain")).read_text(encoding="utf-8")
    index = (made.folder / "index.html").read_text(encoding="utf-8")
    assert index.index("mm: fix forty") < index.index("mm: fix five")
    missing = (made.folder / f"missing/{slug('cos-5.4')}.html").read_text(encoding="utf-8")
    assert "mm: fix forty" in missing
    assert "mm: fix five" not in missing
    cves = (made.folder / "cve.html").read_text(encoding="utf-8")
    assert cves.index("CVE-2026-10001") < cves.index(">fixed<") < cves.index(">affected<")


def test_a_site_is_made_anew_and_anything_else_is_left_alone(made: Made, tmp_path: Path) -> None:
    stale = made.folder / "fix/stale.html"
    stale.touch()
    answer = cosport("site", str(made.folder), "--json", cwd=made.git.path, check=0).json()
    jsonschema.validate(answer, schema.of("site"))
    assert answer["fixes"] == 3
    assert not stale.exists()
    assert [each.name for each in made.folder.parent.iterdir() if each.name.startswith(".site")] == []
    (tmp_path / "mine").touch()
    assert "holds no site" in cosport("site", str(tmp_path), cwd=made.git.path, check=2).err
    assert (tmp_path / "mine").exists()


def fixes(count: int, branches: int) -> tuple[Fix, ...]:
    long = "subsystem: a subject as long as they come, with all that is in it, " * 2
    names = [f"b{at}" for at in range(branches)]
    cells = {name: Cell(name, "landed", "a" * 40, "adapted", "Verified +1", "fixes", "v6.1.100") for name in names}
    return tuple(
        Fix(f"{number:040x}", f"{long}{number}", "Some Body", "2026-01-02", long * 20, cells) for number in range(count)
    )


def test_no_page_is_large_however_much_there_is(tmp_path: Path) -> None:
    branches = tuple((f"b{at}", "b" * 40) for at in range(6))
    many = fixes(1300, 6)
    worst = Cell("b0", "landed", "a" * 40, differences=(Difference("f", ("-" + "x" * 80,) * 9999, ("+y",) * 9999),))
    many = (Fix("f" * 40, "s", "a", "2026-01-02", "m" * 3_000_000, {"b0": worst}), *many)
    missing = tuple(Missing(each.sha, each.subject, each.date, "missing", "high", ("fixes x",)) for each in many)
    cves = tuple(Cve(f"CVE-2026-{at}", "t" * 99, "high", ("f" * 40,), {"b0": "fixed"}) for at in range(1300))
    site = Site("t", "a" * 40, "now", branches, many, {"b0": missing}, cves)
    build.build(site, tmp_path / "site")
    sizes = {file: file.stat().st_size for file in (tmp_path / "site").rglob("*") if file.is_file()}
    assert max(sizes.values()) < 1_000_000
    assert len(sizes) > 1300


def test_an_empty_site_is_a_site(tmp_path: Path) -> None:
    build.build(Site("t", "a" * 40, "now", (("b", "b" * 40),), ()), tmp_path / "site")
    assert "No branch has picked" in (tmp_path / "site/index.html").read_text(encoding="utf-8")


def test_pages_of_one_branch_are_not_those_of_another(tmp_path: Path) -> None:
    lacks = tuple(Missing(f"{at:040x}", f"fix {at}", "2026-01-02", "missing", "high", ()) for at in range(600))
    names = ("cos", "cos-2", "cos-3", "cos~2")
    site = Site("t", "a" * 40, "now", tuple((each, "b" * 40) for each in names), (), {"cos": lacks})
    build.build(site, tmp_path / "site")
    found: dict[str, int] = {}
    for file in (tmp_path / "site/missing").iterdir():
        page = file.read_text(encoding="utf-8")
        heading = page[page.index("<h1>") + 4 : page.index("</h1>")]
        found[heading] = found.get(heading, 0) + 1
    assert found == {"Missing in cos": 3, "Missing in cos-2": 1, "Missing in cos-3": 1, "Missing in cos~2": 1}


def test_a_link_to_the_site_s_folder_stays_one(tmp_path: Path) -> None:
    site = Site("t", "a" * 40, "now", (("b", "b" * 40),), ())
    (tmp_path / "served").mkdir()
    (tmp_path / "link").symlink_to("served")
    for _ in range(2):
        build.build(site, tmp_path / "link")
        assert sorted(each.name for each in tmp_path.iterdir()) == ["link", "served"]
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "served/index.html").is_file()


@pytest.mark.parametrize("data", [{"conflicts": 5}, {"conflicts": {"a": 1}}, {"outcome": [1], "fidelity": {"a": None}}])
def test_records_of_another_form_are_passed_over(data: dict[str, object]) -> None:
    found = known_of([Record(kind=Kind.PICK, at="2026-01-02T03:04:05Z", by="somebody", data=data)])
    assert found.conflicts == ()
    assert len(found.events) == 1


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is no folder"):
        build.check(tmp_path / "file")


@pytest.mark.parametrize(("one", "other"), [("a/b", "a-b"), ("a<b", "a>b"), ("..", "."), ("x", "X")])
def test_file_names_are_safe_and_apart(one: str, other: str) -> None:
    names = {slug(one), slug(other)}
    assert len(names) == 2
    assert not any("/" in name or name.startswith(".") for name in names)
