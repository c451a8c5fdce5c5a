"""Read the balances and transactions of accounts."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
from collections.abc import Callable, Sequence

from farthing import clock
from ingestion import ledger
from ingestion.accounts import for_each
from ingestion.gocardless.answers import read_answer
from ingestion.gocardless.quota import ask, held, note_answer
from ingestion.gocardless.targets import Account, accounts, lock_account, open_client
from ingestion.run import AccountOutcome, Run, StepOutcome, Window
from postgres.gocardless.operations import balances, bank_accounts, transactions
from postgres.payload import storable
from providers.errors import ConsentExpired, PeriodRefused
from providers.gocardless import banks
from providers.gocardless.client import GoCardlessClient
from providers.gocardless.rows import read_balance
from providers.http import Answer

OVERLAP_DAYS = 14
"""Days that every pull reads again: banks add rows late."""
SCAN_EVERY_DAYS = 7
"""How often a pull reads all days that the bank gives, for rows that come later still."""

SHORTER_PERIODS_DAYS = (89, 60, 30)
"""What is asked for, one after the other, where a bank refuses a period and names no day."""

_BALANCES, _TRANSACTIONS = "balances", "transactions"


def pull_balances(run: Run) -> StepOutcome:
    """Read the balances of every account."""

    def pull(client: GoCardlessClient, account: Account) -> AccountOutcome:
        answer = ask(run, account, _BALANCES, functools.partial(client.balances, account.key))
        if isinstance(answer, AccountOutcome):
            return answer
        entries = [storable(entry)[0] for entry in answer.payload["balances"]]
        read = [read_balance(entry) for entry in entries]
        rows = [(e, dataclasses.asdict(facts)) for e, facts in zip(entries, read, strict=True)]
        with run.sessions.begin() as session:
            stamp = lock_account(session, account, run)
            counts = balances.land(session, account.user_id, account.bank_account_id, rows, stamp)
            note_answer(session, account.user_id, account.bank_account_id, _BALANCES, answer)
        return AccountOutcome(
            account.connection_id,
            account.label,
            received=len(entries),
            counts=counts,
            quarantined=len({(f.balance_type, f.currency) for f in read if not f.is_readable}),
            superseded=len(entries) - counts.inserted - counts.unchanged,
        )

    return _for_each_account(run, "gocardless.balances", pull)


def pull_transactions(run: Run, window: Window) -> StepOutcome:
    """Read every account's transactions in one call each.

    A window that reaches today goes back as far as the account was last read, less an overlap; one
    that does not is a backfill and read as asked.
    """

    def pull(client: GoCardlessClient, account: Account) -> AccountOutcome:
        return _pull_transactions(run, client, account, window)

    return _for_each_account(run, "gocardless.transactions", pull)


def resume_points(run: Run) -> list[dt.date]:
    """Return the day from which each account should be read next."""
    return [_resume_at(account) for account in accounts(run)]


def _pull_transactions(
    run: Run, client: GoCardlessClient, account: Account, asked: Window
) -> AccountOutcome:
    window = _window(account, asked)
    # A row may be booked for a day to come; only a past range needs an end.
    date_to = window.last if window.last < clock.today() else None
    answer, told = _ask(run, client, account, window, date_to)
    if isinstance(answer, AccountOutcome):
        return answer
    received, rows = read_answer(
        answer.payload["transactions"],
        profile=banks.profile(account.institution_id),
        holder=account.holder,
        seen_on=clock.today(),
    )
    with run.sessions.begin() as session:
        stamp = lock_account(session, account, run)
        counts = transactions.land(
            session,
            account.user_id,
            account.bank_account_id,
            rows,
            stamp,
            first_day=told.first,
            last_day=date_to,
        )
        days = [f["booking_date"] for _, f in rows if not f["is_pending"] and f["booking_date"]]
        gap = _gap(account, told)
        bank_accounts.note_read(
            session,
            account.user_id,
            account.bank_account_id,
            first_told=min([*days, window.last]),
            last=window.last,
            scanned_on=clock.today() if _is_scan(account, window) else None,
            gap=gap,
            through=window.last if _reaches(account, window) else None,
        )
        note_answer(session, account.user_id, account.bank_account_id, _TRANSACTIONS, answer)
    return AccountOutcome(
        account.connection_id,
        account.label,
        window=told,
        reason=gap and f"the bank no longer tells of {gap[0]} to {gap[1]}",
        received=received,
        counts=counts,
        quarantined=sum(1 for _, facts in rows if facts["refusal"]),
        superseded=received - len(rows),
    )


def _ask(
    run: Run, client: GoCardlessClient, account: Account, window: Window, date_to: dt.date | None
) -> tuple[Answer | AccountOutcome, Window]:
    """Ask for the days of a window, or for as many of them as the bank does not refuse.

    :returns: the answer, and the days that it tells of.
    """
    send = functools.partial(client.transactions, account.key, date_to=date_to)
    for _ in SHORTER_PERIODS_DAYS:
        try:
            sent = functools.partial(send, date_from=window.first)
            return ask(run, account, _TRANSACTIONS, sent), window
        except PeriodRefused as refusal:
            less = shorter(window, refusal.days)
            if less is None:
                raise
            window = less
    sent = functools.partial(send, date_from=window.first)
    return ask(run, account, _TRANSACTIONS, sent), window


def shorter(window: Window, named: Sequence[dt.date]) -> Window | None:
    """Return a part of a window whose days the bank may tell of, None if there is none.

    :param named: days that the refusal names; the first that it allows may be one of them.
    """
    usual = (window.last - dt.timedelta(days=days) for days in SHORTER_PERIODS_DAYS)
    firsts = [day for day in (*named, *usual) if window.first < day <= window.last]
    return Window(min(firsts), window.last) if firsts else None


def _for_each_account(
    run: Run, table: str, pull: Callable[[GoCardlessClient, Account], AccountOutcome]
) -> StepOutcome:
    targets = accounts(run)
    if not targets:
        return StepOutcome(table, (), 0.0)
    known = held(run, targets, table.partition(".")[2])
    with open_client(run) as client:

        def work(account: Account) -> AccountOutcome:
            try:
                return known.get(account.bank_account_id) or pull(client, account)
            except ConsentExpired:
                # Said at once, though the connections may have been projected before.
                ledger.renew_connections(run)
                raise

        return for_each(run, table, targets, work)


def _resume_at(account: Account) -> dt.date:
    if account.transactions_through is None:
        return _oldest_day(account)
    return account.transactions_through - dt.timedelta(days=OVERLAP_DAYS)


def _window(account: Account, asked: Window) -> Window:
    if asked.last < clock.today():
        return asked
    first = min(asked.first, _resume_at(account))
    if account.scanned_on is None or (clock.today() - account.scanned_on).days >= SCAN_EVERY_DAYS:
        first = min(first, _oldest_day(account))
    return Window(first, asked.last)


def _oldest_day(account: Account) -> dt.date:
    """Return the first day that can be asked for.

    Some banks tell of all days right after consent only, which is before the first scan under it.
    """
    days = account.history_days
    if account.scanned_on is not None:
        days = min(days, banks.profile(account.institution_id).history_days or days)
    return clock.today() - dt.timedelta(days=days)


def _is_scan(account: Account, window: Window) -> bool:
    return window.first <= _oldest_day(account) and window.last >= clock.today()


def _gap(account: Account, window: Window) -> tuple[dt.date, dt.date] | None:
    """Return the days after the watermark that have passed out of the bank's reach.

    :param window: what it told of.
    """
    through = account.transactions_through or account.known_through
    if through is None or window.last < clock.today():
        return None
    first = through + dt.timedelta(days=1)
    last = max(_oldest_day(account), window.first) - dt.timedelta(days=1)
    return (first, last) if first <= last else None


def _reaches(account: Account, window: Window) -> bool:
    """Tell whether a window leaves no gap behind the watermark."""
    if account.transactions_through is None:
        return window.last >= clock.today()
    return window.first <= account.transactions_through + dt.timedelta(days=1)
