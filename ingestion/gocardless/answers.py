"""Read the rows of a transactions answer, each as it was delivered."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from postgres.payload import content_hash, storable
from providers.gocardless.rows import read_transaction

Row = tuple[dict[str, Any], dict[str, Any]]
"""A payload and the columns that were read from it."""


def read_answer(listed: Mapping[str, Any]) -> tuple[int, list[Row]]:
    """Read both lists of an answer.

    :param listed: ``booked`` and, if the bank has such, ``pending``.
    :returns: how many rows there are, and those that are no repeats of others.
    """
    booked, pending = listed["booked"], listed.get("pending") or []
    rows = [*_read(booked, is_pending=False), *_read(pending, is_pending=True)]
    return len(booked) + len(pending), rows


def _read(payloads: Sequence[Any], *, is_pending: bool) -> list[Row]:
    rows: list[Row] = []
    places: Counter[str] = Counter()
    for delivered in payloads:
        payload, was_dirty = storable(
            delivered if isinstance(delivered, dict) else {"not_an_object": delivered}
        )
        facts = read_transaction(payload, is_pending=is_pending)
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
