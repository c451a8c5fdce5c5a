"""``farthing sync``: one run of the sync job in this process, and what came of it."""

from __future__ import annotations

import datetime as dt
import sys
import uuid

from cli.background import interruptible
from cli.errors import WrongUseError
from cli.outcomes import RunReport, report
from cli.output import count, note, print_json, print_table, say, working
from cli.session import Opened, choose_connection, opened
from dagster_project.lib.launch import JobRun, run_sync
from farthing import clock
from ingestion import planning
from ingestion.outcomes import RunOutcome, of_statuses
from ingestion.run import Window
from postgres.common.operations import connections
from postgres.gocardless.operations import requisitions

DONE, FAILED, PARTLY = 0, 1, 3


def run(connection: str | None, *, first: str | None, last: str | None, as_json: bool) -> int:
    """Read all connections, or one, and print an outcome per account.

    :returns: 0 if every account was read, 3 if some were not, 1 if none was.
    """
    days = _day(first, "--from"), _day(last, "--to")
    _check(*days)
    with opened(asks_providers=True) as ledger:
        chosen = _choose(ledger, connection)
        with working("Reading banks and brokers, then looking for patterns"):
            window = _window(ledger, *days)
            outcome = interruptible(
                lambda: run_sync(ledger.settings, ledger.database, window, connection_id=chosen)
            )
        with ledger.database.sessions() as session:
            done = report(session, outcome.run_id)
    if as_json:
        _print_json(outcome, done)
    else:
        show(done)
    complain(outcome, done)
    return exit_code(outcome, done)


def show(done: RunReport) -> None:
    """Print what became of each account."""
    print_table(
        ("Institution", "Account", "Received", "New", "Changed", "Outcome"),
        [
            (
                each.institution,
                each.account,
                f"{each.received:,}",
                f"{each.new:,}",
                f"{each.changed:,}",
                each.described(),
            )
            for each in done.accounts
        ],
        numbers=("Received", "New", "Changed"),
    )
    new, changed = (sum(getattr(e, name) for e in done.accounts) for name in ("new", "changed"))
    say()
    if not done.wrote:
        say("Nothing was new.")
    elif new or changed:
        say(f"{count(new, 'new transaction')}, {changed:,} changed.")
    else:
        say("No transaction was new; balances or accounts changed.")


def complain(outcome: JobRun, done: RunReport) -> None:
    """Print each reason once on the error stream: the same one often stands for many accounts."""
    reasons = dict.fromkeys(
        f"{each.status}: {each.reason}" for each in done.unfinished if each.reason
    )
    # A defect of one step is no account's, such as a mart that cannot be built.
    for reason in (*reasons, *outcome.reasons):
        sys.stderr.write(f"error: {' '.join(reason.split())}\n")


def exit_code(outcome: JobRun, done: RunReport) -> int:
    """Return what the command exits with."""
    came_out = of_statuses(each.status for each in done.accounts)
    if came_out is RunOutcome.COMPLETE:
        return DONE if outcome.success else (PARTLY if done.accounts else FAILED)
    return FAILED if came_out is RunOutcome.FAILED else PARTLY


def _print_json(outcome: JobRun, done: RunReport) -> None:
    print_json(
        {
            "run_id": outcome.run_id,
            "wrote": done.wrote,
            "accounts": [each.to_json() for each in done.accounts],
            "failed_steps": list(outcome.reasons),
        }
    )


def _choose(ledger: Opened, prefix: str | None) -> uuid.UUID | None:
    with ledger.database.sessions() as session:
        chosen = choose_connection(session, prefix)[0].id if prefix is not None else None
        if not connections.list_with_institutions(session):
            message = "nothing is connected yet; begin with `farthing connect`"
            raise WrongUseError(message)
        banks = requisitions.list_all_requisitions(session)
    if banks:
        # Before anything runs, so that a forgotten variable is one line and not a failed run.
        _ = ledger.settings.gocardless_secrets
    return chosen


def _day(text: str | None, option: str) -> dt.date | None:
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        message = f"{option}: {text!r} is not a day such as 2026-03-15"
        raise WrongUseError(message) from error


def _check(first: dt.date | None, last: dt.date | None) -> None:
    today = clock.today()
    for option, day in (("--from", first), ("--to", last)):
        if day is not None and day > today:
            message = f"{option}: {day} has not come yet; today is {today}"
            raise WrongUseError(message)
    if first is not None and last is not None and first > last:
        message = f"--from: {first} is after --to {last}"
        raise WrongUseError(message)
    if (last or today) < planning.FIRST_DAY:
        message = f"--to: no history is kept from before {planning.FIRST_DAY}"
        raise WrongUseError(message)


def _window(ledger: Opened, first: dt.date | None, last: dt.date | None) -> Window:
    if first is not None and first < planning.FIRST_DAY:
        note(f"histories begin on {planning.FIRST_DAY}")
        first = planning.FIRST_DAY
    due = planning.sync_window(ledger.run)
    end = last or due.last
    return Window(first or min(due.first, end), end)
