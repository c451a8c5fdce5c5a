"""Which accounts' shares are one pool, and in what money: section 104 over a person's accounts."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.enums import AccountType, LotMethod, TaxWrapper, TradeKind
from postgres.common.models import Account, Disposal, FxRate, Instrument, Trade
from postgres.common.operations import accounts, disposals
from tests.postgres.ledger import Ledger, make_ledger
from tests.postgres.worth import day, make_account, make_instrument, set_rate

FIFO, POOL = LotMethod.FIFO, LotMethod.SECTION_104
_numbers = itertools.count(1)


@pytest.fixture
def ledger(session: Session) -> Ledger:
    return make_ledger(session)


@pytest.fixture
def share(session: Session) -> Instrument:
    return make_instrument(session)


def open_account(session: Session, ledger: Ledger, currency: str) -> Account:
    return make_account(
        session, ledger, currency=currency, account_type=AccountType.INVESTMENT, opening="0"
    )


def trade(
    session: Session,
    account: Account,
    on: dt.date,
    quantity: str,
    amount: str,
    *,
    share: Instrument,
    fees: str = "0",
    kind: TradeKind = TradeKind.TRADE,
) -> Trade:
    """Book a trade.

    :param amount: in the account's currency; paid negative.
    """
    number = next(_numbers)
    row = Trade(
        user_id=account.user_id,
        account_id=account.id,
        source_key=f"fill:{number}",
        instrument_id=share.id,
        security_id=share.id,
        kind=kind,
        traded_at=dt.datetime.combine(on, dt.time(9, 0, number % 60), dt.UTC),
        trade_date=on,
        quantity=Decimal(quantity),
        amount=Decimal(amount),
        fees=Decimal(fees),
        currency=account.currency,
        raw_table="trading212.orders",
        raw_id=uuid.uuid4(),
        first_seen_at=dt.datetime.combine(on, dt.time(9), dt.UTC),
    )
    session.add(row)
    session.flush()
    return row


def sales(
    session: Session, ledger: Ledger, method: LotMethod = POOL
) -> list[tuple[Decimal | None, Decimal | None, Decimal | None, str]]:
    """Proceeds, fees and cost of every part of a sale, in the order of the sales."""
    disposals.match_disposals(session, ledger.user.id)
    rows = session.execute(
        sa.select(Disposal.proceeds, Disposal.fees, Disposal.cost, Disposal.currency)
        .join(Trade, Trade.id == Disposal.trade_id)
        .where(Disposal.user_id == ledger.user.id, Disposal.method == method)
        .order_by(Trade.traded_at, Disposal.place)
    )
    return [
        (*(None if part is None else part.normalize() for part in row[:3]), row[3]) for row in rows
    ]


def test_one_pool_is_in_pounds_at_the_rate_of_each_day(
    session: Session, ledger: Ledger, share: Instrument
) -> None:
    pounds, dollars = (open_account(session, ledger, code) for code in ("GBP", "USD"))
    # A dollar is half a pound, and on the day of the sale four fifths.
    for on, rate in ((day(2), "2"), (day(16), "1.25")):
        set_rate(session, "GBP", on, "1")
        set_rate(session, "USD", on, rate)
    trade(session, pounds, day(1), "10", "-100.123456789", fees="-1", share=share)
    # The 4th has no rate: that of the 2nd holds for a week.
    trade(session, dollars, day(4), "30", "-600", fees="-2", share=share)
    # A split has no money, and needs no rate on any day.
    for account, quantity in ((pounds, "-10"), (dollars, "-30"), (pounds, "20"), (dollars, "60")):
        trade(session, account, day(14), quantity, "0", kind=TradeKind.SPLIT, share=share)
    trade(session, dollars, day(16), "-40", "1000", fees="-5", share=share)

    # Nor do shares that are given away.
    given = make_instrument(session)
    trade(session, dollars, day(14), "10", "0", share=given, kind=TradeKind.DISTRIBUTION)
    trade(session, dollars, day(17), "-10", "50", share=given)

    cost = (Decimal("100.123456789") + 1 + 300 + 1) / 2
    assert sales(session, ledger) == [
        (Decimal(800), Decimal(-4), -cost.quantize(Decimal("1E-8")).normalize(), "GBP"),
        (Decimal(40), Decimal(0), Decimal(0), "GBP"),
    ]
    # First in, first out stays in the account and its money.
    assert sales(session, ledger, FIFO) == [
        (Decimal(1000), Decimal(-5), Decimal("-401.33333333"), "USD"),
        (Decimal(50), Decimal(0), Decimal(0), "USD"),
    ]


def test_what_has_no_rate_is_unknown_until_there_is_one(
    session: Session, ledger: Ledger, share: Instrument
) -> None:
    dollars = open_account(session, ledger, "USD")
    pounds = open_account(session, ledger, "GBP")
    trade(session, dollars, day(1), "10", "-100", share=share)
    trade(session, pounds, day(10), "10", "-40", share=share)
    trade(session, pounds, day(11), "-10", "70", share=share)
    trade(session, dollars, day(12), "-10", "90", share=share)
    trade(session, pounds, day(1, 5), "5", "-25", share=share)
    trade(session, pounds, day(9, 5), "-5", "30", share=share)

    # In May a new pool begins, without what is unknown.
    unknown = (None, None, None, "GBP")
    known = (Decimal(30), Decimal(0), Decimal(-25), "GBP")
    assert sales(session, ledger) == [(Decimal(70), Decimal(0), None, "GBP"), unknown, known]
    assert not disposals.are_settled(session, ledger.user.id)

    set_rate(session, "GBP", day(1), "1")
    set_rate(session, "USD", day(1), "2")
    assert sales(session, ledger)[0] == (Decimal(70), Decimal(0), Decimal(-45), "GBP")
    assert sales(session, ledger)[1] == (None, None, Decimal(-45), "GBP")
    assert not disposals.are_settled(session, ledger.user.id)
    set_rate(session, "GBP", day(12), "1")
    set_rate(session, "USD", day(12), "2")
    assert sales(session, ledger)[1] == (Decimal(45), Decimal(0), Decimal(-45), "GBP")
    # That of the very day may come later.
    assert not disposals.are_settled(session, ledger.user.id)
    set_rate(session, "GBP", day(13, 4), "1")
    assert disposals.are_settled(session, ledger.user.id)
    session.execute(sa.delete(FxRate).where(FxRate.currency == "USD"))
    assert sales(session, ledger)[1] == unknown


def test_an_isa_and_a_practice_account_are_in_no_pool(
    session: Session, ledger: Ledger, share: Instrument
) -> None:
    invest, isa, practice = (open_account(session, ledger, "GBP") for _ in range(3))
    for account, price in ((invest, "-100"), (isa, "-300"), (practice, "-500")):
        trade(session, account, day(1), "10", price, share=share)
    trade(session, invest, day(20), "-10", "200", share=share)
    trade(session, isa, day(21), "-10", "400", share=share)

    assert [cost for _, _, cost, _ in sales(session, ledger)] == [-300, -300]
    by_account = sales(session, ledger, FIFO)
    assert [cost for _, _, cost, _ in by_account] == [-100, -300]

    accounts.set_tax_wrapper(session, ledger.user.id, isa.id, TaxWrapper.ISA)
    practice.is_practice = True
    session.flush()
    assert not disposals.are_settled(session, ledger.user.id)
    assert [cost for _, _, cost, _ in sales(session, ledger)] == [-100]
    assert sales(session, ledger, FIFO) == by_account
    assert disposals.are_settled(session, ledger.user.id)
    assert disposals.match_disposals(session, ledger.user.id).written == 0

    # The user's word wins, and can be taken back.
    assert not practice.is_counted
    accounts.set_counted(session, ledger.user.id, practice.id, True)
    assert not disposals.are_settled(session, ledger.user.id)
    assert [cost for _, _, cost, _ in sales(session, ledger)] == [-300]
    accounts.set_counted(session, ledger.user.id, practice.id, None)
    assert disposals.match_disposals(session, ledger.user.id).written
    session.execute(sa.delete(Disposal).where(Disposal.method == POOL))
    accounts.set_tax_wrapper(session, ledger.user.id, isa.id, None)
    assert not disposals.are_settled(session, ledger.user.id)
    assert [cost for _, _, cost, _ in sales(session, ledger)] == [-200, -200]
