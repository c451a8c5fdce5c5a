"""``farthing status``: what is fresh, what runs out, and what does not add up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from rich.text import Text

from cli import connections as connections_command
from cli.accounts import print_questions, question_json
from cli.limits import limits_of, print_limits
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
from ingestion import proofs
from postgres.common.enums import JobStatus
from postgres.common.operations import accounts, balances, jobs, quarantine
from postgres.common.operations.balances import Reconciliation
from postgres.gocardless.models import BankAccount
from postgres.gocardless.operations import bank_accounts
from postgres.gocardless.placement import list_questions
from postgres.trading212.proofs import Disagreement


def show(user: str | None, *, as_json: bool) -> None:
    """Print how things stand for one user."""
    with opened() as ledger, ledger.database.sessions() as session:
        owner = choose_user(session, user)
        connected = connections_command.summaries(session, owner.id)
        limits = limits_of(ledger.run, session, owner.id)
        checked = balances.reconcile(session, user_id=owner.id)
        disagreed = proofs.replay_accounts(session, user_id=owner.id)
        set_aside = quarantine.count_quarantine(session, owner.id)
        asked = list_questions(session, user_id=owner.id)
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
                "disagreements": [_disagreement(each) for each in disagreed],
                "quarantined": set_aside,
                "gaps": gaps,
                "questions": [question_json(each) for each in asked],
                "analysed_at": analysed_at,
                "analysis_ok": analysis_ok,
            }
        )
        return
    connections_command.print_summaries(connected)
    print_limits(limits)
    print_balances(checked)
    print_questions(asked)
    heading("The rest")
    aside = f"{count(set_aside, 'row')} in quarantine"
    say(Text(f"{aside}; `farthing quarantine list` shows why", BAD) if set_aside else aside)
    if disagreed:
        others = f" (and {count(len(disagreed) - 1, 'other item')})" if disagreed[1:] else ""
        say(Text(f"{disagreed[0].describe()}{others}", BAD))
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
        return Text(f"off by {money(balance.drift)} since {balance.drifts_since}", BAD)
    if balance.drifts_since:
        days = f"{balance.drifts_since} to {balance.agrees_since}"
        return Text(f"reconciles again; it did not from {days}", DOUBTFUL)
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
        "drifts_since": balance.drifts_since,
        "agrees_since": balance.agrees_since,
    }


def _disagreement(item: Disagreement) -> dict[str, Any]:
    return {
        "account_id": item.account_id,
        "account": item.account,
        "currency": item.currency,
        "about": item.what,
        "item": item.item,
        "day": item.on_day,
        "stated": item.stated,
        "found": item.found,
    }
