"""Merchants: who is on the other side, under one name however the bank writes it.

``common.normalise_merchant`` in the database makes the name out of a statement. It is the only
implementation: projections, rules, dbt and :func:`normalise` here all use what it says. On top of
it come the user's own words: a name to show, and aliases that make two names one merchant.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from rapidfuzz import fuzz, process
from sqlalchemy.orm import Session

from postgres.common.models import Merchant, MerchantAlias, RecurringPattern, Transaction
from postgres.core import refusing
from postgres.errors import AlreadyExistsError, NotFoundError, OperationError
from postgres.paging import DEFAULT_LIMIT, Key, Page, fetch_page

_ALIKE = 88
"""From 0 to 100; below it, names that share a common word are taken for one."""


@dataclass(frozen=True, slots=True)
class NearMatch:
    """Two merchants whose names are nearly the same.

    :param score: from 0 to 100, by rapidfuzz's ``token_sort_ratio``.
    """

    merchant: Merchant
    other: Merchant
    score: int


def normalise(session: Session, statement: str) -> str:
    """Return the name by which the merchant of a statement's text is known."""
    name: str = session.execute(
        sa.select(sa.func.common.normalise_merchant(statement))
    ).scalar_one()
    return name


def create_merchant(
    session: Session, user_id: uuid.UUID, statement: str, *, display_name: str | None = None
) -> Merchant:
    """Create the merchant of a statement's text, before any of its payments has come.

    :param display_name: as the user calls it.
    :raises OperationError: if the text is blank.
    :raises AlreadyExistsError: if it is there, or an alias of another.
    """
    name = _name(session, statement)
    taken = AlreadyExistsError(f"there is a merchant {name!r} already")
    if _alias_of(session, user_id, name) is not None:
        raise taken
    merchant = Merchant(user_id=user_id, name=name, display_name=display_name)
    with refusing(session, {"uq_merchants__user_id_name": taken}):
        session.add(merchant)
    return merchant


def get_merchant(session: Session, user_id: uuid.UUID, merchant_id: uuid.UUID) -> Merchant | None:
    """Return one of a user's merchants."""
    return session.scalars(
        sa.select(Merchant).where(Merchant.id == merchant_id, Merchant.user_id == user_id)
    ).one_or_none()


def find_merchant(session: Session, user_id: uuid.UUID, statement: str) -> Merchant | None:
    """Return the merchant that a statement's text means, by its name or an alias."""
    name = normalise(session, statement)
    alias = _alias_of(session, user_id, name)
    is_meant = Merchant.id == alias.merchant_id if alias else Merchant.name == name
    return session.scalars(
        sa.select(Merchant).where(Merchant.user_id == user_id, is_meant)
    ).one_or_none()


def list_merchants(
    session: Session,
    user_id: uuid.UUID,
    *,
    contains: str | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Merchant]:
    """Return a page of a user's merchants, by name.

    :param contains: text in the name or the shown name, whatever the case.
    """
    query = sa.select(Merchant).where(Merchant.user_id == user_id)
    if contains is not None:
        query = query.where(
            sa.or_(
                Merchant.name.icontains(contains, autoescape=True),
                Merchant.display_name.icontains(contains, autoescape=True),
            )
        )
    return fetch_page(session, query, order=[Key(Merchant.name)], after=after, limit=limit)


def search_merchants(
    session: Session, user_id: uuid.UUID, text: str, *, limit: int = 10
) -> Sequence[Merchant]:
    """Return the merchants with names most like a text, misspelt or half written, best first."""
    closeness = sa.func.greatest(
        sa.func.public.word_similarity(sa.func.lower(text), Merchant.name),
        sa.func.public.word_similarity(
            sa.func.lower(text), sa.func.lower(sa.func.coalesce(Merchant.display_name, ""))
        ),
    )
    return session.scalars(
        sa.select(Merchant)
        .where(Merchant.user_id == user_id, closeness > sa.literal_column("0.3"))
        .order_by(closeness.desc(), Merchant.name)
        .limit(limit)
    ).all()


def rename_merchant(
    session: Session, user_id: uuid.UUID, merchant_id: uuid.UUID, display_name: str | None
) -> Merchant:
    """Give a merchant the user's own name; no sync touches it.

    :param display_name: None goes back to the normalised one.
    :raises NotFoundError: if the user has no such merchant.
    """
    merchant = _locked(session, user_id, merchant_id)
    merchant.display_name = display_name
    session.flush()
    return merchant


def delete_merchant(session: Session, user_id: uuid.UUID, merchant_id: uuid.UUID) -> None:
    """Delete a merchant that nothing refers to.

    :raises NotFoundError: if the user has no such merchant.
    :raises OperationError: if payments or patterns are of it; merge it instead.
    """
    merchant = _locked(session, user_id, merchant_id)
    used = OperationError(f"there are payments of {merchant.name}; merge it into another")
    with refusing(session, dict.fromkeys(_REFERENCES, used)):
        session.delete(merchant)


_REFERENCES = (
    "fk_transactions__merchant_id_user_id__merchants",
    "fk_recurring_patterns__merchant_id_user_id__merchants",
)


def merge_merchants(
    session: Session, user_id: uuid.UUID, merchant_id: uuid.UUID, into_id: uuid.UUID
) -> Merchant:
    """Make one merchant an alias of another: its payments and patterns move, and later ones follow.

    :param merchant_id: goes; its name and its aliases mean the other from now on.
    :raises NotFoundError: if the user has no such merchants.
    :raises OperationError: if they are the same one.
    """
    if merchant_id == into_id:
        message = "a merchant cannot be merged into itself"
        raise OperationError(message)
    # In one order, so that two merges wait for one another.
    both = {id_: _locked(session, user_id, id_) for id_ in sorted((merchant_id, into_id))}
    gone, kept = both[merchant_id], both[into_id]
    for model in (Transaction, RecurringPattern, MerchantAlias):
        session.execute(
            sa.update(model)
            .where(model.merchant_id == gone.id, model.user_id == user_id)
            .values(merchant_id=kept.id)
        )
    session.add(MerchantAlias(user_id=user_id, name=gone.name, merchant_id=kept.id))
    session.delete(gone)
    session.flush()
    return kept


def add_alias(
    session: Session, user_id: uuid.UUID, merchant_id: uuid.UUID, statement: str
) -> MerchantAlias:
    """Say that a statement's text means a merchant, before or after payments with it came.

    :raises NotFoundError: if the user has no such merchant.
    :raises OperationError: if the text is blank, or the merchant's own name.
    :raises AlreadyExistsError: if it is an alias already.
    """
    name = _name(session, statement)
    known = session.scalars(
        sa.select(Merchant.id).where(Merchant.user_id == user_id, Merchant.name == name)
    ).one_or_none()
    if known is not None:
        merge_merchants(session, user_id, known, merchant_id)
        return session.scalars(_aliases(user_id).where(MerchantAlias.name == name)).one()
    _locked(session, user_id, merchant_id)
    alias = MerchantAlias(user_id=user_id, name=name, merchant_id=merchant_id)
    taken = AlreadyExistsError(f"{name!r} is an alias already")
    with refusing(session, {"uq_merchant_aliases__user_id_name": taken}):
        session.add(alias)
    return alias


def get_alias(session: Session, user_id: uuid.UUID, alias_id: uuid.UUID) -> MerchantAlias | None:
    """Return one of a user's aliases."""
    return session.scalars(_aliases(user_id).where(MerchantAlias.id == alias_id)).one_or_none()


def list_aliases(
    session: Session,
    user_id: uuid.UUID,
    *,
    merchant_id: uuid.UUID | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[MerchantAlias]:
    """Return a page of a user's aliases, by name.

    :param merchant_id: of one merchant.
    """
    query = _aliases(user_id)
    if merchant_id is not None:
        query = query.where(MerchantAlias.merchant_id == merchant_id)
    return fetch_page(session, query, order=[Key(MerchantAlias.name)], after=after, limit=limit)


def remove_alias(session: Session, user_id: uuid.UUID, alias_id: uuid.UUID) -> Merchant:
    """Take an alias away: payments under its name are of a merchant of that name again.

    :returns: that merchant.
    :raises NotFoundError: if the user has no such alias.
    """
    alias = session.scalars(
        _aliases(user_id).where(MerchantAlias.id == alias_id).with_for_update()
    ).one_or_none()
    if alias is None:
        message = f"there is no alias {alias_id}"
        raise NotFoundError(message)
    merchant = Merchant(user_id=user_id, name=alias.name)
    session.delete(alias)
    session.add(merchant)
    session.flush()
    written = sa.func.coalesce(Transaction.counterparty_name, Transaction.description)
    session.execute(
        sa.update(Transaction)
        .where(
            Transaction.user_id == user_id,
            Transaction.merchant_id == alias.merchant_id,
            sa.func.common.normalise_merchant(written) == alias.name,
        )
        .values(merchant_id=merchant.id)
        .execution_options(synchronize_session=False)
    )
    return merchant


def near_matches(session: Session, user_id: uuid.UUID, *, limit: int = 50) -> list[NearMatch]:
    """Return pairs of merchants that are probably one, the most alike first, for the user to merge.

    Names that differ in a number are not: ``studio 54`` is not ``studio 55``.
    """
    merchants = session.scalars(
        sa.select(Merchant).where(Merchant.user_id == user_id).order_by(Merchant.name)
    ).all()
    names = [merchant.name for merchant in merchants]
    found: list[NearMatch] = []
    for place, merchant in enumerate(merchants):
        alike = process.extract(
            merchant.name,
            names[place + 1 :],
            scorer=fuzz.token_sort_ratio,
            score_cutoff=_ALIKE,
            limit=limit,
        )
        found += [
            NearMatch(merchant, merchants[place + 1 + further], round(score))
            for name, score, further in alike
            if _digits(name) == _digits(merchant.name)
        ]
    return sorted(found, key=lambda match: (-match.score, match.merchant.name))[:limit]


def _digits(name: str) -> str:
    return "".join(filter(str.isdigit, name))


def _name(session: Session, statement: str) -> str:
    name = normalise(session, statement)
    if not name:
        message = "a merchant needs a name"
        raise OperationError(message)
    return name


def _aliases(user_id: uuid.UUID) -> sa.Select[tuple[MerchantAlias]]:
    return sa.select(MerchantAlias).where(MerchantAlias.user_id == user_id)


def _alias_of(session: Session, user_id: uuid.UUID, name: str) -> MerchantAlias | None:
    return session.scalars(_aliases(user_id).where(MerchantAlias.name == name)).one_or_none()


def _locked(session: Session, user_id: uuid.UUID, merchant_id: uuid.UUID) -> Merchant:
    merchant = session.scalars(
        sa.select(Merchant)
        .where(Merchant.id == merchant_id, Merchant.user_id == user_id)
        .with_for_update()
    ).one_or_none()
    if merchant is None:
        message = f"there is no merchant {merchant_id}"
        raise NotFoundError(message)
    return merchant
