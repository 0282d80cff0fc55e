"""No text of a commit, a record or a file steers a form of the notes: it is shown, whole, and does nothing."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from markdown_it import MarkdownIt

from cosport.cve.state import State
from cosport.message.profile import load_profile
from cosport.model.text import safe
from cosport.notes import fields
from cosport.notes.entries import clean
from cosport.notes.render import Format, render, render_by
from cosport.notes.render.escape import markdown
from tests.notes.documents import document
from tests.support import ROOT, invoke

if TYPE_CHECKING:
    from pathlib import Path

    from markdown_it.token import Token

    from tests.notes.story import Story
    from tests.support import Git

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</bdi></p><iframe src=//evil.example.com>",
    "</title><script>alert(1)</script>",
    "]]></content><entry><id>x</id></entry>",
    "<!-- --><?php ?>",
    "&lt;b&gt; &amp; &#60;b&#62; &colon;",
    "[x](javascript:alert(1)) ![x](https://evil.example.com/x.png)",
    "[x]: https://evil.example.com [x] [x][x]",
    "`code` ``more`` ```fence",
    "*a* **b** _c_ __d__ ~~e~~ ***",
    "<https://evil.example.com> https://evil.example.com www.evil.example.com me@evil.example.com",
    "| a | b | || --- |",
    "# heading",
    "- list",
    "+ list",
    "1. list",
    "17) list",
    "> quote",
    "=====",
    "-----",
    "~~~",
    "\\*a\\* \\[x\\](y) trailing\\",
    "{{ 7 * 7 }} {% raw %} {# c #} ${x} #{y} {{ self.__class__ }}",
    "$$x$$ $`y`$ @mallory #1 GH-1 owner/repo#1",
    "%s %n %(x)s {0} {release}",
)
PLACES = document("harmless words")


class Page(HTMLParser):
    """The elements of a page with their attributes' names and addresses, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.shape: list[tuple[str, tuple[str, ...], str]] = []
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = tuple(name for name, _ in attrs)
        self.shape.append((tag, names, dict(attrs).get("href") or ""))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return "".join(self.texts)


@pytest.mark.parametrize("text", HOSTILE)
def test_html_keeps_its_shape_and_shows_the_text(text: str) -> None:
    page = Page(render(document(text), Format.HTML))
    assert page.shape == Page(render(PLACES, Format.HTML)).shape
    assert page.text.count(text) >= 12
    assert not any(tag in ("script", "img", "iframe", "link", "object") for tag, _, _ in page.shape)


def blocks(text: str) -> list[tuple[str, str]]:
    """The tokens of Markdown in GitHub's dialect, as (type, address)."""
    found: list[tuple[str, str]] = []

    def walk(tokens: list[Token]) -> None:
        for token in tokens:
            if token.type not in ("text", "text_special", "inline"):
                found.append((token.type, str(token.attrs.get("href", ""))))
            walk(token.children or [])

    walk(MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text))
    return found


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_keeps_its_shape_and_shows_the_text(text: str) -> None:
    made = render(document(text), Format.MD)
    assert blocks(made) == blocks(render(PLACES, Format.MD))
    html = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(made)
    assert Page(html).text.count(text) >= 10


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("before", ["", "* ", "# ", "> ", "| "])
def test_escaped_text_reads_the_same_wherever_it_stands(text: str, before: str) -> None:
    shown = Page(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(before + markdown(text))).text
    assert text in shown


def test_github_s_own_links_are_not_made() -> None:
    assert markdown("https://e.com www.e.com a@e.com #1") == "https\\://e.com www\\.e.com a\\@e.com \\#1"


@pytest.mark.parametrize("text", HOSTILE)
def test_atom_is_the_same_feed_with_other_words(text: str) -> None:
    feed = ET.fromstring(render(document(text), Format.ATOM))
    other = ET.fromstring(render(PLACES, Format.ATOM))
    assert [(each.tag, sorted(each.attrib)) for each in feed.iter()] == [
        (each.tag, sorted(each.attrib)) for each in other.iter()
    ]
    content = feed.find(".//{*}content")
    assert content is not None
    assert content.attrib == {"type": "html"}
    assert Page(content.text or "").shape == Page(other.findtext(".//{*}content") or "").shape


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("state", State)
def test_openvex_is_valid_whatever_the_words_and_states(text: str, state: State) -> None:
    made = json.loads(render(document(text, state=state, absence=True), Format.OPENVEX))
    rules = json.loads((ROOT / "tests/data/notes/openvex-0.2.0.schema.json").read_text())
    jsonschema.Draft202012Validator(rules, format_checker=jsonschema.FormatChecker()).validate(made)
    assert "<" not in made["statements"][0]["products"][0]["@id"]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_and_json_show_it_as_it_is(text: str) -> None:
    assert render(document(text), Format.TEXT).count(text) >= 10
    assert json.loads(render(document(text), Format.JSON))["image"] == text


@pytest.mark.parametrize("text", HOSTILE)
def test_a_user_s_template_escapes_without_being_told(text: str, tmp_path: Path) -> None:
    for name, expected in (("page.html", False), ("page.md.j2", False), ("page.txt", True)):
        file = tmp_path / name
        file.write_text("<p>{{ release.name }}</p>\n", encoding="utf-8")
        made = render_by(document(text), file)
        assert made.startswith("<p>")
        if "<" in text:
            assert (text in made) == expected


def test_addresses_of_a_document_from_elsewhere_must_be_of_the_web() -> None:
    evil = document("words", url="javascript:alert(1)")
    for form in (Format.HTML, Format.MD, Format.ATOM):
        assert "javascript:" not in render(evil, form)
    breaking = document("words", url="https://e.com/a) [x](y \"z'<b>")
    assert "<b>" not in render(breaking, Format.HTML)
    assert "https://e.com/a%29%20%5Bx%5D%28y%20%22z%27%3Cb%3E)" in render(breaking, Format.MD)


@pytest.mark.parametrize("char", ["\x1b[31m", "\u202e", "\u2066", "\u200b", "\r", "\x07", "\x9b", "\ufeff", "\u2028"])
def test_what_steers_a_screen_is_written_out(char: str) -> None:
    shown = clean(f"a{char}b")
    assert safe(shown) == shown
    for form in Format:
        assert char not in render(document(shown), form)


def test_a_note_of_a_megabyte_is_cut_where_everybody_sees_it(git: Git) -> None:
    git.commit({"a": "1"}, "start")
    big = "<b>[x](y) " * 105_000
    git.commit({"a": "2"}, f"a: change\n\nRELEASE_NOTE={big}\n\ncos-patch: bug\n")
    for form in Format:
        if form is Format.OPENVEX:
            continue
        made = invoke("notes", "HEAD~1..HEAD", "--profile", "cos", "--format", form.value, cwd=git.path, check=0).out
        assert "cut here: " in made
        assert "1049999 characters in all" in made
        assert len(made) < 60_000


def test_fields_are_read_in_linear_time_and_never_fail() -> None:
    keys = fields.Keys.of(load_profile("cos"))
    for text in ("[", "(", "RELEASE_NOTE=", "CVE-2024-", "RELEASE_NOTE=\n", "CVE-2024-1111,"):
        fields.read((f"a: b\n\nRELEASE_NOTE={text * 20_000}\n").encode(), keys)


def test_names_of_refs_and_sections_are_written_out_too(story: Story) -> None:
    mark = "\u202e"
    story.git("tag", f"cos-121-0{mark}", story.commits["leak1"])
    story.git("tag", f"cos-122{mark}", "cos-6.6")
    leak = story.commits["leak1"]
    override = f'[[override]]\ncommit = "{leak}"\nwas = "Fixed a leak in virtio."\nsection = "A{mark}B"\n'
    (story.config.parent / "notes.toml").write_text(override, encoding="utf-8")
    for form in Format:
        answer = invoke(
            "notes", "--release", f"cos-122{mark}", "--format", form.value, "--config", str(story.config),
            cwd=story.git.path, check=0,
        )  # fmt: skip
        assert mark not in answer.out
        assert form is Format.OPENVEX or "\\u202e" in answer.out.replace("\\\\", "\\")


def test_bytes_that_are_no_utf_8_are_written_out(git: Git) -> None:
    git.commit({"a": "1"}, "start")
    git.commit({"a": "2"}, b"a: caf\xe9\n\nRELEASE_NOTE=caf\xe9 \xff\n")
    for form in (Format.MD, Format.HTML, Format.JSON, Format.ATOM, Format.TEXT):
        made = invoke("notes", "HEAD~1..HEAD", "--profile", "cos", "--format", form.value, cwd=git.path, check=0).out
        assert "caf" in made
        made.encode("utf-8")
