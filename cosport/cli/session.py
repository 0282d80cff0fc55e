"""One run of one command: where it works and how it prints. What it may not need is opened when first asked for."""

from __future__ import annotations

import contextlib
from functools import cached_property
from typing import TYPE_CHECKING, Self

from cosport.cli.output import Printer
from cosport.errors import CosportError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cosport.config import Config
    from cosport.git.repository import Repository


class Session:
    """What the shared options of a command mean. Use it as a context manager."""

    def __init__(
        self,
        *,
        repo: Path | None = None,
        config: Path | None = None,
        json: bool = False,
        quiet: bool = False,
        no_color: bool = False,
        printer: Printer | None = None,
    ) -> None:
        self.repo = repo
        self.config_path = config
        self._opening: Callable[[], Repository] | None = None
        self.printer = printer if printer is not None else Printer(json=json, quiet=quiet, no_color=no_color)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._opening is not None:  # begun, and nobody asked: its process must not be left behind
            with contextlib.suppress(CosportError):
                self.repository.close()
        elif "repository" in self.__dict__:
            self.repository.close()
        self.printer.out.flush()

    def begin(self) -> None:
        """Let git look for the repository while the modules of the command are imported. Raises as `repository`."""
        from cosport.git.repository import Repository

        self._opening = Repository.opening(self.repo)

    @property
    def json(self) -> bool:
        """Whether the answer is to be JSON."""
        return self.printer.as_json

    @cached_property
    def repository(self) -> Repository:
        """The repository. Raises UsageError where there is none."""
        if self._opening is None:
            self.begin()
        assert self._opening is not None
        opening, self._opening = self._opening, None
        return opening()

    @cached_property
    def config(self) -> Config:
        """The configuration of the repository. Raises ConfigError where it is wrong."""
        from cosport.cli.configuration import find

        return find(self.repository, self.config_path)
