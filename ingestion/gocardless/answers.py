"""Read the rows of a transactions answer, each as it was delivered."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import operator
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from postgres.gocardless.models import Transaction
from postgres.gocardless.operations import transactions
from postgres.payload import content_hash, dumps, storable
from providers.gocardless.banks import DEFAULT, BankProfile
from providers.gocardless.rows import (
    MARK,
    TransactionFacts,
    is_marked_pending,
    read_transaction,
)

UNSTORABLE = "the row holds characters that cannot be stored"

_FACTS = tuple(each.name for each in dataclasses.fields(TransactionFacts))
_REFUSAL = _FACTS.index("refusal")
_values = operator.attrgetter(*_FACTS)

Row = tuple[dict[str, Any], dict[str, Any]]
"""A payload and the columns that were read from it."""

_Stored = tuple[Any, bool]
"""What was delivered, as it can be stored, and whether that differs."""


def read_answer(
    listed: Mapping[str, Any],
    *,
    profile: BankProfile = DEFAULT,
    holder: str | None = None,
    seen_on: dt.date | None = None,
) -> tuple[int, list[Row]]:
    """Read both lists of an answer.

    :param listed: ``booked`` and, if the bank has such, ``pending``.
    :param profile: what is known of the bank.
    :param holder: whose account it is, where the bank tells.
    :param seen_on: the day of the answer.
    :returns: how many rows there are, and those that are no repeats of others.
    """
    booked, pending, repeats = _sort_out(
        [storable(row) for row in listed["booked"]],
        [storable(row) for row in listed.get("pending") or []],
    )
    read = functools.partial(read_transaction, profile=profile, holder=holder, seen_on=seen_on)
    rows = [
        *_read(booked, read, profile, is_pending=False),
        *_read(pending, read, profile, is_pending=True),
    ]
    return len(booked) + len(pending) + repeats, rows


def reread(
    session: Session,
    user_id: uuid.UUID,
    bank_account_id: uuid.UUID,
    *,
    profile: BankProfile = DEFAULT,
    holder: str | None = None,
) -> int:
    """Read all stored rows of a raw account anew, for readers and banks are understood better.

    :returns: how many read differently now.
    """
    different = []
    columns = [Transaction.id, Transaction.payload, Transaction.is_pending]
    columns += [Transaction.first_seen_at, *(getattr(Transaction, name) for name in _FACTS)]
    stored = transactions.iterate_rows(session, user_id, bank_account_id, columns)
    for row_id, payload, is_pending, first_seen_at, *facts in stored:
        read = _columns(
            read_transaction(
                payload,
                is_pending=is_pending,
                profile=profile,
                holder=holder,
                seen_on=first_seen_at.date(),
            )
        )
        if facts[_REFUSAL] == UNSTORABLE:
            read["refusal"] = read["refusal"] or UNSTORABLE
        if list(read.values()) != facts:
            different.append({"id": row_id, **read})
    transactions.rewrite_facts(session, user_id, different)
    return len(different)


def _sort_out(
    booked: Sequence[_Stored], pending: Sequence[_Stored]
) -> tuple[list[_Stored], list[_Stored], int]:
    """Put rows that say of themselves that they are pending with what is pending.

    :returns: what is booked, what is pending, and how many of the former stood in both lists.
    """
    stands = Counter(_said(row) for row, _ in pending)
    really, waiting = [], list(pending)
    for each in booked:
        row, _ = each
        if not is_marked_pending(row):
            really.append(each)
        elif stands[_said(row)] > 0:
            stands[_said(row)] -= 1
        else:
            waiting.append(each)
    return really, waiting, len(booked) + len(pending) - len(really) - len(waiting)


def _said(row: Any) -> str:
    """Return what a row says, but for whether it is booked."""
    said = {k: v for k, v in row.items() if k != MARK} if isinstance(row, dict) else row
    return dumps(said)


def _read(
    stored: Sequence[_Stored],
    read: Callable[..., TransactionFacts],
    profile: BankProfile,
    *,
    is_pending: bool,
) -> list[Row]:
    rows: list[Row] = []
    places: Counter[str] = Counter()
    for delivered, was_dirty in stored:
        payload = delivered if isinstance(delivered, dict) else {"not_an_object": delivered}
        facts = read(payload, is_pending=is_pending)
        # What is made anew for every answer says nothing, and would make every answer a new one.
        lasting = {k: v for k, v in payload.items() if k not in profile.volatile_fields}
        digest = content_hash(lasting).hex()
        places[digest] += 1
        # Equal rows are as many payments, unless they bear an id that is one row's alone.
        if places[digest] > 1 and facts.internal_transaction_id is not None:
            continue
        columns = _columns(facts) | {
            "refusal": facts.refusal or (UNSTORABLE if was_dirty else None),
            "is_pending": is_pending,
            "identity_key": f"{digest}:{places[digest]}",
        }
        rows.append((payload, columns))
    return rows


def _columns(facts: TransactionFacts) -> dict[str, Any]:
    return dict(zip(_FACTS, _values(facts), strict=True))
