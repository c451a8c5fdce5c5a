"""What a bank lets itself be asked: how far back, how often, and when at all."""

from __future__ import annotations

from sandbox.faults import (
    Fault,
    bank_rate_limit,
    connection_error,
    rate_limit,
    resource_unavailable,
)
from sandbox.quirks.quirk import Occasion, Quirk, Told, turn

_ALWAYS_DAYS = 90
_TRULY_DAYS = 60
_LONGEST_PERIOD_DAYS = 60
_LATE_DAYS = 20
_DOWN = (2, 3)
_REFUSED_CALL = 2


def _since(told: list[Told], occasion: Occasion, days: int) -> list[Told]:
    return [one for one in told if one.booked_on >= occasion.days_ago(days)]


def _all_once(told: list[Told], occasion: Occasion) -> list[Told]:
    return told if occasion.number == 1 else _since(told, occasion, _ALWAYS_DAYS)


def _less_than_said(told: list[Told], occasion: Occasion) -> list[Told]:
    return _since(told, occasion, _TRULY_DAYS)


def _late(told: list[Told], occasion: Occasion) -> list[Told]:
    """Keep every third row back for weeks."""
    return [
        one
        for one in told
        if one.is_pending or turn(one, 3) or one.booked_on <= occasion.days_ago(_LATE_DAYS)
    ]


def _only_transactions(resource: str, _: Occasion) -> Fault | None:
    return None if resource == "transactions" else resource_unavailable(resource)


def _outage(resource: str, occasion: Occasion) -> Fault | None:
    is_down = resource == "balances" and occasion.number in _DOWN
    return connection_error(resource) if is_down else None


def _early_limit(resource: str, occasion: Occasion) -> Fault | None:
    return bank_rate_limit(resource) if occasion.number == _REFUSED_CALL else None


def _busy(resource: str, occasion: Occasion) -> Fault | None:
    is_first = resource == "transactions" and occasion.number == 1
    return rate_limit(seconds=240) if is_first else None


def _period_refused(resource: str, occasion: Occasion) -> Fault | None:
    if resource != "transactions" or occasion.first >= occasion.days_ago(_LONGEST_PERIOD_DAYS):
        return None
    detail = "The requested period is too long for this account."
    return Fault(status=400, json={"code": "PERIOD_INVALID", "detail": detail, "status_code": 400})


QUIRKS = (
    Quirk(
        number="C3",
        what="more than 90 days of history are told once, right after the consent",
        rows=_all_once,
    ),
    Quirk(
        number="C4",
        what="the bank says that it goes back further than it does",
        rows=_less_than_said,
    ),
    Quirk(
        number="C6",
        what="details and balances are unavailable while transactions work",
        refuses=_only_transactions,
    ),
    Quirk(
        number="C7",
        what="balances fail at the second and third call, which may be weeks apart",
        refuses=_outage,
    ),
    Quirk(
        number="C8",
        what="the bank wants no more calls for today at the second call",
        refuses=_early_limit,
    ),
    Quirk(
        number="C10",
        what="every third row appears 20 days late",
        rows=_late,
    ),
    Quirk(
        number="C12",
        what="GoCardless itself wants no more calls for some minutes",
        refuses=_busy,
    ),
    Quirk(
        number="C13",
        what="a period of more than 60 days is refused, with PERIOD_INVALID",
        refuses=_period_refused,
    ),
)
