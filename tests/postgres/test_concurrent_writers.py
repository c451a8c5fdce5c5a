"""Eight writers of everything that a user has: each waits, is refused in words, or tries again."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier
from typing import Any, TypeVar
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from postgres.auth.models import User
from postgres.common.enums import (
    BudgetPeriod,
    GoalTrackingMode,
    ManualAssetType,
    NotificationType,
    RecurringDirection,
    RecurringFrequency,
    RecurringStatus,
    TransactionStatus,
)
from postgres.common.models import (
    Account,
    AuditEntry,
    Budget,
    Goal,
    ManualAsset,
    Notification,
    RecurringPattern,
    Tag,
    TagRule,
    Transaction,
    TransactionSplit,
    Transfer,
)
from postgres.common.operations import (
    audit_log,
    budgets,
    goal_contributions,
    goals,
    manual_assets,
    notifications,
    planned_transactions,
    recurring_pattern_transactions,
    recurring_patterns,
    tag_rules,
    tags,
    transaction_splits,
    transactions,
    transfers,
)
from postgres.common.operations.transaction_splits import Part
from postgres.core import SCHEMAS
from postgres.erasure import erase_user
from postgres.errors import OperationError, RetryableError
from tests.postgres.household import make_household
from tests.postgres.ledger import Ledger, book, make_ledger
from tests.postgres.rules import add_account
from tests.postgres.test_erasure import TABLES, versions

WRITERS = 8
TURNS = 30
DAY = dt.date(2026, 3, 14)
AT = dt.datetime(2026, 3, 15, 9, tzinfo=dt.UTC)

T = TypeVar("T")
_numbers = itertools.count(1)


class Writer:
    """Somebody who writes whatever comes to mind into one user's ledger."""

    def __init__(self, session: Session, user_id: UUID, chance: random.Random) -> None:
        self.session = session
        self.user_id = user_id
        self.chance = chance

    def one(self, model: type[Any]) -> Any:
        """The id of any row of a kind; of none, one that is nobody's."""
        query = sa.select(model.id).where(model.user_id == self.user_id)
        ids = self.session.scalars(query.order_by(model.id)).all()
        return self.chance.choice(ids) if ids else uuid4()

    def name(self) -> str:
        return f"{next(_numbers)}"

    def day(self) -> dt.date:
        return DAY - dt.timedelta(days=self.chance.randrange(60))

    def split(self) -> None:
        row = self.session.get(Transaction, self.one(Transaction))
        if row is not None:
            half = row.amount / 2
            parts = [Part(self.one(Tag), half), Part(None)]
            transaction_splits.set_splits(self.session, self.user_id, row.id, parts)

    def tag(self) -> None:
        rows = {self.one(Transaction) for _ in range(5)}
        transaction_splits.tag_many(self.session, self.user_id, rows, self.one(Tag))

    def name_tag(self) -> None:
        tags.create_tag(self.session, self.user_id, self.name())

    def drop_tag(self) -> None:
        tags.delete_tag(self.session, self.user_id, self.one(Tag))

    def merge_tag(self) -> None:
        tags.merge_tags(self.session, self.user_id, self.one(Tag), into=self.one(Tag))

    def rule(self) -> None:
        tag_rules.create_rule(
            self.session,
            self.user_id,
            name=self.name(),
            tag_id=self.one(Tag),
            conditions={"amount": {"max": str(-self.chance.randrange(50))}},
            priority=self.chance.choice([None, 1]),
        )

    def drop_rule(self) -> None:
        tag_rules.delete_rule(self.session, self.user_id, self.one(TagRule))

    def apply(self) -> None:
        tag_rules.apply_rules(self.session, self.user_id)

    def budget(self) -> None:
        budgets.create_budget(
            self.session,
            self.user_id,
            name=self.name(),
            period=BudgetPeriod.MONTHLY,
            currency="GBP",
            limit=Decimal(10),
            starts_on=DAY - dt.timedelta(days=60),
            tag_ids=[self.one(Tag)],
        )

    def limit(self) -> None:
        amount = Decimal(self.chance.randrange(1, 100))
        budgets.set_limit(
            self.session, self.user_id, self.one(Budget), amount, effective_from=self.day()
        )

    def check_budgets(self) -> None:
        budgets.check_budgets(self.session, now=AT)

    def goal(self) -> None:
        goals.create_goal(
            self.session,
            self.user_id,
            name=self.name(),
            tracking_mode=GoalTrackingMode.MANUAL,
            target_amount=Decimal(20),
            currency="GBP",
            start_date=DAY,
        )

    def contribute(self) -> None:
        goal_contributions.create_contribution(
            self.session,
            self.user_id,
            self.one(Goal),
            Decimal(self.chance.choice([-5, 10])),
            contributed_on=DAY,
            transaction_id=self.chance.choice([None, self.one(Transaction)]),
        )

    def evaluate(self) -> None:
        goals.evaluate_goals(self.session, now=AT)

    def pattern(self) -> None:
        recurring_patterns.create_pattern(
            self.session,
            self.user_id,
            account_id=self.one(Account),
            direction=RecurringDirection.EXPENSE,
            currency="GBP",
            frequency=RecurringFrequency.MONTHLY,
            at=AT,
            next_date=self.day(),
            merchant_contains="netflix",
        )

    def decide_pattern(self) -> None:
        status = self.chance.choice([RecurringStatus.PAUSED, RecurringStatus.ACTIVE])
        pattern_id = self.one(RecurringPattern)
        recurring_patterns.change_status(self.session, self.user_id, pattern_id, status, at=AT)

    def link(self) -> None:
        recurring_pattern_transactions.link_transaction(
            self.session, self.user_id, self.one(RecurringPattern), self.one(Transaction)
        )

    def match_patterns(self) -> None:
        recurring_pattern_transactions.match_patterns(self.session)

    def plan(self) -> None:
        planned_transactions.create_planned_transaction(
            self.session,
            self.user_id,
            account_id=self.one(Account),
            description=self.name(),
            amount=Decimal(-10),
            currency="GBP",
            starts_on=self.day(),
            rrule="FREQ=WEEKLY",
            tag_id=self.one(Tag),
        )

    def match_planned(self) -> None:
        planned_transactions.match_planned(self.session, now=AT)

    def match_transfers(self) -> None:
        transfers.match_transfers(self.session, self.user_id)

    def confirm(self) -> None:
        transfers.confirm_transfer(self.session, self.user_id, self.one(Transfer), at=AT)

    def reject(self) -> None:
        transfers.reject_transfer(self.session, self.user_id, self.one(Transfer), at=AT)

    def notify(self) -> None:
        key = str(self.chance.randrange(5))
        notifications.notify(
            self.session, self.user_id, NotificationType.SYNC_FAILED, key, "no answer"
        )

    def read(self) -> None:
        notifications.mark_all_read(self.session, self.user_id, at=AT)

    def dismiss(self) -> None:
        notifications.delete_notification(self.session, self.user_id, self.one(Notification), at=AT)

    def own(self) -> None:
        manual_assets.create_asset(
            self.session,
            self.user_id,
            name=self.name(),
            asset_type=ManualAssetType.PROPERTY,
            currency="GBP",
            amount=Decimal(10),
            valued_on=DAY,
        )

    def value(self) -> None:
        amount = Decimal(self.chance.randrange(100))
        manual_assets.set_value(
            self.session, self.user_id, self.one(ManualAsset), amount, valued_on=self.day()
        )

    def note(self) -> None:
        transactions.set_note(self.session, self.user_id, self.one(Transaction), self.name())

    def undo(self) -> None:
        newest = sa.select(sa.func.max(AuditEntry.id)).where(AuditEntry.user_id == self.user_id)
        entry_id = self.session.scalar(newest) or 0
        audit_log.undo(self.session, self.user_id, entry_id - self.chance.randrange(20))

    def sync(self) -> None:
        """What a sync does to rows that it reads again, in one statement."""
        ids = sorted({self.one(Transaction) for _ in range(10)})
        self.session.execute(
            sa.update(Transaction)
            .where(Transaction.id.in_(ids))
            .values(
                amount=Transaction.amount - Decimal("0.01"),
                status=sa.case(
                    (Transaction.status == TransactionStatus.VOID, TransactionStatus.BOOKED),
                    else_=Transaction.status,
                ),
            )
            .execution_options(synchronize_session=False)
        )


KINDS = [
    value
    for name, value in vars(Writer).items()
    if callable(value) and name not in {"__init__", "one", "name", "day"}
]


def until_done(work: Callable[[], T]) -> T:
    """Run a transaction again for as long as others are in its way."""
    for _ in range(200):
        try:
            return work()
        except RetryableError:
            continue
    message = "others were in its way every time"
    raise AssertionError(message)


def write(sessions: sessionmaker[Session], user_id: UUID, seed: int, start: Barrier) -> int:
    """Write all kinds of things in an order of one's own; what is refused is refused in words.

    :returns: how many were written.
    """
    chance = random.Random(seed)  # noqa: S311
    start.wait()
    written = 0
    for kind in chance.sample(KINDS, len(KINDS)) + chance.choices(KINDS, k=TURNS):

        def work(kind: Callable[[Writer], None] = kind) -> None:
            with sessions.begin() as session:
                kind(Writer(session, user_id, chance))

        try:
            until_done(work)
            written += 1
        except RetryableError:
            raise
        except OperationError:
            continue
    return written


def furnish(session: Session) -> Ledger:
    """A user with rows that all writers find something to do with."""
    ledger = make_ledger(session)
    second = Ledger(
        ledger.user, ledger.institution, ledger.connection, add_account(session, ledger)
    )
    for number in range(20):
        day = DAY - dt.timedelta(days=number)
        book(session, ledger, day, f"-{10 + number}").description = "NETFLIX"
        book(session, second, day, f"{10 + number}")
    for _ in range(4):
        tags.create_tag(session, ledger.user.id, f"tag {next(_numbers)}")
    session.commit()
    return ledger


def race(sessions: sessionmaker[Session], user_id: UUID, also: Callable[[], object]) -> list[int]:
    start = Barrier(WRITERS)
    with ThreadPoolExecutor(WRITERS + 1) as pool:
        writers = [pool.submit(write, sessions, user_id, seed, start) for seed in range(WRITERS)]
        pool.submit(also).result()
        return [each.result() for each in writers]


def test_eight_writers_of_everything_are_told_to_wait_at_worst(
    session: Session, sessions: sessionmaker[Session]
) -> None:
    user_id = furnish(session).user.id

    written = race(sessions, user_id, lambda: None)

    # Not all were refused.
    assert min(written) > len(KINDS) / 2
    parts = sa.func.sum(TransactionSplit.amount)
    torn = session.execute(
        sa.select(Transaction.id)
        .join(TransactionSplit, TransactionSplit.transaction_id == Transaction.id)
        .group_by(Transaction.id)
        .having(parts != Transaction.amount)
    ).all()
    assert torn == []


def test_a_user_who_is_erased_among_eight_writers_leaves_nothing_and_breaks_none(
    session: Session, sessions: sessionmaker[Session]
) -> None:
    make_household(session)
    tables = list(session.scalars(sa.text(TABLES), {"schemas": list(SCHEMAS)}))
    user_id = furnish(session).user.id
    before = {table: versions(session, table) for table in tables}
    session.rollback()

    def erase() -> None:
        def work() -> None:
            with sessions.begin() as own:
                erase_user(own, user_id)

        until_done(work)

    race(sessions, user_id, erase)
    # Whoever comes late is told so, in words.
    write(sessions, user_id, WRITERS, Barrier(1))

    assert session.get(User, user_id) is None
    for table in tables:
        left = versions(session, table)
        assert not any(str(user_id) in row for row in left), table
        of_others = {row for row in before[table] if str(user_id) not in row}
        assert of_others <= left, table
