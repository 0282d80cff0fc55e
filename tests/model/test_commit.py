"""Commits as values: parsing the object, and text for people that agrees with git's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosport.errors import ToolError
from cosport.model.commit import Commit, Sha, decode, is_full_sha, looks_like_sha, parse_commit, sha

if TYPE_CHECKING:
    from tests.support import Git

NAME = Sha("a" * 40)
HEAD = b"tree %s\nauthor A <a@b> 1 +0000\ncommitter C <c@d> 2 +0100\n" % (b"1" * 40)


def commit(message: bytes, encoding: bytes | None = None) -> Commit:
    return Commit(NAME, NAME, (), b"", b"", encoding, message)


def read(git: Git, name: str) -> Commit:
    return parse_commit(Sha(name), git.raw("cat-file", "commit", name))


@pytest.mark.parametrize(
    "message",
    [
        "subject\n",
        "subject",
        "subject\n\nbody\n",
        "\n\n  \nsubject\n\nbody\n",
        "two lines\nof subject\n\nbody\n",
        "trailing blanks \t \nsecond\n \t\nbody\n",
        "carriage\r\nreturns\r\n\r\nbody\r\n",
        "a lone \r return\n\nbody\n",
        "a form \f feed\n\nbody\n",
        "  led by blanks\n\nbody\n",
        "first\n  second led by blanks\n\nbody\n",
        "\n \t\r\n",
        "",
        "ünicode € subject\n",
    ],
)
def test_the_subject_is_what_git_shows(git: Git, message: str) -> None:
    name = git.commit({"a": "1"}, message.encode())
    shown = git.raw("log", "-1", "--format=%s", name).removesuffix(b"\n").decode()
    assert read(git, name).subject == shown


def test_a_commit_comes_back_byte_for_byte(git: Git) -> None:
    base = git.commit({"a": "1"})
    message = "Stra\xdfe\r\n\r\nbody \xff\n".encode("latin-1")
    name = git.commit({"a": "2"}, message, author=b"J\xfcrgen <j@example.org>", encoding="ISO-8859-1", parents=[base])
    found = read(git, name)
    assert found.message == message
    assert found.author.startswith(b"J\xfcrgen <j@example.org> ")
    assert found.encoding == b"ISO-8859-1"
    assert (found.subject, found.author_name) == ("Straße", "Jürgen")
    assert found.parents == (base,)
    assert found.tree == git.tree(name)
    assert not found.is_merge


def test_merges_and_roots(git: Git) -> None:
    root = git.commit({"a": "1"})
    side = git.commit({"b": "1"}, branch="side", parents=[root])
    merge = git.commit({"b": "1"}, parents=[root, side])
    assert read(git, root).parents == ()
    assert read(git, merge).is_merge


def test_signatures_and_other_headers_are_passed_over() -> None:
    signed = HEAD + b"gpgsig -----BEGIN PGP SIGNATURE-----\n \n parent " + b"2" * 40 + b"\n tree x\nencoding latin-1\n"
    found = parse_commit(NAME, signed + b"\nsubject\n\ntree of life\n")
    assert found.parents == ()
    assert found.encoding == b"latin-1"
    assert found.message == b"subject\n\ntree of life\n"


@pytest.mark.parametrize("raw", [HEAD, HEAD + b"\n"])
def test_an_empty_message(raw: bytes) -> None:
    assert parse_commit(NAME, raw).subject == ""


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"tree x\nauthor\n\nmessage",
        HEAD.replace(b"author", b"writer"),
        HEAD.replace(b"1" * 40, b"1" * 39),
        HEAD.replace(b"1" * 40, b"\xff" * 40),
        HEAD + b"parent \xff\n",
        HEAD + b"parent \n\nx",
    ],
)
def test_damage_is_an_error_with_a_hint(raw: bytes) -> None:
    with pytest.raises(ToolError, match="damaged") as raised:
        parse_commit(NAME, raw)
    assert raised.value.hint == "run: git fsck"


@pytest.mark.parametrize(
    ("data", "encoding", "text"),
    [
        (b"\xe9", b"latin-1", "é"),
        (b"\xe9", b"UTF-8", "é"),
        (b"\xc3\xa9", None, "é"),
        (b"\xc3\xa9", b"no-such-charset", "é"),
        (b"\xc3\xa9", b"", "é"),
        (b"\xc3\xa9", b"a\0b", "é"),
        (b"\xc3\xa9", b"\xff", "é"),
        (b"\xc3\xa9", b"hex", "é"),
        (b"\xc3\xa9", b"undefined", "é"),
        (b"\\ud800", b"unicode_escape", "\\ud800"),
        (b"\xa4\xa2", b"EUC-JP", "あ"),
    ],
)
def test_text_is_read_by_its_encoding_and_never_fails(data: bytes, encoding: bytes | None, text: str) -> None:
    assert decode(data, encoding) == text


@given(st.binary(max_size=40), st.none() | st.binary(max_size=12) | st.sampled_from([b"utf-7", b"utf-16", b"idna"]))
def test_any_bytes_become_text_that_can_be_printed(data: bytes, encoding: bytes | None) -> None:
    decode(data, encoding).encode("utf-8")
    assert "\n" not in commit(data, encoding).subject or encoding is not None


@pytest.mark.parametrize("encoding", [b"punycode", b"idna", b"unicode_escape", b"utf-7", b"undefined", b"rot13", b"\0"])
def test_a_codec_that_is_no_charset_of_messages_is_not_used(encoding: bytes) -> None:
    assert decode(b"+AGE-\\x41xn--a-a", encoding) == "+AGE-\\x41xn--a-a"


def test_names() -> None:
    assert sha("a" * 40) == "a" * 40
    assert is_full_sha("0" * 64)
    for bad in ("A" * 40, "a" * 39, "a" * 41, "g" * 40, "a" * 40 + "\n", ""):
        assert not is_full_sha(bad)
        with pytest.raises(ValueError, match="not a full object name"):
            sha(bad)
    assert looks_like_sha("abcd")
    assert looks_like_sha("ABCDEF12")
    assert not looks_like_sha("abc")
    assert not looks_like_sha("abcg1")
    assert not looks_like_sha("abcd\n")
