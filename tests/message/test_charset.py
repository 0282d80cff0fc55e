from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosport.message import charset
from cosport.message.parse import parse

HEADERS = st.sampled_from((
    None, b"UTF-8", b"utf8", b"ISO-8859-1", b"ISO8859-15", b"latin1", b"latin2", b"KOI8-R", b"windows-1252",
    b"EUC-JP", b"Shift_JIS", b"ISO-2022-JP", b"GB18030", b"big5", b"us-ascii", b"utf-16", b"utf-7", b"idna",
    b"punycode", b"unicode_escape", b"rot13", b"hex", b"x-unknown", b"", b"\xff", b"a\0b", b"../../etc",
    b"latin1\n",
))  # fmt: skip


@given(data=st.binary(max_size=300), header=HEADERS)
def test_any_bytes_come_back_through_text(data: bytes, header: bytes | None) -> None:
    text = charset.decode(data, header)
    assert charset.encode(parse(text.text).text, text.codec)[0] == data


@given(text=st.text(max_size=60), header=HEADERS)
def test_well_encoded_text_comes_back_with_its_header(text: str, header: bytes | None) -> None:
    if header not in (b"ISO-8859-1", b"KOI8-R", b"EUC-JP", b"GB18030"):
        return
    try:
        data = text.encode(header.decode())
    except UnicodeError:
        return
    decoded = charset.decode(data, header)
    assert charset.encode(decoded.text, decoded.codec) == (data, header)


def test_the_header_is_believed_where_it_is_true() -> None:
    assert charset.decode("Hałasa\n".encode("latin2"), b"latin2") == charset.Text("Hałasa\n", "latin2")


def test_a_false_header_gives_utf8_and_is_dropped() -> None:
    data = "日本\n".encode()
    text = charset.decode(data, b"EUC-JP")
    assert text == charset.Text("日本\n", "utf-8")
    assert charset.encode(text.text, text.codec) == (data, None)


def test_a_charset_unknown_here_keeps_its_header() -> None:
    text = charset.decode(b"H\xe4\n", b"x-mac-dingbats")
    assert charset.encode(text.text + "Signed-off-by: A <a@x>\n", text.codec) == (
        b"H\xe4\nSigned-off-by: A <a@x>\n",
        b"x-mac-dingbats",
    )


def test_a_name_that_the_charset_lacks_takes_all_to_utf8_the_author_too() -> None:
    text = charset.decode("Fix für alle\n".encode("latin1"), b"ISO-8859-1")
    data, header = charset.encode(text.text + "Signed-off-by: Ł <l@x>\n", text.codec)
    assert (data.decode(), header) == ("Fix für alle\nSigned-off-by: Ł <l@x>\n", None)
    assert charset.transcode("Jürgen <j@x>".encode("latin1"), text.codec, header) == "Jürgen <j@x>".encode()


def test_the_author_keeps_its_bytes_with_the_header() -> None:
    author = "Jürgen <j@x>".encode("latin1")
    assert charset.transcode(author, "ISO-8859-1", b"ISO-8859-1") == author
    assert charset.transcode(author, "utf-8", None) == author  # no UTF-8: nothing can be said of it


@pytest.mark.parametrize("name", [b"idna", b"punycode", b"utf-7", b"unicode_escape", b"hex", b"zlib"])
def test_codecs_that_are_no_charsets_of_messages_are_not_run(name: bytes) -> None:
    assert charset.decode(b"xn--" + b"a" * 100, name).text == "xn--" + "a" * 100


def test_a_lone_surrogate_that_stands_for_no_byte_does_not_fail() -> None:
    assert charset.encode("a\ud800b") == (b"a?b", None)
