"""Reads Kconfig files, as far as they tell which symbols a configuration can have on at all.

The language is told in Documentation/kbuild/kconfig-language.rst. Each `config` entry becomes a Definition with the
expressions that decide over it. What is not understood becomes ANY, an expression that may be true.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


class Kind(Enum):
    """What an expression asks for. ANY is what is not understood, or holds in any case: it may be true."""

    SYMBOL = "symbol"
    NOT = "not"
    AND = "and"
    OR = "or"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Expr:
    """An expression over symbols: `name` of a symbol (or y, m, n), `parts` of all else."""

    kind: Kind
    name: str = ""
    parts: tuple[Expr, ...] = ()


ANY: Final = Expr(Kind.ANY)
YES: Final = Expr(Kind.SYMBOL, "y")

_TOKEN: Final = re.compile(
    r"""\s*(&&|\|\||!=|<=|>=|[!=<>()]|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\$\([^()]*\)|[\w.\-/]+)"""
)
_HELP: Final = re.compile(r"\s*(?:---)?help(?:---)?\s*$")
_MACRO: Final = re.compile(r"[A-Za-z0-9_-]+\s*:?\+?=|\$\(")
_VARIABLE: Final = re.compile(r"\$(?:\((\w+)\)|\{(\w+)\}|(\w+))")
_TYPES: Final = ("bool", "boolean", "tristate", "string", "int", "hex")

_DEEPEST: Final = 50
"""Brackets and negations in one another that an expression may have; the kernel's have five."""

_CHAIN: Final = 64
"""Files that source one another in turn; the kernel's chains have seven."""

_MOST: Final = 20000
"""Files that are read, one that is sourced twice counting twice; the kernel has about 1,700."""


class Default(NamedTuple):
    """A value that a symbol has, or another one that it turns on, where the condition holds."""

    value: Expr
    condition: Expr


@dataclass(slots=True)
class Definition:
    """One `config` entry.

    `depends` are all conditions that it stands under. `is_asked` says that nothing but these hides its question from
    the user, so that an explicit "not set" counts; `is_choice` that it stands in a `choice`; `is_switch` that it is a
    bool or tristate and no number or text.
    """

    name: str
    depends: list[Expr] = field(default_factory=list)
    defaults: list[Default] = field(default_factory=list)
    selects: list[tuple[str, Expr]] = field(default_factory=list)
    implies: list[tuple[str, Expr]] = field(default_factory=list)
    is_asked: bool = False
    is_choice: bool = False
    is_switch: bool = True


@dataclass(slots=True)
class _Block:
    """An `if`, `menu` or `choice` that is open: what stands in it depends on `depends`."""

    kind: str
    depends: list[Expr]
    hides: bool = False


class Kconfig:
    """All entries that can be reached from a first file.

    `read` gives the text of a file of the tree, None where there is none. `is_whole` is False where a file could not be
    found, or the files are such that reading them would never end: then nothing can be said of a symbol that is not
    defined here.
    """

    def __init__(self, read: Callable[[str], str | None], variables: dict[str, str]) -> None:
        self.definitions: list[Definition] = []
        self.is_whole = True
        self._read = read
        self._variables = variables
        self._blocks: list[_Block] = []
        self._open: Definition | None = None
        self._files: list[str] = []
        self._count = 0

    def load(self, path: str) -> None:
        """Read a file and all that it sources."""
        self._count += 1
        text = self._read(path)
        if text is None or path in self._files or len(self._files) >= _CHAIN or self._count > _MOST:
            self.is_whole = False
            return
        self._files.append(path)
        for line in _lines(text):
            self._take(line)
        self._files.pop()

    def _take(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        rest = rest.strip()
        if word in ("config", "menuconfig"):
            self._define(rest)
        elif word in ("if", "menu", "choice"):
            self._open = None
            self._blocks.append(_Block(word, [parse(rest)] if word == "if" else []))
        elif word in ("endif", "endmenu", "endchoice"):
            self._open = None
            if self._blocks:
                self._blocks.pop()
        elif word in ("source", "rsource", "osource", "orsource"):
            self._open = None
            self._source(rest)
        elif word == "comment":
            self._open = Definition("")  # takes the lines that belong to it
        elif word in ("depends", "visible", "requires"):
            self._depend(word, rest)
        elif self._open is not None:
            self._property(word, rest)
        elif not (word in ("mainmenu", "optional", "prompt", "default", *_TYPES) or _MACRO.match(line)):
            self.is_whole = False

    def _define(self, name: str) -> None:
        made = Definition(name)
        for block in self._blocks:
            made.depends += block.depends
            made.is_choice |= block.kind == "choice"
        self._open = made
        self.definitions.append(made)

    def _source(self, rest: str) -> None:
        path = _VARIABLE.sub(
            lambda found: self._variables.get(found[1] or found[2] or found[3], found[0]), _plain(rest)
        )
        path = path.removeprefix("/")
        if "$" in path or "*" in path:
            self.is_whole = False
        else:
            self.load(path)

    def _depend(self, word: str, rest: str) -> None:
        rest = rest.removeprefix("on ") if word != "visible" else rest.removeprefix("if ")
        condition = ANY if re.search(r"\bif\b", rest) else parse(rest)
        if self._open is not None:
            self._open.depends.append(condition)
        elif self._blocks and word == "visible":
            self._blocks[-1].hides = True
        elif self._blocks:
            self._blocks[-1].depends.append(condition)

    def _property(self, word: str, rest: str) -> None:
        made = self._open
        assert made is not None
        if word in (*_TYPES, "prompt", "def_bool", "def_tristate"):
            made.is_switch &= word not in ("string", "int", "hex")
            if word.startswith("def_"):
                made.defaults.append(Default(*_conditional(rest)))
            elif rest:  # a question, perhaps one that is asked under a condition only
                made.is_asked |= _unquoted_if(rest) is None and not any(block.hides for block in self._blocks)
        elif word == "default":
            made.defaults.append(Default(*_conditional(rest)))
        elif word in ("select", "imply", "enable"):
            name, condition = _named(rest)
            (made.implies if word == "imply" else made.selects).append((name, condition))


def _named(rest: str) -> tuple[str, Expr]:
    name, _, condition = rest.partition(" ")
    condition = condition.strip()
    return name, parse(condition.removeprefix("if")) if condition.startswith("if") else YES


def _conditional(rest: str) -> tuple[Expr, Expr]:
    at = _unquoted_if(rest)
    if at is None:
        return parse(rest), YES
    return parse(rest[:at]), parse(rest[at + 2 :])


def _unquoted_if(text: str) -> int | None:
    """Where the word `if` stands outside of quotes."""
    for found in re.finditer(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\bif\b""", text):
        if found[0] == "if":
            return found.start()
    return None


def _plain(text: str) -> str:
    return text.strip().strip("\"'")


def _lines(text: str) -> Iterator[str]:
    """Lines that say something: joined where they go on, without comments and help texts, one space after the word."""
    pending = ""
    helping: int | None = None  # the column at which a help text begins, -1 before its first line
    for raw in text.split("\n"):
        line = raw.expandtabs()
        if helping is not None:
            column = len(line) - len(line.lstrip())
            if not line.strip():
                continue
            if helping < 0:
                helping = column
            if column >= helping and column > 0:
                continue
            helping = None
        if line.endswith("\\"):
            pending += line[:-1] + " "
            continue
        line, pending = pending + line, ""
        if _HELP.match(line):
            helping = -1
            continue
        line = _without_comment(line).strip()
        if line:
            yield " ".join(line.split(None, 1))


def _without_comment(line: str) -> str:
    if "#" not in line:
        return line
    quote = ""
    for at, char in enumerate(line):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char == "#":
            return line[:at]
    return line


def parse(text: str) -> Expr:
    """An expression; ANY where it is not understood."""
    tokens = []
    at = 0
    text = text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            return ANY
        tokens.append(found[1])
        at = found.end()
    try:
        made, at = _or(tokens, 0, 0)
    except (IndexError, _TooDeep):
        return ANY
    return made if at == len(tokens) else ANY


class _TooDeep(Exception):  # noqa: N818 - it says what the expression is
    """An expression that nobody writes, such as a million brackets."""


def _or(tokens: Sequence[str], at: int, depth: int) -> tuple[Expr, int]:
    """The expression that begins at the token `at`, and where it ends; `depth` is how deep in another one it stands."""
    return _joined(tokens, at, depth, Kind.OR)


def _joined(tokens: Sequence[str], at: int, depth: int, kind: Kind) -> tuple[Expr, int]:
    mark, part = ("||", _and) if kind is Kind.OR else ("&&", _factor)
    made, at = part(tokens, at, depth)
    parts = [made]
    while at < len(tokens) and tokens[at] == mark:
        made, at = part(tokens, at + 1, depth)
        parts.append(made)
    return (Expr(kind, parts=tuple(parts)) if len(parts) > 1 else made), at


def _and(tokens: Sequence[str], at: int, depth: int) -> tuple[Expr, int]:
    return _joined(tokens, at, depth, Kind.AND)


def _factor(tokens: Sequence[str], at: int, depth: int) -> tuple[Expr, int]:
    if depth > _DEEPEST:
        raise _TooDeep
    first, at = tokens[at], at + 1
    if first == "!":
        made, at = _factor(tokens, at, depth + 1)
        return Expr(Kind.NOT, parts=(made,)), at
    if first == "(":
        made, at = _or(tokens, at, depth + 1)
        return made, at + 1
    mark = tokens[at] if at < len(tokens) else ""
    if first[0] == "$":
        return ANY, at + 2 if mark in ("=", "!=") else at
    if at + 1 < len(tokens) and mark in ("=", "!=", "<", ">", "<=", ">="):
        return _compared(_plain(first), mark, _plain(tokens[at + 1])), at + 2
    return Expr(Kind.SYMBOL, _plain(first)), at


def _compared(left: str, operator: str, right: str) -> Expr:
    """What a comparison needs of a symbol: `X = y`, `X = m` and `X != n` need it on; others may hold in any case."""
    if left in ("y", "m", "n"):
        left, right = right, left
    if (operator, right) in (("=", "y"), ("=", "m"), ("!=", "n")):
        return Expr(Kind.SYMBOL, left)
    return ANY
