"""``farthing quarantine``: what could not be placed in the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from cli.output import count, day, print_json, print_table, say, short
from cli.session import choose_user, match, opened
from farthing import clock
from ingestion.replay import replay
from postgres.common.models import Account, Quarantine
from postgres.common.operations import accounts, quarantine
from postgres.paging import LARGEST_LIMIT

DONE, PARTLY = 0, 3


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


def retry(prefixes: Sequence[str], user: str | None) -> int:
    """Read the accounts of some rows again, and say how many rows could be placed.

    :returns: 0 if all of them were placed, 3 if some wait still.
    :raises WrongUseError: if an id means no row, or several.
    """
    with opened() as ledger:
        with ledger.database.sessions.begin() as session:
            rows = _choose(session, choose_user(session, user).id, prefixes)
            for row in rows:
                quarantine.retry(session, row.user_id, row.id, at=clock.now())
        for account_id in dict.fromkeys(row.account_id for row in rows):
            replay(ledger.run, account_id=account_id)
        with ledger.database.sessions() as session:
            left = [row for row in rows if quarantine.get_quarantined(session, row.user_id, row.id)]
    say(f"{count(len(rows) - len(left), 'row')} placed.")
    if left:
        complaint = count(len(left), "row") + " cannot be placed still"
        say(f"{complaint}; `farthing quarantine list` shows why")
    return PARTLY if left else DONE


def drop(prefixes: Sequence[str], user: str | None) -> None:
    """Do without some rows, all of them or none.

    :raises WrongUseError: if an id means no row, or several.
    """
    with opened() as ledger, ledger.database.sessions.begin() as session:
        rows = _choose(session, choose_user(session, user).id, prefixes)
        for row in rows:
            quarantine.drop(session, row.user_id, row.id, at=clock.now())
    say(f"{count(len(rows), 'row')} dropped.")


def _choose(session: Session, user_id: UUID, prefixes: Sequence[str]) -> list[Quarantine]:
    known = {row.id: row for row in _all_rows(session, user_id)}
    return [
        known[match(prefix, known, what="row", listed_by="farthing quarantine list")]
        for prefix in prefixes
    ]


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
