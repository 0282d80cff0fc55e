"""Renders a document by a Jinja2 template: the three that cosport ships, and those of users.

The ending of a template's name, before `.j2`, tells what is escaped: `.html` and `.xml` as HTML, `.md` as Markdown, all
else not at all. Whatever a template prints goes through that, so that it cannot forget it. Templates run in Jinja2's
sandbox and see the document and nothing else; a user's may extend cosport's (`{% extends "notes.html.j2" %}`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cosport import resources
from cosport.errors import UsageError
from cosport.notes.render import escape

if TYPE_CHECKING:
    from pathlib import Path

    import jinja2

    from cosport.notes.render import Data

SHIPPED: Final = {"md": "notes.md.j2", "html": "notes.html.j2", "text": "notes.txt.j2"}

_HTML: Final = (".html", ".htm", ".xml")


def render(data: Data, name: str) -> str:
    """The document by one of cosport's own templates."""
    return (
        _environment(name, resources.path("templates", "notes"), trusted=True).get_template(name).render(_context(data))
    )


def render_file(data: Data, file: Path) -> str:
    """The document by a user's template. Raises UsageError where it is wrong or cannot be read."""
    import jinja2

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else str(exc)
        raise UsageError(f"template {file}: {reason}", hint="name a file with --template FILE") from exc
    try:
        return (
            _environment(file.name, file.parent, resources.path("templates", "notes"))
            .from_string(text)
            .render(_context(data))
        )
    except jinja2.TemplateError as exc:
        line = f":{exc.lineno}" if isinstance(exc, jinja2.TemplateSyntaxError) else ""
        hint = "cosport schema notes tells what a template may print"
        raise UsageError(f"template {file}{line}: {exc.message}", hint=hint) from exc


def _environment(name: str, *folders: Path, trusted: bool = False) -> jinja2.Environment:
    """What a template of that name runs in; it may include and extend those in `folders`. Our own need no sandbox."""
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    stem = name.removesuffix(".j2")
    is_html, is_markdown = stem.endswith(_HTML), stem.endswith(".md")
    environment = (jinja2.Environment if trusted else ImmutableSandboxedEnvironment)(
        loader=jinja2.FileSystemLoader(folders),
        autoescape=is_html,
        finalize=_markdown if is_markdown else None,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["web"] = escape.web
    if is_markdown:
        environment.filters["link"] = escape.markdown_link
    return environment


def _context(data: Data) -> Data:
    """What templates see: the document, and its CVEs by id as `known`, so that no entry has to look for its own."""
    return {**data, "known": {cve["id"]: cve for cve in data["cves"]}}


def _markdown(value: Any) -> Any:
    return escape.markdown(str(value)) if not isinstance(value, escape.Safe) else value
