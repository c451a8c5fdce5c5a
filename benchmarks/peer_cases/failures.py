"""GoCardless cases of failures: what an error is taken for, and what goes on in spite of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from benchmarks.peer_cases.bank import Facts, as_uuid, id_of
from benchmarks.peer_cases.cases import Case
from benchmarks.peer_cases.provider import ACCOUNT, Reply, account, bank
from benchmarks.peer_cases.world import World
from farthing import clock
from ingestion.gocardless import open_client
from postgres.common.models import BalanceSnapshot
from postgres.gocardless.models import Balance, BankAccount
from providers.errors import (
    AccessDenied,
    AccountUnavailable,
    AuthenticationFailed,
    ConsentExpired,
    NotFound,
    ProviderError,
    RateLimited,
    Rejected,
    Unavailable,
    UnexpectedResponse,
)

# What the cases call the states that our classes of error tell apart.
CATEGORIES: dict[type[ProviderError], tuple[str, ...]] = {
    AuthenticationFailed: (
        *("invalid_token", "authentication_failed", "authentication_error", "unauthorized"),
        *("unauthorised", "invalid_credentials"),
    ),
    ConsentExpired: ("consent_expired", "access_expired", "agreement_expired", "expired"),
    AccessDenied: (
        *("access_denied", "access_forbidden", "forbidden", "permission_denied"),
        *("insufficient_scope", "missing_scope"),
    ),
    AccountUnavailable: (
        *("account_suspended", "account_inactive", "account_unavailable", "suspended", "inactive"),
    ),
    NotFound: ("not_found", "account_not_found", "resource_not_found", "unknown_account"),
    RateLimited: ("rate_limited", "rate_limit", "rate_limit_exceeded", "too_many_requests"),
    Rejected: (
        *("invalid_input", "invalid_input_data", "invalid_request", "bad_request", "rejected"),
    ),
    Unavailable: (
        *("provider_error", "server_error", "service_error", "unknown_error", "timeout"),
        *("service_unavailable", "unavailable", "temporarily_unavailable", "bank_unavailable"),
        *("network_error", "connection_error", "institution_error"),
    ),
    UnexpectedResponse: ("unexpected_shape", "unexpected_response", "invalid_response", "unknown"),
}


def error(world: World, case: Case) -> Facts:
    """Say what an error is taken for, and what goes on in spite of it."""
    given = case.payload
    if "replies" in given:
        named = any("account" in reply for reply in given["replies"])
        return _some_fail(world, case) if named else _answered_later(world, case)
    if isinstance(given.get("balances"), dict):
        return _balances_fail(world, case)
    return _one_failure(world, case)


def _one_failure(world: World, case: Case) -> Facts:
    given = case.payload
    reply = Reply(given.get("json", {}), given.get("status", 200), given.get("headers", {}))
    bank(world.script, case.institution_id, [account()])
    world.link_bank(case.institution_id)
    world.script.on("GET", f"/accounts/{ACCOUNT}/{given.get('endpoint', 'balances')}/", reply)
    facts = _refusal(
        world, lambda client: getattr(client, given.get("endpoint", "balances"))(ACCOUNT)
    )
    world.sync_bank()
    return facts | {"crash_of_pull": world.crashed()}


def _refusal(world: World, call: Callable[[Any], Any]) -> Facts:
    with open_client(world.run()) as client:
        try:
            call(client)
        except ProviderError as refused:
            resets_at = getattr(refused, "resets_at", None)
            wait = (resets_at - clock.now()).total_seconds() if resets_at else None
            return {
                "error_categories": categories_of(refused),
                "worth_retrying_later": refused.retryable,
                # The instant was rounded when it was told.
                "waits_s": wait and round(wait + 0.5),
            }
    return {"error_categories": ()}


def categories_of(refused: ProviderError) -> tuple[str, ...]:
    """Return what the cases may call an error."""
    return next(CATEGORIES[kind] for kind in type(refused).__mro__ if kind in CATEGORIES)


def _answered_later(world: World, case: Case) -> Facts:
    replies = [
        Reply(reply.get("json", {}), reply["status"], reply.get("headers", {}))
        for reply in case.payload["replies"]
    ]
    bank(world.script, case.institution_id, [])
    world.script.on("GET", f"/accounts/{ACCOUNT}/", *replies)
    facts = _refusal(world, lambda client: client.account(ACCOUNT))
    with open_client(world.run()) as client:
        return facts | {"result": client.account(ACCOUNT).payload}


def _some_fail(world: World, case: Case) -> Facts:
    replies = {as_uuid(reply["account"]): reply for reply in case.payload["replies"]}
    found = [(key, reply.get("json", {}), {"currency": "EUR"}) for key, reply in replies.items()]
    bank(world.script, case.institution_id, found)
    for key, reply in replies.items():
        answer = Reply(reply.get("json", {}), reply["status"])
        world.script.on("GET", f"/accounts/{key}/", answer)
    world.link_bank(case.institution_id)
    world.sync_bank()
    landed = {id_of(row) for row in world.all(sa.select(BankAccount))}
    failed = [table for table, _ in world.failures() if table == "gocardless.bank_accounts"]
    return {
        "accounts": sorted(replies[key]["account"] for key in landed),
        "failure_reported": sorted(
            reply["account"] for key, reply in replies.items() if key not in landed
        )
        if failed
        else [],
        "crash": world.crashed(),
    }


def _balances_fail(world: World, case: Case) -> Facts:
    """Let a first sync succeed and the balances of the second fail."""
    bank(world.script, case.institution_id, [account()])
    before = {
        "balanceAmount": {"amount": "1.00", "currency": "EUR"},
        "balanceType": "interimBooked",
    }
    world.script.on("GET", f"/accounts/{ACCOUNT}/balances/", {"balances": [before]})
    world.link_bank(case.institution_id)
    world.sync_bank()
    failing = case.payload["balances"]
    reply = Reply(failing.get("json", {}), failing["status"])
    world.script.on("GET", f"/accounts/{ACCOUNT}/balances/", reply)
    booked = [
        {
            "transactionId": str(place),
            "bookingDate": case.as_of.isoformat(),
            "transactionAmount": {"amount": "-1.00", "currency": "EUR"},
        }
        for place in range(case.payload["transactions"]["rows"])
    ]
    answer = {"transactions": {"booked": booked, "pending": []}}
    world.script.on("GET", f"/accounts/{ACCOUNT}/transactions/", answer)
    world.sync_bank()
    kept = world.all(sa.select(Balance)), world.all(sa.select(BalanceSnapshot))
    return {
        "transactions_imported": len(world.rows()),
        "failure_reported": [table.partition(".")[2] for table, _ in world.failures()],
        "previous_balance_overwritten": [len(part) for part in kept] != [1, 1],
    }
