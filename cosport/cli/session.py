"""One run of one command: where it works and how it prints. What it may not need is opened when first asked for."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Self

from cosport.cli.output import Printer

if TYPE_CHECKING:
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
        self.printer = printer if printer is not None else Printer(json=json, quiet=quiet, no_color=no_color)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.printer.out.flush()

    @property
    def json(self) -> bool:
        """Whether the answer is to be JSON."""
        return self.printer.as_json

    @cached_property
    def repository(self) -> Repository:
        """The repository. Raises UsageError where there is none."""
        from cosport.git.repository import Repository

        return Repository.open(self.repo)

    @cached_property
    def config(self) -> Config:
        """The configuration of the repository. Raises ConfigError where it is wrong."""
        from cosport.cli.configuration import find

        return find(self.repository, self.config_path)
