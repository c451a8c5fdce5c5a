"""The one clock: what instant the ledger believes it is.

``FARTHING_NOW`` overrides it in every process, so that tests, demos and replays are exact. Waiting,
timeouts and the absolute reset times of a provider go by the real clock and do not belong here.
"""

from __future__ import annotations

import datetime as dt
import os
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from farthing.errors import ConfigurationError

NOW_VARIABLE = "FARTHING_NOW"


def now() -> dt.datetime:
    """Return the current instant in UTC.

    :raises ConfigurationError: if ``FARTHING_NOW`` is set and is not an ISO 8601 instant.
    """
    text = os.environ.get(NOW_VARIABLE)
    return parse_instant(text) if text else dt.datetime.now(dt.UTC)


def today(tz: str | dt.tzinfo = dt.UTC) -> dt.date:
    """Return the day that it is in a time zone.

    :param tz: an IANA name such as ``Europe/London``, or a ``tzinfo``.
    :raises ConfigurationError: if ``FARTHING_NOW`` is malformed or the zone is unknown.
    """
    if isinstance(tz, str):
        try:
            tz = ZoneInfo(tz)
        # OSError: a folder of the database, such as "Europe", or a name too long for a file.
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            message = f"time zone {tz!r} is not in the IANA database"
            raise ConfigurationError(message) from error
    return now().astimezone(tz).date()


def parse_instant(text: str) -> dt.datetime:
    """Read an ISO 8601 instant; one without an offset is taken as UTC.

    :raises ConfigurationError: if the text is not ISO 8601; the message names ``FARTHING_NOW``.
    """
    try:
        instant = dt.datetime.fromisoformat(text)
        if instant.tzinfo is None:
            return instant.replace(tzinfo=dt.UTC)
        return instant.astimezone(dt.UTC)
    except (ValueError, OverflowError) as error:
        message = (
            f"{NOW_VARIABLE}: {text!r} is not an ISO 8601 instant such as 2026-03-15T09:00:00Z"
        )
        raise ConfigurationError(message) from error
