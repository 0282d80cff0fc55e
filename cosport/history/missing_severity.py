"""severities.toml: what a team says of how bad a bug is, by the upstream commit that fixes it."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from cosport.errors import ConfigError
from cosport.model.commit import looks_like_sha
from cosport.model.severity import Severity

if TYPE_CHECKING:
    from cosport.model.commit import Sha

FILE: Final = "severities.toml"
_SHORTEST: Final = 12


class _Document(Struct, frozen=True, forbid_unknown_fields=True):
    severity: dict[str, Severity] = {}


def parse(data: bytes, source: str) -> dict[str, Severity]:
    """The severities in a file, by sha as written (at least 12 digits). Raises ConfigError where it is wrong."""
    try:
        document = msgspec.convert(tomllib.loads(data.decode("utf-8")), _Document, strict=True)
    except UnicodeDecodeError as exc:
        raise ConfigError(f"{source}: byte {exc.start} is no UTF-8", hint="TOML files are UTF-8") from exc
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError(f"{source}: {exc}", hint="it must be TOML: https://toml.io") from exc
    except msgspec.ValidationError as exc:
        levels = ", ".join(Severity)
        raise ConfigError(f"{source}: {exc}", hint=f'expected, under [severity]: "<sha>" = one of {levels}') from exc
    for name in document.severity:
        if not looks_like_sha(name) or len(name) < _SHORTEST:
            raise ConfigError(
                f"{source}: severity: {name!r} is no commit", hint=f"expected its sha, at least {_SHORTEST} digits"
            )
    return {name.lower(): level for name, level in document.severity.items()}


def severity_of(severities: dict[str, Severity], commit: Sha) -> Severity | None:
    """What the team says of a commit, None where it says nothing; where several abbreviations fit it, the longest."""
    fitting = [name for name in severities if commit.startswith(name)]
    return severities[max(fitting, key=len)] if fitting else None
