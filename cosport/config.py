"""cosport.toml as a value: where it is looked for, what it may say, and a clear error for all else.

It is looked for in this order: `--config`, `$COSPORT_CONFIG`, `cosport/cosport.toml` in git's common directory,
`cosport.toml` on `refs/meta/cosport`. Where there is none, upstream is guessed from the remotes and no branch is
configured: `cosport backport SHA --to BRANCH` works in any clone.
"""

from __future__ import annotations

import os
import re
import tomllib
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from cosport.errors import ConfigError
from cosport.model.grade import Grade

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FILE: Final = "cosport.toml"
DECLINES: Final = "declines.toml"
SHARED_REF: Final = "refs/meta/cosport"
VARIABLE: Final = "COSPORT_CONFIG"

UPSTREAM_GUESSES: Final = (
    "refs/remotes/upstream/master",
    "refs/remotes/upstream/main",
    "refs/remotes/linus/master",
    "refs/remotes/torvalds/master",
    "refs/remotes/mainline/master",
    "refs/remotes/origin/master",
    "refs/remotes/origin/main",
    "refs/heads/master",
    "refs/heads/main",
)
"""Where upstream is likely to be, the likeliest first."""


class BranchKind(StrEnum):
    """What a branch is to its users."""

    MAIN = "main"  # takes fixes from upstream
    RELEASE = "release"  # takes them from its main branch, once they have landed there


class Upstream(Struct, frozen=True, forbid_unknown_fields=True):
    """Where upstream is: `ref` is any name that git resolves; `url` is where the bot fetches it from."""

    ref: str = ""
    url: str = ""


class Message(Struct, frozen=True, forbid_unknown_fields=True):
    """How commit messages are written.

    `required` are the keys that must be filled in, `defaults` values for those that a command does not give, `classes`
    the patch classes that may stand (none: the profile's own).
    """

    profile: str = "plain"
    required: tuple[str, ...] = ()
    defaults: dict[str, str] = {}
    classes: tuple[str, ...] = ()


class Branch(Struct, frozen=True, forbid_unknown_fields=True):
    """One branch that is kept alive. `ref` is a full name; "" means `refs/heads/<name>` and is filled in by `parse`."""

    name: str
    ref: str = ""
    kind: BranchKind = BranchKind.MAIN
    main: str = ""
    defconfigs: tuple[str, ...] = ()

    @property
    def served_as(self) -> str:
        """What the branch is called on the server that it is fetched from: its ref without what says where it is."""
        if self.ref.startswith("refs/remotes/"):
            return self.ref.split("/", 3)[-1]
        return self.ref.removeprefix("refs/heads/")


class Gerrit(Struct, frozen=True, forbid_unknown_fields=True):
    """Where reviews live. `remote` is the git remote to push to; "" means the URL and project themselves.

    `user` is the account of a token that stands alone in its file; `hashtags` mark every upload, `reviewers` are asked.
    """

    url: str = ""
    project: str = ""
    remote: str = ""
    user: str = ""
    hashtags: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    token_file: str = "~/.config/cosport/token"  # noqa: S105 - a path


class Bot(Struct, frozen=True, forbid_unknown_fields=True):
    """How the presubmit bot works.

    `group` may give it commands in comments, `hourly` of them an hour and change at most. `interval` is the seconds
    between two looks at the open changes. With `ssh` (user@host:port) Gerrit's events wake it earlier; `known_hosts` is
    the file with the server's host key. `patience` is the seconds that one patch set may take to judge.
    `tester_user` is whom the tester runs as, where root starts the bot.
    """

    group: str = ""
    hourly: Annotated[int, msgspec.Meta(ge=0)] = 20
    interval: Annotated[float, msgspec.Meta(gt=0, le=86400)] = 30.0
    ssh: str = ""
    known_hosts: str = ""
    patience: Annotated[float, msgspec.Meta(gt=0, le=86400)] = 600.0
    tester_user: str = ""


class Cve(Struct, frozen=True, forbid_unknown_fields=True):
    """Where CVE records are: the kernel CNA's repository, or a folder of CVE JSON files."""

    data: str = ""


class Backport(Struct, frozen=True, forbid_unknown_fields=True):
    """How the main job works: `worktrees` is where the work trees of conflicts go, "" the repository's own folder.

    `max_rung` is the last rung of the ladder of resolvers that conflicts are given to (0: none), and `min_confidence`
    how sure they must be. The defaults are what was measured to be right (docs/conflicts.md).
    """

    worktrees: str = ""
    max_rung: Annotated[int, msgspec.Meta(ge=0, le=7)] = 5
    min_confidence: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.9


class Boot(StrEnum):
    """What a commit is booted as, before it may land."""

    OFF = "off"
    KERNEL = "kernel"  # the branch's own kernel, by each of its defconfigs
    MODULE = "module"  # where it touches one module alone: that, in the installed kernel of the same version


class Presubmit(Struct, frozen=True, forbid_unknown_fields=True):
    """How commits are judged.

    `severity` changes how grave a rule is taken; `skip` are checks that are never run; `bots` are names that no trailer
    of an upload may carry; `distribution` are prefixes of the subjects of the house's own commits; `build` says whether
    touched objects are built, `boot` whether what comes of them is booted.
    """

    severity: dict[str, Grade] = {}
    skip: tuple[str, ...] = ()
    bots: tuple[str, ...] = ()
    distribution: tuple[str, ...] = ()
    build: bool = False
    boot: Boot = Boot.OFF


class Notes(Struct, frozen=True, forbid_unknown_fields=True):
    """How release notes are written.

    In addresses `{sha}`, `{id}` stand for what is linked. `bugs` are the forms of bugs, such as `b/{id}`, with their
    addresses; `sections` the section of each patch class. `tags` is the pattern of release tags (fnmatch(3); "": tags
    that begin as the release's name does). `purl` names the product in OpenVEX, with `{release}` and `{version}`;
    `vex_not_affected` lets OpenVEX say so where all that brought a bug is absent, which is "under investigation" else.
    """

    product: str = "Linux"
    tags: str = ""
    commit_url: str = ""
    upstream_url: str = "https://git.kernel.org/torvalds/c/{sha}"
    cve_url: str = "https://www.cve.org/CVERecord?id={id}"
    site: str = ""
    authors: bool = False
    bugs: dict[str, str] = {}
    sections: dict[str, str] = msgspec.field(
        default_factory=lambda: {"security": "Security", "bug": "Fixed", "feature": "Feature"}
    )
    purl: str = "pkg:generic/linux@{release}"
    vex_author: str = ""
    vex_not_affected: bool = False


class Document(Struct, frozen=True, forbid_unknown_fields=True):
    """The file as it is written."""

    upstream: Upstream = Upstream()
    message: Message = Message()
    branch: tuple[Branch, ...] = ()
    gerrit: Gerrit = Gerrit()
    bot: Bot = Bot()
    cve: Cve = Cve()
    backport: Backport = Backport()
    notes: Notes = Notes()
    presubmit: Presubmit = Presubmit()


class Config(Struct, frozen=True, kw_only=True):
    """A checked configuration. `source` says where it comes from, for errors and `cosport doctor`."""

    source: str
    upstream: Upstream = Upstream()
    message: Message = Message()
    branches: tuple[Branch, ...] = ()
    gerrit: Gerrit = Gerrit()
    bot: Bot = Bot()
    cve: Cve = Cve()
    backport: Backport = Backport()
    notes: Notes = Notes()
    presubmit: Presubmit = Presubmit()

    def branch(self, name: str) -> Branch:
        """The configured branch of that name. Raises ConfigError, with the names that there are."""
        for each in self.branches:
            if each.name == name:
                return each
        names = [each.name for each in self.branches]
        near = get_close_matches(name, names, 1)
        hint = f"did you mean {near[0]}?" if near else f"configured: {', '.join(names) or 'none'}"
        raise ConfigError(f"no branch {name!r} in {self.source}", hint=hint)

    @property
    def upstream_ref(self) -> str:
        """The name of upstream's branch. Raises ConfigError where none is known."""
        if not self.upstream.ref:
            raise ConfigError(
                "which branch is upstream's is not known: nothing is configured and no remote looks like it",
                hint='run: cosport init, or put ref = "REMOTE/BRANCH" under [upstream]',
            )
        return self.upstream.ref


_TABLES: Final[dict[str, type[Struct]]] = {
    "": Document,
    "upstream": Upstream,
    "message": Message,
    "branch[]": Branch,
    "gerrit": Gerrit,
    "bot": Bot,
    "cve": Cve,
    "backport": Backport,
    "notes": Notes,
    "presubmit": Presubmit,
}
_TOML_WORDS: Final = {"`str`": "a string", "`array`": "an array", "`object`": "a table", "`int`": "an integer",
                      "`bool`": "a boolean", "`float`": "a float"}  # fmt: skip


def find(
    *,
    explicit: Path | None,
    state_dir: Path,
    read_shared: Callable[[], bytes | None],
    guess_upstream: Callable[[], str],
) -> Config:
    """The configuration by the order above. `state_dir` is `cosport/` in git's common directory.

    `read_shared` gives the file on `refs/meta/cosport` or None; `guess_upstream` a ref or "". Raises ConfigError.
    """
    named = explicit or (expanded(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
    if named is not None:
        return load(named)
    local = state_dir / FILE
    if local.is_file():
        return load(local)
    shared = read_shared()
    if shared is not None:
        return parse(shared, f"{SHARED_REF}:{FILE}")
    return Config(source="no configuration", upstream=Upstream(ref=guess_upstream()))


def expanded(path: str | Path) -> Path:
    """A path with the home that its `~` means. Raises ConfigError where there is no such home."""
    try:
        return Path(path).expanduser()
    except RuntimeError as exc:
        raise ConfigError(f"{path}: there is no such home", hint="set HOME, or name the place in full") from exc


def load(file: Path) -> Config:
    """The configuration in a file. Raises ConfigError where it is wrong or cannot be read."""
    try:
        return parse(file.read_bytes(), str(file))
    except OSError as exc:
        raise ConfigError(f"{file}: {exc.strerror}", hint="name another file with --config FILE") from exc


def parse(data: bytes, source: str) -> Config:
    """The configuration that `data` states; `source` names it in errors. Raises ConfigError."""
    try:
        raw = tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError as exc:
        raise ConfigError(f"{source}: byte {exc.start} is no UTF-8", hint="TOML files are UTF-8") from exc
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError(f"{source}: {_lower(str(exc))}", hint="it must be TOML: https://toml.io") from exc
    except RecursionError as exc:
        raise ConfigError(f"{source}: tables or arrays nested too deep", hint="see: cosport schema config") from exc
    try:
        document = msgspec.convert(raw, Document, strict=True)
    except msgspec.ValidationError as exc:
        raise _explain(str(exc), raw, source) from exc
    branches = tuple(
        each if each.ref else msgspec.structs.replace(each, ref=f"refs/heads/{each.name}") for each in document.branch
    )
    for key, trouble in _troubles(document, branches):
        raise ConfigError(f"{source}: {key}: {trouble}")
    return Config(
        source=source,
        upstream=document.upstream,
        message=document.message,
        branches=branches,
        gerrit=document.gerrit,
        bot=document.bot,
        cve=document.cve,
        backport=document.backport,
        notes=document.notes,
        presubmit=document.presubmit,
    )


def _troubles(document: Document, branches: tuple[Branch, ...]) -> Iterator[tuple[str, str]]:
    """What is wrong beyond keys and types: (key path, what was expected)."""
    if document.upstream.ref.startswith("-") or any(char.isspace() for char in document.upstream.ref):
        yield "upstream.ref", f"{document.upstream.ref!r} is no revision; expected one such as upstream/master"
    addresses = {name: getattr(document.notes, name) for name in ("commit_url", "upstream_url", "cve_url", "site")}
    addresses |= {f"bugs.{form}": address for form, address in document.notes.bugs.items()}
    for name, address in addresses.items():
        if address and not address.startswith(("https://", "http://")):
            yield f"notes.{name}", f"{address!r} is no address; expected one that begins with https://"
    yield from _server_troubles(document)
    for form in document.notes.bugs:
        if form.count("{id}") != 1:
            yield f"notes.bugs.{form}", "expected a form with one {id} in it, such as b/{id}"
    names: dict[str, int] = {}
    for index, branch in enumerate(branches):
        at = f"branch[{index}]"
        if not is_refname(f"refs/heads/{branch.name}"):
            yield f"{at}.name", f"{branch.name!r} cannot be part of a ref; expected a name such as cos-5.4"
        if branch.name in names:
            yield f"{at}.name", f"{branch.name!r} is also the name of branch[{names[branch.name]}]; names differ"
        names[branch.name] = index
        if not (branch.ref.startswith("refs/") and is_refname(branch.ref)):
            yield f"{at}.ref", f"{branch.ref!r} is no full ref name; expected one such as refs/heads/{branch.name}"
    for index, branch in enumerate(branches):
        yield from _main_troubles(branch, f"branch[{index}].main", {each.name: each for each in branches})


def _server_troubles(document: Document) -> Iterator[tuple[str, str]]:
    gerrit = document.gerrit
    if gerrit.url and not gerrit.url.startswith(("https://", "http://")):
        yield "gerrit.url", f"{gerrit.url!r} is no address of a Gerrit; expected one that begins with https://"
    servers = (("gerrit.url", gerrit.url), ("gerrit.remote", gerrit.remote), ("upstream.url", document.upstream.url))
    for key, address in servers:
        if trouble := _address_trouble(address):
            yield key, trouble


def _address_trouble(address: str) -> str:
    """What is wrong with where git or REST is to go; "" where nothing is. It may hold a password: not repeated then."""
    try:
        parts = urlsplit(address)
    except ValueError as exc:
        return f"{address!r} is no address: {_lower(str(exc))}"
    if parts.password is not None or (parts.scheme in ("http", "https") and parts.username is not None):
        return (
            f"the address of {parts.hostname} has an account or a password in it, which command lines and errors would "
            "show; expected it without (a token goes into gerrit.token_file, or git's credential helper)"
        )
    return ""


def _main_troubles(branch: Branch, key: str, by_name: dict[str, Branch]) -> Iterator[tuple[str, str]]:
    """A release branch names the branch where fixes land first, and following those names ends at a main branch."""
    if branch.kind is BranchKind.MAIN:
        if branch.main:
            yield key, f"{branch.name} is of kind main; only a release branch has a main"
        return
    if not branch.main:
        yield key, f"{branch.name} is of kind release; expected the name of the branch where its fixes land first"
        return
    seen = [branch.name]
    step = branch
    while step.main:
        if step.main in seen:
            yield key, f"a circle: {' -> '.join([*seen, step.main])}; expected to end at a branch of kind main"
            return
        if step.main not in by_name:
            known = ", ".join(sorted(by_name))
            yield key, f"no branch is named {step.main!r}; expected one of: {known}"
            return
        step = by_name[step.main]
        seen.append(step.name)


_FORBIDDEN_IN_REF: Final = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|\Z)")


def is_refname(ref: str) -> bool:
    """Whether git takes `ref` as the name of a ref (the rules of git-check-ref-format(1))."""
    if not ref or ref == "@" or ref[0] in "./-" or ref[-1] in "./":
        return False
    return "/" in ref and _FORBIDDEN_IN_REF.search(ref) is None


def _explain(said: str, raw: dict[str, Any], source: str) -> ConfigError:
    """The error for a key or type that msgspec refuses: it writes "<what> - at `$.<path>`", and we say the rest."""
    what, _, place = said.partition(" - at `$")
    path = place.rstrip("`").lstrip(".")
    table, _, last = path.rpartition(".")
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", what, re.DOTALL)
    required = re.fullmatch(r"Object missing required field `(.*)`", what, re.DOTALL)
    known = _TABLES.get(re.sub(r"\[\d+\]", "[]", path))
    if unknown is not None and known is not None:
        key = unknown[1]
        near = get_close_matches(key, known.__struct_fields__, 1)
        return ConfigError(
            f"{source}: {_join(path, key)}: no such key; expected one of: {', '.join(known.__struct_fields__)}",
            hint=f"did you mean {near[0]}?" if near else "take it out, or see: cosport schema config",
        )
    if required is not None:
        return ConfigError(f"{source}: {_join(path, required[1])}: missing", hint="see: cosport schema config")
    if last == "kind" and table.startswith("branch"):
        return ConfigError(f"{source}: {path}: {_lower(what)}; expected one of: {', '.join(BranchKind)}")
    for word, plain in _TOML_WORDS.items():
        what = what.replace(word, plain)
    return ConfigError(f"{source}: {path or 'the file'}: {_lower(what)}", hint="see: cosport schema config")


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
