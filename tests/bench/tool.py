"""How the bench runs cosport: the installed program where there is one, as users do, else the module."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SCRIPT = Path(sys.executable).with_name("cosport")
COSPORT = (str(_SCRIPT),) if _SCRIPT.exists() else (sys.executable, "-m", "cosport")


def git(folder: Path, *args: str) -> str:
    """Run git in `folder`; its output without the last newline."""
    done = subprocess.run(["git", *args], cwd=folder, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(f"git {' '.join(args)}: {done.stderr.decode(errors='replace')}")
    return done.stdout.decode("utf-8", "surrogateescape").rstrip("\n")


def warm(git_dir: Path, *options: str) -> None:
    """Bring the history index up to date, so that nobody pays for it in a measurement."""
    subprocess.run(
        [*COSPORT, "index", "--repo", str(git_dir), "--quiet", *options], stdout=subprocess.DEVNULL, check=True
    )


@contextmanager
def configured(upstream: str) -> Iterator[tuple[str, str]]:
    """Options that name a configuration for a repository that has none: only which ref is upstream's."""
    with TemporaryDirectory(prefix="cosport-bench-") as folder:
        file = Path(folder, "cosport.toml")
        file.write_text(f'[upstream]\nref = "{upstream}"\n', encoding="utf-8")
        yield "--config", str(file)
