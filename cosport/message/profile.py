"""Message profiles as data: what a house wants in the message of a pick (COS, ChromiumOS, linux-stable, plain git).

A profile is a TOML file and the Jinja2 template that it names, both in templates/message/; a new one needs no code.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import msgspec

from cosport import resources
from cosport.errors import ToolError, UsageError
from cosport.model.grade import Grade

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jinja2 import Template

_FOLDER = ("templates", "message")


class Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `KEY=value` line: `holds` names the part of the request that fills it, `default` stands without it."""

    key: str
    holds: str
    default: str = "None"


class Labels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Prefixes of the subject, each with its final space; "" for none.

    `known` are the ones that a subject may already have: they are replaced, so that none ever stands twice.
    `distribution` are those of commits of the house's own, which never come from upstream.
    """

    picked: str = ""
    adapted: str = ""
    unmerged: str = ""
    unmerged_adapted: str = ""
    known: tuple[str, ...] = ()
    distribution: tuple[str, ...] = ()


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What one house's messages look like.

    `origin` is how a pick names its source: "cherry-picked" `(cherry picked from commit X)` among the trailers, or
    "commit-upstream" `commit X upstream.` under the subject. `class_key` is the tag of the patch class ("" for none),
    one of `classes`. `change_id` says whether the house uses Gerrit: then exactly one Change-Id stands, and
    upstream's own ones are kept as text. `signoff` says whether the one who picks must sign off. `bug_forms` are
    regular expressions of what its tools read in `BUG=`. `gerrit_tags` are written by Gerrit at submit, from votes,
    and by nobody else. `severities` say of presubmit rules how grave they are in this house, where it is not as usual.
    """

    name: str
    description: str
    template: str
    origin: str = "cherry-picked"
    fields: tuple[Field, ...] = ()
    class_key: str = ""
    classes: tuple[str, ...] = ()
    default_class: str = ""
    change_id: bool = False
    signoff: bool = True
    labels: Labels = Labels()
    bug_forms: tuple[str, ...] = ()
    bug_prefix: str = ""
    gerrit_tags: tuple[str, ...] = ()
    severities: dict[str, Grade] = {}

    @property
    def field_keys(self) -> tuple[str, ...]:
        """The keys of its fields, in order."""
        return tuple(field.key for field in self.fields)


def profile_names() -> tuple[str, ...]:
    """The names of all profiles, sorted."""
    return tuple(sorted(file.stem for file in resources.path(*_FOLDER).glob("*.toml")))


def load_profile(name: str) -> Profile:
    """The profile of that name. Raises UsageError if there is none, ToolError if its file is damaged."""
    if name not in profile_names():
        raise UsageError(f"no message profile is named {name!r}", hint=f"choose one of: {', '.join(profile_names())}")
    return read_profile(resources.text(*_FOLDER, f"{name}.toml"), name)


def configured(
    profile: Profile, *, classes: tuple[str, ...] = (), defaults: Mapping[str, str] | None = None
) -> Profile:
    """The profile with a team's own patch classes (the first is the default) and values for fields that nobody gives.

    Raises UsageError for a default of a field that the profile lacks.
    """
    values = dict(defaults or {})
    fields = tuple(
        msgspec.structs.replace(field, default=values.pop(field.key, field.default)) for field in profile.fields
    )
    if values:
        known = ", ".join(profile.field_keys) or "none"
        raise UsageError(f"the message profile {profile.name} has no field {min(values)}", hint=f"its fields: {known}")
    if not classes:
        return msgspec.structs.replace(profile, fields=fields)
    default = profile.default_class if profile.default_class in classes else classes[0]
    return msgspec.structs.replace(profile, fields=fields, classes=classes, default_class=default)


def read_profile(text: str, name: str) -> Profile:
    """The profile that a TOML text describes. Raises ToolError, naming `name`, if it is not one."""
    import tomllib

    try:
        return msgspec.convert(tomllib.loads(text), Profile)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as exc:
        raise ToolError(f"the message profile {name} is damaged: {exc}") from exc


def render(profile: Profile, values: Mapping[str, object]) -> str:
    """The profile's template filled in. Values are text only: nothing in them is read as a template."""
    return _template(profile.template).render(values)


@cache
def _template(name: str) -> Template:
    import jinja2  # a tenth of a second that only composing needs

    environment = jinja2.Environment(
        autoescape=False,  # noqa: S701 - a commit message is plain text
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.from_string(resources.text(*_FOLDER, name))
