"""``farthing quarantine``: what could not be placed in the ledger."""

from __future__ import annotations

from cli.output import day, print_json, print_table, say, short
from cli.session import choose_user, opened
from postgres.common.models import Account
from postgres.common.operations import accounts, quarantine


def show(user: str | None, *, as_json: bool) -> None:
    """List the rows that are set aside, the newest first."""
    with opened() as ledger, ledger.database.sessions() as session:
        owner = choose_user(session, user)
        rows = quarantine.list_quarantine(session, owner.id)
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


def _name_of(account: Account) -> str:
    """Return what the user calls an account, else what the provider calls it."""
    return account.display_name or account.name
