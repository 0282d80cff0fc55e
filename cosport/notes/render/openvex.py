"""The CVEs of a release as OpenVEX 0.2.0 (https://github.com/openvex/spec): what scanners read.

What is not certain is "under investigation": part of a fix, a commit that is not in the repository. That a bug is
absent is stated only where the configuration lets it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from cosport.errors import UsageError
from cosport.notes.render.atom import urn

if TYPE_CHECKING:
    from cosport.notes.render import Data

CONTEXT: Final = "https://openvex.dev/ns/v0.2.0"

_UNCERTAIN: Final = "under_investigation"
_ACTIONS: Final = {
    "affected": "No fix is in this release; watch for a later one.",
    "reverted": "The fix was taken back in this release; watch for a later one.",
}


def render(data: Data) -> str:
    """The OpenVEX document. Raises UsageError where there is no CVE: a document without statements is not valid."""
    if not data["cves"]:
        raise UsageError(
            "OpenVEX must state something, and this range has to do with no CVE",
            hint="set [cve] data, or publish no OpenVEX document for this release",
        )
    product = data["vex"]["product"]
    values = {"release": data["release"]["name"], "version": data["kernel"] or data["release"]["name"]}
    for key, value in values.items():
        product = product.replace(f"{{{key}}}", quote(value, safe=""))
    document = {
        "@context": CONTEXT,
        "@id": urn("openvex", f"{data['product']} {data['release']['name']} {data['release']['commit']}"),
        "author": data["vex"]["author"] or data["product"] or "cosport",
        "timestamp": data["date"],
        "version": 1,
        "tooling": "cosport",
        "statements": [_statement(cve, product, data) for cve in data["cves"]],
    }
    return json.dumps(document, indent=2, ensure_ascii=True) + "\n"


def _statement(cve: Data, product: str, data: Data) -> dict[str, Any]:
    vulnerability: dict[str, Any] = {"name": cve["id"]}
    if cve["url"]:
        vulnerability["@id"] = cve["url"]
    if cve["title"]:
        vulnerability["description"] = cve["title"]
    statement: dict[str, Any] = {
        "vulnerability": vulnerability,
        "timestamp": data["date"],
        "products": [{"@id": product}],
        **_status(cve, may_state_absence=data["vex"]["not_affected"]),
    }
    if cve["evidence"]:
        statement["status_notes"] = f"{cve['state']}: {'; '.join(cve['evidence'])}"
    return statement


def _status(cve: Data, *, may_state_absence: bool) -> dict[str, str]:
    state = cve["state"]
    if state == "fixed":
        return {"status": "fixed"}
    if state in _ACTIONS:
        return {"status": "affected", "action_statement": _ACTIONS[state]}
    if state == "rejected":
        return {"status": "not_affected", "impact_statement": "The CVE record was withdrawn by its assigner."}
    if state == "not-affected" and may_state_absence:
        return {"status": "not_affected", "justification": "vulnerable_code_not_present"}
    return {"status": _UNCERTAIN}
