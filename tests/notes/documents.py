"""Documents with one text in every place where a commit, a record or a file can put one."""

from __future__ import annotations

from cosport.cve.state import State
from cosport.model.commit import Sha
from cosport.model.severity import Severity
from cosport.notes.document import (
    SCHEMA,
    Account,
    Cell,
    Commit,
    Cve,
    Data,
    Document,
    Entry,
    Erratum,
    Extra,
    Link,
    Lost,
    Release,
    Section,
    Source,
    Vex,
)
from cosport.notes.net import Effect, Fate

A = Sha("a" * 40)


def document(
    text: str, *, state: State = State.FIXED, url: str = "https://example.org/x", absence: bool = False
) -> Document:
    """A document that says `text` everywhere."""
    entry = Entry(
        id=A,
        text=text,
        effect=Effect.BROUGHT,
        source=Source.NOTE,
        was="",
        cves=("CVE-2024-1000",),
        bugs=(Link(text, url), Link(text, "")),
        upstream=(Link(A, url),),
        commits=(Commit(A, url, text, text),),
        former=(),
    )
    cell = Cell(text, state, A, text)
    cve = Cve(
        "CVE-2024-1000", url, text, Severity.HIGH, 7.8, True, state, State.AFFECTED, (A,), (text,), (cell,)
    )  # fmt: skip
    return Document(
        schema=SCHEMA,
        product=text,
        site=url,
        date="2024-02-29T12:00:00Z",
        release=Release(text, A, url),
        previous=Release(text, A, url),
        image=text,
        kernel=text,
        rows=(Link(text, text),),
        sections=(Section("Security", (entry, entry)), Section("Fixed", (entry,))),
        extras=(Extra(text, text, (text,)),),
        cves=(cve,),
        lost=(Lost(A, text, (), ("CVE-2024-1000",), text),),
        errata=(Erratum("2024-03-01", text, A),),
        commits=(Account(A, text, Fate.TOLD, "", text), Account(A, text, Fate.NO_NOTE, "", text)),
        cve_data=Data(1, "0" * 64),
        vex=Vex("pkg:generic/linux@{release}", text, absence),
    )
