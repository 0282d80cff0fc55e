"""The site in a real browser: quiet, closed in itself, readable by everybody, and deaf to what commits say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.site.conftest import Made

WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


class Looker:
    """A page of a browser that notes everything that should not happen."""

    def __init__(self, browser: Any, made: Made, **context: Any) -> None:
        self.made = made
        self.context = browser.new_context(**context)
        self.page = self.context.new_page()
        self.wrong: list[str] = []
        self.page.on(
            "console",
            lambda said: self.wrong.append(f"console: {said.text}") if said.type in ("error", "warning") else None,
        )
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("dialog", self._dialog)
        self.page.on("request", self._request)

    def open(self, name: str) -> None:
        """Go to a page of the site."""
        self.page.goto(self.made.page(name))
        self.page.wait_for_load_state("load")

    def _dialog(self, dialog: Any) -> None:
        self.wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Any) -> None:
        address = urlsplit(request.url)
        if address.scheme != "file" or not unquote(address.path).startswith(f"{self.made.folder}/"):
            self.wrong.append(f"request: {request.url}")


@pytest.fixture
def look(browser: Any, made: Made) -> Iterator[Any]:
    opened: list[Looker] = []

    def start(**context: Any) -> Looker:
        opened.append(Looker(browser, made, **context))
        return opened[-1]

    yield start
    for each in opened:
        each.context.close()


def pages(made: Made) -> list[str]:
    return [str(file.relative_to(made.folder)) for file in sorted(made.folder.rglob("*.html"))]


def test_every_page_is_quiet_closed_in_itself_and_accessible(look: Any, made: Made) -> None:
    from axe_playwright_python.sync_playwright import Axe

    for scheme, size in (("light", WIDE), ("dark", PHONE)):
        looker = look(color_scheme=scheme, viewport=size)
        for name in pages(made):
            looker.open(name)
            width = looker.page.evaluate("document.documentElement.scrollWidth")
            assert width <= size["width"], f"{name} is {width} wide"
            found = Axe().run(looker.page, options={"preload": False}).response["violations"]
            grave = [
                (each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in ("serious", "critical")
            ]
            assert not grave, (name, scheme, grave)
        assert not looker.wrong


def test_a_person_finds_a_fix_and_reads_it(look: Any, made: Made) -> None:
    looker = look(viewport=WIDE)
    looker.open("index.html")
    looker.page.fill("#q", "fix FIVE")
    looker.page.press("#q", "Enter")
    looker.page.wait_for_selector("#found li")
    assert looker.page.inner_text("#told") == "1 found"
    looker.page.click("#found a")
    assert looker.page.inner_text("h1") == "mm: fix five"
    text = looker.page.inner_text("main")
    assert "Fixed five." in text
    assert "cos-5.4.1" in text
    assert "CVE-2026-10001" in text
    assert looker.page.evaluate("document.querySelector('figure img').naturalWidth") > 0
    assert not looker.wrong


def test_a_phone_shows_a_fix_whole_and_a_column_without_a_word_is_left_out(look: Any, made: Made) -> None:
    looker = look(viewport=PHONE)
    looker.open(made.fix("plain"))
    table = "document.querySelector('.told')"
    assert looker.page.evaluate(f"{table}.scrollWidth <= {table}.closest('.scroll').clientWidth")
    evidence = looker.page.locator(".told .wrap .dim").first.bounding_box()
    assert evidence["x"] + evidence["width"] <= PHONE["width"]
    headings = [looker.page.locator(".told thead th").all_inner_texts()]
    looker.open(made.fix("missing"))
    headings.append(looker.page.locator(".told thead th").all_inner_texts())
    assert [("Release" in each, "Proof" in each, "Branch" in each) for each in headings] == [
        (True, True, True), (False, False, True)
    ]  # fmt: skip


@pytest.mark.parametrize("words", ["CVE-2026-10001", "up stream", ""])
def test_search_by_other_words(look: Any, words: str) -> None:
    looker = look(viewport=WIDE)
    looker.open("search.html")
    looker.page.fill("#q", words)
    count = {"CVE-2026-10001": 1, "up stream": 3, "": 0}[words]
    looker.page.wait_for_function(f"document.querySelectorAll('#found li').length === {count}")
    assert not looker.wrong


def test_it_works_without_scripts(look: Any, made: Made) -> None:
    looker = look(viewport=WIDE, java_script_enabled=False)
    looker.open("index.html")
    assert looker.page.locator("tbody tr").count() == 3
    looker.page.click("text=mm: fix five")
    assert looker.page.inner_text("h1") == "mm: fix five"
    looker.open("search.html")
    assert "Searching needs JavaScript" in looker.page.inner_text("#told")


def test_what_commits_say_stays_text(look: Any, made: Made) -> None:
    looker = look(viewport=WIDE)
    for name in ("index.html", made.fix("hostile"), "search.html"):
        looker.open(name)
        if name == "search.html":
            looker.page.fill("#q", "script")
            looker.page.wait_for_selector("#found li")
        text = looker.page.inner_text("main")
        assert "<script>alert('x')</script>\"'><img src=x onerror=alert(1)>" in text
        assert "{{ 7*7 }}" in text
        assert "\u202e" not in text
        assert looker.page.locator("main script, main img[src=x], main b b").count() == 0
    assert not looker.wrong
