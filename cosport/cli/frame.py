"""The one boundary between errors and exit codes: what goes wrong below becomes a sentence, a hint and a code here.

0    done, and the answer is good
1    done, and the answer is no, or a person must look
2    wrong usage or configuration, found before anything was changed
3    git, QEMU, Gerrit, the engine or the disk failed
70   a bug in cosport
130  interrupted
141  the reader of our output has gone (`cosport plan ... | head`); quiet, as all Unix tools are (128 + SIGPIPE)
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import signal
import sys
from typing import TYPE_CHECKING, Final, NoReturn

from cosport.cli.text import safe
from cosport.errors import CosportError, DiskError, Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

USAGE: Final = 2
TOOL: Final = 3
BUG: Final = 70
INTERRUPTED: Final = 130
PIPE: Final = 128 + signal.SIGPIPE

_DISK_HINTS: Final = {
    errno.ENOSPC: "free some space, then run the same command again; nothing is lost",
    errno.EDQUOT: "free some of your quota, then run the same command again; nothing is lost",
    errno.EROFS: "make the file system writable, or work in a clone on one that is",
    errno.EACCES: "look at who owns it and its permissions",
    errno.EPERM: "look at who owns it and its permissions",
    errno.ENOENT: "check the path",
    errno.EMFILE: "raise the limit of open files: ulimit -n",
}


class Told(KeyboardInterrupt):
    """Ctrl-C, or SIGTERM, wherever it found us.

    A class of our own: `python -m` ends by SIGINT, whatever the exit code, where a plain KeyboardInterrupt once left an
    `exec` of a text, though it was caught later. Every dataclass is such a text, at the import of its module.
    """


def main(work: Callable[[], int]) -> NoReturn:
    """Run `work` and end the process with its exit code, whenever a signal comes: one that comes late changes nothing.

    Near its end Python gives signals their default effect back, except those that are ignored: so then they are.
    """
    atexit.register(_heed, signal.SIG_IGN)
    try:
        code = guard(work)
        _leave_at_once(code)
    except KeyboardInterrupt:  # it came when the work was over, while that was told
        code = INTERRUPTED
        _leave_at_once(code)
    end(code)


def guard(work: Callable[[], int]) -> int:
    """Run `work` and return the exit code: its own, or the one of the error that it raised, which is told on stderr."""
    try:
        _prepare()
        code = work()
        sys.stdout.flush()
    except SystemExit as exc:  # Typer's own: shell completion, and a reader that has gone
        return PIPE if isinstance(exc.__context__, BrokenPipeError) else _status(exc.code)
    except BrokenPipeError:
        return PIPE
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as exc:  # this is the boundary
        return _report(exc)
    if code == INTERRUPTED:
        _report(Interrupted("interrupted", hint="run the same command again to finish the work"))
    return code


def end(code: int) -> NoReturn:
    """End the process with `code`. Output that nobody can take any more is dropped without a complaint."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    sys.exit(code)


def explain(exc: Exception) -> CosportError | None:
    """The error to show for `exc`, or None where it is a bug: cosport's own as it is, the system's as a DiskError."""
    if isinstance(exc, CosportError):
        return exc
    if isinstance(exc, OSError) and exc.errno is not None:
        where = f"{os.fsdecode(exc.filename)}: " if isinstance(exc.filename, (str, bytes)) else ""
        return DiskError(f"{where}{exc.strerror or os.strerror(exc.errno)}", hint=_DISK_HINTS.get(exc.errno, ""))
    if isinstance(exc, MemoryError):
        return DiskError("out of memory", hint="give the machine more memory, or work on fewer commits at once")
    return None


def _report(exc: Exception) -> int:
    """Tell `exc` on standard error and return its exit code."""
    known = explain(exc)
    with contextlib.suppress(OSError, ValueError):
        if known is None:
            return _report_bug(exc)
        tell(known.what, known.hint)
    return known.exit_code if known is not None else BUG


def tell(what: str, hint: str = "") -> None:
    """Print an error as all of cosport's errors look; foreign text in it cannot steer the terminal."""
    sys.stderr.write(f"cosport: {safe(what, lines=True)}\n")
    if hint:
        sys.stderr.write(f"hint: {safe(hint, lines=True)}\n")


def _report_bug(exc: Exception) -> int:
    import platform
    import traceback

    from cosport import __version__

    sys.stderr.write(safe("".join(traceback.format_exception(exc)), lines=True))
    where = f"Python {platform.python_version()}, {platform.system()} {platform.release()}"
    tell(
        f"this is a bug in cosport {__version__} ({where})",
        "report it with the text above and the command that you ran",
    )
    return BUG


def _status(code: object) -> int:
    """What `SystemExit.code` means: None is success, a number is itself, a text is a failure."""
    if code is None:
        return 0
    return code if isinstance(code, int) else 1


def _prepare() -> None:
    """Make streams that never fail on a character, and let SIGTERM end a run the way Ctrl-C does (see `Told`)."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # started with the descriptor closed
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - lives as long as the process
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    _heed(_told)


def _leave_at_once(code: int) -> None:
    """From here on a signal ends the process with its code; it may be waiting for a thread that nobody needs."""
    _heed(lambda _signal, _frame: os._exit(code))


def _heed(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    """Let `handler` take Ctrl-C and SIGTERM. Who started us without Ctrl-C (`nohup`, a job of a script) keeps that."""
    with contextlib.suppress(ValueError):  # not in the main thread, as in some tests
        signal.signal(signal.SIGTERM, handler)
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, handler)


def _told(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise Told
