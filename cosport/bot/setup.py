"""Writes what the bot needs into a Gerrit project: labels, submit requirements, and the right to vote.

Gerrit keeps them in the project's refs/meta/config and is asked over REST, so that it checks them. The votes are kept
for a patch set that changes nothing at all: a vote vouches for the message too, so an edited one is judged anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cosport.config import SHARED_REF, BranchKind
from cosport.errors import GerritError, UsageError
from cosport.gerrit.changes import quoted
from cosport.gerrit.client import path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cosport.config import Branch, Config
    from cosport.gerrit.client import Client

_COPIED: Final = "changekind:NO_CHANGE"
_REQUIRED: Final = "label:{name}=MAX AND -label:{name}=MIN"

_LABELS: Final = {
    "Verified": {"-1": "Fails", " 0": "No score", "+1": "Verified"},
    "Main-Branch-Verified": {"-1": "Not in main", " 0": "No score", "+1": "Verified"},
}


def setup(client: Client, config: Config, group: str) -> Iterator[str]:
    """Set the project up, and yield what was done. Doing it twice changes nothing more.

    Raises GerritError where the account is no owner of the project, UsageError where no branch is configured: then
    nothing would be judged.
    """
    project = config.gerrit.project
    if not config.branches:
        raise UsageError(f"{config.source} configures no branches", hint="write those to judge as [[branch]] into it")
    found = client.find(path("groups", group), dict[str, Any])
    if found is None:
        found = _made(client, group)
        yield f"group {group}: made; add the bot's account to it"
    for name, values in _LABELS.items():
        body = {"function": "NoBlock", "values": values, "copy_condition": _COPIED}
        client.put(path("projects", project, "labels", name), body)
        yield f"label {name}: {values['-1']} / {values['+1']}; kept only where a new patch set changes nothing"
    release = [each for each in config.branches if each.kind is BranchKind.RELEASE]
    for name, branches in (("Verified", config.branches), ("Main-Branch-Verified", release)):
        if branches:
            where = _where(branches)
            body = {"name": name, "applicability_expression": where}
            body |= {"submittability_expression": _REQUIRED.format(name=name)}
            client.put(path("projects", project, "submit_requirements", name), body)
            yield f"submit requirement {name} on {where}"
    rule = {"action": "ALLOW", "min": -1, "max": 1}
    allowed = {f"label-{name}": {"label": name, "rules": {found["id"]: rule}} for name in _LABELS}
    reads = {"read": {"rules": {found["id"]: {"action": "ALLOW"}}}}
    rights = {"refs/heads/*": {"permissions": allowed}, SHARED_REF: {"permissions": reads}}
    client.post(path("projects", project, "access"), {"add": rights})
    yield f"access: {group} may vote -1 to +1 on both labels and read {SHARED_REF}, and nothing else"


def _made(client: Client, group: str) -> dict[str, Any]:
    """A new group; one that somebody else made in this moment is as good."""
    try:
        return client.put(path("groups", group), {"description": "Accounts of presubmit bots"}, dict[str, Any])
    except GerritError as error:
        if error.status != 409:
            raise
        return client.get(path("groups", group), dict[str, Any])


def _where(branches: Iterable[Branch]) -> str:
    """These branches, as an expression: where the bot does not judge, nothing may wait for its vote."""
    return " OR ".join(f"branch:{quoted(f'refs/heads/{each.served_as}')}" for each in branches)
