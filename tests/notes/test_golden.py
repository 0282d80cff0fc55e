"""A release with every case in it, in every form, held to files in tests/data/notes that people read.

COSPORT_GOLDEN=update pytest tests/notes writes them; look at the diff before you commit it.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from cosport.cli import schema
from cosport.notes.render import Format
from tests.support import ROOT, invoke

if TYPE_CHECKING:
    from tests.notes.story import Story

GOLDEN = ROOT / "tests/data/notes"
UPDATE = os.environ.get("COSPORT_GOLDEN") == "update"  # read before the seal takes it away
FILES = {
    Format.MD: "notes.md",
    Format.HTML: "notes.html",
    Format.JSON: "notes.json",
    Format.ATOM: "notes.atom",
    Format.OPENVEX: "notes.openvex.json",
    Format.TEXT: "notes.txt",
}


def notes(story: Story, *args: str, check: int = 0) -> str:
    return invoke("notes", "--config", str(story.config), *args, cwd=story.git.path, check=check).out


def document(story: Story, *args: str) -> Any:
    return json.loads(notes(story, "--release", "cos-121-2", "--json", *args))


@pytest.mark.parametrize("form", Format)
def test_each_form_is_the_golden_one(story: Story, form: Format) -> None:
    made = notes(story, "--release", "cos-121-2", "--format", form.value)
    golden = GOLDEN / FILES[form]
    if UPDATE:
        golden.write_text(made, encoding="utf-8")
    assert made == golden.read_text(encoding="utf-8")
    assert notes(story, "--release", "cos-121-2", "--format", form.value) == made


def test_the_document_is_of_its_schema(story: Story) -> None:
    jsonschema.Draft202012Validator(schema.of("notes")).validate(document(story))


def test_the_golden_document_gives_the_golden_forms(story: Story) -> None:
    for form, name in FILES.items():
        made = invoke("notes", "--document", str(GOLDEN / "notes.json"), "--format", form.value, cwd=story.git.path)
        assert made.out == (GOLDEN / name).read_text(encoding="utf-8")


def fates(found: Any) -> dict[str, str]:
    return {account["commit"]: account["fate"] for account in found["commits"]}


def texts(found: Any) -> dict[str, list[str]]:
    return {section["name"]: [entry["text"] for entry in section["entries"]] for section in found["sections"]}


def test_every_commit_is_accounted_for(story: Story) -> None:
    found = document(story)
    listed = story.git("rev-list", "cos-121-1..cos-121-2").split()
    assert sorted(fates(found)) == sorted(listed)
    told = {
        commit["sha"] for section in found["sections"] for entry in section["entries"] for commit in entry["commits"]
    }
    assert told == {sha for sha, fate in fates(found).items() if fate in ("told", "merged")}


def test_the_net_effect(story: Story) -> None:
    found = document(story)
    assert texts(found) == {
        "Security": [
            "Fixed CVE-2024-1001 in netfilter.",
            "Worked on CVE-2024-1003 in the Linux kernel.",
            'Reverted: "Fixed CVE-2024-1005 in ext4."',
            "Fixed CVE-2024-1007 in the Linux kernel.",
        ],
        "Fixed": [
            "Fixed a leak in virtio.",
            "Counted TCP packets right.",
            "Fixed resets of NVMe.",
            "Mapped buffers of the display.",
            "Fixed readings of fans.",
            "Fixed <script>alert(1)</script> & [a link](https://evil.example.com) `code` *stars* of mm_struct.",
        ],
        "Feature": [
            'Brought back: "Spread load over cores."',
            "Made fork(2) and clone(2) 3 % faster.",
            "Knew one more codec.",
        ],
    }
    made, fate = story.commits, fates(found)
    assert {name: fate[made[name]] for name in ("gone1", "gone1-off", "back1-off", "back1-on", "again1", "quirk")} == {
        "gone1": "cancelled", "gone1-off": "cancelled", "back1-off": "cancelled", "back1-on": "cancelled",
        "again1": "cancelled", "quirk": "cancelled",
    }  # fmt: skip
    assert (fate[made["kept2"]], fate[made["plain"]]) == ("released", "no-note")
    assert sorted((fate[made["twice1"]], fate[made["twice2"]])) == ["merged", "told"]


def test_the_states_of_cves(story: Story) -> None:
    found = {cve["id"]: cve for cve in document(story)["cves"]}
    assert {name: (cve["before"], cve["state"]) for name, cve in found.items()} == {
        "CVE-2024-1001": ("affected", "fixed"),
        "CVE-2024-1003": ("affected", "partial"),
        "CVE-2024-1005": ("fixed", "reverted"),
        "CVE-2024-1007": ("affected", "fixed"),
    }
    cells = {cell["branch"]: cell for cell in found["CVE-2024-1005"]["branches"]}
    assert (cells["cos-6.6"]["state"], cells["release-R121"]["state"]) == ("reverted", "fixed")
    assert cells["release-R121"]["since"] == "cos-121-1"


def test_the_release_before_is_the_nearest_reachable_one(story: Story) -> None:
    assert document(story)["previous"]["name"] == "cos-121-1"
    shown = json.loads(notes(story, "--release", "cos-121-1-hotfix", "--json"))
    assert (shown["previous"]["name"], texts(shown)) == ("cos-121-1", {"Fixed": ["Fixed a sibling."]})
    first = json.loads(notes(story, "--release", "cos-121-1", "--json"))
    assert first["previous"] == {"name": "", "commit": None, "url": ""}


def test_what_a_sibling_release_loses(story: Story) -> None:
    found = json.loads(notes(story, "cos-121-1-hotfix..cos-121-2", "--json"))
    lost = {each["subject"]: each["cves"] for each in found["lost"]}
    assert lost == {"ext4: write the journal": ["CVE-2024-1005"], "sibling: a fix": []}
