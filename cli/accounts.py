"""``farthing accounts``: those in the ledger, and which of them a bank means if it does not say."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from cli.errors import WrongUseError
from cli.output import heading, print_json, print_table, say, short
from cli.session import choose_user, match, opened
from ingestion.placement import answer
from ingestion.taxes import say_of_account
from postgres.common.enums import TaxWrapper
from postgres.common.models import Account
from postgres.common.operations import accounts
from postgres.common.operations.accounts import account_label
from postgres.gocardless.placement import Question, list_questions


def show(user: str | None, *, as_json: bool) -> None:
    """List a user's accounts, and those that they have to say something of."""
    with opened() as ledger, ledger.database.sessions() as session:
        owner = choose_user(session, user)
        listed = accounts.list_account_totals(session, user_id=owner.id)
        asked = list_questions(session, user_id=owner.id)
    if as_json:
        print_json(
            {
                "accounts": [
                    {
                        "id": each.account.id,
                        "institution": each.institution.name,
                        "name": _name(each.account),
                        "currency": each.account.currency,
                        "status": each.account.status,
                        "tax_wrapper": each.account.tax_wrapper,
                        "is_practice": each.account.is_practice,
                        "is_counted": each.account.is_counted,
                    }
                    for each in listed
                ],
                "questions": [question_json(each) for each in asked],
            }
        )
        return
    print_table(
        ("Id", "Institution", "Account", "", "Status", "Counts"),
        [
            (
                short(each.account.id),
                each.institution.name,
                _name(each.account),
                each.account.currency,
                each.account.status.value,
                _counts(each.account),
            )
            for each in listed
        ],
    )
    print_questions(asked)


def link(wanted: str, account: str | None, *, new: bool, user: str | None) -> None:
    """Say which account one is that a bank gave no number of, and bring its rows there.

    :param wanted: id of the one that is asked about.
    :param account: id of the account that it is.
    :param new: it is none of those that there are.
    :raises WrongUseError: if not exactly one of the two is given, or an id means nothing here.
    """
    if (account is None) != new:
        message = "say which account it is, or --new if it is none of them"
        raise WrongUseError(message)
    with opened() as ledger:
        with ledger.database.sessions() as session:
            question = _choose(session, choose_user(session, user).id, wanted)
        account_id = None
        if account is not None:
            account_id = match(
                account,
                [each.id for each in question.candidates],
                what="account that it may be",
                listed_by="farthing accounts",
            )
        answer(ledger.run, question.user_id, question.bank_account.id, account_id)
    say(f"{question.label} is told; its rows are in the ledger.")


def set_facts(
    wanted: str, *, is_isa: bool | None, is_counted: bool | None, user: str | None
) -> None:
    """Say of an account what nobody else tells; what follows for taxes is found at once.

    :param wanted: its id.
    :param is_isa: None: as it is known.
    :param is_counted: None: as it is known.
    :raises WrongUseError: if nothing is said, or the id means no account.
    """
    if is_isa is None and is_counted is None:
        message = "say --isa or --not-isa, --counted or --not-counted"
        raise WrongUseError(message)
    with opened() as ledger:
        with ledger.database.sessions() as session:
            owner_id = choose_user(session, user).id
            known = {
                each.account.id: each.account
                for each in accounts.list_account_totals(session, user_id=owner_id)
            }
        account_id = match(wanted, known, what="account", listed_by="farthing accounts")
        say_of_account(ledger.run, owner_id, account_id, is_isa=is_isa, is_counted=is_counted)
        with ledger.database.sessions() as session:
            account = accounts.get_account(session, owner_id, account_id) or known[account_id]
    name = account_label(_name(account), account.account_number)
    taxed = "is in no tax year" if account.tax_wrapper else "is taxed"
    counts = f"counts, and {taxed}" if account.is_counted else "counts nowhere"
    say(f"{name} {counts}; `farthing sync` brings that into the marts.")


def print_questions(asked: Sequence[Question]) -> None:
    """Print what a user has to say, with the commands that say it."""
    if not asked:
        return
    heading("Which accounts are these?")
    for each in asked:
        wanted = short(each.bank_account.id)
        say(
            f"{each.institution} opened {each.label} ({each.bank_account.currency}) and does not "
            "tell which account it is. What was read of it waits."
        )
        for candidate in each.candidates:
            name = account_label(_name(candidate), candidate.account_number)
            say(f"  it is {name}: `farthing accounts link {wanted} {short(candidate.id)}`")
        say(f"  it is a new one: `farthing accounts link {wanted} --new`")


def question_json(question: Question) -> dict[str, object]:
    """Return for programs what a user has to say."""
    return {
        "id": question.bank_account.id,
        "institution": question.institution,
        "account": question.label,
        "currency": question.bank_account.currency,
        "candidates": [each.id for each in question.candidates],
    }


def _choose(session: Session, user_id: UUID, prefix: str) -> Question:
    asked = {each.bank_account.id: each for each in list_questions(session, user_id=user_id)}
    return asked[match(prefix, asked, what="question about", listed_by="farthing accounts")]


def _counts(account: Account) -> str:
    """Return whether an account counts, and why not."""
    if not account.is_counted:
        return "no, play money" if account.is_practice else "no"
    return "yes, an ISA" if account.tax_wrapper is TaxWrapper.ISA else "yes"


def _name(account: Account) -> str:
    """Return what the user calls an account, else what the provider calls it."""
    return account.display_name or account.name
