"""Reads a pipeline file: YAML into a `Document`, with the job, the key and the line of whatever is wrong.

YAML is taken in a plain subset: no anchors, no tags, no key twice. What YAML guesses from a bare word (`5.10` is the
number 5.1, `no` is false) is never taken for a string; the error says to put it in quotes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cosport.errors import PipelineError
from cosport.pipeline.document import After, Document, Input, Job, Matrix, Place, Resources

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import yaml
    from yaml.nodes import Node

Where = tuple[str | int, ...]
"""The way to a value: keys, and places in lists."""

_PLAIN: Final = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null"))
_CONTAINERS: Final = frozenset({"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})
_LARGEST: Final = 1 << 20
_STRUCTS: Final[tuple[tuple[re.Pattern[str], type[msgspec.Struct]], ...]] = (
    (re.compile(r""), Document),
    (re.compile(r"inputs\.[^.]+"), Input),
    (re.compile(r"matrix"), Matrix),
    (re.compile(r"jobs\.[^.]+"), Job),
    (re.compile(r"jobs\.[^.]+\.resources"), Resources),
)
_WORDS: Final = {"`str`": "a string", "`array`": "a list", "`object`": "a mapping", "`int`": "a whole number",
                 "`bool`": "true or false", "`float`": "a number", "`null`": "nothing"}  # fmt: skip
_KINDS: Final = {"`str`": str, "`array`": list, "`object`": dict, "`int`": int, "`bool`": bool, "`float`": float,
                 "`null`": type(None)}  # fmt: skip


_SUCH_AS: Final = {
    "memory": 'a size such as "512 MiB" or "2 GiB"',
    "time": 'a duration such as "90 s", "30 min" or "2 h"',
    "stdout": "the name of a file in the job's folder, such as notes.md",
    "pipeline": "a name of letters, digits, - and _",
}
"""What is expected of texts that have a form."""

_YAML: Final = "it must be YAML: https://yaml.org"
_SLIPS: Final = (
    ("'\\t'", "a tab where YAML takes spaces only", "indent with spaces"),
    ("found another document", "a second document begins here", "one file holds one pipeline; take the line --- out"),
    ("mapping values are not allowed here", "a second colon in this text", 'put the text in quotes: "this: that"'),
)
"""What YAML's reader says (a part of it), what that means, and what to do."""

_CHOICES: Final = {"where": tuple(Place), "after": tuple(After)}


@dataclass(frozen=True, slots=True)
class Source:
    """A pipeline file that was read: its text, and the line on which each value stands."""

    name: str
    text: str
    lines: dict[Where, int]
    document: Document

    def wrong(self, where: Where, what: str, hint: str = "") -> PipelineError:
        """The error for what is wrong at that place."""
        return _wrong(self.name, self.lines, where, what, hint)


def load(file: Path) -> Source:
    """The pipeline in a file. Raises PipelineError where it is wrong or cannot be read."""
    try:
        data = file.read_bytes()
    except OSError as exc:
        raise PipelineError(f"{file}: {exc.strerror}", hint="see: cosport pipeline list --files") from exc
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        said = f"{file}:{line}: byte {data[exc.start]:#04x} is no UTF-8"
        raise PipelineError(said, hint="pipeline files are UTF-8; save it as that") from exc
    return parse(text, str(file))


def parse(text: str, name: str) -> Source:
    """The pipeline that `text` states; `name` stands for the file in errors. Raises PipelineError."""
    if len(text) > _LARGEST:
        raise PipelineError(f"{name}: {len(text)} characters; a pipeline file has at most {_LARGEST}")
    lines: dict[Where, int] = {}
    raw = _yaml(text, name, lines)
    if not isinstance(raw, dict):
        empty = "it is empty; " if raw is None else ""
        raise _wrong(
            name, lines, (), f"{empty}expected keys such as pipeline: and jobs:", "see: cosport schema pipeline"
        )
    return Source(name, text, lines, _document(raw, name, lines))


def _document(raw: dict[str, Any], name: str, lines: dict[Where, int]) -> Document:
    """Job by job and input by input, because msgspec does not name the key of a mapping in which it finds a fault."""
    parts: dict[str, dict[str, Any]] = {}
    for key, kind in (("inputs", Input), ("jobs", Job)):
        given = raw.get(key, {})
        if not isinstance(given, dict):
            raise _wrong(name, lines, (key,), f"expected a mapping of {key} by name")
        parts[key] = {each: _convert(value, kind, (key, each), name, lines) for each, value in given.items()}
    rest = {key: value for key, value in raw.items() if key not in parts}
    head: Document = _convert({**rest, "jobs": {"x": {}}}, Document, (), name, lines)
    for key, entries in parts.items():
        for each in entries:
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,63}", each):
                raise _wrong(name, lines, (key, each), "expected a name of letters, digits, - and _")
    if not parts["jobs"]:
        raise _wrong(name, lines, ("jobs",), "no job; expected at least one")
    return msgspec.structs.replace(head, **parts)


def _convert(value: Any, kind: type, where: Where, name: str, lines: dict[Where, int]) -> Any:
    try:
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as exc:
        raise _explain(str(exc), where, name, lines, value) from exc


def _explain(said: str, where: Where, name: str, lines: dict[Where, int], value: Any) -> PipelineError:
    """The error for what msgspec refuses: it writes "<what> - at `$.<path>`", where a mapping's key is `[...]`."""
    what, _, place = said.partition(" - at `$")
    place = place.rstrip("`")
    if place.startswith("key"):
        place = ""
    path = [*where]
    parts = re.findall(r"[^.\[\]]+|\[[^\]]*\]", place)
    for at, part in enumerate(parts):
        if part == "[...]":
            path += _keyed(_at(value, path[len(where) :]), [int(each[1:-1]) for each in parts[at + 1 :]], what)
            break
        path.append(int(part[1:-1]) if part.startswith("[") else part)
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", what, re.DOTALL)
    missing = re.fullmatch(r"Object missing required field `(.*)`", what, re.DOTALL)
    if unknown is not None:
        fields = _fields(tuple(path))
        near = get_close_matches(unknown[1], fields, 1)
        hint = f"did you mean {near[0]}?" if near else "see: cosport schema pipeline"
        return _wrong(name, lines, (*path, unknown[1]), f"no such key; expected one of: {', '.join(fields)}", hint)
    if missing is not None:
        return _wrong(name, lines, (*path, missing[1]), "missing", "see: cosport schema pipeline")
    field = next((step for step in reversed(path[len(where) :]) if isinstance(step, str)), "")
    if field in _SUCH_AS:
        return _wrong(name, lines, tuple(path), f"expected {_SUCH_AS[field]}{_got(value, path[len(where) :])}")
    if "Invalid enum value" in what:
        words = _CHOICES.get(field, ())
        return _wrong(name, lines, tuple(path), f"expected {' or '.join(words)}{_got(value, path[len(where) :])}")
    hint = "see: cosport schema pipeline"
    if what.startswith("Expected `array`"):
        hint = f"write a list: [{'make, -j4' if field == 'run' else 'a, b'}]"
    elif "got `float`" in what or ("`str`" in what and ("got `int`" in what or "got `bool`" in what)):
        hint = f"put it in quotes{_seen(value, path[len(where) :])}"
    for word, plain in _WORDS.items():
        what = what.replace(word, plain)
    return _wrong(name, lines, tuple(path), what[:1].lower() + what[1:], hint)


def _at(value: Any, path: Sequence[str | int]) -> Any:
    """What stands there in a value; None for nothing."""
    for step in path:
        try:
            value = value[step]
        except (LookupError, TypeError):
            return None
    return value


def _keyed(mapping: Any, rest: list[int], what: str) -> Where:
    """The way to the first value of a mapping that is what was refused: which key it was msgspec does not say."""
    kind = _KINDS.get(what.rpartition("got ")[2])
    keys = (key for key in mapping if kind is not None and type(_at(mapping[key], rest)) is kind)
    return next(((key, *rest) for key in keys), ())


def _got(value: Any, path: list[str | int]) -> str:
    return f", got {_at(value, path)!r}"


def _seen(value: Any, path: list[str | int]) -> str:
    value = _at(value, path)
    return f": YAML reads it as {value!r}" if isinstance(value, (int, float, bool)) else ""


def _fields(path: Where) -> tuple[str, ...]:
    text = ".".join(str(step) for step in path)
    kind = next(kind for pattern, kind in _STRUCTS if pattern.fullmatch(text))
    return tuple(field.encode_name for field in msgspec.structs.fields(kind))


def _wrong(name: str, lines: dict[Where, int], where: Where, what: str, hint: str = "") -> PipelineError:
    line = next((lines[where[:end]] for end in range(len(where), -1, -1) if where[:end] in lines), 0)
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in where).lstrip(".")
    place = f"{name}:{line}" if line else name
    return PipelineError(f"{place}: {text}: {what}" if text else f"{place}: {what}", hint=hint)


def _yaml(text: str, name: str, lines: dict[Where, int]) -> Any:
    import yaml

    try:
        # compose() builds nodes and no objects: nothing in the file can make one.
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as exc:
        raise _no_yaml(exc, text, name) from exc
    except RecursionError as exc:
        raise PipelineError(f"{name}: nested too deeply") from exc
    return None if root is None else _Reader(name, lines).value(root, ())


def _no_yaml(exc: yaml.YAMLError, text: str, name: str) -> PipelineError:
    """The error for what YAML's own reader refuses; what it says of common slips is put in other words."""
    mark = getattr(exc, "problem_mark", None)
    what = getattr(exc, "problem", None) or str(exc)
    if mark is not None:
        line = mark.line + 1
    elif isinstance(position := getattr(exc, "position", None), int):  # a character that no YAML may hold
        line, what = text.count("\n", 0, position) + 1, f"the character {text[position]!r} is not taken here"
    else:
        return PipelineError(f"{name}: {what}", hint=_YAML)
    for part, plain, hint in _SLIPS:
        if part in what:
            return PipelineError(f"{name}:{line}: {plain}", hint=hint)
    return PipelineError(f"{name}:{line}: {what}", hint=_YAML)


class _Reader:
    """Takes YAML's nodes to plain values, and notes on which line each stands."""

    def __init__(self, name: str, lines: dict[Where, int]) -> None:
        import yaml

        self._name = name
        self._lines = lines
        self._seen: set[int] = set()
        self._scalars = yaml.SafeLoader("")
        self._kinds = yaml.nodes

    def value(self, node: Node, where: Where) -> Any:
        self._lines[where] = node.start_mark.line + 1
        if id(node) in self._seen:
            raise _wrong(self._name, self._lines, where, "anchors and aliases are not taken here", "write it out")
        self._seen.add(id(node))
        if isinstance(node, self._kinds.CollectionNode) and node.tag not in _CONTAINERS:
            raise _wrong(self._name, self._lines, where, f"the tag {node.tag} is not taken here", "leave it out")
        if isinstance(node, self._kinds.MappingNode):
            return dict(self._pairs(node, where))
        if isinstance(node, self._kinds.SequenceNode):
            return [self.value(each, (*where, place)) for place, each in enumerate(node.value)]
        if node.tag not in _PLAIN:
            kind = node.tag.rpartition(":")[2]
            raise _wrong(self._name, self._lines, where, f"a {kind} is not taken here", "put it in quotes")
        try:
            return self._scalars.construct_object(node)
        except ValueError as exc:
            raise _wrong(self._name, self._lines, where, str(exc), "put it in quotes") from exc

    def _pairs(self, node: Any, where: Where) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        for key_node, value_node in node.value:
            key = self._scalars.construct_object(key_node) if key_node.tag in _PLAIN else None
            place = (*where, str(key_node.value))
            self._lines[place] = key_node.start_mark.line + 1
            if not isinstance(key, str):
                raise _wrong(self._name, self._lines, place, "expected a string for a key", "put it in quotes")
            if key in seen:
                raise _wrong(self._name, self._lines, place, "this key stands here twice")
            seen.add(key)
            yield key, self.value(value_node, (*where, key))
