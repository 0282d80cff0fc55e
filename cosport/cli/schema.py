"""`cosport schema`: the JSON Schema of each document that cosport writes or reads, made from the types that it uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cosport.cli import complete
from cosport.cli.options import command
from cosport.cli.session import Session
from cosport.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
class Document:
    """A kind of document: what it is, and how its schema is made."""

    what: str
    build: Callable[[], dict[str, Any]]


@command(example="cosport schema\ncosport schema backport > backport.schema.json")
def schema(
    session: Session,
    name: Annotated[
        str | None, typer.Argument(help="The document; without it, the list of them.", autocompletion=complete.schemas)
    ] = None,
) -> int:
    """Print the JSON Schema of a document that cosport reads or writes; without a name, list the documents."""
    if name is None:
        if session.json:
            session.printer.json({each: document.what for each, document in DOCUMENTS.items()})
        else:
            session.printer.table(["name", "document"], [(each, entry.what) for each, entry in DOCUMENTS.items()])
        return 0
    session.printer.json(of(name))
    return 0


def of(name: str) -> dict[str, Any]:
    """The schema of a document. Raises UsageError for a name that is none."""
    document = DOCUMENTS.get(name)
    if document is None:
        raise UsageError(f"no document is called {name!r}", hint=f"there are: {', '.join(DOCUMENTS)}")
    return {"$schema": DIALECT, **document.build(), "title": f"cosport {name}"}


def _config() -> dict[str, Any]:
    import msgspec

    from cosport import config

    return msgspec.json.schema(config.Document)


def _backport() -> dict[str, Any]:
    from cosport.backport.document import SCHEMA

    definitions = _results()
    results = {"type": "array", "items": {"$ref": "#/$defs/Result"}}
    return {**_object({"schema": {"const": SCHEMA}, "results": results}), "$defs": definitions}


def _plan() -> dict[str, Any]:
    definitions = _results()
    result = definitions.pop("Result")
    properties = {key: value for key, value in result["properties"].items() if key != "branch"}
    target = {"type": "string", "description": "The target as it stood in the line that asked."}
    return {**_object({**properties, "target": target}), "$defs": definitions}


def _results() -> dict[str, Any]:
    """Definitions of a result and its parts; `error` and `hint` travel as one object, null where there is none."""
    from cosport.model.result import Result

    definitions = _written(Result)
    properties = definitions["Result"]["properties"]
    del properties["hint"]
    error = _object({"what": {"type": "string"}, "hint": {"type": "string"}})
    properties["error"] = {"anyOf": [{"type": "null"}, error]}
    definitions["Result"] = {**definitions["Result"], **_object(properties)}
    return definitions


def _bot() -> dict[str, Any]:
    from cosport.cli import bot

    return _titled(bot.Document, bot.SCHEMA)


def _vote() -> dict[str, Any]:
    from cosport.bot import record

    return _titled(record.Vote, record.SCHEMA)


def _bot_init() -> dict[str, Any]:
    from cosport.cli import bot

    return _titled(bot.Initiated, bot.INIT_SCHEMA)


def _bot_verify() -> dict[str, Any]:
    from cosport.cli import bot

    return _titled(bot.Verified, bot.VERIFY_SCHEMA)


def _health() -> dict[str, Any]:
    from cosport.bot import health

    return _titled(health.Document, health.SCHEMA)


def _doctor() -> dict[str, Any]:
    from cosport.cli import doctor

    definitions = _written(doctor.Report)
    report = definitions.pop("Report")
    report["properties"]["schema"] = {"const": doctor.SCHEMA}
    return {**report, "$defs": definitions}


def _init() -> dict[str, Any]:
    from cosport.cli import init

    text = {"type": "string"}
    names = {"type": "array", "items": text}
    properties = {
        "schema": {"const": init.SCHEMA},
        "written": text,
        "backup": text,
        "upstream": text,
        "branches": names,
        "hooks": names,
    }
    return _object(properties)


def _index() -> dict[str, Any]:
    from cosport.cli import index

    number = {"type": "integer", "minimum": 0}
    properties = {"path": {"type": ["string", "null"]}, "commits": number, "added": number, "bytes": number}
    return _object({"schema": {"const": index.SCHEMA}, **properties})


def _show() -> dict[str, Any]:
    """Spelt out: `show` answers sooner than a module that defines the types would be imported."""
    from cosport.cli import show
    from cosport.history.affected import Verdict
    from cosport.model.evidence import EvidenceKind
    from cosport.model.severity import Severity

    text, number = {"type": "string"}, {"type": "integer"}
    maybe = {"type": ["string", "null"]}
    evidence = _object({"kind": {"enum": [*EvidenceKind]}, "detail": text})
    place = {
        "branch": text,
        "tip": text,
        "applied": {"type": "boolean"},
        "commit": maybe,
        "since": maybe,
        "change_id": maybe,
        "affected": {"enum": [*Verdict, None]},
        "evidence": _array(evidence),
    }
    properties = {
        "schema": {"const": show.SCHEMA},
        "sha": text,
        "subject": text,
        "author": text,
        "authored": number,
        "committed": number,
        "origins": _array(text),
        "fixes": _array(_object({"named": text, "sha": maybe, "subject": maybe, "how": text})),
        "followups": _array(_object({"sha": text, "subject": text, "kind": {"enum": ["fixes", "reverts"]}})),
        "stable": _array(text),
        "cves": _array(_object({"id": text, "title": text, "severity": {"enum": [*Severity]}})),
        "branches": _array(_object(place)),
    }
    return _object(properties)


def _missing() -> dict[str, Any]:
    from cosport.cli import missing_view as view

    return _titled(view.Document, view.SCHEMA)


def _plan_missing() -> dict[str, Any]:
    from cosport.cli import plan_missing

    definitions = _results()
    row = _written(plan_missing.Row).pop("Row")
    properties = {**row["properties"], "schema": {"const": plan_missing.SCHEMA}}
    parts = {name: _written(plan_missing.Row)[name] for name in ("Severity", "Marked")}
    return {**_object(properties), "$defs": {**definitions, **parts}}


def _decline() -> dict[str, Any]:
    from cosport.cli import decline

    return _titled(decline.Written, decline.SCHEMA)


def _presubmit() -> dict[str, Any]:
    from cosport.presubmit import report

    return _titled(report.Document, report.SCHEMA)


def _presubmit_list() -> dict[str, Any]:
    from cosport.cli.presubmit import Listed

    checks = {"type": "array", "items": {"$ref": "#/$defs/Listed"}}
    properties = {"schema": {"const": "cosport.presubmit-list/1"}, "checks": checks}
    return {**_object(properties), "$defs": _written(Listed)}


def _pipeline() -> dict[str, Any]:
    from cosport.pipeline import document

    return document.schema()


def _pipeline_show() -> dict[str, Any]:
    from cosport.cli import pipeline_view as view

    return _titled(view.Shown, view.SCHEMA)


def _pipeline_list() -> dict[str, Any]:
    from cosport.cli import pipeline_view as view
    from cosport.pipeline.journal import Run

    schema, runs = {"const": view.LIST_SCHEMA}, _array({"$ref": "#/$defs/Run"})
    files = {"type": "object", "additionalProperties": {"type": "string"}}
    either = [_object({"schema": schema, "runs": runs}), _object({"schema": schema, "files": files})]
    return {"oneOf": either, "$defs": _written(Run)}


def _export() -> dict[str, Any]:
    from cosport.cli import export

    text = {"type": "string"}
    patches = _array(_object({"file": text, "commit": text}))
    return _object({"schema": {"const": export.SCHEMA}, "series": text, "patches": patches})


def _schemas() -> dict[str, Any]:
    return _object({name: {"type": "string"} for name in DOCUMENTS})


def _site() -> dict[str, Any]:
    from cosport.cli import site

    number = {"type": "integer"}
    return _object({"schema": {"const": site.SCHEMA}, "index": {"type": "string"}, "files": number, "fixes": number})


def _demo() -> dict[str, Any]:
    from cosport.cli import demo

    text = {"type": "string"}
    steps = _array(_object({"command": _array(text), "status": {"type": "integer"}, "output": text}))
    made = dict.fromkeys(("folder", "repository", "source", "fix", "introduced"), text)
    return _object({"schema": {"const": demo.SCHEMA}, **made, "steps": steps})


def _hook_install() -> dict[str, Any]:
    from cosport.git.hooks import Installed

    hooks = {"type": "array", "items": {"$ref": "#/$defs/Installed"}}
    properties = {"schema": {"const": "cosport.hook-install/1"}, "hooks": hooks}
    return {**_object(properties), "$defs": _written(Installed)}


def _regress() -> dict[str, Any]:
    from cosport.regress import result

    return _titled(result.Result, result.SCHEMA)


def _regress_compare() -> dict[str, Any]:
    from cosport.regress import comparison

    return _titled(comparison.Comparison, comparison.SCHEMA)


def _workloads() -> dict[str, Any]:
    from cosport.cli import regress_view
    from cosport.regress.workload import Workload

    definitions = _written(Workload)
    listed = {"type": "array", "items": {"$ref": "#/$defs/Workload"}}
    return {**_object({"schema": {"const": regress_view.WORKLOADS}, "workloads": listed}), "$defs": definitions}


def _titled(kind: type, name: str) -> dict[str, Any]:
    """The schema of a document that is one type as it stands, with its name in `schema`."""
    definitions = _written(kind)
    document = definitions.pop(kind.__name__)
    document["properties"]["schema"] = {"const": name}
    return {**document, "$defs": definitions}


def _message() -> dict[str, Any]:
    from cosport.message.parse import Trailer

    definitions = _written(Trailer)
    trailer = definitions["Trailer"]
    trailer.update(_object({**trailer["properties"], "separator": {"type": "string"}}))
    text = {"type": "string"}
    trailers = {"type": "array", "items": {"$ref": "#/$defs/Trailer"}}
    properties = {"schema": {"const": "cosport.message/1"}, "subject": text, "body": text, "trailers": trailers}
    return {**_object(properties), "$defs": definitions}


def _message_lint() -> dict[str, Any]:
    from cosport.message.finding import Finding

    findings = {"type": "array", "items": {"$ref": "#/$defs/Finding"}}
    properties = {"schema": {"const": "cosport.message-lint/1"}, "profile": {"type": "string"}, "findings": findings}
    return {**_object(properties), "$defs": _written(Finding)}


def _message_fix() -> dict[str, Any]:
    properties = {"changed": {"type": "boolean"}, "text": {"type": "string"}}
    return _object({"schema": {"const": "cosport.message-fix/1"}, **properties})


def _records() -> dict[str, Any]:
    from cosport.cli import record
    from cosport.records.record import Kind

    text = {"type": "string"}
    each = _object({"kind": {"enum": [*Kind]}, "at": text, "by": text, "data": {"type": "object"}})
    commit = _object({"commit": text, "records": {"type": "array", "items": each}})
    return _object({"schema": {"const": record.SCHEMA}, "commits": {"type": "array", "items": commit}})


def _records_shared() -> dict[str, Any]:
    from cosport.cli import record

    properties = {"remote": {"type": "string"}, "taken": {"type": "integer"}}
    return _object({"schema": {"const": record.SHARED}, **properties})


def _notes() -> dict[str, Any]:
    from cosport.notes import document

    return _titled(document.Document, document.SCHEMA)


def _notes_explain() -> dict[str, Any]:
    from cosport.notes import explain

    return _titled(explain.Explanation, explain.SCHEMA)


def _notes_lint() -> dict[str, Any]:
    from cosport.notes import lint

    commits = {"type": "array", "items": {"$ref": "#/$defs/Found"}}
    return {**_object({"schema": {"const": lint.SCHEMA}, "commits": commits}), "$defs": _written(lint.Found)}


def _notes_house() -> dict[str, Any]:
    import msgspec

    from cosport.notes import house

    return msgspec.json.schema(house.Document)


def _written(kind: type) -> dict[str, Any]:
    """Definitions for a type that cosport writes: each key always stands there, and no other does."""
    import msgspec

    _, definitions = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    for definition in definitions.values():
        if "properties" in definition:
            definition.update(_object(definition["properties"]))
            for each in definition["properties"].values():
                each.pop("default", None)
    return definitions


def _array(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


DOCUMENTS: Final = {
    "config": Document("cosport.toml, read by every command (TOML, seen as JSON)", _config),
    "backport": Document("the results of `cosport backport --json` and `cosport plan --json`", _backport),
    "plan": Document("one line of `cosport plan --stdin`", _plan),
    "plan-missing": Document("one line of `cosport plan --missing --json`", _plan_missing),
    "index": Document("the state of the index, from `cosport index --json`", _index),
    "show": Document("what is known of a commit, from `cosport show --json`", _show),
    "missing": Document("what branches lack, from `cosport missing --json`", _missing),
    "decline": Document("the decision that `cosport decline --json` wrote", _decline),
    "message": Document("a commit message taken apart by `cosport message parse --json`", _message),
    "message-lint": Document("the findings of `cosport message lint --json`", _message_lint),
    "message-fix": Document("the repaired message of `cosport message fix --json`", _message_fix),
    "records": Document("what is on record of commits, from `cosport record show --json`", _records),
    "records-shared": Document("what `cosport record fetch|push --json` took in", _records_shared),
    "presubmit": Document("the reports of `cosport presubmit --json`", _presubmit),
    "presubmit-list": Document("the checks, from `cosport presubmit --list --json`", _presubmit_list),
    "pipeline": Document("a pipeline file, read by `cosport pipeline run` (YAML, seen as JSON)", _pipeline),
    "pipeline-show": Document("a run, from `cosport pipeline run|resume|show --json`", _pipeline_show),
    "pipeline-list": Document("the runs, or the files that are shipped, from `pipeline list --json`", _pipeline_list),
    "schemas": Document("what each of these documents is, by name, from `cosport schema --json`", _schemas),
    "export": Document("the patches that `cosport export --json` wrote", _export),
    "site": Document("what `cosport site --json` wrote", _site),
    "demo": Document("the demo's repository and steps, from `cosport demo --json`", _demo),
    "hook-install": Document("what `cosport hook install --json` did", _hook_install),
    "notes": Document("the document that all forms of release notes are made from, `cosport notes --json`", _notes),
    "notes-explain": Document("why something is in the notes, from `cosport notes explain --json`", _notes_explain),
    "notes-lint": Document("what will read badly, from `cosport notes lint --json`", _notes_lint),
    "notes-house": Document("notes.toml, a team's overrides and errata (TOML, seen as JSON)", _notes_house),
    "bot": Document("what a round did, from `cosport bot once|replay --json`", _bot),
    "vote": Document("the record of a vote, checked by `cosport bot verify`", _vote),
    "bot-init": Document("what `cosport bot init --json` did", _bot_init),
    "bot-verify": Document("the answer of `cosport bot verify --json`", _bot_verify),
    "health": Document("what the bot answers to GET /healthz", _health),
    "doctor": Document("the report of `cosport doctor --json`", _doctor),
    "init": Document("what `cosport init --json` wrote", _init),
    "regress": Document("a regression job's result.json, and `cosport regress run|show --json`", _regress),
    "regress-compare": Document("two results side by side, from `cosport regress compare --json`", _regress_compare),
    "workloads": Document("the workloads, from `cosport regress list --json`", _workloads),
}
