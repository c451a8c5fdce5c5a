"""Keep the reference rates complete: from the archive that is installed, then from the bank."""

from __future__ import annotations

import dataclasses
import datetime as dt
import time

from farthing import clock
from ingestion.planning import HISTORY_DAYS
from ingestion.run import AccountOutcome, Run, Status, StepOutcome
from postgres.common.operations import fx_rates
from postgres.core import lock
from providers.ecb.client import LABEL, PROVIDER, EcbClient
from providers.ecb.rows import Rate, carried, read_rates
from providers.errors import ProviderError

_TABLE = "common.fx_rates"
_ARCHIVE_BEGINS = dt.date(1999, 1, 4)
_ONE_DAY = dt.timedelta(days=1)
# A conversion looks so far back for a rate, and no two days with rates are further apart.
_WEEK = dt.timedelta(days=7)


def pull_fx_rates(run: Run) -> StepOutcome:
    """Bring in the rates of all days that the ledger knows and that have none yet.

    The network is asked only for days that the installed archive does not have. If it does not
    answer the step is deferred: the rates that are there stay good, and the next run asks again.
    """
    started = time.monotonic()
    today = clock.today()
    with run.sessions.begin() as session:
        since = _since(fx_rates.first_day_needed(session), today)
        oldest, newest = fx_rates.first_day(session), fx_rates.latest_day(session)
    found: list[Rate] = []
    if oldest is not None and oldest > since + _WEEK:
        found += read_rates(carried(), first=since, last=oldest - _ONE_DAY)
    newest = newest or since - _ONE_DAY
    if newest < _last_published(today):
        newer = read_rates(carried(), first=newest + _ONE_DAY, last=today)
        newest = max((rate.day for rate in newer), default=newest)
        found += newer
    status, reason = Status.COMPLETED, None
    if newest < _last_published(today):
        try:
            with EcbClient(run.settings.ecb_base_url) as client:
                found += client.rates(first=newest + _ONE_DAY, last=today)
        except ProviderError as error:
            status, reason = Status.DEFERRED, f"{error}; the newest rates are of {newest}"
    rows = [{**dataclasses.asdict(rate), "source": PROVIDER} for rate in found]
    with run.sessions.begin() as session:
        lock(session, _TABLE, run_id=run.run_id)
        counts = fx_rates.load_rates(session, rows)
    seconds = time.monotonic() - started
    outcome = AccountOutcome(
        None, LABEL, status, reason, received=len(rows), counts=counts, seconds=seconds
    )
    return StepOutcome(_TABLE, (outcome,), seconds)


def _since(first_day_needed: dt.date | None, today: dt.date) -> dt.date:
    """Return the first day to have rates of: that of a first sync, or what is older."""
    default = today - dt.timedelta(days=HISTORY_DAYS)
    return max(min(first_day_needed or default, default) - _WEEK, _ARCHIVE_BEGINS)


def _last_published(today: dt.date) -> dt.date:
    """Return the last weekday before today: the rates of a day come in its afternoon."""
    day = today - _ONE_DAY
    return day - dt.timedelta(days=max(day.isoweekday() - 5, 0))
