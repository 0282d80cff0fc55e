"""Guesses a configuration from the names of a clone's refs and remotes. Pure: names in, configuration values out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from cosport.config import Branch, BranchKind, Gerrit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

MOST: Final = 16
"""Branches that are written out; a mirror of linux-stable has a hundred, and nobody keeps them all alive."""

# A whole branch name, as houses that keep kernels alive write it. The first form that fits tells the kind.
_FORMS: Final = (
    (BranchKind.RELEASE, re.compile(r"(?:rel|release)[-/_].+|R\d+(?:-.+)?|.+[-/]release(?:[-/_].+)?", re.ASCII)),
    (BranchKind.MAIN, re.compile(r"linux-\d+\.\d+(?:\.\d+)?\.y", re.ASCII)),  # the stable team
    (BranchKind.MAIN, re.compile(r"(?:cos|chromeos|lts|android\d*)-\d+(?:\.\d+)*(?:-lts)?", re.ASCII)),
    (BranchKind.MAIN, re.compile(r"v?\d+\.\d+(?:\.\d+)*(?:[.-](?:y|x|stable|lts))?", re.ASCII)),
    (
        BranchKind.MAIN,
        re.compile(r"(?:stable|maint|maintenance|lts)[-/_].+|.+[-_/](?i:stable|lts)", re.ASCII),
    ),
    # Open vSwitch's branch-3.3, Zephyr's v3.7-branch, openEuler's OLK-5.10, the Raspberry Pi's rpi-6.6.y
    (BranchKind.MAIN, re.compile(r"(?:branch|OLK)-\d+\.\d+|v?\d+\.\d+(?:\.\d+)*-branch|\w+-\d+\.\d+\.y", re.ASCII)),
)
_OURS: Final = "backport/"
"""Below it stand picks that cosport made: work on a branch, and no branch to keep alive."""
_PROFILES: Final = (("cos-", "cos"), ("chromeos-", "chromeos"), ("linux-", "stable"))
REQUIRED: Final = {"cos": ("BUG", "TEST", "RELEASE_NOTE"), "chromeos": ("BUG", "TEST")}
"""What a house that uses a profile wants filled in."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A remote of the clone."""

    name: str
    url: str


def kind_of(name: str) -> BranchKind | None:
    """What a branch of that name most likely is; None where it is no stable branch."""
    if name.startswith(_OURS):
        return None
    return next((kind for kind, form in _FORMS if form.fullmatch(name)), None)


def stable_branches(refs: Iterable[str], remotes: Sequence[Remote], upstream: str) -> tuple[Branch, ...]:
    """The branches that look alive, newest version first; a local one hides a remote one of the same name."""
    found: dict[str, Branch] = {}
    places = ["refs/heads/", *(f"refs/remotes/{remote.name}/" for remote in remotes)]
    names = tuple(refs)
    for place in places:
        for ref in names:
            name = ref.removeprefix(place)
            kind = kind_of(name) if ref.startswith(place) and ref != upstream else None
            if kind is not None and name not in found:
                found[name] = Branch(name=name, ref=ref, kind=kind)
    return tuple(sorted(found.values(), key=lambda branch: version_key(branch.name), reverse=True))


def with_mains(branches: Sequence[Branch], apart: Callable[[Branch, Branch], int | None]) -> tuple[Branch, ...]:
    """Main branches first, then each release branch with the main branch that it stands nearest to.

    `apart` counts the commits that a release branch has on top of a main branch (None: no common history). A release
    branch near no main branch becomes a main branch itself.
    """
    mains = [branch for branch in branches if branch.kind is BranchKind.MAIN]
    releases = []
    for branch in (each for each in branches if each.kind is BranchKind.RELEASE):
        distances = [(count, index) for index, main in enumerate(mains) if (count := apart(main, branch)) is not None]
        if distances:
            main = mains[min(distances)[1]]
            releases.append(Branch(name=branch.name, ref=branch.ref, kind=branch.kind, main=main.name))
        else:
            releases.append(Branch(name=branch.name, ref=branch.ref))
    return (*mains, *releases)


def version_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts names by the numbers in them: linux-6.10.y after linux-6.9.y."""
    parts = re.findall(r"\d+|\D+", name, re.ASCII)
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts)


def profile(branches: Sequence[Branch]) -> str:
    """The message profile of the house that names its branches so."""
    mains = [branch.name for branch in branches if branch.kind is BranchKind.MAIN]
    for prefix, name in _PROFILES:
        if mains and all(main.startswith(prefix) for main in mains):
            return name
    return "plain"


def gerrit(remotes: Sequence[Remote]) -> Gerrit | None:
    """The Gerrit among the remotes, if its URL shows it: ssh to Gerrit's own port 29418, or a googlesource.com host."""
    for remote in remotes:
        parts = _split(remote.url)
        if parts.scheme == "ssh" and parts.port == 29418:
            return Gerrit(url=f"https://{parts.host}", project=parts.path, remote=remote.name)
        if parts.scheme == "https" and parts.host.endswith(".googlesource.com"):
            review = parts.host if "-review." in parts.host else parts.host.replace(".", "-review.", 1)
            # /a/ is how Gerrit's HTTP asks for a password; it is no part of the project's name.
            return Gerrit(url=f"https://{review}", project=parts.path.removeprefix("a/"), remote=remote.name)
    return None


def url_of(upstream: str, remotes: Sequence[Remote]) -> str:
    """The URL of the remote that holds `upstream`, without any user or password in it; "" where it has none to show."""
    for remote in remotes:
        parts = _split(remote.url)
        if upstream.startswith(f"refs/remotes/{remote.name}/") and parts.scheme in {"https", "http", "git"}:
            port = f":{parts.port}" if parts.port else ""
            return f"{parts.scheme}://{parts.host}{port}/{parts.path}"
    return ""


@dataclass(frozen=True, slots=True)
class _Url:
    scheme: str = ""
    host: str = ""
    port: int | None = None
    path: str = ""


def _split(url: str) -> _Url:
    """The parts of a URL; none of an scp-like place (`git@host:path`), a folder or nonsense."""
    try:
        parts = urlsplit(url)
        return _Url(parts.scheme, parts.hostname or "", parts.port, parts.path.strip("/").removesuffix(".git"))
    except ValueError:
        return _Url()
