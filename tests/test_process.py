"""Child processes: limits, clean-up, and pipes that fill up."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from cosport import process
from cosport.errors import DiskError, ProcessError, ProcessTimeout, ToolError

MIB = 1 << 20


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def gone(pid: int) -> bool:
    """Whether a process has ended (within a moment; a zombie that waits for init counts)."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


@pytest.fixture(autouse=True)
def no_leak() -> object:
    before = descriptors()
    yield
    assert descriptors() == before


def test_output_and_status_come_back_as_they_are() -> None:
    done = process.run(
        python("import sys; sys.stdout.buffer.write(b'a\\xff\\0'); sys.stderr.write('why'); sys.exit(7)")
    )
    assert (done.stdout, done.status, done.tail) == (b"a\xff\0", 7, "why")


def test_the_tail_is_short_and_falls_back_to_the_output() -> None:
    assert process.run(python("print('x' * 9000)")).tail == "x" * process.TAIL


@pytest.mark.parametrize("size", [0, 1, 10 * MIB])
def test_big_input_to_a_child_that_does_not_read_it(size: int) -> None:
    assert process.run(python("print('done')"), stdin=b"x" * size).stdout == b"done\n"


def test_big_input_and_big_output_at_once() -> None:
    data = os.urandom(10 * MIB)
    assert process.run(["cat"], stdin=data).stdout == data


def test_a_time_out_ends_the_child_and_what_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    code = f"""
import os, subprocess, time
inner = subprocess.Popen(["sleep", "600"])
open({str(pids)!r}, "w").write(f"{{os.getpid()}} {{inner.pid}}")
time.sleep(600)
"""
    with pytest.raises(ProcessTimeout, match="within 2 seconds") as raised:
        process.run(python(code), timeout=2)
    assert raised.value.status == -signal.SIGKILL
    assert "COSPORT_TIMEOUT" in raised.value.hint
    for pid in pids.read_text().split():
        assert gone(int(pid))


def test_an_interrupt_ends_the_child(tmp_path: Path) -> None:
    pids = tmp_path / "pid"

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 1.0)
    try:
        with pytest.raises(KeyboardInterrupt):
            process.run(["sh", "-c", f"echo $$ > {pids}; exec sleep 600"])
    finally:
        signal.signal(signal.SIGALRM, before)
    assert gone(int(pids.read_text()))


def test_no_child_can_ask_on_the_terminal() -> None:
    done = process.run(["sh", "-c", "exec 3</dev/tty"])
    assert done.status != 0


def test_programs_that_cannot_be_started(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="not installed"):
        process.run(["no-such-program-here"])
    with pytest.raises(DiskError, match="is not there"):
        process.run(["true"], cwd=tmp_path / "nowhere")
    script = tmp_path / "plain"
    script.write_text("no program")
    script.chmod(0o755)
    with pytest.raises(ToolError, match="cannot start"):
        process.run([str(script)])
    with pytest.raises(ToolError, match="cannot start"):
        process.run_on_terminal(["no-such-program-here"])


def test_arguments_are_no_shell_words() -> None:
    argument = "$(false); 'a\" *"
    assert process.run(["printf", "%s", argument]).stdout.decode() == argument


class TestPieces:
    def test_they_are_cut_at_the_separator_however_they_arrive(self) -> None:
        code = """
import sys, time
for piece in (b"a", b"b\\0\\0c", b"\\0" + b"d" * 1000000, b"e\\0last"):
    sys.stdout.buffer.write(piece); sys.stdout.flush(); time.sleep(0.05)
"""
        found = [piece for some in process.pieces(python(code), separator=b"\0") for piece in some]
        assert found == [b"ab", b"", b"c", b"d" * 1000000 + b"e", b"last"]

    def test_no_output_gives_nothing(self) -> None:
        assert list(process.pieces(["true"])) == []

    def test_many_come_at_a_time_and_not_all_at_once(self) -> None:
        found = list(process.pieces(["seq", "200000"]))
        assert [int(piece) for some in found for piece in some] == list(range(1, 200001))
        assert 2 <= len(found) <= 20

    @pytest.mark.parametrize("size", [0, 1, 3_000_000])
    def test_the_whole_input_is_sent_and_ended(self, size: int) -> None:
        given = b"x" * size
        assert b"".join(piece for some in process.pieces(["cat"], stdin=given) for piece in some) == given

    def test_a_child_that_leaves_its_input_unread_is_no_error(self) -> None:
        assert list(process.pieces(["echo", "done"], stdin=b"x" * 3_000_000)) == [[b"done"]]

    def test_a_child_that_complains_a_lot_does_not_block(self) -> None:
        code = "import sys; [print('x' * 1000, file=sys.stderr) for _ in range(2000)]; print('end')"
        assert list(process.pieces(python(code), timeout=30)) == [[b"end"]]

    def test_a_bad_end_is_an_error_after_the_last_piece(self) -> None:
        found = process.pieces(["sh", "-c", "echo one; echo no good >&2; exit 3"])
        assert next(found) == [b"one"]
        with pytest.raises(ProcessError, match="status 3: no good") as raised:
            next(found)
        assert raised.value.tail == "no good"

    def test_leaving_early_ends_the_child(self) -> None:
        found = process.pieces(["sh", "-c", "echo $$; seq 200000; exec sleep 600"])
        pid = int(next(found)[0])
        found.close()  # type: ignore[attr-defined]
        assert gone(pid)

    def test_silence_has_a_limit_and_a_slow_reader_none(self) -> None:
        steady = process.pieces(["sh", "-c", "seq 200000; sleep 0.3; echo 3"], timeout=1.0)
        for _ in steady:
            time.sleep(0.7)
        with pytest.raises(ProcessTimeout):
            list(process.pieces(["sleep", "600"], timeout=0.3))


class TestConversation:
    @pytest.mark.parametrize("most", [100, 2000])
    def test_a_line_that_does_not_end_is_an_error(self, most: int) -> None:
        code = "import sys\nwhile True: sys.stdout.write('x' * 1000)"
        more = pytest.raises(ProcessError, match=f"a line of more than {most} bytes")
        with process.Conversation(python(code), timeout=30) as child, more:
            child.line(most=most)

    def test_a_line_that_comes_a_byte_at_a_time_has_a_time_limit(self) -> None:
        code = "import sys, time\nwhile True: sys.stdout.write('x'); sys.stdout.flush(); time.sleep(0.05)"
        late = pytest.raises(ProcessTimeout, match=r"no whole answer within 0\.3 seconds")
        with process.Conversation(python(code), timeout=30) as child, late:
            child.line(within=0.3)

    def test_requests_and_answers(self) -> None:
        with process.Conversation(["cat"]) as cat:
            cat.write(b"one\ntwo")
            assert cat.line() == b"one"
            assert cat.exactly(3) == b"two"
            assert cat.exactly(0) == b""

    def test_a_request_of_10_mib_does_not_block_on_its_own_answer(self) -> None:
        data = os.urandom(10 * MIB)
        with process.Conversation(["cat"], timeout=60) as cat:
            cat.write(data)
            assert cat.exactly(len(data)) == data

    def test_ten_thousand_requests_at_once(self) -> None:
        with process.Conversation(["cat"], timeout=60) as cat:
            for number in range(10000):
                cat.write(b"%d\n" % number)
            assert [cat.line() for _ in range(10000)] == [b"%d" % number for number in range(10000)]

    def test_a_child_that_complains_a_lot_does_not_block(self) -> None:
        code = "import sys; sys.stderr.write('x' * 1000000); sys.stderr.flush(); print(input())"
        with process.Conversation(python(code), timeout=30) as child:
            child.write(b"hello\n")
            assert child.line() == b"hello"

    def test_a_child_that_dies_tells_why(self) -> None:
        with process.Conversation(["sh", "-c", "read x; echo bad object >&2; exit 128"]) as child:
            child.write(b"x\n")
            with pytest.raises(ProcessError, match="ended too early with status 128: bad object") as raised:
                child.line()
        assert raised.value.tail == "bad object"

    def test_an_answer_counts_also_where_the_child_then_reads_no_more(self) -> None:
        with process.Conversation(["sh", "-c", "echo answer"]) as child:
            child.write(b"x" * MIB)
            assert child.line() == b"answer"
            with pytest.raises(ProcessError, match="ended too early"):
                child.line()

    def test_a_child_that_closes_its_output_and_stays_is_ended(self) -> None:
        with (
            process.Conversation(["sh", "-c", "exec >&-; exec sleep 600"], timeout=0.5) as child,
            pytest.raises(ProcessError),
        ):
            child.line()

    def test_a_silent_child_is_a_time_out_and_no_hang(self) -> None:
        with process.Conversation(["sleep", "600"], timeout=0.3) as child, pytest.raises(ProcessTimeout):
            child.line()

    def test_closing_twice_and_a_child_that_will_not_go(self) -> None:
        child = process.Conversation(["sh", "-c", "trap '' TERM HUP; echo $$; while :; do sleep 1; done"])
        pid = int(child.line())
        child.close()
        child.close()
        assert gone(pid)
