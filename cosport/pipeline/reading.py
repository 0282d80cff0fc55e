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
from cosport.pipeline.document import Document, Input, Job, Matrix, Resources

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from yaml.nodes import Node

Where = tuple[str | int, ...]
"""The way to a value: keys, and places in lists."""

_PLAIN: Final = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null"))
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
        raise PipelineError(f"{file}: byte {exc.start} is no UTF-8", hint="pipeline files are UTF-8") from exc
    return parse(text, str(file))


def parse(text: str, name: str) -> Source:
    """The pipeline that `text` states; `name` stands for the file in errors. Raises PipelineError."""
    if len(text) > _LARGEST:
        raise PipelineError(f"{name}: {len(text)} characters; a pipeline file has at most {_LARGEST}")
    lines: dict[Where, int] = {}
    raw = _yaml(text, name, lines)
    if not isinstance(raw, dict):
        raise _wrong(name, lines, (), "expected keys such as pipeline: and jobs:", "see: cosport schema pipeline")
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
    for part in re.findall(r"[^.\[\]]+|\[[^\]]*\]", place):
        if part == "[...]":
            break  # which key it was is told by nobody; the mapping's own line is near
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
    hint = "see: cosport schema pipeline"
    if "got `float`" in what or ("`str`" in what and ("got `int`" in what or "got `bool`" in what)):
        hint = f"put it in quotes{_seen(value, path[len(where) :])}"
    for word, plain in _WORDS.items():
        what = what.replace(word, plain)
    return _wrong(name, lines, tuple(path), what[:1].lower() + what[1:], hint)


def _seen(value: Any, path: list[str | int]) -> str:
    for step in path:
        try:
            value = value[step]
        except (LookupError, TypeError):
            return ""
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
        mark = getattr(exc, "problem_mark", None)
        place = f"{name}:{mark.line + 1}" if mark is not None else name
        what = getattr(exc, "problem", None) or str(exc)
        raise PipelineError(f"{place}: {what}", hint="it must be YAML: https://yaml.org") from exc
    except RecursionError as exc:
        raise PipelineError(f"{name}: nested too deeply") from exc
    return None if root is None else _Reader(name, lines).value(root, ())


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
