"""A user with a row in every table that has an owner, made from the models themselves.

A new table is in it without being named here, unless its checks ask for more than its types say.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import Session

from postgres.encrypted import Encrypted, EncryptedText
from postgres.models import metadata

NOW = dt.datetime(2026, 3, 15, 9, tzinfo=dt.UTC)
DAY = dt.date(2026, 3, 14)

# What a CHECK or a trigger asks for.
ASKED: dict[str, dict[str, Any]] = {
    "common.goals": {"tracking_mode": "balance"},
    "common.manual_assets": {"asset_type": "property"},
    "common.recurring_patterns": {"source": "manual", "detection_key": None},
    "common.transactions": {"status": "booked", "booking_date": DAY},
    "gocardless.transactions": {"refusal": "no amount", "shown": [pg.Range(1, None)]},
    "trading212.positions": {"refusal": "no ticker"},
    "trading212.api_keys": {
        "key_ciphertext": Encrypted("trading212.api_keys.key_ciphertext", b"1"),
        "removed_at": None,
    },
}
# Written by triggers alone.
KEPT_BY_TRIGGERS = {"common.audit_log"}

_numbers = itertools.count(1)


@dataclass
class Household:
    """:param rows: by table, the one row that the user has there."""

    user_id: uuid.UUID
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)


def make_household(session: Session) -> Household:
    """Make a user with a row in every table; two of them share nothing."""
    household = Household(uuid.uuid4())
    for table in metadata.sorted_tables:
        if table.fullname not in KEPT_BY_TRIGGERS:
            household.rows[table.fullname] = _made(session, table, household)
    session.commit()
    return household


def _made(session: Session, table: sa.Table, household: Household) -> dict[str, Any]:
    if "user_id" in table.c:
        own = sa.select(table).where(table.c.user_id == household.user_id)
        # The trigger of another row may have made it.
        if found := session.execute(own).mappings().first():
            return dict(found)
    values = _row(table, household)
    if table.fullname == "common.transfers":
        values["incoming_id"] = _another_transaction(session, household)
    insert = table.insert().values(values).returning(*table.c)
    return dict(session.execute(insert).mappings().one())


def _another_transaction(session: Session, household: Household) -> uuid.UUID:
    table = metadata.tables["common.transactions"]
    insert = table.insert().values(_row(table, household)).returning(table.c.id)
    made: uuid.UUID = session.execute(insert).scalar_one()
    return made


def _row(table: sa.Table, household: Household) -> dict[str, Any]:
    asked = ASKED.get(table.fullname, {})
    values: dict[str, Any] = {}
    for key in table.foreign_key_constraints:
        target = household.rows.get(key.referred_table.fullname, {})
        for element in key.elements if target else ():
            values[element.parent.name] = target[element.column.name]
    if table.fullname == "auth.users":
        values["id"] = household.user_id
    for column in table.columns:
        is_given = column.name in values or column.name in asked
        if not is_given and not column.nullable and column.server_default is None:
            values[column.name] = _value(column)
    return {**values, **asked}


def _value(column: sa.Column[Any]) -> Any:
    number = next(_numbers)
    if isinstance(column.type, EncryptedText):
        return Encrypted(column.type.place, str(number).encode())
    if isinstance(column.type, sa.Enum):
        return column.type.enums[0]
    if isinstance(column.type, pg.ARRAY):
        return []
    if isinstance(column.type, pg.JSONB):
        return {}
    simple: dict[type, Any] = {
        str: "GBP" if column.name == "currency" else f"{column.name} {number}",
        int: number,
        bool: False,
        bytes: hashlib.sha256(str(number).encode()).digest(),
        uuid.UUID: uuid.uuid4(),
        Decimal: Decimal(1),
        dt.date: DAY + dt.timedelta(days=number) if column.primary_key else DAY,
        dt.datetime: NOW + dt.timedelta(days=column.name.startswith("expires")),
    }
    return simple[column.type.python_type]
