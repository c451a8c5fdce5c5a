"""``farthing demo``: all of Farthing on a made-up household, without an account anywhere."""

from __future__ import annotations

import dataclasses
import os
import secrets
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from decimal import Decimal

import httpx
from pydantic import SecretStr
from rich.text import Text
from sqlalchemy.orm import Session

from cli import demo_home
from cli import sync as sync_command
from cli.background import interruptible
from cli.connect import find, waiting
from cli.errors import WrongUseError
from cli.outcomes import RunReport, report
from cli.output import (
    HEADING,
    Cell,
    clean,
    count,
    day,
    heading,
    money,
    print_table,
    print_words,
    say,
    short,
    working,
)
from cli.recurring import all_patterns, monthly_cost, print_patterns
from cli.session import Opened, opened
from cli.status import print_balances
from dagster_project.lib.launch import run_sync
from farthing.errors import FarthingError
from farthing.settings import Settings
from ingestion import connect, planning
from ingestion import ledger as projections
from ingestion.run import Run
from ingestion.trading212.keys import add_trading212_key
from postgres.auth.operations import users
from postgres.common.enums import ConnectionStatus, Provider, RecurringDirection, RecurringStatus
from postgres.common.models import RecurringPattern
from postgres.common.operations import (
    accounts,
    balances,
    connections,
    holdings,
    notifications,
    recurring_patterns,
    transactions,
)
from postgres.errors import AlreadyExistsError
from providers.errors import NotFound
from sandbox import TRADING212_KEY, TRADING212_SECRET

USER = "demo"
BANKS = ("NORTHGATE_NRGTGB21", "HARBOUR_HRBRGB2L")
_REDIRECT = "http://127.0.0.1/"
_SHOWN_NOTIFICATIONS = 3
_DIRECTIONS = {RecurringDirection.EXPENSE: "Expenses", RecurringDirection.INCOME: "Income"}


class DemoError(FarthingError):
    """The demo could not be set up."""


def run() -> int:
    """Connect the made-up household, run the pipeline, and print what was found.

    What was done before is not done again, whether the last demo came to its end or not.

    :returns: the exit code of the sync.
    :raises WrongUseError: if the database is in use for something else.
    """
    with ExitStack() as stack:
        with working("Starting the database and the sandbox"):
            ledger = stack.enter_context(opened())
            user_id = _user(ledger)
            run = stack.enter_context(_providers(ledger))
        with working("Connecting two banks and a broker"):
            _connect(run, user_id)
        with working("Reading two years of history, then looking for patterns"):
            window = planning.sync_window(run)
            outcome = interruptible(lambda: run_sync(run.settings, ledger.database, window))
        with run.sessions() as session:
            done = report(session, outcome.run_id)
            _show(session, user_id, done)
            _show_next(session, user_id, run.settings)
    sync_command.complain(outcome, done)
    return sync_command.exit_code(outcome, done)


def _user(ledger: Opened) -> uuid.UUID:
    """Return the demo's user.

    :raises WrongUseError: if the database has users, and was not made by a demo.
    """
    with ledger.database.sessions.begin() as session:
        user = users.get_user_by_name(session, USER)
        strangers = [other.name for other in users.list_users(session).items if other != user]
        if strangers and not (user is not None and demo_home.is_demo(ledger.settings)):
            # Their banks would be asked at the sandbox, which knows nothing of them.
            message = (
                f"this database belongs to {', '.join(strangers)}; for the demo, choose another "
                "FARTHING_HOME and leave FARTHING_DATABASE_URL unset"
            )
            raise WrongUseError(message)
        if user is not None:
            return user.id
        # Nobody signs in as this user, so nobody needs to know the password.
        return users.create_user(session, USER, secrets.token_urlsafe()).id


@contextmanager
def _providers(ledger: Opened) -> Iterator[Run]:
    """Yield a run on the sandbox, or on the servers that the user has named."""
    if any(os.environ.get(name) for name in demo_home.BASES):
        yield ledger.run
        return
    demo_home.mark(ledger.settings)
    with demo_home.running(ledger.settings.home) as sandbox:
        sandbox.wait()
        yield dataclasses.replace(ledger.run, settings=Settings.load())


def _connect(run: Run, user_id: uuid.UUID) -> None:
    # A demo that was interrupted may have left a consent that is no connection yet.
    projections.project_connections(run)
    for institution in BANKS:
        _link(run, user_id, institution)
    with run.sessions() as session:
        brokers = connections.list_connections(session, user_id, provider=Provider.TRADING212)
    if not brokers.items:
        add_trading212_key(run, user_id, SecretStr(TRADING212_KEY), SecretStr(TRADING212_SECRET))


def _link(run: Run, user_id: uuid.UUID, institution: str) -> None:
    """Make sure that a consent is given, in the place of the person who would give it."""
    with run.sessions() as session:
        known = find(session, user_id, institution)
    if known is None:
        try:
            consent = connect.begin_consent(run, user_id, institution, redirect=_REDIRECT)
        except NotFound as error:
            message = f"there is no bank {institution}; is GOCARDLESS_BASE_URL a sandbox?"
            raise DemoError(message) from error
    else:
        try:
            is_linked = connect.is_linked(run, user_id, uuid.UUID(known[0].provider_connection_id))
            if is_linked and known[0].status is not ConnectionStatus.EXPIRED:
                return
            consent = waiting(run, *known)
        except (NotFound, connect.ConnectError, AlreadyExistsError):
            # The sandbox has lost its memory, or the consent is over.
            consent = connect.renew_consent(run, user_id, known[0].id, redirect=_REDIRECT)
    _approve(consent.link)
    connect.is_given(run, consent)


def _approve(link: str) -> None:
    """Press the button of the consent page.

    :raises DemoError: if it is not the page of a sandbox.
    """
    with httpx.Client(trust_env=False, timeout=30.0) as client:
        try:
            answer = client.post(link, data={"outcome": "approve"})
        except httpx.HTTPError as error:
            message = f"the consent page does not answer: {type(error).__name__}"
            raise DemoError(message) from error
    if not answer.is_redirect:
        message = f"the consent page answered {answer.status_code}; is it one of a sandbox?"
        raise DemoError(message)


def _show(session: Session, user_id: uuid.UUID, done: RunReport) -> None:
    say()
    say(
        Text(
            "Nothing was new since the last time."
            if not done.wrote
            else "A made-up household, read from two banks and a broker.",
            HEADING,
        )
    )
    _show_accounts(session, user_id, done)
    _show_ledger(session, user_id)
    print_balances(balances.reconcile(session, user_id=user_id))
    _show_recurring(all_patterns(session, user_id))
    _show_notifications(session, user_id)


def _show_accounts(session: Session, user_id: uuid.UUID, done: RunReport) -> None:
    totals = {
        (
            each.institution.name,
            accounts.account_label(each.account.name, each.account.account_number),
        ): each
        for each in accounts.list_account_totals(session, user_id=user_id)
    }
    heading("What was pulled")
    columns = ["Institution", "Account", "Received", "New", "Pending", "From", "To"]
    # All is well, as a rule, and then a column that says so takes the room of the names.
    columns += ["Outcome"] if done.unfinished else []
    rows: list[tuple[Cell, ...]] = []
    for each in done.accounts:
        kept = totals.get((each.institution, each.account))
        cells: list[Cell] = [
            each.institution,
            each.account,
            f"{each.received:,}",
            f"{each.new:,}",
            f"{kept.pending:,}" if kept else "",
            day(kept.first_booking_date) if kept else "",
            day(kept.last_booking_date) if kept else "",
            each.described(),
        ]
        rows.append(tuple(cells[: len(columns)]))
    print_table(columns, rows, numbers=("Received", "New", "Pending", "From", "To"))


def _show_ledger(session: Session, user_id: uuid.UUID) -> None:
    heading("The ledger")
    print_table(
        ("", "Booked", "Pending", "Money in", "Money out", "Together"),
        [
            (
                each.currency,
                f"{each.booked:,}",
                f"{each.pending:,}",
                money(each.money_in),
                money(each.money_out),
                money(each.money_in + each.money_out),
            )
            for each in transactions.list_currency_totals(session, user_id)
        ],
        numbers=("Booked", "Pending", "Money in", "Money out", "Together"),
    )
    for held in holdings.list_holding_totals(session, user_id):
        name = held.account.display_name or held.account.name
        worth = f"{money(held.value)} {held.account.currency}"
        say(f"{name} holds {count(held.positions, 'instrument')} worth {worth}.")


def _show_recurring(found: Sequence[RecurringPattern]) -> None:
    heading("Recurring payments")
    if not found:
        say("None was found.")
        return
    print_patterns(found)
    say()
    for direction, what in _DIRECTIONS.items():
        sums: dict[str, Decimal] = {}
        for each in found:
            if each.direction is direction and each.status is not RecurringStatus.CANCELLED:
                cost = monthly_cost(each) or Decimal(0)
                sums[each.currency] = sums.get(each.currency, Decimal(0)) + cost
        if sums:
            together = ", ".join(f"{money(total)} {code}" for code, total in sorted(sums.items()))
            say(f"{what} in an average month: {together}")


def _show_notifications(session: Session, user_id: uuid.UUID) -> None:
    unread = notifications.count_unread(session, user_id)
    if not unread:
        return
    heading(count(unread, "notification"))
    shown = notifications.list_notifications(
        session, user_id, is_read=False, limit=_SHOWN_NOTIFICATIONS
    )
    for each in shown.items:
        say(clean(each.message))
    if shown.after is not None:
        say(f"... and {unread - _SHOWN_NOTIFICATIONS} more")


def _show_next(session: Session, user_id: uuid.UUID, settings: Settings) -> None:
    proposed = recurring_patterns.list_patterns(
        session, user_id, status=RecurringStatus.PENDING, limit=1
    ).items
    example = short(proposed[0].id) if proposed else "ID"
    heading("What next")
    print_words(
        {
            "farthing up": "the graph, its runs and schedules on http://127.0.0.1:3000",
            f"farthing recurring accept {example}": "count on a payment that was found",
            "farthing status": "freshness, consents, quotas, and whether it all adds up",
            "psql $(farthing db url)": "the tables, such as common.transactions, while it is up",
        }
    )
    say()
    also = "" if settings.database_url is None else ", another FARTHING_DATABASE_URL"
    say(
        f"For your own bank, choose another FARTHING_HOME{also}, set GOCARDLESS_SECRET_ID and "
        "GOCARDLESS_SECRET_KEY, then `farthing user create NAME` and `farthing connect`."
    )
