"""Operations on users, connections and balances."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from farthing.errors import ConfigurationError
from postgres.auth.operations import users
from postgres.common.enums import ConnectionStatus, JobStatus, TransactionStatus
from postgres.common.models import BalanceSnapshot
from postgres.common.operations import accounts, balances, connections, jobs
from postgres.common.operations.jobs import StepRecord
from postgres.errors import AlreadyExistsError, NotFoundError, OperationError
from tests.postgres.ledger import Ledger, book, make_ledger

AT = dt.datetime(2026, 3, 15, 9, tzinfo=dt.UTC)


@pytest.fixture
def ledger(session: Session) -> Ledger:
    return make_ledger(session)


def test_a_password_is_kept_as_an_argon2id_hash(session: Session) -> None:
    user = users.create_user(session, "ann", "correct horse")

    assert user.password_hash.startswith("$argon2id$")
    assert "correct horse" not in user.password_hash
    assert users.get_user_by_name(session, "ann") is user


@pytest.mark.parametrize(("name", "password"), [("", "long enough"), ("bob", "short"), (" ", "x")])
def test_a_user_without_name_or_with_a_short_password_is_refused(
    session: Session, name: str, password: str
) -> None:
    with pytest.raises(OperationError):
        users.create_user(session, name, password)


def test_a_user_in_no_time_zone_is_refused(session: Session) -> None:
    with pytest.raises(ConfigurationError, match="Mars/Olympus"):
        users.create_user(session, "ann", "correct horse", time_zone="Mars/Olympus")


def test_a_name_is_one_users(session: Session) -> None:
    users.create_user(session, "ann", "correct horse")

    with pytest.raises(AlreadyExistsError, match="ann"):
        users.create_user(session, "ann", "another one")


def test_a_connection_is_only_its_owners(session: Session, ledger: Ledger) -> None:
    other = make_ledger(session)

    with pytest.raises(NotFoundError):
        connections.delete_connection(session, other.user.id, ledger.connection.id)
    with pytest.raises(NotFoundError):
        accounts.rename_account(session, other.user.id, ledger.account.id, "mine now")
    everybody = connections.list_with_institutions(session)
    own = connections.list_with_institutions(session, user_id=other.user.id)
    assert {c.id for c, _ in everybody} == {ledger.connection.id, other.connection.id}
    assert own == [(other.connection, other.institution)]


def snapshot(
    session: Session,
    ledger: Ledger,
    kind: str,
    amount: str,
    day: dt.date,
    *,
    reference: dt.date | None = None,
) -> None:
    session.add(
        BalanceSnapshot(
            user_id=ledger.user.id,
            account_id=ledger.account.id,
            balance_type=kind,
            amount=Decimal(amount),
            currency="GBP",
            reference_date=reference or day,
            observed_at=dt.datetime.combine(day, dt.time(9), dt.UTC),
            is_booked="Booked" in kind,
            raw_id=uuid.uuid4(),
        )
    )
    session.flush()


def drift(session: Session, ledger: Ledger) -> Decimal | None:
    (row,) = balances.reconcile(session, user_id=ledger.user.id)
    return row.drift


def test_without_a_booked_balance_nothing_is_known(session: Session, ledger: Ledger) -> None:
    book(session, ledger, dt.date(2026, 3, 1), "-5")
    snapshot(session, ledger, "interimAvailable", "95", dt.date(2026, 3, 2))

    balances.set_opening_balance(session, ledger.user.id, ledger.account.id)

    assert drift(session, ledger) is None


def test_opening_balance_comes_from_the_first_row_of_the_running_balance(
    session: Session, ledger: Ledger
) -> None:
    first = dt.date(2026, 3, 1)
    book(session, ledger, first, "-5", balance_after="85")  # second of the day
    book(session, ledger, first, "-10", balance_after="90")  # first of the day
    snapshot(session, ledger, "interimBooked", "85", first)

    balances.set_opening_balance(session, ledger.user.id, ledger.account.id)
    session.expire_all()

    assert ledger.account.opening_balance == 100
    assert drift(session, ledger) == 0


def test_a_lost_row_shows_even_on_the_first_day_where_the_bank_prints_a_running_balance(
    session: Session, ledger: Ledger
) -> None:
    book(session, ledger, dt.date(2026, 3, 1), "-10", balance_after="90")
    snapshot(session, ledger, "interimBooked", "70", dt.date(2026, 3, 2))

    balances.set_opening_balance(session, ledger.user.id, ledger.account.id)

    assert drift(session, ledger) == -20


def test_opening_balance_is_set_once_and_older_rows_do_not_count_against_it(
    session: Session, ledger: Ledger
) -> None:
    book(session, ledger, dt.date(2026, 3, 1), "-10")
    snapshot(session, ledger, "interimBooked", "90", dt.date(2026, 3, 2))
    balances.set_opening_balance(session, ledger.user.id, ledger.account.id)

    book(session, ledger, dt.date(2026, 2, 1), "-77")
    balances.set_opening_balance(session, ledger.user.id, ledger.account.id)
    session.expire_all()

    assert ledger.account.opening_balance == 100
    assert drift(session, ledger) == 0


def test_a_closing_balance_knows_no_row_of_a_later_day(session: Session, ledger: Ledger) -> None:
    first = dt.date(2026, 3, 1)
    book(session, ledger, first, "-10", seen=first)
    snapshot(session, ledger, "closingBooked", "90", first)
    balances.set_opening_balance(session, ledger.user.id, ledger.account.id)
    book(session, ledger, dt.date(2026, 3, 2), "-1")

    today = dt.date(2026, 3, 2)
    snapshot(session, ledger, "closingBooked", "90", today, reference=dt.date(2026, 3, 1))

    assert drift(session, ledger) == 0


def test_pending_and_void_rows_count_in_no_balance(session: Session, ledger: Ledger) -> None:
    book(session, ledger, dt.date(2026, 3, 1), "-10", seen=dt.date(2026, 3, 1))
    book(session, ledger, dt.date(2026, 3, 1), "-3", status=TransactionStatus.PENDING)
    book(session, ledger, dt.date(2026, 3, 1), "-4", status=TransactionStatus.VOID)
    snapshot(session, ledger, "interimBooked", "90", dt.date(2026, 3, 1))
    balances.set_opening_balance(session, ledger.user.id, ledger.account.id)

    (totals,) = accounts.list_account_totals(session, user_id=ledger.user.id)

    assert drift(session, ledger) == 0
    assert (totals.booked, totals.booked_sum) == (1, Decimal(-10))
    assert (totals.pending, totals.pending_sum) == (1, Decimal(-3))


@pytest.mark.parametrize(
    ("first", "second", "status"),
    [
        ("completed", "completed", "completed"),
        ("completed", "failed", "partial"),
        ("failed", "completed", "partial"),
        ("failed", "failed", "failed"),
        ("partial", "completed", "partial"),
    ],
)
def test_a_job_is_as_good_as_its_steps(
    session: Session, ledger: Ledger, first: str, second: str, status: str
) -> None:
    for step, result in (("a.b", first), ("c.d", second)):
        record = StepRecord(ledger.connection.id, step, JobStatus(result), [{"account": "x"}])
        jobs.record_steps(session, "run-1", [record], at=AT)

    (job,) = jobs.jobs_of_run(session, "run-1")
    assert job.status.value == status
    assert set(job.outcome) == {"a.b", "c.d"}
    assert job.user_id == ledger.user.id
    assert jobs.was_step_done(session, "a.b", since=AT) is (first == "completed")
    assert not jobs.was_step_done(session, "a.b", since=AT + dt.timedelta(seconds=1))


def test_a_step_of_a_connection_that_was_removed_meanwhile_is_told_to_nobody(
    session: Session,
) -> None:
    record = StepRecord(uuid.uuid4(), "a.b", JobStatus.COMPLETED, [])

    jobs.record_steps(session, "run-1", [record], at=AT)

    assert jobs.jobs_of_run(session, "run-1") == []


def test_setting_a_status_again_writes_nothing(session: Session, ledger: Ledger) -> None:
    def set_status() -> None:
        connections.set_status(
            session, ledger.user.id, ledger.connection.id, ConnectionStatus.ERROR, "refused"
        )

    set_status()
    session.refresh(ledger.connection)
    version = session.execute(sa.text("select xmin from common.connections")).all()
    session.commit()

    set_status()
    session.commit()

    assert session.execute(sa.text("select xmin from common.connections")).all() == version
