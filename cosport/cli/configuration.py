"""Finds the configuration of a repository: cosport.config knows the file, this knows the repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosport import config

if TYPE_CHECKING:
    from pathlib import Path

    from cosport.git.repository import Repository


def find(repository: Repository, explicit: Path | None = None) -> config.Config:
    """The configuration in force for `repository`. Raises ConfigError where it is wrong."""
    return config.find(
        explicit=explicit,
        state_dir=repository.state_dir,
        read_shared=lambda: read_shared(repository),
        guess_upstream=lambda: guess_upstream(repository),
    )


def read_shared(repository: Repository) -> bytes | None:
    """The file on the shared ref, or None where there is none."""
    done = repository.attempt("cat-file", "blob", f"{config.SHARED_REF}:{config.FILE}")
    return done.stdout if done.status == 0 else None


def guess_upstream(repository: Repository) -> str:
    """The ref that most likely holds upstream, or ""."""
    held = set(repository.text("for-each-ref", "--format=%(refname)", *config.UPSTREAM_GUESSES).splitlines())
    return next((ref for ref in config.UPSTREAM_GUESSES if ref in held), "")
