"""Net worth in one currency, day by day, without a day that is missing something it knows."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session, sessionmaker

from postgres.common.enums import (
    AccountType,
    ManualAssetType,
    TransactionKind,
    TransactionStatus,
)
from postgres.common.models import Account
from postgres.common.operations import accounts as account_operations
from postgres.common.operations import balances as balance_operations
from postgres.common.operations import manual_assets
from postgres.common.operations.net_worth import NetWorth, net_worth, net_worth_series
from postgres.sessions import user_session
from tests.postgres.ledger import Ledger, make_ledger
from tests.postgres.worth import (
    at,
    balances,
    day,
    hold,
    make_account,
    make_instrument,
    move,
    report,
    set_rate,
    total,
)

TRADE, DEPOSIT, DIVIDEND = TransactionKind.TRADE, TransactionKind.DEPOSIT, TransactionKind.DIVIDEND


@pytest.fixture
def ledger(session: Session) -> Ledger:
    ledger = make_ledger(session)
    # It has an account of which nothing is known; here, each test makes its own.
    session.delete(ledger.account)
    session.flush()
    return ledger


def series(session: Session, ledger: Ledger, first: dt.date, last: dt.date) -> list[NetWorth]:
    return list(net_worth_series(session, ledger.user.id, since=first, until=last))


def totals(session: Session, ledger: Ledger, first: dt.date, last: dt.date) -> list[Decimal | None]:
    return [worth.total for worth in series(session, ledger, first, last)]


class TestAccountOfABank:
    def test_is_its_opening_balance_and_the_booked_rows(
        self, session: Session, ledger: Ledger
    ) -> None:
        account = make_account(session, ledger, opening="100", opened=day(3))
        move(session, account, day(3), "-10")
        move(session, account, day(5), "20.50")
        move(session, account, day(5), "-0.50")

        # The opening balance is that of the evening before; nothing is known of the day before it.
        assert balances(session, account, day(1), day(6)) == {
            day(2): 100,
            day(3): 90,
            day(4): 90,
            day(5): 110,
            day(6): 110,
        }

    @pytest.mark.parametrize("first", [1, 2, 3, 4, 5, 6, 7])
    def test_a_day_is_the_same_whatever_days_are_asked_with_it(
        self, session: Session, ledger: Ledger, first: int
    ) -> None:
        account = make_account(session, ledger, opening="100", opened=day(3))
        for number in (3, 5, 6):
            move(session, account, day(number), "-10")
        whole = balances(session, account, day(1), day(9))

        part = balances(session, account, day(first), day(8))

        assert part == {key: value for key, value in whole.items() if day(first) <= key <= day(8)}

    def test_counts_what_is_booked_in_its_currency_from_its_opening_on(
        self, session: Session, ledger: Ledger
    ) -> None:
        account = make_account(session, ledger, opening="100", opened=day(3))
        move(session, account, day(2), "-1")
        move(session, account, day(4), "-2", status=TransactionStatus.PENDING)
        move(session, account, day(4), "-4", status=TransactionStatus.VOID)
        move(session, account, day(4), "-8", currency="EUR")
        move(session, account, day(4), "-16", kind=TRADE)
        report(session, account, "7777", at(4))
        total(session, account, "8888", at(4))
        hold(session, account, day(4), "9999")

        assert balances(session, account, day(4), day(4)) == {day(4): 84}

    def test_is_what_reconciliation_compares(self, session: Session, ledger: Ledger) -> None:
        account = make_account(session, ledger)
        for number in (3, 4, 9):
            move(session, account, day(number), "-10")
        report(session, account, "70", at(10))
        balance_operations.set_opening_balance(session, account.user_id, account.id)

        (compared,) = balance_operations.reconcile(session, user_id=ledger.user.id)

        assert balances(session, account, day(10), day(10)) == {day(10): compared.computed}
        assert compared.drift == 0
        assert balances(session, account, day(2), day(2)) == {day(2): 100}

    def test_without_an_opening_day_is_known_from_its_first_row_or_report(
        self, session: Session, ledger: Ledger
    ) -> None:
        rows_first = make_account(session, ledger, opening="0")
        move(session, rows_first, day(4), "5")
        report(session, rows_first, "5", at(6))
        report_first = make_account(session, ledger, opening="7")
        report(session, report_first, "7", at(4))
        move(session, report_first, day(6), "1")
        neither = make_account(session, ledger, opening="0")

        assert balances(session, rows_first, day(1), day(4)) == {day(3): 0, day(4): 5}
        assert balances(session, report_first, day(3), day(6)) == {
            day(4): 7,
            day(5): 7,
            day(6): 8,
        }
        assert balances(session, neither, day(1), day(9)) == {}

    def test_without_an_opening_balance_is_the_last_booked_report_and_the_rows_since(
        self, session: Session, ledger: Ledger
    ) -> None:
        account = make_account(session, ledger)
        report(session, account, "50", at(3))
        report(session, account, "60", at(3, hour=18))
        report(session, account, "999", at(4), is_booked=False, balance_type="interimAvailable")
        report(session, account, "888", at(4), currency="EUR")
        move(session, account, day(3), "-1")
        move(session, account, day(5), "-10")
        report(session, account, "45", at(6))

        assert balances(session, account, day(1), day(7)) == {
            day(3): 60,
            day(4): 60,
            day(5): 50,
            day(6): 45,
            day(7): 45,
        }

    def test_an_answer_late_in_the_evening_is_of_the_users_day(
        self, session: Session, ledger: Ledger
    ) -> None:
        account = make_account(session, ledger)
        # 00:30 on the 2nd in London's summer time.
        report(session, account, "50", dt.datetime(2026, 7, 1, 23, 30, tzinfo=dt.UTC))

        assert balances(session, account, dt.date(2026, 7, 1), dt.date(2026, 7, 2)) == {
            dt.date(2026, 7, 2): 50
        }


class TestAccountOfABroker:
    @pytest.fixture
    def account(self, session: Session, ledger: Ledger) -> Account:
        return make_account(session, ledger, account_type=AccountType.INVESTMENT, opening="0")

    def test_is_what_the_broker_says_it_is_worth(self, session: Session, account: Account) -> None:
        move(session, account, day(1), "1000", kind=DEPOSIT)
        move(session, account, day(1), "-900", kind=TRADE)
        total(session, account, "1010", at(2))
        total(session, account, "1020", at(2, hour=18))
        total(session, account, "1100", at(4))

        assert balances(session, account, day(1), day(5)) == {
            day(2): 1020,
            day(3): 1020,
            day(4): 1100,
            day(5): 1100,
        }

    def test_money_that_comes_and_goes_shows_on_its_day_and_a_trade_never(
        self, session: Session, account: Account
    ) -> None:
        total(session, account, "1000", at(2))
        # Before and after the broker was asked on the 2nd.
        move(session, account, day(2), "70", kind=DEPOSIT, booked_at=at(2, hour=8))
        move(session, account, day(2), "300", kind=DEPOSIT, booked_at=at(2, hour=10))
        move(session, account, day(3), "-250", kind=TRADE, booked_at=at(3))
        move(session, account, day(3), "4", kind=DIVIDEND, booked_at=at(3))
        total(session, account, "1320", at(5))

        assert balances(session, account, day(2), day(5)) == {
            day(2): 1300,
            day(3): 1304,
            day(4): 1304,
            day(5): 1320,
        }
        assert balances(session, account, day(4), day(4)) == {day(4): 1304}

    def test_without_a_total_is_cash_and_positions(
        self, session: Session, account: Account
    ) -> None:
        share, bond = make_instrument(session), make_instrument(session)
        move(session, account, day(1), "1000", kind=DEPOSIT)
        move(session, account, day(2), "-900", kind=TRADE)
        hold(session, account, day(2), "600", instrument=share)
        hold(session, account, day(2), "310", instrument=bond)
        # Not all of it has a value, so the day says nothing.
        hold(session, account, day(3), "650", instrument=share)
        hold(session, account, day(3), None, instrument=bond)
        # Sold: what is not held needs no value.
        move(session, account, day(4), "320", kind=TRADE)
        hold(session, account, day(4), "640", instrument=share)
        hold(session, account, day(4), None, quantity="0", instrument=bond)
        move(session, account, day(5), "-50", kind=TransactionKind.WITHDRAWAL)

        assert balances(session, account, day(1), day(6)) == {
            day(2): 100 + 910,
            day(3): 1010,
            day(4): 420 + 640,
            day(5): 1010,
            day(6): 1010,
        }

    def test_positions_in_another_currency_than_they_should_be_say_nothing(
        self, session: Session, account: Account
    ) -> None:
        hold(session, account, day(2), "600", currency="USD")
        move(session, account, day(1), "5", kind=DEPOSIT)

        assert balances(session, account, day(1), day(3)) == {day(1): 5, day(2): 5, day(3): 5}

    def test_with_neither_is_its_cash(self, session: Session, account: Account) -> None:
        move(session, account, day(2), "1000", kind=DEPOSIT)
        move(session, account, day(3), "-900", kind=TRADE)

        assert balances(session, account, day(1), day(3)) == {day(1): 0, day(2): 1000, day(3): 100}

    def test_positions_beside_unknown_cash_say_nothing(
        self, session: Session, ledger: Ledger
    ) -> None:
        account = make_account(session, ledger, account_type=AccountType.TRADING)
        hold(session, account, day(2), "600")
        report(session, account, "10", at(2), balance_type="cash")

        assert balances(session, account, day(2), day(3)) == {}


class TestNetWorth:
    def test_pounds_and_yen_are_one_sum_in_the_base_currency_without_a_sawtooth(
        self, session: Session, ledger: Ledger
    ) -> None:
        pounds = make_account(session, ledger, opening="1000", opened=day(1))
        yen = make_account(session, ledger, currency="JPY", opening="190000", opened=day(1))
        # Thursday, Friday and Monday: a weekend has no rates.
        for number, gbp, jpy in ((5, "0.85", "161.5"), (6, "0.86", "163.4"), (9, "0.84", "168")):
            set_rate(session, "GBP", day(number), gbp)
            set_rate(session, "JPY", day(number), jpy)
        # The accounts are read on different days.
        move(session, pounds, day(6), "-100")
        report(session, pounds, "900", at(6))
        move(session, yen, day(8), "-9500")
        report(session, yen, "180500", at(8))

        found = series(session, ledger, day(5), day(10))

        assert [worth.day for worth in found] == [day(number) for number in range(5, 11)]
        assert {worth.currency for worth in found} == {"GBP"}
        assert [worth.total for worth in found] == [
            1000 + 1000,  # 190 yen a pound
            900 + 1000,
            900 + 1000,
            900 + 950,
            900 + Decimal(180500) * Decimal("0.84") / 168,
            900 + Decimal("902.5"),
        ]

    def test_what_is_owed_is_apart_from_what_is_owned(
        self, session: Session, ledger: Ledger
    ) -> None:
        make_account(session, ledger, opening="1000", opened=day(1))
        make_account(session, ledger, opening="-250", opened=day(1))
        asset(session, ledger, "house", ManualAssetType.PROPERTY, "300000")
        asset(session, ledger, "mortgage", ManualAssetType.MORTGAGE, "-200000")

        found = net_worth(session, ledger.user.id, on=day(2))

        assert found == NetWorth(
            day(2), "GBP", Decimal(301_000), Decimal(-200_250), {}, unknown_accounts=0
        )
        assert found.total == 100_750

    def test_what_has_no_rate_is_listed_and_the_total_is_not_given(
        self, session: Session, ledger: Ledger
    ) -> None:
        make_account(session, ledger, opening="1000", opened=day(1))
        make_account(session, ledger, currency="JPY", opening="190000", opened=day(1))
        make_account(session, ledger, currency="JPY", opening="-500", opened=day(1))
        make_account(session, ledger, currency="USD", opening="0", opened=day(1))

        found = net_worth(session, ledger.user.id, on=day(2))

        assert found is not None
        assert [found.assets, found.liabilities] == [1000, 0]
        assert found.total is None
        # Nothing is nothing in dollars too.
        assert (found.is_complete, found.unconverted) == (False, {"JPY": Decimal(189_500)})

    def test_an_account_that_is_not_known_yet_is_absent_and_counted(
        self, session: Session, ledger: Ledger
    ) -> None:
        make_account(session, ledger, opening="1000", opened=day(2))
        make_account(session, ledger, opening="500", opened=day(4))
        make_account(session, ledger)

        found = series(session, ledger, dt.date(2026, 2, 20), day(4))

        assert [(w.day, w.total, w.unknown_accounts) for w in found] == [
            (day(1), Decimal(1000), 2),
            (day(2), Decimal(1000), 2),
            (day(3), Decimal(1500), 1),
            (day(4), Decimal(1500), 1),
        ]

    def test_money_that_moves_to_the_broker_is_not_gone_until_the_broker_is_asked(
        self, session: Session, ledger: Ledger
    ) -> None:
        bank = make_account(session, ledger, opening="1000", opened=day(1))
        broker = make_account(session, ledger, account_type=AccountType.INVESTMENT, opening="0")
        total(session, broker, "500", at(1))
        move(session, bank, day(3), "-200", kind=TransactionKind.TRANSFER)
        move(session, broker, day(3), "200", kind=DEPOSIT, booked_at=at(3))
        move(session, broker, day(4), "-190", kind=TRADE, booked_at=at(4))
        total(session, broker, "701", at(6))

        assert totals(session, ledger, day(2), day(6)) == [1500, 1500, 1500, 1500, 1501]

    def test_play_money_is_none_unless_the_user_says_so(
        self, session: Session, ledger: Ledger
    ) -> None:
        make_account(session, ledger, opening="1000", opened=day(1))
        practice, unheard_of = (
            make_account(session, ledger, account_type=AccountType.INVESTMENT) for _ in range(2)
        )
        practice.is_practice = unheard_of.is_practice = True
        session.flush()
        total(session, practice, "500", at(1))

        (worth,) = series(session, ledger, day(2), day(2))
        assert (worth.total, worth.unknown_accounts) == (Decimal(1000), 0)

        account_operations.set_counted(session, ledger.user.id, practice.id, is_counted=True)
        (worth,) = series(session, ledger, day(2), day(2))
        assert (worth.total, worth.unknown_accounts) == (Decimal(1500), 0)

    def test_a_user_of_whom_nothing_is_known_has_none(
        self, session: Session, ledger: Ledger
    ) -> None:
        make_account(session, ledger)

        assert net_worth(session, ledger.user.id, on=day(2)) is None
        assert net_worth(session, uuid.uuid4(), on=day(2)) is None
        assert series(session, ledger, day(3), day(2)) == []

    def test_the_base_currency_is_the_users(self, session: Session, ledger: Ledger) -> None:
        make_account(session, ledger, opening="850", opened=day(1))
        set_rate(session, "GBP", day(1), "0.85")
        ledger.user.base_currency = "EUR"
        session.flush()

        found = net_worth(session, ledger.user.id, on=day(2))

        assert found is not None
        assert (found.currency, found.total) == ("EUR", Decimal(1000))

    def test_nothing_of_another_user_is_in_it(
        self, session: Session, sessions: sessionmaker[Session], ledger: Ledger
    ) -> None:
        other = make_ledger(session)
        make_account(session, other, opening="77", opened=day(1))
        asset(session, other, "car", ManualAssetType.VEHICLE, "5000")
        make_account(session, ledger, opening="1000", opened=day(1))
        asset(session, ledger, "boat", ManualAssetType.VEHICLE, "1")
        session.commit()

        assert totals(session, ledger, day(2), day(2)) == [1001]
        with user_session(sessions, ledger.user.id) as own:
            assert totals(own, ledger, day(2), day(2)) == [1001]
            assert totals(own, other, day(2), day(2)) == []

    def test_is_one_statement(self, session: Session, engine: sa.Engine, ledger: Ledger) -> None:
        for _ in range(3):
            make_account(session, ledger, opening="1", opened=day(1))
        seen: list[str] = []
        sa.event.listen(engine, "before_cursor_execute", lambda *call: seen.append(call[2]))

        assert totals(session, ledger, day(1), day(28)) == [3] * 28
        assert len(seen) == 1


moves = st.lists(
    st.tuples(st.integers(1, 20), st.integers(-(10**4), 10**4), st.sampled_from([TRADE, DEPOSIT])),
    max_size=8,
)
reports = st.dictionaries(st.integers(1, 20), st.integers(-(10**5), 10**5), max_size=5)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    moves=moves,
    reports=reports,
    opening=st.none() | st.integers(-1000, 1000),
    opened=st.integers(1, 20),
    is_broker=st.booleans(),
    first=st.integers(1, 20),
    length=st.integers(0, 20),
)
def test_a_balance_is_what_was_stated_last_and_the_rows_since(
    session: Session,
    *,
    moves: list[tuple[int, int, TransactionKind]],
    reports: dict[int, int],
    opening: int | None,
    opened: int,
    is_broker: bool,
    first: int,
    length: int,
) -> None:
    # The same by hand, a day at a time.
    ledger = make_ledger(session)
    account = make_account(
        session,
        ledger,
        account_type=AccountType.INVESTMENT if is_broker else AccountType.BANK,
        opening=None if opening is None else str(opening),
        opened=None if opening is None else day(opened),
    )
    for number, amount, kind in moves:
        move(session, account, day(number), str(amount), kind=kind)
    for number, amount in reports.items():
        if is_broker:
            total(session, account, str(amount), at(number))
        else:
            report(session, account, str(amount), at(number))
    is_worth = is_broker and bool(reports)
    stated = dict(reports)
    if opening is not None and not is_worth:
        stated = {opened - 1: opening}
    last = min(first + length, 28)
    wanted = {}
    for number in range(first, last + 1):
        known = [place for place in stated if place <= number]
        if known:
            since = max(known)
            wanted[day(number)] = stated[since] + sum(
                amount
                for place, amount, kind in moves
                if since < place <= number and not (is_worth and kind is TRADE)
            )

    assert balances(session, account, day(first), day(last)) == wanted


def asset(
    session: Session, ledger: Ledger, name: str, asset_type: ManualAssetType, amount: str
) -> None:
    manual_assets.create_asset(
        session,
        ledger.user.id,
        name=name,
        asset_type=asset_type,
        currency="GBP",
        amount=Decimal(amount),
        valued_on=day(1),
    )
