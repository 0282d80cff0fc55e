"""Makes foreign text safe to show: a subject, a path or a branch name must not steer the reader's terminal or tool."""

from __future__ import annotations

from typing import Final

_FORMAT = (
    *range(0x200B, 0x2010),  # zero-width characters and marks of direction
    *range(0x2028, 0x202F),  # line and paragraph separator, embeddings and overrides ("Trojan Source", CVE-2021-42574)
    *range(0x2060, 0x2070),  # invisible operators, isolates
    0xFEFF,
)

_ONE_LINE: Final = {
    **{code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))},  # C0, DEL and C1 controls
    **{code: f"\\u{code:04x}" for code in _FORMAT},
    **{0xDC00 + byte: f"\\x{byte:02x}" for byte in range(0x80, 0x100)},  # bytes that were no UTF-8 (PEP 383)
    0x09: "\\t",
    0x0A: "\\n",
    0x0D: "\\r",
}
_LINES: Final = {code: shown for code, shown in _ONE_LINE.items() if code not in (0x09, 0x0A)}


def safe(text: str, *, lines: bool = False) -> str:
    r"""`text` with each control character written as an escape such as `\x1b`.

    Newlines and tabs stay where `lines` is set. Marks of direction and invisible characters are escaped too: they can
    make a name look like another one.
    """
    return text.translate(_LINES if lines else _ONE_LINE)
