"""Rows that are not booked yet: without days and signs, in other words, or never booked at all."""

from __future__ import annotations

from dataclasses import replace

from sandbox.banks import pending_row
from sandbox.quirks.quirk import (
    GONE,
    NAMELESS,
    Occasion,
    Quirk,
    Row,
    Told,
    digest,
    each,
    iso,
    saying,
)
from sandbox.working_days import ONE_DAY

_SHOWN_TWICE = 2


def _beside_booked(told: list[Told], occasion: Occasion) -> list[Told]:
    """Tell a row as pending still on the day on which it is booked, as it was told before."""
    lingering = [
        Told(pending_row(occasion.account, one.entry), one.entry, is_pending=True)
        for one in told
        if one.is_by_card and not one.is_pending and one.booked_on == occasion.today
    ]
    return [*told, *lingering]


def _phantoms(told: list[Told], occasion: Occasion) -> list[Told]:
    if occasion.number > _SHOWN_TWICE or not told:
        return told
    about = replace(told[0].entry, internal_id=digest("phantom")[:32])
    phantom = {
        "valueDate": iso(occasion.today),
        "transactionAmount": {"amount": "-33.33", "currency": occasion.account.currency},
        "creditorName": "NOTPROVIDED",
        "remittanceInformationUnstructured": "Vorgemerkter Umsatz",
    }
    return [*told, Told(phantom, about, is_pending=True)]


def _undated(told: Told, _: Occasion) -> Row:
    return {
        **NAMELESS,
        "bookingDate": GONE,
        "valueDate": GONE,
        "remittanceInformationUnstructured": GONE,
        "remittanceInformationStructured": f"Reservert {iso(told.made_on)} {told.shown}",
    }


def _latest_day(told: Told, _: Occasion) -> Row:
    return {"valueDate": GONE, "bookingDate": iso(told.made_on + 7 * ONE_DAY)}


def _unsigned(told: Told, occasion: Occasion) -> Row:
    amount = {
        "amount": f"{abs(told.entry.movement.amount):.2f}",
        "currency": occasion.account.currency,
    }
    return {"transactionAmount": amount, **saying(f"ΑΓΟΡΑ {told.shown}")}


def _card_text(told: Told, occasion: Occasion, day: str) -> str:
    amount = f"{abs(told.entry.movement.amount):.2f} {occasion.account.currency}"
    code = digest("code", told.entry.internal_id)
    return f"PIRKUMS 677123******1234 {day} {amount} ({int(code[:5], 16):06d}) {told.shown}"


def _named_in_text(told: Told, occasion: Occasion) -> Row:
    text = _card_text(told, occasion, f"{told.made_on:%d.%m.%Y}")
    return saying(text) if told.is_pending else {"remittanceInformationUnstructured": text}


def _reworded(told: Told, occasion: Occasion) -> Row:
    """Word a row by its bank's habit: another day, another mask, a word in front."""
    institution = occasion.account.institution_id
    if institution.startswith("NBG"):
        return saying(f"ΑΓΟΡΑ {told.shown}" if told.is_pending else told.shown)
    if institution.startswith("ING"):
        mask = "xxxxxxxxxxxx1234" if told.is_pending else "Xxxx Xxxx Xxxx 1234"
        return saying(f"Card no: {mask}, {told.shown}")
    day = f"{told.made_on:%d.%m.%y} 10:15" if told.is_pending else f"{told.made_on:%d.%m.%Y}"
    return saying(_card_text(told, occasion, day))


QUIRKS = (
    Quirk(
        number="P1",
        what="a row stands in pending still on the day on which it is booked, without an id",
        rows=_beside_booked,
    ),
    Quirk(
        number="P2",
        what="a pending row with placeholders for names is told of twice and never booked",
        rows=_phantoms,
    ),
    Quirk(
        number="P3",
        what="a pending row has no date; the day is in the structured text",
        rows=each(_undated, booked=False),
    ),
    Quirk(
        number="P4",
        what="the bookingDate of a pending row is the last on which it may be booked",
        rows=each(_latest_day, booked=False),
    ),
    Quirk(
        number="P5",
        what="the amount of a pending purchase lacks its minus sign",
        rows=each(_unsigned, booked=False, by_card=True),
    ),
    Quirk(
        number="P6",
        what="the shop of a pending row is in the text only",
        rows=each(_named_in_text, by_card=True),
    ),
    Quirk(
        number="P7",
        what="pending and booked texts of one payment are written differently",
        rows=each(_reworded, by_card=True),
    ),
)
