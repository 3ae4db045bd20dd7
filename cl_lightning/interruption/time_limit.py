"""The end of a run whose time limit is over."""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

from cl_lightning.interruption.signals import started_by_lightning

OUT_OF_TIME = 124  # the exit code, as for the command `timeout`
TIME_IS_OVER = "trainer.max_time is over"  # the message
UNITS = ("weeks", "days", "hours", "minutes", "seconds")


class OutOfTime(SystemExit):
    """Ends the program with exit code 124 when the time limit is over.

    The exit code is 0 in a process that Lightning has started, as in `StopRun`.
    """

    def __init__(self) -> None:
        super().__init__(0 if started_by_lightning() else OUT_OF_TIME)


def duration(given: Any) -> timedelta:
    """A time in the forms of Lightning's Trainer: `DD:HH:MM:SS`, `{hours: 8}` or a timedelta.

    Raises:
        ValueError: any other form, or a time of 0 or less.
    """
    found = given if isinstance(given, timedelta) else None
    parts = given
    if isinstance(given, str) and (match := re.fullmatch(r"(\d+):(\d\d):(\d\d):(\d\d)", given.strip())):
        parts = dict(zip(UNITS[1:], map(int, match.groups()), strict=True))
    if isinstance(parts, Mapping) and parts.keys() <= set(UNITS) and all(map(_is_number, parts.values())):
        with suppress(OverflowError, ValueError):  # too large, or NaN
            found = timedelta(**parts)
    if found is None or found <= timedelta():
        raise ValueError(
            f"trainer.max_time is {given!r}; accepted: more than 0, as 'DD:HH:MM:SS' such as '00:08:00:00', "
            f"as keys such as {{hours: 8}} (of {', '.join(UNITS)}), or null"
        )
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
