"""Manual assets: what the user owns and owes outside any connection, and what it is worth.

A value holds from its day on until the next one, and may be stated for any day, past ones too. A
loan may be paid off by plan: its terms are stated with a value and hold from there on, under later
values too, until other terms are stated. In between, what is owed follows the plan, which
:mod:`postgres.common.amortisation` makes; a later value is where the plan starts anew.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.amortisation import LoanTerms, next_due, schedule
from postgres.common.enums import ManualAssetType
from postgres.common.models import LoanInstalment, ManualAsset, ManualAssetValue
from postgres.common.models.assets import LIABILITIES
from postgres.core import UNSET, Unset, WriteCounts, refusing, upsert
from postgres.errors import NotFoundError, OperationError
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page

_REFUSALS = {
    "ck_manual_assets__has_name": OperationError("an asset needs a name"),
    "ck_manual_assets__currency_is_iso": OperationError("a currency is three capital letters"),
    "ck_manual_asset_values__sign_by_type": OperationError(
        "what is owed has a value of 0 or less, what is owned one of 0 or more"
    ),
    "ck_manual_asset_values__terms_are_whole": OperationError("only what is owed is paid off"),
    "fk_manual_asset_values__its_asset__manual_assets": OperationError(
        "the asset has values, and they are of the other sign"
    ),
}


def create_asset(
    session: Session,
    user_id: uuid.UUID,
    *,
    name: str,
    asset_type: ManualAssetType,
    currency: str,
    amount: Decimal,
    valued_on: dt.date,
    loan: LoanTerms | None = None,
) -> ManualAsset:
    """Create an asset or a liability with its first value.

    :param currency: ISO 4217; of all its values.
    :param amount: what it is worth at the end of ``valued_on``; what is owed is negative.
    :param loan: how it is paid off from there on.
    :raises OperationError: if the sign does not fit the type, the loan is never paid off, or a
        value is out of range.
    """
    asset = ManualAsset(
        user_id=user_id,
        name=name,
        asset_type=asset_type,
        is_liability=asset_type in LIABILITIES,
        currency=currency,
    )
    with refusing(session, _REFUSALS):
        session.add(asset)
        session.flush()
        _state(session, asset, amount, valued_on, loan)
    return asset


def get_asset(session: Session, user_id: uuid.UUID, asset_id: uuid.UUID) -> ManualAsset | None:
    """Return one of a user's assets."""
    return session.scalars(_one(user_id, asset_id)).one_or_none()


def list_assets(
    session: Session,
    user_id: uuid.UUID,
    *,
    asset_type: ManualAssetType | None = None,
    is_liability: bool | None = None,
    is_closed: bool | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[ManualAsset]:
    """Return a user's assets and liabilities by name.

    :param is_closed: with a day of closing, which may be still to come.
    :param after: from the page before.
    """
    query = sa.select(ManualAsset).where(ManualAsset.user_id == user_id)
    if asset_type is not None:
        query = query.where(ManualAsset.asset_type == asset_type)
    if is_liability is not None:
        query = query.where(ManualAsset.is_liability == is_liability)
    if is_closed is not None:
        query = query.where(ManualAsset.closed_on.is_not(None) == is_closed)
    order = (Key(ManualAsset.name), Key(ManualAsset.id))
    return fetch_page(session, query, order=order, after=after, limit=limit)


def update_asset(
    session: Session,
    user_id: uuid.UUID,
    asset_id: uuid.UUID,
    *,
    name: str | None = None,
    asset_type: ManualAssetType | None = None,
) -> ManualAsset:
    """Change what is given of an asset. Its currency stays.

    :param asset_type: on the same side: what is owed does not become what is owned.
    :raises NotFoundError: if the user has no such asset.
    :raises OperationError: if its values have the wrong sign for the type, or the name is blank.
    """
    asset = _lock(session, user_id, asset_id)
    with refusing(session, _REFUSALS):
        if name is not None:
            asset.name = name
        if asset_type is not None:
            asset.asset_type = asset_type
            asset.is_liability = asset_type in LIABILITIES
    return asset


def close_asset(
    session: Session, user_id: uuid.UUID, asset_id: uuid.UUID, *, on: dt.date | None
) -> ManualAsset:
    """Say that an asset was sold or a debt settled; its history stays.

    :param on: from this day on it is worth nothing; None takes it back.
    :raises NotFoundError: if the user has no such asset.
    """
    asset = _lock(session, user_id, asset_id)
    asset.closed_on = on
    session.flush()
    return asset


def delete_asset(session: Session, user_id: uuid.UUID, asset_id: uuid.UUID) -> None:
    """Delete an asset with all its values, as if it had never been. See :func:`close_asset`.

    :raises NotFoundError: if the user has no such asset.
    """
    session.delete(_lock(session, user_id, asset_id))
    session.flush()


def set_value(
    session: Session,
    user_id: uuid.UUID,
    asset_id: uuid.UUID,
    amount: Decimal,
    *,
    valued_on: dt.date,
    loan: LoanTerms | Unset | None = UNSET,
) -> ManualAssetValue:
    """State what an asset is worth from a day on, in place of what was stated for that day.

    :param amount: at the end of the day; what is owed is negative.
    :param loan: how it is paid off from there on; None: it is not. Not given: as it was.
    :raises NotFoundError: if the user has no such asset.
    :raises OperationError: if the sign does not fit the type, the loan is never paid off, or the
        asset was closed by then.
    """
    asset = _lock(session, user_id, asset_id)
    if asset.closed_on is not None and valued_on >= asset.closed_on:
        message = f"the asset was closed on {asset.closed_on}; it has no value after that"
        raise OperationError(message)
    if isinstance(loan, Unset):
        loan = _terms_by(session, asset_id, valued_on)
    with refusing(session, _REFUSALS):
        return _state(session, asset, amount, valued_on, loan)


def delete_value(
    session: Session, user_id: uuid.UUID, asset_id: uuid.UUID, *, valued_on: dt.date
) -> None:
    """Take back what was stated for a day; the value before it holds on.

    :raises NotFoundError: if the user has no such asset, or the asset no value of that day.
    """
    asset = _lock(session, user_id, asset_id)
    value = session.get(ManualAssetValue, (asset_id, valued_on))
    if value is None:
        message = f"there is no value of {valued_on}"
        raise NotFoundError(message)
    session.delete(value)
    session.flush()
    _plan(session, [asset.id])


def value_on(
    session: Session, user_id: uuid.UUID, asset_id: uuid.UUID, on: dt.date
) -> Decimal | None:
    """Return what an asset is worth at the end of a day, by plan if it is a loan.

    :returns: signed, in the asset's currency; None before its first value and from the day on which
        it was closed.
    """
    worth = sa.func.common.asset_values(ManualAsset.id, on, on)
    value = worth.table_valued(sa.column("amount", sa.Numeric)).lateral("value")
    return session.scalar(
        sa.select(value.c.amount)
        .select_from(ManualAsset)
        .join(value, sa.true())
        .where(ManualAsset.id == asset_id, ManualAsset.user_id == user_id)
    )


def get_value(
    session: Session, user_id: uuid.UUID, asset_id: uuid.UUID, *, valued_on: dt.date
) -> ManualAssetValue | None:
    """Return what the user stated of an asset for a day; see :func:`value_on` for any other day."""
    return session.scalars(
        sa.select(ManualAssetValue).where(
            ManualAssetValue.asset_id == asset_id,
            ManualAssetValue.user_id == user_id,
            ManualAssetValue.valued_on == valued_on,
        )
    ).one_or_none()


def list_values(
    session: Session,
    user_id: uuid.UUID,
    asset_id: uuid.UUID,
    *,
    since: dt.date | None = None,
    until: dt.date | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[ManualAssetValue]:
    """Return what the user stated of an asset, the newest day first.

    :param since: the first day.
    :param until: the last day, included.
    :param after: from the page before.
    """
    query = sa.select(ManualAssetValue).where(
        ManualAssetValue.asset_id == asset_id, ManualAssetValue.user_id == user_id
    )
    if since is not None:
        query = query.where(ManualAssetValue.valued_on >= since)
    if until is not None:
        query = query.where(ManualAssetValue.valued_on <= until)
    order = (Key(ManualAssetValue.valued_on, is_descending=True),)
    return fetch_page(session, query, order=order, after=after, limit=limit)


def list_instalments(
    session: Session,
    user_id: uuid.UUID,
    asset_id: uuid.UUID,
    *,
    since: dt.date | None = None,
    until: dt.date | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[LoanInstalment]:
    """Return the payments that a loan's plan foresaw and foresees, the first one first.

    :param since: the first day.
    :param until: the last day, included.
    :param after: from the page before.
    """
    query = sa.select(LoanInstalment).where(
        LoanInstalment.asset_id == asset_id, LoanInstalment.user_id == user_id
    )
    if since is not None:
        query = query.where(LoanInstalment.due_on >= since)
    if until is not None:
        query = query.where(LoanInstalment.due_on <= until)
    return fetch_page(session, query, order=(Key(LoanInstalment.due_on),), after=after, limit=limit)


def renew_plans(session: Session) -> WriteCounts:
    """Make the plans of loans that are missing, of all users.

    Whatever changes a value drops the instalments that it had a say in; the operations here make
    them anew. After any other change, such as one that was taken back in the audit log, this does.

    :returns: instalments.
    """
    asset_ids = {value.asset_id for value, _ in session.execute(_unplanned())}
    locked = sa.select(ManualAsset.id).where(ManualAsset.id.in_(asset_ids)).order_by(ManualAsset.id)
    return _plan(session, session.scalars(locked.with_for_update()).all())


def loan_terms(value: ManualAssetValue) -> LoanTerms | None:
    """Return how a loan is paid off from a value on; None if it is not by plan."""
    if value.annual_rate is None or value.first_payment_on is None:
        return None
    return LoanTerms(
        annual_rate=value.annual_rate,
        first_payment_on=value.first_payment_on,
        monthly_payment=None if value.monthly_payment is None else -value.monthly_payment,
        months=value.months,
    )


def _state(
    session: Session,
    asset: ManualAsset,
    amount: Decimal,
    valued_on: dt.date,
    loan: LoanTerms | None,
) -> ManualAssetValue:
    payment = loan and loan.monthly_payment
    value = session.merge(
        ManualAssetValue(
            asset_id=asset.id,
            valued_on=valued_on,
            user_id=asset.user_id,
            amount=amount,
            currency=asset.currency,
            is_liability=asset.is_liability,
            annual_rate=loan and loan.annual_rate,
            monthly_payment=-payment if payment else None,
            months=loan and loan.months,
            first_payment_on=loan and loan.first_payment_on,
        )
    )
    session.flush()
    if loan is not None:
        # Refuses what is never paid off, even if the next value comes before the next payment.
        schedule(-amount, loan, after=valued_on, digits=_digits(session, asset.currency))
    _plan(session, [asset.id])
    return value


def _terms_by(session: Session, asset_id: uuid.UUID, day: dt.date) -> LoanTerms | None:
    last = session.scalars(
        sa.select(ManualAssetValue)
        .where(ManualAssetValue.asset_id == asset_id, ManualAssetValue.valued_on <= day)
        .order_by(ManualAssetValue.valued_on.desc())
        .limit(1)
    ).one_or_none()
    return None if last is None else loan_terms(last)


def _plan(session: Session, asset_ids: Sequence[uuid.UUID]) -> WriteCounts:
    rows = [
        row
        for value, ends_on in session.execute(_unplanned(asset_ids))
        for row in _instalments(value, ends_on or dt.date.max, _digits(session, value.currency))
    ]
    return upsert(session, LoanInstalment, rows, key=("asset_id", "due_on"))


def _unplanned(
    asset_ids: Sequence[uuid.UUID] | None = None,
) -> sa.Select[tuple[ManualAssetValue, dt.date | None]]:
    """Select the values of loans that no instalment follows, with the day of the next value."""
    next_day = sa.func.lead(ManualAssetValue.valued_on).over(
        partition_by=ManualAssetValue.asset_id, order_by=ManualAssetValue.valued_on
    )
    spans = sa.select(
        ManualAssetValue.asset_id, ManualAssetValue.valued_on, next_day.label("ends_on")
    )
    if asset_ids is not None:
        spans = spans.where(ManualAssetValue.asset_id.in_(asset_ids))
    span = spans.subquery("span").c
    is_planned = sa.exists().where(
        LoanInstalment.asset_id == span.asset_id,
        LoanInstalment.due_on > span.valued_on,
        LoanInstalment.due_on < sa.func.coalesce(span.ends_on, dt.date.max),
    )
    is_value = sa.and_(
        ManualAssetValue.asset_id == span.asset_id, ManualAssetValue.valued_on == span.valued_on
    )
    return (
        sa.select(ManualAssetValue, span.ends_on)
        .join(span.asset_id.table, is_value)
        .where(ManualAssetValue.annual_rate.is_not(None), ManualAssetValue.amount < 0, ~is_planned)
        .execution_options(populate_existing=True)
    )


def _instalments(value: ManualAssetValue, end: dt.date, digits: int) -> Iterator[dict[str, Any]]:
    terms = loan_terms(value)
    if terms is None or next_due(terms, after=value.valued_on) >= end:
        return
    for instalment in schedule(-value.amount, terms, after=value.valued_on, digits=digits):
        if instalment.due_on >= end:
            return
        yield {
            "asset_id": value.asset_id,
            "due_on": instalment.due_on,
            "user_id": value.user_id,
            "interest": -instalment.interest,
            "principal": -instalment.principal,
            "balance": -instalment.balance,
            "currency": value.currency,
        }


def _digits(session: Session, currency: str) -> int:
    digits: int = session.scalars(sa.select(sa.func.common.minor_digits(currency))).one()
    return digits


def _one(user_id: uuid.UUID, asset_id: uuid.UUID) -> sa.Select[tuple[ManualAsset]]:
    return sa.select(ManualAsset).where(ManualAsset.id == asset_id, ManualAsset.user_id == user_id)


def _lock(session: Session, user_id: uuid.UUID, asset_id: uuid.UUID) -> ManualAsset:
    locked = _one(user_id, asset_id).with_for_update()
    asset = session.scalars(locked.execution_options(populate_existing=True)).one_or_none()
    if asset is None:
        message = f"there is no asset {asset_id}"
        raise NotFoundError(message)
    return asset
