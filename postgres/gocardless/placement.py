"""Which account of the ledger each account of a consent is, and what the user has to say of it.

The rules are in :mod:`postgres.identity.accounts`. What is decided, by them or by the user, is kept
on the raw account, so that making the ledger again asks nobody again. The caller of what writes
holds the lock of ``common.accounts``, see :func:`postgres.core.lock`.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.enums import NotificationType
from postgres.common.models import Account, Institution
from postgres.common.operations.accounts import account_label
from postgres.common.operations.notifications import notify
from postgres.core import WriteCounts, any_of, read_sql
from postgres.errors import NotFoundError, OperationError
from postgres.gocardless.identification import PROVIDER, forget_progress
from postgres.gocardless.models import BankAccount, Requisition
from postgres.identity.accounts import Feed, Placement, place


@dataclass(frozen=True, slots=True)
class Question:
    """An account that the user has to say of which one it is.

    :param candidates: accounts that it may be; it may be a new one, too.
    """

    bank_account: BankAccount
    connection_id: uuid.UUID | None
    institution: str
    candidates: Sequence[Account]

    @property
    def user_id(self) -> uuid.UUID:
        """Whose it is."""
        return self.bank_account.user_id

    @property
    def label(self) -> str:
        """What a person knows it by."""
        return account_label(self.bank_account.name, self.bank_account.account_number)


def place_accounts(session: Session) -> None:
    """Decide for every account that is not known yet, as far as its number tells."""
    session.execute(sa.text(read_sql(__file__, "learn_currencies.sql")))
    placement, undecided = _place(session, _undecided())
    for account in undecided:
        if (account_id := placement.decided.get(account.id)) is not None:
            account.account_id = account_id
            forget_progress(account)
    session.flush()


def list_questions(session: Session, *, user_id: uuid.UUID | None = None) -> Sequence[Question]:
    """Return what the user has to decide, the oldest first.

    :param user_id: of one user; None returns all users', for a sync.
    """
    query = _undecided()
    if user_id is not None:
        query = query.where(BankAccount.user_id == user_id)
    placement, undecided = _place(session, query)
    asked = [account for account in undecided if account.id in placement.asked]
    if not asked:
        return []
    candidates = {candidate for each in asked for candidate in placement.asked[each.id]}
    accounts = {
        account.id: account
        for account in session.scalars(
            sa.select(Account).where(Account.id == any_of(candidates)).order_by(Account.name)
        )
    }
    consents = {
        row.id: row
        for row in session.execute(
            sa.select(Requisition.id, Requisition.connection_id, Institution.name)
            .join(
                Institution,
                sa.and_(
                    Institution.provider == PROVIDER,
                    Institution.provider_institution_id == Requisition.institution_id,
                ),
            )
            .where(Requisition.id == any_of({each.requisition_id for each in asked}))
        )
    }
    return [
        Question(
            each,
            consents[each.requisition_id].connection_id,
            consents[each.requisition_id].name,
            [accounts[one] for one in placement.asked[each.id] if one in accounts],
        )
        for each in asked
        if each.requisition_id in consents
    ]


def announce_questions(session: Session) -> WriteCounts:
    """Tell users of accounts that wait for their word, once each."""
    told = sum(
        notify(
            session,
            each.user_id,
            NotificationType.ACCOUNT_UNCLEAR,
            str(each.bank_account.id),
            f"{each.institution} opened {each.label} and does not tell which account it is. What"
            " was read of it waits until you say so: `farthing accounts`.",
        )
        for each in list_questions(session)
    )
    return WriteCounts(inserted=told)


def answer_question(
    session: Session,
    user_id: uuid.UUID,
    bank_account_id: uuid.UUID,
    account_id: uuid.UUID | None,
) -> None:
    """Take the user's word on which account one is. It is kept, and its rows go there.

    :param account_id: one of the candidates; None: it is a new account.
    :raises NotFoundError: if nothing is asked of the user about such an account.
    :raises OperationError: if it cannot be that account.
    """
    question = next(
        (
            each
            for each in list_questions(session, user_id=user_id)
            if each.bank_account.id == bank_account_id
        ),
        None,
    )
    if question is None:
        message = f"nothing is asked about an account {bank_account_id}"
        raise NotFoundError(message)
    if account_id is not None and account_id not in {each.id for each in question.candidates}:
        message = f"{question.label} cannot be the account {account_id}"
        raise OperationError(message)
    question.bank_account.account_id = account_id or uuid.uuid4()
    forget_progress(question.bank_account)
    session.flush()


def _undecided() -> sa.Select[tuple[BankAccount]]:
    return (
        sa.select(BankAccount)
        .join(Requisition, Requisition.id == BankAccount.requisition_id)
        .where(
            BankAccount.account_id.is_(None),
            BankAccount.currency.is_not(None),
            Requisition.removed_at.is_(None),
        )
        .order_by(BankAccount.first_seen_at, BankAccount.name, BankAccount.id)
    )


def _place(
    session: Session, query: sa.Select[tuple[BankAccount]]
) -> tuple[Placement, Sequence[BankAccount]]:
    undecided = session.scalars(query).all()
    if not undecided:
        return Placement({}, {}), []
    owners = {account.user_id for account in undecided}
    rows = session.execute(
        sa.select(BankAccount, Requisition.institution_id)
        .join(Requisition, Requisition.id == BankAccount.requisition_id)
        .where(BankAccount.user_id == any_of(owners), BankAccount.currency.is_not(None))
        .order_by(BankAccount.first_seen_at, BankAccount.name, BankAccount.id)
    ).all()
    feeds = [_feed(account, institution) for account, institution in rows]
    return place([*_feeds_of_none(session, owners), *feeds]), undecided


def _feed(account: BankAccount, institution_id: str) -> Feed:
    has_number = account.account_number != str(account.provider_account_id)
    return Feed(
        account.id,
        account.requisition_id,
        (account.user_id, institution_id, account.currency),
        account.account_number if has_number else None,
        bool(account.payload.get("details")),
        account.account_id,
    )


def _feeds_of_none(session: Session, owners: set[uuid.UUID]) -> Sequence[Feed]:
    """Return the accounts whose raw rows are gone: a consent may open them once more."""
    rows = session.execute(
        sa.select(Account, Institution.provider_institution_id)
        .join(Institution, Institution.id == Account.institution_id)
        .where(
            Account.user_id == any_of(owners),
            Institution.provider == PROVIDER,
            ~sa.exists().where(BankAccount.account_id == Account.id),
        )
        .order_by(Account.created_at, Account.id)
    )
    return [
        Feed(
            account.id,
            None,
            (account.user_id, institution_id, account.currency),
            account.account_number,
            is_described=True,
            account_id=account.id,
        )
        for account, institution_id in rows
    ]
