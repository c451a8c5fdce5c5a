"""What a bank tells of an account: the truth, in its own words and with its quirks."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from decimal import Decimal
from typing import Any

from sandbox import banks
from sandbox.accounts import Account
from sandbox.clock import iso_micros
from sandbox.core import Core
from sandbox.quirks.quirk import Occasion, Told
from sandbox.wire import ApiError

_DAYS = ("bookingDate", "valueDate", "bookingDateTime", "valueDateTime")


def occasion(
    core: Core, account: Account, resource: str, now: dt.datetime, first: dt.date
) -> Occasion:
    """Count a call for a resource of an account, and return what the bank's quirks may go by."""
    number = core.quirks.count(account.institution_id, account.key, resource)
    books = core.world.booked(account.books, now)
    pending = core.world.pending(account.books, now)
    places: dict[str, str] = {}
    months: Counter[str] = Counter()
    for row in books:
        month = f"{row.entry.movement.booking_date:%Y-%m}"
        months[month] += 1
        places[row.entry.internal_id] = f"{month}/{months[month]}"
    return Occasion(
        account=account,
        now=now,
        number=number,
        first=first,
        balance=books[-1].balance if books else account.opening,
        held=sum((entry.movement.amount for entry in pending), Decimal("0.00")),
        places=places,
    )


def refuse(core: Core, account: Account, resource: str, told: Occasion) -> None:
    """Refuse a call if a quirk of the bank does.

    :raises ApiError: what it answers then.
    """
    for quirk in core.quirks.at(account.institution_id):
        if quirk.refuses is not None and (fault := quirk.refuses(resource, told)) is not None:
            raise ApiError(fault.status or 400, fault.json, fault.headers)


def details(core: Core, account: Account, told: Occasion) -> dict[str, Any]:
    """Return the body of the details call."""
    answer = banks.details(account)
    for quirk in core.quirks.at(account.institution_id):
        if quirk.details is not None:
            answer = quirk.details(answer, told)
    return {"account": answer}


def balances(core: Core, account: Account, told: Occasion) -> dict[str, Any]:
    """Return the body of the balances call."""
    answer = banks.balances(core.world, account, told.now)
    for quirk in core.quirks.at(account.institution_id):
        if quirk.balances is not None:
            answer = quirk.balances(answer, told)
    return {"balances": answer}


def transactions(core: Core, account: Account, told: Occasion, last: dt.date) -> Any:
    """Return the body of the transactions call.

    :param last: up to which day rows are asked for; from which is in ``told``.
    """
    quirks = core.quirks.at(account.institution_id)
    rows = [
        Told(banks.booked_row(account, row), row.entry, is_pending=False)
        for row in reversed(core.world.booked(account.books, told.now))
    ]
    rows += [
        Told(banks.pending_row(account, entry), entry, is_pending=True)
        for entry in reversed(core.world.pending(account.books, told.now))
    ]
    for quirk in quirks:
        if quirk.rows is not None:
            rows = quirk.rows(rows, told)
    wanted = [row for row in rows if any(told.first <= day <= last for day in _days(row))]
    body: Any = {
        "transactions": {
            "booked": [row.row for row in wanted if not row.is_pending],
            "pending": [row.row for row in wanted if row.is_pending],
        },
        "last_updated": iso_micros(told.now),
    }
    for quirk in quirks:
        if quirk.answer is not None:
            body = quirk.answer(body, told)
    return body


def _days(told: Told) -> list[dt.date]:
    """Return the days under which a row is looked for: those it tells, else the true ones."""
    written = [_day(told.row.get(name)) for name in _DAYS]
    entry = told.entry
    return [day for day in written if day] or [entry.value_date, entry.movement.booking_date]


def _day(written: object) -> dt.date | None:
    try:
        return dt.date.fromisoformat(str(written)[:10])
    except ValueError:
        return None
