"""Tells which source files no build of a configuration compiles, from a branch's own tree objects, without a checkout.

A defconfig says little of what is on: defaults and selects add to it. So the question is asked from the other side:
what cannot be on whatever else holds (`possible`), and which objects depend on that (`makefile`)? "Not built" is said
only of a C or assembler file all of whose mentions are ruled out. All else may be built: headers, host tools, files
that no Makefile names, or names in a way that is not understood. A file that others #include counts by its own
mentions: to search all sources for that takes a minute.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
import zlib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from cosport.kbuild.kconfig import Kconfig
from cosport.kbuild.makefile import Makefile, Mention, parse
from cosport.kbuild.possible import chosen, possible
from cosport.model.commit import Sha
from cosport.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from cosport.git.objects import ObjectReader
    from cosport.git.repository import Repository

_ELSEWHERE: Final = ("tools/", "scripts/", "samples/", "Documentation/", "usr/")
"""Folders whose programs run on the machine that builds: no configuration tells whether that is done."""

_SOURCES: Final = (".c", ".S")
_DEFCONFIG: Final = re.compile(r"arch/([^/]+)/(?:.*/)?configs/")
_READ: Final = re.compile(r"(?:.*/)?(?:Makefile|Kbuild|Kconfig)[^/]*")

_VERSION: Final = 1
"""Raise it with every change of what is said to be not built."""

_TABLE: Final = "CREATE TABLE built (key BLOB PRIMARY KEY, used INTEGER NOT NULL, paths BLOB NOT NULL) WITHOUT ROWID"
_KEPT: Final = 32
"""Answers that are kept: they change only when a Makefile, a Kconfig file or the defconfig does."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The files of a commit that are not built; `every` tells that it touches no other."""

    not_built: tuple[str, ...] = ()
    every: bool = False


UNMARKED: Final = Mark()


@dataclass(frozen=True, slots=True)
class Relevance:
    """The source files of a tree that none of the configurations builds; `remark` says why there are none at all."""

    not_built: frozenset[str]
    remark: str = ""

    def of(self, paths: Sequence[str]) -> Mark:
        """The mark of a commit that touches these paths."""
        out = tuple(path for path in paths if path in self.not_built)
        return Mark(out, every=bool(out) and len(out) == len(paths))


def relevance(repository: Repository, reader: ObjectReader, tree: Sha, defconfigs: Sequence[str]) -> Relevance:
    """What none of these defconfigs (paths in the tree) builds of the tree `tree`.

    Raises GitError, MissingObjectError, and what `open_store` raises.
    """
    listed = _listed(repository, tree)
    every: frozenset[str] | None = None
    for path in defconfigs:
        arch = _DEFCONFIG.match(path)
        if path not in listed or arch is None:
            why = "is not in the branch" if path not in listed else "stands in no arch/*/configs/"
            return Relevance(frozenset(), f"{path} {why}: what it builds is not known")
        some = _kept(repository, reader, listed, path, arch[1])
        every = some if every is None else every & some
    return Relevance(every or frozenset())


def _listed(repository: Repository, tree: Sha) -> dict[str, Sha]:
    """All files of a tree and their blobs."""
    out = repository.run("ls-tree", "-r", "-z", "--full-tree", tree).decode("utf-8", "surrogateescape")
    found = {}
    for entry in out.split("\0")[:-1]:
        head, _, path = entry.partition("\t")
        mode, kind, blob = head.split(" ")
        if kind == "blob" and mode != "120000":
            found[path] = Sha(blob)
    return found


def _kept(
    repository: Repository, reader: ObjectReader, listed: Mapping[str, Sha], defconfig: str, arch: str
) -> frozenset[str]:
    """The answer as it was found for the same files before; else found now, and kept."""
    digest = hashlib.sha256(f"{defconfig}\0{listed[defconfig]}\n".encode("utf-8", "surrogateescape"))
    for path, blob in listed.items():
        if _READ.fullmatch(path):
            digest.update(f"{path}\0{blob}\n".encode("utf-8", "surrogateescape"))
        elif path.endswith(_SOURCES):
            digest.update(f"{path}\n".encode("utf-8", "surrogateescape"))
    store = open_store(repository.state_dir / "built.sqlite", version=_VERSION, schema=_TABLE)
    try:
        row = store.one("SELECT paths FROM built WHERE key=?", (digest.digest(),))
        if row is not None:
            text = zlib.decompress(row[0]).decode("utf-8", "surrogateescape")
            return frozenset(text.split("\n")) if text else frozenset()
        found = Tree(_reading(reader, listed), listed, defconfig, arch).not_built()
        packed = zlib.compress("\n".join(sorted(found)).encode("utf-8", "surrogateescape"))
        with store.transaction():
            store.write(
                "INSERT OR REPLACE INTO built SELECT ?, coalesce(max(used), 0) + 1, ? FROM built",
                (digest.digest(), packed),
            )
            store.write(
                "DELETE FROM built WHERE key NOT IN (SELECT key FROM built ORDER BY used DESC LIMIT ?)", (_KEPT,)
            )
        return found
    finally:
        store.close()


def _reading(reader: ObjectReader, listed: Mapping[str, Sha]) -> Callable[[str], str | None]:
    def read(path: str) -> str | None:
        blob = listed.get(path)
        return reader.blob(blob).decode("utf-8", "surrogateescape") if blob is not None else None

    return read


class Tree:
    """One tree and one configuration. `read` gives a file's text, None where there is none; `paths` are all files."""

    def __init__(self, read: Callable[[str], str | None], paths: Iterable[str], defconfig: str, arch: str) -> None:
        self._paths = tuple(paths)
        self._read = read
        self._arch = arch
        self._makefiles = self._parsed()
        self._on = self._possible(defconfig)
        self._mentions: dict[str, list[tuple[Mention, str]]] = {}
        self._loose: dict[str, set[str]] = {}
        self._patterns: dict[str, set[str]] = {}
        for each in self._makefiles:
            for mention in each.mentions:
                self._mentions.setdefault(mention.what, []).append((mention, each.folder))
            self._patterns.setdefault(each.folder, set()).update(each.patterns)
            for name in each.loose:
                self._loose.setdefault(name, set()).add(each.folder)
        self._known: dict[str, bool] = {}
        self._neighbours = self._spoken_of()

    def not_built(self) -> frozenset[str]:
        """The C and assembler files that the configuration does not build; nothing where it is not understood."""
        if self._on is None:
            return frozenset()
        return frozenset(path for path in self._paths if path.endswith(_SOURCES) and self._is_out(path))

    def _parsed(self) -> list[Makefile]:
        found = []
        for path in self._paths:
            name = posixpath.basename(path)
            if name.startswith(("Makefile", "Kbuild")) and not path.startswith(_ELSEWHERE):
                found.append(parse(self._read(path) or "", path, self._arch))
        return found

    def _possible(self, defconfig: str) -> frozenset[str] | None:
        variables = {"SRCARCH": self._arch, "ARCH": self._arch, "HEADER_ARCH": self._arch, "srctree": ""}
        kconfig = Kconfig(self._read, variables)
        top = f"arch/{self._arch}/Kconfig"  # where reading began before 2.6.38
        kconfig.load("Kconfig" if "Kconfig" in self._paths else top)
        if not kconfig.is_whole or self._arch == "um":
            return None
        own = {name for each in self._makefiles for name in each.defines}
        return possible(kconfig.definitions, chosen(self._read(defconfig) or "")) | own

    def _is_out(self, path: str) -> bool:
        if path.startswith(_ELSEWHERE):
            return False
        folder = posixpath.dirname(path)
        target = posixpath.splitext(path)[0] + ".o"
        if self._is_loose(folder, posixpath.basename(target)):
            return False
        return self._object_is_out(target) if target in self._mentions else self._folder_is_out(folder + "/")

    def _is_loose(self, folder: str, name: str) -> bool:
        """Whether a Makefile that may be read names the object in a way that is not understood."""
        for pattern in self._patterns.get(folder, ()):
            if fnmatchcase(name, pattern) and not self._folder_is_out(folder + "/"):
                return True
        return any(not self._folder_is_out(each + "/") for each in self._loose.get(name, ()))

    def _object_is_out(self, target: str) -> bool:
        """Whether all mentions of an object are ruled out, and there is one."""
        if target not in self._known:
            self._known[target] = True  # it is built for nothing but itself, should it come up again meanwhile
            said = self._mentions.get(target, ())
            self._known[target] = bool(said) and all(self._is_ruled_out(*each) for each in said)
        return self._known[target]

    def _folder_is_out(self, folder: str) -> bool:
        """Whether make never goes into a folder, by its own mentions or those of a folder above it."""
        if folder in ("", "/"):
            return False
        if folder not in self._known:
            self._known[folder] = True
            said = self._mentions.get(folder, ())
            above = posixpath.dirname(folder.rstrip("/"))
            named = folder.rstrip("/").rpartition("/")[2] + "/"
            gone = bool(said) and all(self._is_ruled_out(*each) for each in said) and named not in self._loose
            self._known[folder] = gone or self._is_foreign(folder) or self._folder_is_out(above + "/" if above else "")
        return self._known[folder]

    def _is_ruled_out(self, mention: Mention, folder: str) -> bool:
        assert self._on is not None
        if any(symbol not in self._on for symbol in mention.symbols):
            return True
        if mention.part_of and self._object_is_out(mention.part_of):
            return True
        # What a folder says of itself or of what lies in it counts only where make goes into that folder.
        inside = mention.what.startswith(folder + "/") or not mention.what.endswith("/")
        return bool(folder) and inside and self._folder_is_out(folder + "/")

    def _is_foreign(self, folder: str) -> bool:
        """Whether it is another architecture's folder, of which nothing in this one's Makefiles speaks."""
        parts = folder.split("/")
        if parts[0] != "arch" or len(parts) != 3 or parts[1] == self._arch:  # arch/NAME/
            return False
        return parts[1] not in self._neighbours

    def _spoken_of(self) -> set[str]:
        """The other architectures that this one's Makefiles speak of: arm64 builds files of arm, for one."""
        found: set[str] = set()
        for path in self._paths:
            if path.startswith(f"arch/{self._arch}/") and posixpath.basename(path).startswith(("Makefile", "Kbuild")):
                found.update(re.findall(r"(?:arch|\.\.)/(\w+)/", self._read(path) or ""))
        return found
