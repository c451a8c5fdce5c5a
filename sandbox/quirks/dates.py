"""Days that are missing, wrong, moved, or written in odd ways."""

from __future__ import annotations

import datetime as dt

from sandbox.clock import iso_micros
from sandbox.quirks.quirk import GONE, Occasion, Quirk, Row, Told, digest, each, iso, saying, turn
from sandbox.working_days import ONE_DAY, month_end

_STATEMENT_DAY = 24


def _only_datetimes(told: Told, _: Occasion) -> Row:
    no_days: Row = {"bookingDate": GONE, "valueDate": GONE}
    if told.is_pending or turn(told, 2):
        return {**no_days, "valueDateTime": f"{iso(told.entry.value_date)}T00:00:00Z"}
    return {**no_days, "bookingDateTime": iso_micros(told.entry.booked_at)}


def _next_month(day: dt.date) -> dt.date:
    return month_end(day) + ONE_DAY


def _value_next_month(told: Told, _: Occasion) -> Row:
    return {"valueDate": iso(_next_month(told.booked_on))}


def _statement_day(told: Told, _: Occasion) -> Row:
    return {"bookingDate": iso(_next_month(told.made_on).replace(day=_STATEMENT_DAY))}


def _booked_late(told: Told, _: Occasion) -> Row:
    return {"bookingDate": iso(told.booked_on + 3 * ONE_DAY), "valueDate": iso(told.booked_on)}


def _day_in_text(told: Told, occasion: Occasion) -> Row:
    if occasion.account.institution_id.startswith("LHV"):
        return saying(f"(..1234) {iso(told.made_on)} 11:22 {told.shown}\\Pikk 9\\Tartu\\51007")
    amount = f"{abs(told.entry.movement.amount):.2f} {occasion.account.currency}"
    return saying(
        f"PIRKUMS 677123******1234 {told.made_on:%d.%m.%Y} {amount} (123456) {told.shown}"
    )


def _shifting(told: Told, occasion: Occasion) -> Row:
    shift = occasion.number % 2 if told.booked_on >= occasion.days_ago(20) else 0
    return {"bookingDate": iso(told.booked_on - shift * ONE_DAY)}


def _undated_at_first(told: Told, occasion: Occasion) -> Row:
    is_recent = told.booked_on >= occasion.days_ago(30)
    if occasion.number > 1 or turn(told, 4) or not is_recent:
        return {}
    return {"bookingDate": GONE, "valueDate": GONE}


def _shuffled(told: list[Told], occasion: Occasion) -> list[Told]:
    return sorted(told, key=lambda one: digest(occasion.number, one.entry.internal_id))


def _odd_shapes(told: Told, _: Occasion) -> Row:
    day = iso(told.booked_on)
    return (
        {"bookingDate": f"{day}T00:00:00Z", "valueDate": "NOTPROVIDED"},
        {"bookingDateTime": f"{day}T00:00:37.950"},
        {"bookingDateTime": f"{day}T00:00:00.1234324Z", "bookingDate": " "},
        {"bookingDate": f"{day} 00:00:00", "valueDate": "-"},
    )[turn(told, 4)]


def _days_apart(told: Told, _: Occasion) -> Row:
    return {
        "bookingDateTime": f"{iso(told.booked_on - ONE_DAY)}T23:30:00Z",
        "valueDate": GONE,
        "valueDateTime": f"{iso(told.booked_on + 30 * ONE_DAY)}T00:00:00Z",
    }


def _impossible(told: Told, occasion: Occasion) -> Row:
    if occasion.account.institution_id.startswith("LHV"):
        return saying(f"(..1234) 2026-13-41 11:22 {told.shown}\\Pikk 9\\Tartu\\51007")
    return saying(f"PIRKUMS 677123******1234 41.13.2026 9.99 EUR (123456) {told.shown}")


QUIRKS = (
    Quirk(
        number="D1",
        what="neither bookingDate nor valueDate, only one of the datetimes",
        rows=each(_only_datetimes),
    ),
    Quirk(
        number="D2",
        what="valueDate is the first of the next month",
        rows=each(_value_next_month, pending=False),
    ),
    Quirk(
        number="D3",
        what="the bookingDate of a card row is the day of the next month's statement",
        rows=each(_statement_day, pending=False, by_card=True),
    ),
    Quirk(
        number="D4",
        what="valueDate is the true day, bookingDate some days later",
        rows=each(_booked_late, pending=False),
    ),
    Quirk(
        number="D5",
        what="the day of a purchase is in the text only",
        rows=each(_day_in_text, by_card=True),
    ),
    Quirk(
        number="D6",
        what="bookingDate shifts by a day between fetches",
        rows=each(_shifting, pending=False),
    ),
    Quirk(
        number="D7",
        what="some recent rows have no date at all at first; a later answer dates them",
        rows=each(_undated_at_first, pending=False),
    ),
    Quirk(number="D8", what="rows come in another order each time", rows=_shuffled),
    Quirk(
        number="D9",
        what="dates are whole timestamps, without offset, with seven digits, or placeholders",
        rows=each(_odd_shapes, pending=False),
    ),
    Quirk(
        number="D10",
        what="bookingDateTime is the day before bookingDate, valueDateTime 30 days after",
        rows=each(_days_apart, pending=False),
    ),
    Quirk(
        number="D11",
        what="the day in the text is impossible",
        rows=each(_impossible, pending=False, by_card=True),
    ),
)
