"""What institutions said of balances, what they are on a day, and who is told when one is low."""

from __future__ import annotations

import datetime as dt
import uuid
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from postgres.common.enums import AccountType, NotificationType
from postgres.common.models import Account, AuditEntry, Notification
from postgres.common.operations import balance_snapshots, balances
from postgres.core import WriteCounts
from postgres.errors import NotFoundError, OperationError, RetryableError
from postgres.sessions import user_session
from tests.postgres.ledger import Ledger, make_ledger
from tests.postgres.worth import at, day, make_account, move, report, total

NOTHING = WriteCounts()
TOLD = WriteCounts(inserted=1, updated=1)


@pytest.fixture
def ledger(session: Session) -> Ledger:
    return make_ledger(session)


@pytest.fixture
def account(session: Session, ledger: Ledger) -> Account:
    return make_account(session, ledger, opening="100", opened=day(1))


class TestSnapshots:
    def test_come_in_pages_the_newest_answer_first_and_filtered(
        self, session: Session, ledger: Ledger, account: Account
    ) -> None:
        user_id, other = ledger.user.id, make_account(session, ledger)
        for number in (3, 5, 4):
            report(session, account, str(number), at(number))
        report(session, account, "6", at(6), balance_type="interimAvailable", is_booked=False)
        report(session, other, "7", at(2))
        report(session, make_ledger(session).account, "9", at(9))

        def amounts(limit: int = 2, **filters: object) -> list[int]:
            found: list[int] = []
            after = None
            while True:
                page = balance_snapshots.list_snapshots(
                    session,
                    user_id,
                    after=after,
                    limit=limit,
                    **filters,  # type: ignore[arg-type]
                )
                found += [int(row.amount) for row in page.items]
                after = page.after
                if after is None:
                    return found

        assert amounts() == [6, 5, 4, 3, 7]
        assert amounts(account_id=account.id) == [6, 5, 4, 3]
        assert amounts(balance_type="interimBooked") == amounts(is_booked=True) == [5, 4, 3, 7]
        assert amounts(is_booked=False) == [6]
        # From an instant up to and without another one.
        assert amounts(since=at(4), until=at(6)) == [5, 4]

    def test_the_latest_of_each_account_and_type(
        self, session: Session, ledger: Ledger, account: Account
    ) -> None:
        other = make_account(session, ledger)
        for number in (3, 5, 4):
            report(session, account, str(number), at(number))
        report(session, account, "6", at(1), balance_type="interimAvailable", is_booked=False)
        report(session, other, "7", at(2))
        report(session, make_ledger(session).account, "9", at(9))

        every = balance_snapshots.list_latest_snapshots(session, ledger.user.id)
        one = balance_snapshots.list_latest_snapshots(
            session, ledger.user.id, account_id=account.id
        )

        assert sorted(row.amount for row in every) == [5, 6, 7]
        assert [(row.balance_type, row.amount) for row in one] == [
            ("interimAvailable", Decimal(6)),
            ("interimBooked", Decimal(5)),
        ]


class TestDailyBalances:
    def test_are_what_was_stated_and_the_rows_since(
        self, session: Session, ledger: Ledger, account: Account
    ) -> None:
        move(session, account, day(3), "-40")

        found = balances.list_daily_balances(
            session, ledger.user.id, account.id, since=day(1), until=day(3)
        )

        assert [(row.day, row.amount) for row in found] == [
            (day(1), Decimal(100)),
            (day(2), Decimal(100)),
            (day(3), Decimal(60)),
        ]

    def test_are_only_their_owners(self, session: Session, account: Account) -> None:
        other = make_ledger(session).user.id

        found = balances.list_daily_balances(session, other, account.id, since=day(1), until=day(3))

        assert found == []


class TestLowBalance:
    def test_is_told_once_until_it_is_above_again(
        self, session: Session, ledger: Ledger, account: Account
    ) -> None:
        balances.set_low_balance(session, ledger.user.id, account.id, Decimal(50))
        account.display_name = "Bills"
        session.flush()
        assert warn(session, 2) == NOTHING
        move(session, account, day(3), "-50")
        assert warn(session, 3) == NOTHING  # as low as it may be

        move(session, account, day(4), "-0.50")
        assert [warn(session, 4), warn(session, 4), warn(session, 5)] == [TOLD, NOTHING, NOTHING]
        assert account.low_since == day(4)
        assert news(session) == ["The balance of Bills is 49.50 GBP, below 50."]

        move(session, account, day(6), "100")
        assert warn(session, 6) == WriteCounts(updated=1)
        assert account.low_since is None
        move(session, account, day(8), "-120")
        assert warn(session, 8) == TOLD
        assert len(news(session)) == 2

    def test_may_be_an_overdraft_and_is_what_the_user_set_last(
        self, session: Session, ledger: Ledger, account: Account
    ) -> None:
        user_id = ledger.user.id
        move(session, account, day(2), "-300")
        balances.set_low_balance(session, user_id, account.id, Decimal(-250))
        assert warn(session, 2) == NOTHING
        balances.set_low_balance(session, user_id, account.id, Decimal(-150))
        assert warn(session, 2) == TOLD
        balances.set_low_balance(session, user_id, account.id, None)
        assert account.low_since is None
        assert warn(session, 3) == NOTHING

        with pytest.raises(OperationError, match="amount"):
            balances.set_low_balance(session, user_id, account.id, Decimal("NaN"))
        kept = session.scalars(
            sa.select(AuditEntry.after["low_balance"])
            .where(AuditEntry.table_name == "common.accounts")
            .order_by(AuditEntry.id)
        ).all()
        assert kept == [-250, -150, None]

    def test_of_what_is_not_known_nobody_is_told(self, session: Session, ledger: Ledger) -> None:
        unknown = make_account(session, ledger)
        broker = make_account(session, ledger, account_type=AccountType.INVESTMENT, opening="0")
        total(session, broker, "500", at(1))
        for each in (unknown, broker):
            balances.set_low_balance(session, ledger.user.id, each.id, Decimal(100))

        assert warn(session, 2) == NOTHING
        assert unknown.low_since is None

    def test_is_of_one_users_accounts_and_of_their_day(
        self, session: Session, sessions: sessionmaker[Session], ledger: Ledger, account: Account
    ) -> None:
        other = make_ledger(session)
        with pytest.raises(NotFoundError):
            balances.set_low_balance(session, other.user.id, account.id, Decimal(1))
        with pytest.raises(NotFoundError):
            balances.set_low_balance(session, ledger.user.id, uuid.uuid4(), Decimal(1))
        theirs = make_account(session, other, opening="1", opened=day(1))
        balances.set_low_balance(session, other.user.id, theirs.id, Decimal(100))
        balances.set_low_balance(session, ledger.user.id, account.id, Decimal(50))
        move(session, account, day(6), "-99")
        ledger.user.time_zone = "Asia/Tokyo"
        session.commit()

        with user_session(sessions, ledger.user.id) as own:
            assert balances.warn_of_low_balances(own, now=at(5, hour=14)) == NOTHING
            assert balances.warn_of_low_balances(own, now=at(5, hour=15)) == TOLD
        assert warn(session, 6) == TOLD

    def test_eight_at_once_tell_once(
        self, session: Session, sessions: sessionmaker[Session], ledger: Ledger
    ) -> None:
        for _ in range(12):
            each = make_account(session, ledger, opening="1", opened=day(1))
            balances.set_low_balance(session, ledger.user.id, each.id, Decimal(5))
        session.commit()
        barrier = Barrier(8)

        def run(_: int) -> int:
            barrier.wait()
            while True:
                try:
                    with sessions.begin() as own:
                        return warn(own, 2).inserted
                except RetryableError:
                    continue

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(run, range(8))) == len(news(session)) == 12


def warn(session: Session, number: int) -> WriteCounts:
    now = dt.datetime(2026, 3, number, 9, tzinfo=dt.UTC)
    return balances.warn_of_low_balances(session, now=now)


def news(session: Session) -> list[str]:
    rows = sa.select(Notification.message).where(Notification.type == NotificationType.LOW_BALANCE)
    return list(session.scalars(rows.order_by(Notification.dedup_key)))
