"""What the house wants in a message: its profile with its own settings, and the fields that a command must give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosport.backport.request import From
from cosport.errors import UsageError
from cosport.git.refs import read_all as read_refs
from cosport.message.profile import Profile, configured, load_profile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.backport.context import Context
    from cosport.backport.request import Request
    from cosport.backport.series import BranchRun


def house_profile(context: Context, name: str) -> Profile:
    """The profile of that name with what the configuration says of it; for another one than the house's, what fits."""
    profile, house = load_profile(name), context.config.message
    if name == house.profile:
        return configured(profile, classes=house.classes, defaults=house.defaults)
    defaults = {key: value for key, value in house.defaults.items() if key in profile.field_keys}
    return configured(profile, classes=house.classes if profile.class_key else (), defaults=defaults)


def require_fields(context: Context, request: Request, profile: Profile, runs: Sequence[BranchRun]) -> None:
    """Refuse new messages without a field that the configuration requires. Raises UsageError.

    No new message is made where a release branch takes main's, nor where the pick stands already.
    """
    house = context.config.message
    if not house.required:
        return
    upstream = request.source is From.UPSTREAM
    wanted = [each.pick_ref for each in runs if upstream or not each.target.takes_from_main]
    if len(read_refs(context.reader, wanted)) == len(wanted):
        return
    given = {field.key: getattr(request.fields, field.holds) for field in profile.fields}
    unsaid = [key for key in house.required if key in given and not given[key] and key not in house.defaults]
    if unsaid:
        options = ", ".join(f"--{key.lower().replace('_', '-')}" for key in unsaid)
        raise UsageError(
            f"{', '.join(unsaid)}: required by {context.config.source}, and not given",
            hint=f"say it with {options} (None is a value too), or write it in the message with --edit",
        )
