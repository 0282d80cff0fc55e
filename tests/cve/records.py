"""Writes CVE records as the kernel's CNA, cvelistV5 and OSV do, hand-made after theirs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FIX = "1296c110c5a0b45a8fcf58e7d18bc5da61a565cb"
INTRODUCED = "89a4d1a89751ff6c20f6ad68a7b6d6bd1a2b6f6a"


def cve(
    name: str,
    pairs: Sequence[tuple[str, str]] = ((INTRODUCED, FIX),),
    *,
    state: str = "PUBLISHED",
    title: str = "netfilter: nft_set_rbtree: skip end interval element from gc",
    score: float | None = None,
    assigner: str = "Linux",
) -> dict[str, Any]:
    """A CVE JSON 5 record."""
    git = [
        {"version": start or "0", "lessThan": end, "status": "affected", "versionType": "git"}
        if end
        else {"version": start or "0", "status": "affected", "versionType": "git"}
        for start, end in pairs
    ]
    releases = [
        {"version": "4.1", "status": "affected"},
        {"version": "0", "lessThan": "4.1", "status": "unaffected", "versionType": "semver"},
        {"version": "6.1.78", "lessThanOrEqual": "6.1.*", "status": "unaffected", "versionType": "semver"},
        {"version": "6.8", "lessThanOrEqual": "*", "status": "unaffected", "versionType": "original_commit_for_fix"},
    ]
    product = {"product": "Linux", "vendor": "Linux", "repo": "https://git.example.org/linux.git"}
    cna: dict[str, Any] = {"providerMetadata": {"orgId": "416baaa9-dc9f-4396-8d5f-8c081fb06d67"}}
    if state == "REJECTED":
        cna["rejectedReasons"] = [{"lang": "en", "value": "This CVE ID has been rejected."}]
    else:
        cna["title"] = title
        cna["descriptions"] = [{"lang": "en", "value": "In the Linux kernel, ..."}]
        cna["affected"] = [
            {**product, "defaultStatus": "unaffected", "versions": git},
            {**product, "defaultStatus": "affected", "versions": releases},
        ]
        if score is not None:
            cna["metrics"] = [{"cvssV3_1": {"version": "3.1", "baseScore": score, "baseSeverity": "HIGH"}}]
    metadata = {"cveId": name, "assignerShortName": assigner, "state": state}
    metadata |= {"datePublished": "2024-02-20T12:52:57.398Z", "dateUpdated": "2024-02-20T12:52:57.398Z"}
    return {"dataType": "CVE_RECORD", "dataVersion": "5.1", "cveMetadata": metadata, "containers": {"cna": cna}}


def osv(
    name: str, pairs: Sequence[tuple[str, str]] = ((INTRODUCED, FIX),), *, withdrawn: bool = False, severity: str = ""
) -> dict[str, Any]:
    """An OSV entry."""
    ranges = [
        {
            "type": "GIT",
            "repo": "https://git.example.org/linux.git",
            "events": [{"introduced": start or "0"}, *([{"fixed": end}] if end else [])],
        }
        for start, end in pairs
    ]
    entry: dict[str, Any] = {
        "schema_version": "1.7.0",
        "id": name,
        "modified": "2025-10-21T11:43:00Z",
        "published": "2024-02-20T13:15:09Z",
        "summary": "netfilter: nft_set_rbtree: skip end interval element from gc",
        "affected": [{"ranges": ranges, "versions": ["v6.7"]}],
    }
    if withdrawn:
        entry["withdrawn"] = "2025-10-22T00:00:00Z"
    if severity:
        entry["database_specific"] = {"severity": severity}
    return entry


def dyad(pairs: Sequence[tuple[str, str]] = ((INTRODUCED, FIX),), *, ids: Sequence[str] = (FIX,)) -> str:
    """A `.dyad` file; a start or end "" is written as 0."""
    lines = ["# dyad version: 1.2.0", *(f"# \tgetting vulnerable:fixed pairs for git id {name}" for name in ids)]
    for start, end in pairs:
        fixed = f"6.8:{end}" if end in ids else f"6.1.78:{end}"
        lines.append(f"{f'4.1:{start}' if start else '0:0'}:{fixed if end else '0:0'}")
    return "\n".join(lines) + "\n"


def write(folder: Path, path: str, contents: str | bytes | dict[str, Any]) -> Path:
    """Write one file below `folder`."""
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(contents, dict):
        contents = json.dumps(contents, indent=4)
    file.write_bytes(contents.encode() if isinstance(contents, str) else contents)
    return file


def publish(folder: Path, name: str, pairs: Sequence[tuple[str, str]], *, ids: Sequence[str], **more: Any) -> None:
    """A published CVE as the kernel's CNA keeps it: `.json`, `.dyad`, `.sha1`."""
    base = f"cve/published/{name[4:8]}/{name}"
    write(folder, f"{base}.json", cve(name, pairs, **more))
    write(folder, f"{base}.dyad", dyad(pairs, ids=ids))
    write(folder, f"{base}.sha1", "".join(f"{sha}\n" for sha in ids))
