"""The calls that providers leave, for ``farthing status``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from rich.text import Text
from sqlalchemy.orm import Session

from cli.output import BAD, DOUBTFUL, GOOD, heading, minute, print_table
from farthing import clock
from ingestion.gocardless import planner, quota, targets
from ingestion.gocardless.planner import Standing
from ingestion.run import Run
from ingestion.trading212 import targets as brokers
from postgres.auth.models import ProviderLimit
from postgres.auth.operations import provider_limits
from postgres.common.enums import Provider

_LABELS = {Provider.GOCARDLESS: "GoCardless", Provider.TRADING212: "Trading 212"}


def limits_of(run: Run, session: Session, user_id: UUID) -> list[dict[str, Any]]:
    """Return how each limit stands that a user's accounts are read under."""
    read = [each for each in targets.accounts(run) if each.user_id == user_id]
    limits = [_of_account(*each) for each in quota.standings(session, read)]
    if read:
        limits += [
            _general(each, Provider.GOCARDLESS, None, each.name)
            for each in provider_limits.list_provider_limits(session, Provider.GOCARDLESS)
        ]
    return [*limits, *_of_brokers(run, session, user_id)]


def _of_brokers(run: Run, session: Session, user_id: UUID) -> Iterator[dict[str, Any]]:
    """Yield the limits of a user's accounts at Trading 212, named after account and path."""
    labels = {
        str(each.api_key.provider_account_id): each.label
        for each in brokers.accounts(run)
        if each.user_id == user_id
    }
    for limit in provider_limits.list_provider_limits(session, Provider.TRADING212):
        holder, _, resource = limit.name.partition("/")
        if holder in labels:
            yield _general(limit, Provider.TRADING212, labels[holder], resource)


def _of_account(account: targets.Account, standing: Standing) -> dict[str, Any]:
    now = clock.now()
    held = planner.held_back(standing, now)
    is_over = standing.resets_at is None or standing.resets_at <= now
    return {
        "provider": Provider.GOCARDLESS,
        "account": account.label,
        "scope": "account",
        "resource": standing.resource,
        "calls_limit": planner.calls_allowed(standing),
        "calls_left": planner.calls_left(standing, now),
        "resets_at": None if is_over else standing.resets_at,
        "next_call_at": held.resumes_at if held else now,
        "can_call_now": held is None,
        "reason": held.reason if held else None,
    }


def _general(
    limit: ProviderLimit, provider: Provider, account: str | None, resource: str
) -> dict[str, Any]:
    """Return how a limit stands that headers tell of.

    :param account: whose it is; None: the operator's.
    """
    now = clock.now()
    is_over = limit.resets_at is None or limit.resets_at <= now
    is_closed = limit.calls_remaining == 0 and not is_over
    return {
        "provider": provider,
        "account": account,
        "scope": "general" if account is None else "account",
        "resource": resource,
        "calls_limit": limit.calls_limit,
        "calls_left": limit.calls_limit if is_over else limit.calls_remaining,
        "resets_at": None if is_over else limit.resets_at,
        "next_call_at": limit.resets_at if is_closed else now,
        "can_call_now": not is_closed,
        "reason": f"{_LABELS[provider]} allows no more for now" if is_closed else None,
    }


def _next_call(at: dt.datetime | None) -> Text:
    if at is None:
        return Text("after a new consent", BAD)
    return Text(f"{minute(at)} UTC", DOUBTFUL)


def print_limits(limits: Sequence[dict[str, Any]]) -> None:
    """Print how the limits stand."""
    if not limits:
        return
    heading("Calls that are left")
    print_table(
        ("Account", "For", "Left", "Of", "Next call", "Full again (UTC)"),
        [
            (
                each["account"] or f"all, by {_LABELS[each['provider']]}",
                each["resource"],
                "" if each["calls_left"] is None else f"{each['calls_left']:,}",
                "" if each["calls_limit"] is None else f"{each['calls_limit']:,}",
                Text("now", GOOD) if each["can_call_now"] else _next_call(each["next_call_at"]),
                minute(each["resets_at"]),
            )
            for each in limits
        ],
        numbers=("Left", "Of"),
    )
