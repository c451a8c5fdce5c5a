"""How the findings of an analysis come into the ledger, under the user's decisions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import InstrumentedAttribute, Session

from postgres.common.enums import RecurringLinkSource, RecurringSource, RecurringStatus
from postgres.common.models import (
    RecurringAlias,
    RecurringPattern,
    RecurringPatternTransaction,
    RecurringRemoval,
)
from postgres.core import WriteCounts, read_sql, upsert_from_select

DETECTED = (
    "detected_name",
    "detected_frequency",
    "detected_amount",
    "detected_amount_low",
    "detected_amount_high",
    "detected_schedule",
    "detected_next_date",
    "detected_nominal_date",
    "detected_rest_months",
    "detected_last_date",
    "detected_confidence",
    "detected_reasons",
    "detected_state",
    "detected_price_changed_on",
    "detected_is_ended",
)
"""The columns that a run of detection sets."""

_IDENTITY = ("user_id", "account_id", "merchant_id", "detection_key", "direction", "currency")
_OCCURRENCE = {
    "transaction_id": RecurringPatternTransaction.transaction_id,
    "user_id": RecurringPattern.user_id,
    "detection_key": RecurringPattern.detection_key,
}
_ROW: sa.ColumnElement[Any] = sa.literal_column("recurring_patterns")
_IDENTITIES = sa.text(read_sql(__file__, "pattern_identities.sql"))


def record_detected(
    session: Session, patterns: sa.Select[Any], links: sa.Select[Any]
) -> WriteCounts:
    """Bring a run's findings in, under the user's decisions.

    New patterns are proposed as pending; ones that have ended are not proposed. Known ones get new
    detected values and keep their status and the user's values. A pending one that is no longer
    found is withdrawn, unless the user did something about it. A transaction that the user linked
    or took out by hand stays where it is.

    A finding under a new key is compared with the user's patterns before it is proposed, cancelled
    ones included: detection's keys change with names, prices and accounts. What is one of them
    continues it, and a cancelled one stays cancelled.

    :param patterns: ``user_id``, ``account_id``, ``merchant_id``, ``detection_key``,
        ``direction``, ``currency`` and the columns of :data:`DETECTED`.
    :param links: ``transaction_id``, ``user_id`` and ``detection_key`` of every occurrence.
    """
    columns = {name: getattr(RecurringPattern, name) for name in (*_IDENTITY, *DETECTED)}
    with (
        _kept(session, "found_patterns", columns, patterns) as found,
        _kept(session, "found_occurrences", _OCCURRENCE, links) as occurrences,
    ):
        _recognise(session)
        counts = _renew(session, _by_pattern(found), patterns.selected_columns.keys())
        _withdraw_unfound(session, _by_pattern(found))
        _link(session, _by_pattern(found), occurrences)
    return counts


@contextmanager
def _kept(
    session: Session,
    name: str,
    columns: Mapping[str, InstrumentedAttribute[Any]],
    source: sa.Select[Any],
) -> Iterator[sa.Table]:
    """Keep the rows of a query in a temporary table: they are looked at from several sides."""
    table = sa.Table(
        name,
        sa.MetaData(),
        *(sa.Column(column, model.type) for column, model in columns.items()),
        prefixes=["TEMPORARY"],
        postgresql_on_commit="DROP",
    )
    connection = session.connection()
    table.create(connection)
    session.execute(sa.insert(table).from_select(source.selected_columns.keys(), source))
    yield table
    table.drop(connection)


def _recognise(session: Session) -> None:
    """Let findings that are a known pattern under a new key continue it."""
    recognised = session.execute(_IDENTITIES).all()
    if not recognised:
        return
    pattern = RecurringPattern
    own_key = sa.tuple_(pattern.user_id, pattern.detection_key)
    keys = {(found.user_id, found.detection_key): found.pattern_id for found in recognised}
    # What was proposed beside a pattern that it turned out to be. If the user accepts it just now,
    # it stays.
    session.execute(
        sa.delete(pattern)
        .where(own_key.in_(keys), sa.func.common.is_untouched(_ROW))
        .execution_options(synchronize_session=False)
    )
    for owner, key in session.execute(
        sa.select(pattern.user_id, pattern.detection_key).where(own_key.in_(keys))
    ):
        del keys[owner, key]
    aliases = [
        {"user_id": owner, "detection_key": key, "pattern_id": pattern_id}
        for (owner, key), pattern_id in keys.items()
    ]
    if aliases:
        session.execute(pg.insert(RecurringAlias), aliases)
    # One that the user made has no key yet.
    first = (
        sa.select(sa.func.min(RecurringAlias.detection_key))
        .where(RecurringAlias.pattern_id == pattern.id)
        .scalar_subquery()
    )
    session.execute(
        sa.update(pattern)
        .where(
            pattern.id.in_(keys.values()),
            pattern.detection_key.is_(None),
        )
        .values(detection_key=first)
        .execution_options(synchronize_session=False)
    )


def _by_pattern(found: sa.Table) -> sa.Subquery:
    """Return findings under the keys of their patterns; of several, the one that tells most."""
    pattern = RecurringPattern
    key = sa.func.coalesce(pattern.detection_key, found.c.detection_key)
    return (
        sa.select(
            *(c for c in found.c if c.name != "detection_key"),
            key.label("detection_key"),
            found.c.detection_key.label("found_key"),
            sa.func.row_number()
            .over(
                partition_by=[found.c.user_id, key],
                order_by=[
                    found.c.detected_is_ended,
                    found.c.detected_last_date.desc().nulls_last(),
                    found.c.detected_confidence.desc().nulls_last(),
                    found.c.detection_key,
                ],
            )
            .label("rank"),
        )
        .outerjoin(
            RecurringAlias,
            sa.and_(
                RecurringAlias.user_id == found.c.user_id,
                RecurringAlias.detection_key == found.c.detection_key,
            ),
        )
        .outerjoin(pattern, pattern.id == RecurringAlias.pattern_id)
        .subquery("found")
    )


def _renew(session: Session, found: sa.Subquery, names: list[str]) -> WriteCounts:
    known = sa.exists().where(
        RecurringPattern.user_id == found.c.user_id,
        RecurringPattern.detection_key == found.c.detection_key,
    )
    proposed = sa.select(
        *(found.c[name] for name in names),
        sa.literal(RecurringSource.DETECTED.value).label("source"),
    ).where(found.c.rank == 1, sa.or_(~found.c.detected_is_ended, known))
    return upsert_from_select(
        session,
        RecurringPattern,
        proposed,
        key=("user_id", "detection_key"),
        insert_only=("source",),
    )


def _withdraw_unfound(session: Session, found: sa.Subquery) -> None:
    session.execute(
        sa.delete(RecurringPattern)
        .where(
            sa.func.common.is_untouched(_ROW),
            ~sa.exists().where(
                found.c.user_id == RecurringPattern.user_id,
                found.c.detection_key == RecurringPattern.detection_key,
                ~found.c.detected_is_ended,
            ),
        )
        .execution_options(synchronize_session=False)
    )


def _link(session: Session, found: sa.Subquery, occurrences: sa.Table) -> None:
    link, pattern = RecurringPatternTransaction, RecurringPattern
    wanted = (
        sa.select(
            occurrences.c.transaction_id,
            pattern.id.label("pattern_id"),
            occurrences.c.user_id,
            sa.literal(RecurringLinkSource.DETECTED.value).label("source"),
        )
        .join(
            found,
            sa.and_(
                found.c.user_id == occurrences.c.user_id,
                found.c.found_key == occurrences.c.detection_key,
            ),
        )
        .join(
            pattern,
            sa.and_(
                pattern.user_id == found.c.user_id,
                pattern.detection_key == found.c.detection_key,
            ),
        )
        .where(
            ~sa.exists().where(
                RecurringRemoval.pattern_id == pattern.id,
                RecurringRemoval.transaction_id == occurrences.c.transaction_id,
            )
        )
        .cte("wanted")
    )
    stands = sa.exists().where(
        wanted.c.transaction_id == link.transaction_id, wanted.c.pattern_id == link.pattern_id
    )
    # Of a pattern that counts and that this run did not find, nothing is taken away.
    holder = (
        sa.select(pattern.id)
        .where(
            pattern.id == link.pattern_id,
            pattern.status.in_((RecurringStatus.ACTIVE, RecurringStatus.PAUSED)),
            ~sa.exists().where(
                found.c.user_id == pattern.user_id,
                found.c.detection_key == pattern.detection_key,
            ),
        )
        .exists()
    )
    moved = sa.and_(sa.exists().where(wanted.c.transaction_id == link.transaction_id), ~holder)
    # What a cancelled pattern was linked to is what it is known again by.
    renewed = sa.exists().where(
        pattern.id == link.pattern_id,
        pattern.status != RecurringStatus.CANCELLED,
        found.c.user_id == pattern.user_id,
        found.c.detection_key == pattern.detection_key,
    )
    session.execute(
        sa.delete(link)
        .where(
            link.source == RecurringLinkSource.DETECTED,
            ~stands,
            sa.or_(moved, renewed),
        )
        .execution_options(synchronize_session=False)
    )
    missing = sa.select(*wanted.c).where(
        ~sa.exists().where(link.transaction_id == wanted.c.transaction_id)
    )
    session.execute(
        pg.insert(link)
        .from_select(["transaction_id", "pattern_id", "user_id", "source"], missing)
        .on_conflict_do_nothing()
    )
