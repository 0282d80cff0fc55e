"""A commit's time as a date: commits may bear any number of seconds, and Python knows the years 1 to 9999."""

from __future__ import annotations

import datetime as dt
from typing import Final

_LAST: Final = 253402300799  # the end of the year 9999


def moment(seconds: int) -> dt.datetime:
    """That many seconds after 1970, in UTC; what lies before 1970 or after 9999 is moved to the end of that range."""
    return dt.datetime.fromtimestamp(min(max(seconds, 0), _LAST), tz=dt.UTC)


def day(seconds: int) -> str:
    """The day of it, as 2020-09-13."""
    return moment(seconds).strftime("%Y-%m-%d")
