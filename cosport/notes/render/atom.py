"""The notes as an Atom feed (RFC 4287): the release, a CVE that it fixes or loses each, and its errata.

Ids never change: a reader that saw an entry knows it again, whenever and wherever the feed is made anew.
"""

from __future__ import annotations

import uuid
from collections import Counter
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from cosport.notes.render import template
from cosport.notes.render.escape import web

if TYPE_CHECKING:
    from cosport.notes.render import Data

_ATOM: Final = "http://www.w3.org/2005/Atom"
_NAMESPACE: Final = uuid.UUID("3f8f3a0c-8a3a-5b0e-9f0b-6d1f3a5c7e21")
"""Of the ids that are made here. It never changes."""


def render(data: Data) -> str:
    """The feed."""
    ET.register_namespace("", _ATOM)
    release = f"{data['product']} {data['release']['name']}"
    feed = ET.Element(f"{{{_ATOM}}}feed")
    _text(feed, "id", urn("feed", data["product"]))
    _text(feed, "title", f"{data['product']} release notes")
    _text(feed, "updated", _updated(data))
    _text(ET.SubElement(feed, f"{{{_ATOM}}}author"), "name", data["product"] or "cosport")
    _link(feed, data["site"])
    _text(feed, "generator", "cosport")
    entry = _entry(feed, urn("release", release), release, data["date"], data["release"]["url"])
    _text(entry, "content", template.render(data, "body.html.j2"), type="html")
    for cve in data["cves"]:
        title = f"{cve['id']}: {cve['state']} in {data['release']['name']}"
        entry = _entry(feed, urn("cve", f"{release}\n{cve['id']}"), title, data["date"], cve["url"])
        _text(entry, "summary", cve["title"] or title)
    seen: Counter[str] = Counter()
    for erratum in data["errata"]:
        name = f"{release}\n{erratum['date']}\n{seen[erratum['date']]}"  # those of one day by their order
        seen[erratum["date"]] += 1
        title = f"Correction of {release}"
        entry = _entry(feed, urn("erratum", name), title, f"{erratum['date']}T00:00:00Z", "")
        _text(entry, "summary", erratum["text"])
    ET.indent(feed)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(feed, encoding="unicode") + "\n"


def urn(kind: str, name: str) -> str:
    """An id made of a name (RFC 4122, version 5)."""
    made = uuid.uuid5(_NAMESPACE, f"{kind}\n{name}")
    return f"urn:uuid:{made}"


def _updated(data: Data) -> str:
    dates: list[str] = [data["date"], *(f"{erratum['date']}T00:00:00Z" for erratum in data["errata"])]
    return max(dates)


def _entry(feed: ET.Element, name: str, title: str, date: str, url: str) -> ET.Element:
    entry = ET.SubElement(feed, f"{{{_ATOM}}}entry")
    _text(entry, "id", name)
    _text(entry, "title", title)
    _text(entry, "updated", date)
    _link(entry, url)
    return entry


def _text(parent: ET.Element, tag: str, text: str, **attributes: str) -> None:
    ET.SubElement(parent, f"{{{_ATOM}}}{tag}", attributes).text = text


def _link(parent: ET.Element, url: str) -> None:
    if web(url):
        ET.SubElement(parent, f"{{{_ATOM}}}link", href=url)
