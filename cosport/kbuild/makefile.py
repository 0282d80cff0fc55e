"""Reads kernel Makefiles, as far as they tell on which symbols it depends that an object is built.

The language is told in Documentation/kbuild/makefiles.rst. What is not understood makes a mention that depends on
nothing, so that its object may be built.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import Final

_PREFIX: Final = re.compile(r"(?:export|override)\s+")
_NAME_ENDS: Final = re.compile(r"[\s:=+?#]")
_OPERATOR: Final = re.compile(r"\s*(?::{0,3}|\+|\?)=\s*")
_SELECTED: Final = re.compile(
    r"(?P<base>[\w.+-]*?)-(?P<how>y|m|objs|\$[({](?:subst m,y,\$\()?CONFIG_(?P<symbol>\w+)[)}]{1,2})"
)
_CONDITION: Final = re.compile(r"\s*(?:else\s+)?(ifeq|ifneq|ifdef|ifndef)\b\s*(.*)")
_BUILD: Final = re.compile(r"\$\(build\)=(\S+)")
_LIST: Final = re.compile(r"\$[({]([\w.+-]+?)(?:-objs)?(?:-(?:y|m|objs)?)?[)}:]")
_VARIABLE: Final = re.compile(r"\$[({][^(){}]*[)}]")
_FUNCTION: Final = re.compile(r"\$[({](?:addprefix|addsuffix|patsubst|foreach|subst|wildcard|call|shell|basename)\b")
_OBJECT: Final = re.compile(r"(?<![\w.+/-])([\w.+/-]+)\.o\b")
_ROOTS: Final = frozenset({
    "obj", "lib", "core", "drivers", "libs", "net", "init", "head", "subdir", "always", "extra", "virt", "hostprogs",
})  # fmt: skip
"""Variables that kbuild itself reads. Any other `NAME-y` or `NAME-objs` lists the parts of NAME.o."""

_MUTE: Final = frozenset({"targets", "clean-files", "no-clean-files"})
"""Variables that name objects and do not build them."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A Makefile names something that is built: the object or folder (which ends in "/") `what`, as a path of the tree.

    It is built only where all `symbols` are on, and where `part_of`, an object, is built ("" for none).
    """

    what: str
    symbols: tuple[str, ...] = ()
    part_of: str = ""


@dataclass(slots=True)
class Makefile:
    """What one file mentions.

    `loose` are names of objects, without a folder, that it builds somewhere in ways that are not understood, and
    `patterns` such names with `*` in them, of its own folder; `defines` are symbols that it sets itself.
    """

    folder: str
    mentions: list[Mention]
    loose: set[str]
    patterns: set[str]
    defines: set[str]


def parse(text: str, path: str, arch: str) -> Makefile:
    """Take a Makefile or Kbuild file apart; `path` is where it stands in the tree, `arch` the folder under arch/."""
    # The architecture's own Makefile is a part of the one at the top, and names all from there.
    folder = posixpath.dirname(path) if path != f"arch/{arch}/Makefile" else ""
    text = text.replace("$(SRCARCH)", arch).replace("$(srctree)/", "/").replace("\\\n", " ")
    found = Makefile(folder, [], set(), set(), set())
    _Reader(found, text).read()
    return found


class _Reader:
    def __init__(self, found: Makefile, text: str) -> None:
        self._found = found
        self._text = text
        self._conditions: list[tuple[str, ...]] = []
        self._used = self._references()
        self._is_opaque = any(
            line.lstrip().startswith(("include ", "-include ")) and "scripts/" not in line for line in text.split("\n")
        )

    def read(self) -> None:
        for raw in self._text.split("\n"):
            line = re.sub(r"(?<!\\)#.*", "", raw).rstrip()
            if not line.strip() or self._conditional(line):
                continue
            for name in _BUILD.findall(line):
                self._mention_folder(name)
            if (parts := _assignment(line)) is not None:
                self._assigned(*parts)
            elif not raw.startswith("\t"):
                self._rule(line)

    def _conditional(self, line: str) -> bool:
        word = line.split(None, 1)[0]
        if match := _CONDITION.match(line):
            needs = _needs(match[1], match[2])
            if word == "else" and self._conditions:
                self._conditions[-1] = needs
            else:
                self._conditions.append(needs)
        elif word == "else" and self._conditions:
            self._conditions[-1] = ()
        elif word == "endif" and self._conditions:
            self._conditions.pop()
        else:
            return False
        return True

    def _assigned(self, variable: str, value: str) -> None:
        if variable.startswith("CONFIG_"):
            self._found.defines.add(variable.removeprefix("CONFIG_"))
        if variable in _MUTE or "flags" in variable.lower():
            return
        symbols = [symbol for each in self._conditions for symbol in each]
        match = _SELECTED.fullmatch(variable)
        if match is None:
            self._mention(value, (), "", is_folder=False)
            return
        if match["symbol"]:
            symbols.append(match["symbol"])
        base = match["base"].removesuffix("-objs")
        if base in _ROOTS:
            self._mention(value, tuple(symbols), "", is_folder=base == "subdir")
        elif self._is_used_elsewhere(base):
            self._mention(value, (), "", is_folder=False)
        else:
            self._mention(value, tuple(symbols), self._path(f"{base}.o"), is_folder=False)

    def _references(self) -> dict[str, set[str]]:
        """Each list of parts that some line refers to, and the variables that these lines set."""
        found: dict[str, set[str]] = {}
        for line in self._text.split("\n"):
            if "$" in line and (names := _LIST.findall(line)):
                parts = _assignment(line)
                for name in names:
                    found.setdefault(name, set()).add(parts[0] if parts is not None else "")
        return found

    def _is_used_elsewhere(self, base: str) -> bool:
        """Whether another variable than one of the same object refers to its list."""
        return any(not variable.startswith(f"{base}-") for variable in self._used.get(base, ()))

    def _rule(self, line: str) -> None:
        """A rule: what its targets need is built in ways that are not looked into."""
        _, _, needs = line.partition(":")
        self._loose(needs)

    def _mention(self, value: str, symbols: tuple[str, ...], part_of: str, *, is_folder: bool) -> None:
        if self._is_opaque:
            symbols, part_of = (), ""
        if _FUNCTION.search(value):
            self._loose(value)
        for word in value.split():
            plain = word.removeprefix("$(obj)/").removeprefix("$(src)/")
            if "$" in plain or ")" in plain or "," in plain:
                continue
            if plain.endswith("/") or is_folder:
                self._found.mentions.append(Mention(self._path(plain) + "/", symbols))
            elif plain.endswith(".o"):
                self._found.mentions.append(Mention(self._path(plain), symbols, part_of))
        for word in value.split():
            if "$" in word and not word.startswith(("$(obj)/", "$(src)/")):
                self._loose(word)

    def _mention_folder(self, name: str) -> None:
        name = name.removeprefix("$(obj)/").strip("'\";")
        if "$" in name:
            self._found.loose.add(posixpath.basename(name.rstrip("/")) + "/")
            return
        # Named from the top of the tree, or from where the Makefile stands.
        self._found.mentions.append(Mention(posixpath.normpath(name.lstrip("/")) + "/"))
        self._found.mentions.append(Mention(self._path(name) + "/"))

    def _path(self, name: str) -> str:
        if name.startswith("/"):
            return posixpath.normpath(name.lstrip("/"))
        return posixpath.normpath(posixpath.join(self._found.folder, name))

    def _loose(self, text: str) -> None:
        self._found.loose.update(posixpath.basename(name) + ".o" for name in _OBJECT.findall(text))
        for word in text.split():
            if "$" in word and word.endswith(".o"):  # entry_$(BITS).o
                self._found.patterns.add(_VARIABLE.sub("*", posixpath.basename(word)))
        if "wildcard" in text or "%" in text or "addsuffix" in text or "foreach" in text:
            self._found.patterns.add("*")


def _assignment(line: str) -> tuple[str, str] | None:
    """Variable and value of `VARIABLE = value` (or another operator); None where a line is something else.

    A variable may hold what else ends its name in brackets: `obj-$(if A, y) += a.o`. No regular expression,
    because this is read in trees of anybody's, and one that says it takes ages for a line full of brackets.
    """
    blanks = len(line) - len(line.lstrip())
    prefix = _PREFIX.match(line, blanks)
    for begin in (prefix.end(), blanks) if prefix is not None else (blanks,):
        at = begin
        while found := _NAME_ENDS.search(line, at):
            end = found.start()
            if end > begin and (operator := _OPERATOR.match(line, end)):
                return line[begin:end], line[operator.end() :]
            opened = line.rfind("(", max(at, begin + 1), end)
            if opened < 0 or line.find(")", opened, end) >= 0:
                break
            at = line.find(")", end) + 1
            if not at:
                break
    return None


def _needs(kind: str, text: str) -> tuple[str, ...]:
    """The symbols without which a condition cannot hold."""
    if kind == "ifdef":
        return (text.strip().removeprefix("CONFIG_"),) if text.strip().startswith("CONFIG_") else ()
    match = re.fullmatch(
        r"""\(\s*\$[({]CONFIG_(\w+)[)}]\s*,\s*(\w*)\s*\)|"\$[({]CONFIG_(\w+)[)}]"\s+"(\w*)\"""", text.strip()
    )
    if match is None:
        return ()
    symbol, value = match[1] or match[3], match[2] if match[1] else match[4]
    holds = (kind == "ifeq" and value in ("y", "m")) or (kind == "ifneq" and not value)
    return (symbol,) if holds else ()
