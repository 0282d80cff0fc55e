"""The one exception tree. An exception means that there is no answer; a conflict or a failed check is one, and a value.

    CosportError                    exit  what it means
    ├── UsageError                  2     wrong usage, found before anything was changed
    │   ├── ConfigError             2     cosport.toml is wrong: file, key, what was expected
    │   ├── PipelineError           2     a pipeline file is wrong: file, line, job and key, what was expected
    │   └── RevisionError           2     a name that is no commit, ambiguous, unborn or missing
    ├── ToolError                   3     something that cosport stands on failed
    │   ├── ProcessError            3     a child process failed: command, status, the tail of its output
    │   │   ├── GitError            3     ... and it was git
    │   │   └── ProcessTimeout      3     ... or it ran out of time
    │   ├── MissingObjectError      3     an object is not here (a shallow or partial clone, or damage)
    │   ├── RefMovedError           3     a ref no longer had the value that was expected
    │   ├── LockedError             3     another cosport works on the same thing
    │   ├── GerritError             3     Gerrit refused, and why
    │   │   └── GerritUnreachable   3     ... or gave no usable answer: it may go better later
    │   ├── StoreError              3     an SQLite file is damaged and could not be made anew
    │   ├── CveDataError            3     a CVE record is damaged or half-written: the files
    │   ├── BuildError              3     a kernel or a module cannot be built from this tree
    │   ├── NoRoomError             3     the host has not enough free memory for a virtual machine
    │   ├── MachineError            3     a virtual machine died or stands still: how, and its console's tail
    │   └── DiskError               3     the disk is full, read-only or refuses
    └── Interrupted                 130   Ctrl-C, or SIGTERM

`KeyboardInterrupt` and `OSError` are mapped at one boundary, `cosport.cli.frame`. Anything else is a bug: exit 70.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence


class CosportError(Exception):
    """Root of all errors that cosport raises on purpose.

    `hint` tells the user what to do next; it may be empty. Errors go to standard error as
    `cosport: <what happened>` and `hint: <what to do>`.
    """

    exit_code: ClassVar[int] = 3

    def __init__(self, what: str, *, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


class UsageError(CosportError):
    """The command or its arguments are wrong; nothing was changed."""

    exit_code = 2


class ConfigError(UsageError):
    """cosport.toml is wrong. The text names the file, the key's path and what was expected."""


class PipelineError(UsageError):
    """A pipeline file is wrong. The text names the file, the line, the job and the key."""


class RevisionError(UsageError):
    """A name does not lead to exactly one commit."""


class ToolError(CosportError):
    """git, the disk or another thing that cosport stands on failed."""


class ProcessError(ToolError):
    """A child process ended badly.

    `argv` is what was run, `status` its exit status (negative: the signal), `tail` the end of its standard error.
    """

    def __init__(self, what: str, *, argv: Sequence[str], status: int, tail: str = "", hint: str = "") -> None:
        super().__init__(what, hint=hint)
        self.argv = tuple(argv)
        self.status = status
        self.tail = tail


class GitError(ProcessError):
    """git ended with a status that is no answer."""


class ProcessTimeout(ProcessError):  # noqa: N818 - named as the standard library's TimeoutExpired is, for what happened
    """A child process ran longer than it was allowed to, and was ended."""


class MissingObjectError(ToolError):
    """A commit, tree or blob is not in this repository, though something in it refers to it."""


class RefMovedError(ToolError):
    """A ref was changed by somebody else between reading and writing it; nothing was written."""


class LockedError(ToolError):
    """Another cosport holds the lock on the same branch or store."""


class GerritError(ToolError):
    """Gerrit refused a request. `status` is its HTTP status, 0 where there was no answer at all."""

    def __init__(self, what: str, *, status: int, hint: str = "") -> None:
        super().__init__(what, hint=hint)
        self.status = status


class GerritUnreachable(GerritError):  # noqa: N818 - what it is, not that it is an error
    """Gerrit cannot be reached or is in trouble (5xx): the same request may go better later."""


class StoreError(ToolError):
    """An SQLite file cannot be used and could not be made anew."""


class CveDataError(ToolError):
    """CVE records cannot be read whole. The text names the files: to go on without them would leave CVEs out."""


class BuildError(ToolError):
    """The tree cannot be configured or compiled: the tree's fault, as far as can be told, and not the machine's."""


class NoRoomError(ToolError):
    """A virtual machine of that size would overcommit the host's memory; none was started."""


class MachineError(ToolError):
    """A virtual machine gave no measurement.

    `failure` says how (a word of `cosport.regress.console.Failure`), `tail` is the end of its console.
    """

    def __init__(self, what: str, *, failure: str, tail: str = "", hint: str = "") -> None:
        super().__init__(what, hint=hint)
        self.failure = failure
        self.tail = tail


class DiskError(ToolError):
    """The file system refuses: full, read-only, or no permission."""


class Interrupted(CosportError):  # noqa: N818 - it is no failure, it is the user's wish
    """The user ended the run. A rerun finishes the work."""

    exit_code = 130
