"""``farthing quarantine``: what could not be placed in the ledger."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from cli.output import day, print_json, print_table, say, short
from cli.session import choose_user, opened
from postgres.common.models import Account, Quarantine
from postgres.common.operations import accounts, quarantine
from postgres.paging import LARGEST_LIMIT


def show(user: str | None, *, as_json: bool) -> None:
    """List the rows that are set aside, the newest first."""
    with opened() as ledger, ledger.database.sessions() as session:
        owner = choose_user(session, user)
        rows = _all_rows(session, owner.id)
        names = {
            each.account.id: f"{each.institution.name}: {_name_of(each.account)}"
            for each in accounts.list_account_totals(session, user_id=owner.id)
        }
    if as_json:
        print_json(
            [
                {
                    "id": row.id,
                    "account_id": row.account_id,
                    "account": names.get(row.account_id) if row.account_id else None,
                    "raw_table": row.raw_table,
                    "raw_id": row.raw_id,
                    "reason": row.reason,
                    "since": row.created_at,
                }
                for row in rows
            ]
        )
        return
    if not rows:
        say("Nothing is in quarantine.")
        return
    print_table(
        ("Id", "Since", "Account", "Raw row", "Reason"),
        [
            (
                short(row.id),
                day(row.created_at),
                names.get(row.account_id) if row.account_id else None,
                f"{row.raw_table} {short(row.raw_id)}",
                row.reason,
            )
            for row in rows
        ],
    )


def _all_rows(session: Session, user_id: UUID) -> list[Quarantine]:
    found: list[Quarantine] = []
    after = None
    while True:
        page = quarantine.list_quarantine(session, user_id, after=after, limit=LARGEST_LIMIT)
        found += page.items
        after = page.after
        if after is None:
            return found


def _name_of(account: Account) -> str:
    """Return what the user calls an account, else what the provider calls it."""
    return account.display_name or account.name
