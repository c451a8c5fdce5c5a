"""Read the rows of a transactions answer, each as it was delivered."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from postgres.payload import content_hash, storable
from providers.gocardless.banks import DEFAULT, BankProfile
from providers.gocardless.rows import TransactionFacts, read_transaction

Row = tuple[dict[str, Any], dict[str, Any]]
"""A payload and the columns that were read from it."""


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
    booked, pending = listed["booked"], listed.get("pending") or []
    read = functools.partial(read_transaction, profile=profile, holder=holder, seen_on=seen_on)
    rows = [*_read(booked, read, is_pending=False), *_read(pending, read, is_pending=True)]
    return len(booked) + len(pending), rows


def _read(
    payloads: Sequence[Any], read: Callable[..., TransactionFacts], *, is_pending: bool
) -> list[Row]:
    rows: list[Row] = []
    places: Counter[str] = Counter()
    for delivered in payloads:
        payload, was_dirty = storable(
            delivered if isinstance(delivered, dict) else {"not_an_object": delivered}
        )
        facts = read(payload, is_pending=is_pending)
        digest = content_hash(payload).hex()
        places[digest] += 1
        # Equal rows are as many payments, unless they bear an id that is one row's alone.
        if places[digest] > 1 and facts.internal_transaction_id is not None:
            continue
        dirty = "the row holds characters that cannot be stored" if was_dirty else None
        columns = dataclasses.asdict(facts) | {
            "refusal": facts.refusal or dirty,
            "is_pending": is_pending,
            "identity_key": f"{digest}:{places[digest]}",
        }
        rows.append((payload, columns))
    return rows
