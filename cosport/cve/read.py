"""Reads one CVE record from the bytes of a file: CVE JSON 5, the kernel CNA's `.dyad` and `.sha1`, or OSV.

Whoever publishes a record may be in the middle of writing it, and a record that is read wrongly is a CVE that nobody is
told of. So each reader raises `Damaged`, with what is wrong, for anything that it does not understand; it never leaves
a line out.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec
from msgspec import Struct, field

from cosport.cve.record import START, UNFIXED, Pair, Record, Status, is_name, merged
from cosport.model.severity import Severity

_ZERO: Final = frozenset({"0", "0" * 40})
_GIT_ID: Final = re.compile(r"#\s*getting vulnerable:fixed pairs for git id\s+(\S+)\s*$")
_MAINLINE: Final = re.compile(r"(?:2\.6\.\d+|[3-9]\.\d+|\d\d+\.\d+)(?:-rc\d+)?")
_LEVELS: Final = {"moderate": Severity.MEDIUM, "important": Severity.HIGH, "none": Severity.LOW}


class Damaged(Exception):  # noqa: N818 - it says what is wrong with a file; the index makes an error of it
    """A file is no whole record. The text says what is wrong with it."""


# --- CVE JSON 5 (https://github.com/CVEProject/cve-schema); unknown keys are passed over


class _Version(Struct):
    version: str = ""
    status: str = ""
    version_type: str = field(default="", name="versionType")
    less_than: str = field(default="", name="lessThan")


class _Affected(Struct):
    versions: list[_Version] = []


class _Cvss(Struct):
    base_score: float | None = field(default=None, name="baseScore")
    base_severity: str = field(default="", name="baseSeverity")


class _Metric(Struct):
    v4: _Cvss | None = field(default=None, name="cvssV4_0")
    v31: _Cvss | None = field(default=None, name="cvssV3_1")
    v30: _Cvss | None = field(default=None, name="cvssV3_0")
    v2: _Cvss | None = field(default=None, name="cvssV2_0")


class _Container(Struct):
    title: str = ""
    affected: list[_Affected] = []
    metrics: list[_Metric] = []


class _Containers(Struct):
    cna: _Container
    adp: list[_Container] = []


class _Metadata(Struct):
    state: str
    cve_id: str = field(default="", name="cveId")
    cve_id_by_kernel: str = field(default="", name="cveID")  # so spelt in the kernel CNA's repository
    assigner: str = field(default="", name="assignerShortName")
    published: str = field(default="", name="datePublished")
    updated: str = field(default="", name="dateUpdated")


class _Cve(Struct):
    metadata: _Metadata = field(name="cveMetadata")
    containers: _Containers


# --- OSV (https://ossf.github.io/osv-schema/)


class _Event(Struct):
    introduced: str = ""
    fixed: str = ""
    last_affected: str = ""
    limit: str = ""


class _Range(Struct):
    type: str
    events: list[_Event] = []


class _OsvAffected(Struct):
    ranges: list[_Range] = []
    database_specific: dict[str, object] = {}
    ecosystem_specific: dict[str, object] = {}


class _Osv(Struct):
    id: str
    modified: str
    published: str = ""
    withdrawn: str = ""
    summary: str = ""
    details: str = ""
    aliases: list[str] = []
    upstream: list[str] = []
    affected: list[_OsvAffected] = []
    database_specific: dict[str, object] = {}


class _Kind(Struct):
    metadata: msgspec.Raw = field(default=msgspec.Raw(), name="cveMetadata")
    id: str = ""


_kind = msgspec.json.Decoder(_Kind)
_cve = msgspec.json.Decoder(_Cve)
_osv = msgspec.json.Decoder(_Osv)


def json_record(data: bytes, name: str) -> Record | None:
    """The record of the CVE `name` in a JSON file of either form.

    None where it is another product's: it names no commits, and somebody else than the kernel's CNA assigned it.
    """
    try:
        kind = _kind.decode(data)
        if bytes(kind.metadata):
            return _from_cve(_cve.decode(data), name)
        if kind.id:
            return _from_osv(_osv.decode(data), name)
    except msgspec.DecodeError as exc:
        raise Damaged(str(exc)) from exc
    raise Damaged("neither a CVE JSON 5 record (no cveMetadata) nor an OSV entry (no id)")


def _from_cve(record: _Cve, name: str) -> Record | None:
    metadata, cna = record.metadata, record.containers.cna
    stated = metadata.cve_id or metadata.cve_id_by_kernel
    if stated != name:
        raise Damaged(f"it is of {stated or 'no CVE'}, by its cveMetadata.cveId")
    if metadata.state not in ("PUBLISHED", "REJECTED"):
        raise Damaged(f"cveMetadata.state is {metadata.state!r}; expected PUBLISHED or REJECTED")
    status = Status(metadata.state.lower())
    pairs = [_pair(row) for part in cna.affected for row in part.versions if _is_commits(row)]
    if not pairs and metadata.assigner not in ("Linux", ""):
        return None
    score, severity = _scored([*cna.metrics, *(metric for adp in record.containers.adp for metric in adp.metrics)])
    return Record(
        name,
        status,
        title=cna.title,
        severity=severity,
        score=score,
        published=metadata.published,
        updated=metadata.updated,
        pairs=merged(tuple(pairs)) if status is Status.PUBLISHED else (),
    )


def _is_commits(row: _Version) -> bool:
    return row.version_type == "git" and row.status == "affected"


def _pair(row: _Version) -> Pair:
    return Pair(_name(row.version, START), _name(row.less_than, UNFIXED) if row.less_than else UNFIXED)


def _name(written: str, nothing: str) -> str:
    lower = written.strip().lower()
    if lower in _ZERO:
        return nothing
    if not is_name(lower):
        raise Damaged(f"{written!r} is no commit")
    return lower


def _scored(metrics: list[_Metric]) -> tuple[float | None, Severity]:
    """The score by the newest CVSS that the record has; of several by the same, the highest."""
    for version in ("v4", "v31", "v30", "v2"):
        found: list[_Cvss] = [each for metric in metrics if (each := getattr(metric, version)) is not None]
        scores = [each.base_score for each in found if each.base_score is not None]
        if scores:
            return max(scores), Severity.of_score(max(scores))
    return None, Severity.UNKNOWN


def _from_osv(entry: _Osv, name: str) -> Record:
    if name not in (entry.id, *entry.aliases, *entry.upstream) and not entry.id.endswith(f"-{name}"):
        raise Damaged(f"it is of {entry.id}, and {name} is none of its aliases")
    pairs = [pair for part in entry.affected for each in part.ranges if each.type == "GIT" for pair in _events(each)]
    said = [entry.database_specific, *(part.ecosystem_specific for part in entry.affected)]
    said += [part.database_specific for part in entry.affected]
    return Record(
        name,
        Status.REJECTED if entry.withdrawn else Status.PUBLISHED,
        title=entry.summary or entry.details.partition("\n")[0],
        severity=next(filter(None, map(_level, said)), Severity.UNKNOWN),
        published=entry.published,
        updated=entry.modified,
        pairs=() if entry.withdrawn else merged(tuple(pairs)),
    )


def _events(each: _Range) -> list[Pair]:
    """The pairs of one range: each commit that introduces the bug with each one that fixes it."""
    introduced = [_name(event.introduced, START) for event in each.events if event.introduced]
    fixed = [_name(event.fixed, UNFIXED) for event in each.events if event.fixed]
    if not introduced:
        raise Damaged("a GIT range without an event `introduced`")
    return [Pair(start, end) for start in introduced for end in fixed or [UNFIXED]]


def _level(said: dict[str, object]) -> Severity | None:
    word = said.get("severity")
    if not isinstance(word, str):
        return None
    lower = word.lower()
    return _LEVELS.get(lower) or (Severity(lower) if lower in set(Severity) else None)


# --- the kernel CNA's own files beside the JSON


def dyad(data: bytes) -> tuple[tuple[Pair, ...], tuple[str, ...]]:
    """The pairs of a `.dyad` file, and the upstream commits that fix the bug: those for which its head says it is.

    Lines are `version:commit:version:commit`, of what is vulnerable and what is fixed; `0` stands for the beginning and
    for nothing. A head without commits leaves those that upstream released first: by the form of their version, which
    is all that is ever read of one.
    """
    pairs: list[Pair] = []
    named: list[str] = []
    released: list[str] = []
    text = _text(data)
    if not text.strip():
        raise Damaged("it is empty")
    if not text.endswith("\n"):
        raise Damaged("it ends in the middle of a line")
    for number, line in enumerate(text.split("\n"), 1):
        if found := _GIT_ID.match(line):
            named.append(_name(found[1], UNFIXED))
        if not line.strip() or line.startswith("#"):
            continue
        parts = line.strip().split(":")
        if len(parts) != 4:
            raise Damaged(f"line {number} is not version:commit:version:commit")
        try:
            pair = Pair(_name(parts[1], START), _name(parts[3], UNFIXED))
        except Damaged as exc:
            raise Damaged(f"line {number}: {exc}") from exc
        pairs.append(pair)
        if pair.fixed != UNFIXED and _MAINLINE.fullmatch(parts[2]):
            released.append(pair.fixed)
    return merged(tuple(pairs)), tuple(dict.fromkeys(filter(None, named or released)))


def sha1(data: bytes) -> tuple[str, ...]:
    """The upstream commits that a `.sha1` file names, one a line."""
    words = [line.strip() for line in _text(data).split("\n") if line.strip() and not line.startswith("#")]
    if not words:
        raise Damaged("it names no commit")
    return tuple(dict.fromkeys(_name(word, UNFIXED) for word in words))


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise Damaged(f"byte {exc.start} is no UTF-8") from exc
