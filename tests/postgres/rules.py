"""Transactions to try rules on, and what a tree of conditions says of one, in plain Python."""

from __future__ import annotations

import datetime as dt
import itertools
import re
import unicodedata
import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.enums import SplitSource, TransactionKind, TransactionStatus
from postgres.common.models import Account, AuditEntry, TagRule, Transaction, TransactionSplit
from postgres.common.operations import tag_rules, tags, transaction_splits
from postgres.common.rules.stage import Counts
from tests.postgres.ledger import Ledger

_numbers = itertools.count(1)
DAY = dt.date(2026, 3, 14)


def add(session: Session, ledger: Ledger, **values: Any) -> Transaction:
    """One booked card payment, but for what is given."""
    row = Transaction(
        **{
            "user_id": ledger.user.id,
            "account_id": ledger.account.id,
            "source_key": f"rules:{next(_numbers)}",
            "status": TransactionStatus.BOOKED,
            "amount": Decimal("-9.99"),
            "currency": "GBP",
            "booking_date": DAY,
            "description": "CARD PAYMENT TO NETFLIX",
            "kind": TransactionKind.PAYMENT,
            "raw_table": "gocardless.transactions",
            "raw_id": uuid.uuid4(),
            "first_seen_at": dt.datetime(2026, 3, 15, tzinfo=dt.UTC),
            **values,
        }
    )
    session.add(row)
    session.flush()
    return row


def add_many(session: Session, ledger: Ledger, count: int) -> None:
    """Rows with a long description each, in one statement."""
    session.execute(
        sa.text(
            "insert into common.transactions (user_id, account_id, source_key, status, amount,"
            " currency, booking_date, description, kind, raw_table, raw_id, first_seen_at)"
            " select :user_id, :account_id, 'many:' || n, 'booked', -1, 'GBP', '2026-03-14',"
            " repeat(md5(n::text), 8), 'payment', 'gocardless.transactions', gen_random_uuid(),"
            " now() from generate_series(1, :count) as n"
        ),
        {"user_id": ledger.user.id, "account_id": ledger.account.id, "count": count},
    )


def add_account(session: Session, ledger: Ledger) -> Account:
    account = Account(
        user_id=ledger.user.id,
        institution_id=ledger.institution.id,
        account_number=f"second {next(_numbers)}",
        currency="GBP",
        account_type=ledger.account.account_type,
        category=ledger.account.category,
        name="Savings",
    )
    session.add(account)
    session.flush()
    return account


def make_rule(
    session: Session, ledger: Ledger, conditions: Mapping[str, Any], **options: Any
) -> TagRule:
    """A rule with a tag of its own, unless one is given."""
    number = next(_numbers)
    if "tag_id" not in options:
        options["tag_id"] = tags.create_tag(session, ledger.user.id, f"tag {number}").id
    return tag_rules.create_rule(
        session, ledger.user.id, **{"name": f"rule {number}", "conditions": conditions, **options}
    )


def put(session: Session, transaction: Transaction, **values: Any) -> TransactionSplit:
    """A split of the whole, as it may stand in the database."""
    split = TransactionSplit(
        **{
            "user_id": transaction.user_id,
            "transaction_id": transaction.id,
            "amount": transaction.amount,
            "currency": transaction.currency,
            "source": SplitSource.USER,
            **values,
        }
    )
    session.add(split)
    session.flush()
    return split


def apply(session: Session, ledger: Ledger, **scope: Any) -> Counts:
    applied = tag_rules.apply_rules(session, ledger.user.id, **scope)
    assert applied.left_out == ()
    check_balance(session)
    return applied.counts


def check_balance(session: Session) -> None:
    """Ask now what the database asks at the end of a transaction."""
    session.execute(sa.text("set constraints all immediate"))
    session.execute(sa.text("set constraints all deferred"))


def split_of(session: Session, transaction: Transaction) -> TransactionSplit | None:
    splits = transaction_splits.splits_of(session, transaction.user_id, [transaction.id])
    assert len(splits) <= 1
    return splits[0] if splits else None


def tag_of(session: Session, transaction: Transaction) -> uuid.UUID | None:
    split = split_of(session, transaction)
    return split.tag_id if split else None


def versions(session: Session) -> set[Any]:
    """Every row version of the splits, and how much there is in the audit log."""
    rows = session.execute(sa.text("select ctid, xmin from common.transaction_splits"))
    logged = session.scalar(sa.select(sa.func.count()).select_from(AuditEntry))
    return {*((str(row.ctid), str(row.xmin)) for row in rows), logged}


def says(tree: Mapping[str, Any], row: Transaction, names: Sequence[str] = ()) -> bool | None:
    """Tell whether a tree is true of a row; None: unknown, for want of any condition.

    :param names: those of the row's merchant.
    """
    if not tree:
        return None
    ((key, test),) = tree.items()
    if key == "not":
        inner = says(test, row, names)
        return None if inner is None else not inner
    if key in {"all", "any"}:
        found = [says(part, row, names) for part in test]
        decisive = key == "any"
        if not found:
            return None
        if decisive in found:
            return decisive
        return None if None in found else not decisive
    if "in" in test and not test["in"]:
        return None
    return _is_met(key, test, row, names)


def _is_met(key: str, test: Any, row: Transaction, names: Sequence[str]) -> bool:
    if key == "merchant":
        return any(_text(test, name) for name in names)
    if key == "description":
        return _text(test, row.description)
    if key == "counterparty_account":
        return _number(row.counterparty_account) == _number(test["is"])
    if key == "amount":
        return _amount(test, row)
    if key == "date":
        return _date(test, row.booking_date)
    value = {"currency": row.currency, "kind": row.kind, "accounts": str(row.account_id)}[key]
    return value in test["in"]


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()


def _text(test: Mapping[str, str], text: str | None) -> bool:
    ((way, wanted),) = test.items()
    if text is None:
        return False
    if way == "matches":
        return re.search(wanted, text, re.IGNORECASE) is not None
    mine, theirs = _fold(text), _fold(wanted)
    return {
        "is": mine == theirs,
        "contains": theirs in mine,
        "starts_with": mine.startswith(theirs),
    }[way]


def _amount(test: Mapping[str, Any], row: Transaction) -> bool:
    direction = test.get("direction", "any")
    if direction != "any" and (row.amount > 0) != (direction == "in"):
        return False
    if row.amount == 0 and direction != "any":
        return False
    if "currency" not in test:
        return True
    first, last = Decimal(test.get("from", 0)), Decimal(test.get("to", "Infinity"))
    return row.currency == test["currency"] and first <= abs(row.amount) <= last


def _date(test: Mapping[str, str], day: dt.date | None) -> bool:
    return day is not None and test.get("from", "") <= day.isoformat() <= test.get("to", "9")


def _number(text: str | None) -> str | None:
    return text and re.sub(r"[\s-]", "", text).upper()
