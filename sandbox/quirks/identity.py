"""Ids that are missing, reused, made anew, or shared; and rows that are equal and are not one."""

from __future__ import annotations

from typing import Any

from sandbox.clock import iso_micros
from sandbox.ledger import Kind
from sandbox.quirks.quirk import GONE, Occasion, Quirk, Row, Told, digest, each, fields, iso, turn
from sandbox.working_days import ONE_DAY

_RECENT_DAYS = 20


def _blank_or_missing(told: Told, _: Occasion) -> Row:
    return {"transactionId": " " if turn(told, 2) else GONE}


def _malformed(told: Told, _: Occasion) -> Row:
    if told.is_pending:
        way = "00DEBIT" if told.is_debit else "00CREDIT"
        return {"transactionId": f"{way}{told.made_on:%Y%m%d}0000000001"}
    return {"transactionId": digest("nationwide", told.entry.internal_id)}


def _anew(told: Told, occasion: Occasion) -> Row:
    made = digest(occasion.number, told.entry.internal_id)
    return {"transactionId": made[:32], "entryReference": GONE}


def _reused(told: Told, _: Occasion) -> Row:
    return {"transactionId": "9998" if told.is_by_card else f"{told.booked_on:%Y%m%d}-1"}


def _by_place(told: Told, occasion: Occasion) -> Row:
    place = occasion.places[told.entry.internal_id]
    return {"internalTransactionId": digest("place", place)[:32]}


def _two_internal_ids(told: Told, occasion: Occasion) -> Row:
    if occasion.number == 1 or told.booked_on < occasion.days_ago(_RECENT_DAYS):
        return {}
    made = digest("second", told.entry.internal_id)
    said = told.row.get("remittanceInformationUnstructured", "")
    return {
        "internalTransactionId": made[:32],
        "entryReference": made[32:],
        "remittanceInformationUnstructured": f"{said} REF {made[:8].upper()}",
    }


def _shared_reference(told: Told, _: Occasion) -> Row:
    movement = told.entry.movement
    about = movement.reference if movement.kind is Kind.FASTER_PAYMENT else told.entry.internal_id
    return {"entryReference": digest("wise", about)[:16]}


def _twins(told: Told, _: Occasion) -> Row:
    return {
        "transactionId": GONE,
        "entryReference": GONE,
        "bookingDateTime": iso_micros(told.entry.booked_at),
    }


def _dated_ahead(told: Told, _: Occasion) -> Row:
    ahead = iso(told.booked_on + 5 * ONE_DAY)
    return {"bookingDate": ahead, "valueDate": ahead}


def _in_both_lists(told: list[Told], _: Occasion) -> list[Told]:
    booked = [one for one in told if not one.is_pending][:2]
    pending = [one for one in told if one.is_pending][:1]
    return [
        *told,
        *(Told(one.row, one.entry, is_pending=True) for one in booked),
        *(Told(one.row | _PENDING, one.entry, is_pending=False) for one in pending),
    ]


_PENDING = {"bookingStatus": "PDNG"}


def _reference_first(told: Told, _: Occasion) -> Row:
    reference: dict[str, Any] = {"entryReference": digest("ref", told.entry.internal_id)[:12]}
    if not told.is_pending:
        return reference
    nothing = {"remittanceInformationUnstructured": "RESERVED", "creditorName": GONE}
    return {**reference, **nothing, "transactionId": GONE, "debtorName": GONE}


QUIRKS = (
    Quirk(
        number="I1",
        what="transactionId is missing, or a single space",
        rows=each(_blank_or_missing),
    ),
    Quirk(
        number="I2",
        what="pending rows have neither transactionId nor internalTransactionId",
        rows=each(
            fields(transactionId=GONE, internalTransactionId=GONE, entryReference=GONE),
            booked=False,
        ),
    ),
    Quirk(
        number="I3",
        what="every card row has the transactionId NOTPROVIDED",
        rows=each(fields(transactionId="NOTPROVIDED"), by_card=True),
    ),
    Quirk(
        number="I4",
        what="a pending row has a malformed transactionId, 00DEBIT and so on, and another once"
        " booked",
        rows=each(_malformed),
    ),
    Quirk(
        number="I5",
        what="transactionId is made anew at each fetch",
        rows=each(_anew),
    ),
    Quirk(
        number="I6",
        what="one transactionId stands on different rows: 9998 on all of a card, one a day else",
        rows=each(_reused, pending=False),
    ),
    Quirk(
        number="I7",
        what="two accounts have the same internalTransactionIds",
        rows=each(_by_place, pending=False),
    ),
    Quirk(
        number="I8",
        what="from the second fetch on, recent rows have another internalTransactionId, reference"
        " and text",
        rows=each(_two_internal_ids, pending=False),
    ),
    Quirk(
        number="I9",
        what="a payment and its fee share an entryReference",
        rows=each(_shared_reference, pending=False),
    ),
    Quirk(
        number="I10",
        what="two payments of one day differ in bookingDateTime only",
        rows=each(_twins, pending=False),
    ),
    Quirk(
        number="I11",
        what="card rows are dated days ahead, so that a reader who knows no future dates them today"
        " every day anew",
        rows=each(_dated_ahead, pending=False, by_card=True),
    ),
    Quirk(
        number="I12",
        what="a booked row stands in pending as well, ids and all, and a pending one in booked,"
        " marked PDNG",
        rows=_in_both_lists,
    ),
    Quirk(
        number="I13",
        what="a pending row has an entryReference only; booked, it keeps that and has a"
        " transactionId and a text",
        rows=each(_reference_first),
    ),
    Quirk(
        number="I14",
        what="equal rows of one answer differ in entryReference only",
        rows=each(fields(transactionId=GONE), pending=False),
    ),
    Quirk(
        number="bare",
        what="no row has an internalTransactionId",
        rows=each(fields(internalTransactionId=GONE)),
    ),
)
