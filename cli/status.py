"""``farthing status``: what is fresh, what runs out, and what does not add up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from rich.text import Text

from cli import connections as connections_command
from cli.output import (
    BAD,
    DOUBTFUL,
    GOOD,
    Cell,
    count,
    heading,
    minute,
    money,
    print_json,
    print_table,
    say,
)
from cli.session import choose_user, opened
from postgres.common.enums import JobStatus
from postgres.common.operations import accounts, balances, jobs, quarantine
from postgres.common.operations.balances import Reconciliation
from postgres.gocardless.models import BankAccount, RateLimit
from postgres.gocardless.operations import bank_accounts, rate_limits


def show(user: str | None, *, as_json: bool) -> None:
    """Print how things stand for one user."""
    with opened() as ledger, ledger.database.sessions() as session:
        owner = choose_user(session, user)
        connected = connections_command.summaries(session, owner.id)
        limits = [_limit(*row) for row in rate_limits.list_with_accounts(session, owner.id)]
        checked = balances.reconcile(session, user_id=owner.id)
        set_aside = quarantine.count_quarantine(session, owner.id)
        gaps = [gap for each in bank_accounts.list_gaps(session, owner.id) for gap in _gaps(each)]
        analysed = jobs.last_analytics(session)
    analysed_at = analysed.finished_at if analysed else None
    analysis_ok = analysed is not None and analysed.status is JobStatus.COMPLETED
    if as_json:
        print_json(
            {
                "user": owner.name,
                "connections": [each.to_json() for each in connected],
                "rate_limits": limits,
                "balances": [_balance(each) for each in checked],
                "quarantined": set_aside,
                "gaps": gaps,
                "analysed_at": analysed_at,
                "analysis_ok": analysis_ok,
            }
        )
        return
    connections_command.print_summaries(connected)
    _print_limits(limits)
    print_balances(checked)
    heading("The rest")
    aside = f"{count(set_aside, 'row')} in quarantine"
    say(Text(f"{aside}; `farthing quarantine list` shows why", BAD) if set_aside else aside)
    for gap in gaps:
        say(Text("Nothing was read of {account} from {first} to {last}".format_map(gap), BAD))
    analysis = f"Last analysis: {minute(analysed_at) + ' UTC' if analysed_at else 'none yet'}"
    failed = analysed is not None and not analysis_ok
    say(Text(f"{analysis}; it did not end well, see `farthing up`", BAD) if failed else analysis)


def _gaps(account: BankAccount) -> list[dict[str, Any]]:
    label = accounts.account_label(account.name, account.account_number)
    return [
        {"account": label, "first": days.lower, "last": days.upper - dt.timedelta(days=1)}
        for days in account.gaps
        if days.upper is not None
    ]


def print_balances(checked: Sequence[Reconciliation]) -> None:
    """Print whether each balance is what the ledger makes it."""
    if not checked:
        return
    heading("Balances")
    print_table(
        ("Institution", "Account", "Reported", "In the ledger", "", "Verdict"),
        [
            (
                each.institution,
                each.name,
                money(each.reported),
                money(each.computed),
                each.currency,
                _verdict(each),
            )
            for each in checked
        ],
        numbers=("Reported", "In the ledger"),
    )


def _verdict(balance: Reconciliation) -> Cell:
    if balance.drift is None:
        return Text("no balance yet", DOUBTFUL)
    if balance.drift:
        return Text(f"off by {money(balance.drift)}", BAD)
    return Text("reconciles", GOOD)


def _balance(balance: Reconciliation) -> dict[str, Any]:
    return {
        "account_id": balance.account_id,
        "institution": balance.institution,
        "account": balance.name,
        "currency": balance.currency,
        "reported": balance.reported,
        "computed": balance.computed,
        "drift": balance.drift,
        "observed_at": balance.observed_at,
    }


def _limit(account: BankAccount, limit: RateLimit) -> dict[str, Any]:
    # When a bank's day begins again is a fact of the real clock, whatever day the ledger believes.
    now = dt.datetime.now(dt.UTC)
    is_over = limit.resets_at is not None and limit.resets_at <= now
    left = limit.calls_limit if is_over else limit.calls_remaining
    return {
        "account": accounts.account_label(account.name, account.account_number),
        "resource": limit.resource,
        "calls_limit": limit.calls_limit,
        "calls_left": left,
        "resets_at": None if is_over else limit.resets_at,
        "next_call_at": limit.resets_at if left == 0 and not is_over else now,
        "can_call_now": left != 0,
    }


def _print_limits(limits: Sequence[dict[str, Any]]) -> None:
    if not limits:
        return
    heading("Calls that the banks leave for today")
    print_table(
        ("Account", "For", "Left", "Of", "Next call", "Full again (UTC)"),
        [
            (
                each["account"],
                each["resource"],
                "" if each["calls_left"] is None else f"{each['calls_left']:,}",
                "" if each["calls_limit"] is None else f"{each['calls_limit']:,}",
                Text("now", GOOD)
                if each["can_call_now"]
                else Text(f"{minute(each['next_call_at'])} UTC", DOUBTFUL),
                minute(each["resets_at"]),
            )
            for each in limits
        ],
        numbers=("Left", "Of"),
    )
