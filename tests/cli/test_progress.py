"""Progress on a terminal: it comes late, makes way for all else, and leaves the terminal as it was."""

from __future__ import annotations

import io
import os
import pty
import select
import time
from typing import TYPE_CHECKING

import pytest

from cosport.cli import progress
from cosport.cli.output import Printer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

_SHOWN = b"\x1b[?25h"
"""The cursor, shown again: Rich hides it for as long as a bar is drawn."""


class Screen:
    """A terminal: the side that a Printer writes to, and what has come out at the other."""

    def __init__(self, main: int, terminal: IO[str]) -> None:
        self.main, self.terminal, self.drawn = main, terminal, b""

    def read(self) -> bytes:
        """All that was written up to now."""
        while select.select([self.main], [], [], 0)[0]:
            self.drawn += os.read(self.main, 65536)
        return self.drawn

    def until(self, text: bytes) -> None:
        """Wait until `text` was written."""
        end = time.monotonic() + 30
        while text not in self.read():
            assert time.monotonic() < end, self.drawn
            time.sleep(0.01)

    def forget(self) -> None:
        """Look at nothing of what was written up to now."""
        self.read()
        self.drawn = b""


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "PATIENCE", 0.01)
    main, side = pty.openpty()
    with os.fdopen(side, "w", encoding="utf-8") as terminal:
        yield Screen(main, terminal)
    os.close(main)


def on(screen: Screen) -> Printer:
    return Printer(out=screen.terminal, err=screen.terminal)


def test_nothing_is_drawn_where_there_is_no_terminal() -> None:
    out, err = io.StringIO(), io.StringIO()
    with Printer(out=out, err=err).progress("picking", 3) as step:
        time.sleep(0.05)
        step(1)
    assert (out.getvalue(), err.getvalue()) == ("", "")


def test_short_work_draws_nothing(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 60)
    with on(screen).progress("picking", 3) as step:
        step(3)
    assert screen.read() == b""


def test_long_work_shows_how_far_it_is_and_takes_the_bar_away(screen: Screen) -> None:
    with on(screen).progress("picking\x1b[2J", 3000) as step:
        step(1000)
        screen.until(b"1,000 of 3,000")
        step(1)
        screen.until(b"1,001 of 3,000")
    assert b"picking\\x1b[2J" in screen.read()
    assert screen.drawn.endswith(b"\x1b[2K") or screen.drawn.endswith(_SHOWN)
    screen.forget()
    time.sleep(0.2)
    assert screen.read() == b""


def test_the_bar_makes_way_for_what_is_printed(screen: Screen) -> None:
    printer = on(screen)
    with printer.progress("picking"):
        screen.until(b"picking")
        screen.forget()
        printer.say("an answer")
        screen.terminal.flush()
        screen.until(b"an answer")
        before = screen.drawn[: screen.drawn.index(b"an answer")]
        assert before.endswith(b"\x1b[2K")  # the line is empty when the answer comes
        screen.forget()
        screen.until(b"picking")  # and the bar comes back


def test_no_bar_is_drawn_while_the_terminal_is_somebody_elses(screen: Screen) -> None:
    printer = on(screen)
    with printer.progress("picking"):
        screen.until(b"picking")
        with printer.undisturbed():
            screen.forget()
            time.sleep(0.3)
            assert screen.read() == b""
        screen.until(b"picking")


def test_of_two_pieces_of_work_the_inner_one_is_shown(screen: Screen) -> None:
    printer = on(screen)
    with printer.progress("picking"):
        screen.until(b"picking")
        with printer.progress("indexing"):
            screen.until(b"indexing")
            screen.forget()
            time.sleep(0.3)
            assert b"picking" not in screen.read()
        screen.until(b"picking")
