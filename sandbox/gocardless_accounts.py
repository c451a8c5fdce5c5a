"""GoCardless Bank Account Data v2: account metadata, details, balances and transactions."""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox import telling
from sandbox.accounts import Account, find_account
from sandbox.clock import UK, iso_micros
from sandbox.core import Core, core_of
from sandbox.gocardless_requests import check_query, error, with_token
from sandbox.state import Agreement, Linked
from sandbox.suspension import is_suspended, note_failure, note_success
from sandbox.wire import ApiError, answer
from sandbox.working_days import ONE_DAY

Reader = Callable[[Request, Account, Agreement, dt.datetime], Any]


@with_token("accounts")
async def metadata(request: Request) -> Response:
    """Return what GoCardless itself knows of an account; no bank is asked."""
    core = core_of(request)
    identity, linked = _linked(request)
    account = find_account(linked.key)
    now = core.now()
    is_over = not any(_is_valid(agreement, now) for agreement in _agreements(core, identity))
    status = "SUSPENDED" if is_suspended(core, identity) else "EXPIRED" if is_over else "READY"
    body: dict[str, Any] = {
        "id": identity,
        "created": iso_micros(linked.created),
        "last_accessed": iso_micros(linked.last_accessed) if linked.last_accessed else None,
        "status": status,
        "institution_id": account.institution_id,
        "owner_name": account.owner,
        "name": account.name,
    }
    if account.iban:
        body["iban"] = account.iban
    if account.scan:
        body["bban"] = account.iban[4:]
    return answer(core.consents.at(account.institution_id).metadata(body))


def _data_route(scope: str, known: frozenset[str], read: Reader) -> Route:
    @with_token("accounts")
    async def handler(request: Request) -> Response:
        check_query(request, known)
        core = core_of(request)
        identity, linked = _linked(request)
        now = core.now()
        try:
            agreement = _permission(core, identity, scope, now)
        except ApiError as refusal:
            note_failure(core, request.url.path, refusal.body)
            raise
        used = core.state.usage[_usage_key(identity, scope, now)]
        account = find_account(linked.key)
        limit = core.daily_limit_of(account)
        if used >= limit:
            raise _used_up(limit, used, now)
        body = read(request, account, agreement, now)
        core.state.usage[_usage_key(identity, scope, now)] += 1
        linked.last_accessed = now
        note_success(core, identity)
        core.state.save()
        return JSONResponse(body, headers=_quota_headers(limit, used + 1, now))

    return Route(f"/accounts/{{id}}/{scope}/", handler)


def _details(request: Request, account: Account, agreement: Agreement, now: dt.datetime) -> Any:
    del agreement
    core = core_of(request)
    told = telling.occasion(core, account, "details", now, now.date())
    telling.refuse(core, account, "details", told)
    body = telling.details(core, account, told)
    return {"account": core.consents.at(account.institution_id).details(body["account"])}


def _balances(request: Request, account: Account, agreement: Agreement, now: dt.datetime) -> Any:
    del agreement
    core = core_of(request)
    told = telling.occasion(core, account, "balances", now, now.date())
    telling.refuse(core, account, "balances", told)
    return telling.balances(core, account, told)


def _transactions(
    request: Request, account: Account, agreement: Agreement, now: dt.datetime
) -> Any:
    core = core_of(request)
    today = now.astimezone(UK).date()
    first = _day(request, "date_from")
    last = _day(request, "date_to")
    if first is not None and last is not None and first > last:
        raise error(
            400,
            "Incorrect date range",
            f"Starting date '{first}' is greater than end date '{last}'. When specifying date "
            "range, starting date must precede the end date",
        )
    # What lies further back than the agreement allows is left out without a word.
    oldest = today - agreement.max_historical_days * ONE_DAY
    first = max(first, oldest) if first else oldest
    told = telling.occasion(core, account, "transactions", now, first)
    telling.refuse(core, account, "transactions", told)
    body = telling.transactions(core, account, told, last or dt.date.max)
    identity, linked = _linked(request)
    return _renamed(body, identity) if linked.is_renamed else body


def _renamed(body: Any, identity: str) -> Any:
    """Return an answer whose rows have the ids that GoCardless makes for another account."""
    if not isinstance(body, dict):
        return body
    for row in body.get("transactions", {}).get("booked", []):
        if "internalTransactionId" in row:
            made = f"{identity}/{row['internalTransactionId']}"
            row["internalTransactionId"] = hashlib.sha256(made.encode()).hexdigest()[:32]
    return body


def _day(request: Request, name: str) -> dt.date | None:
    text = request.query_params.get(name)
    if not text:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError as cause:
        body = {
            name: ["Date has wrong format. Use one of these formats instead: YYYY-MM-DD."],
            "status_code": 400,
        }
        raise ApiError(400, body) from cause


# Permission


def _linked(request: Request) -> tuple[str, Linked]:
    text = request.path_params["id"]
    try:
        identity = str(uuid.UUID(text))
    except ValueError as cause:
        detail = f"{text} is not a valid Account UUID. "
        raise error(400, "Invalid Account ID", detail) from cause
    linked = core_of(request).state.accounts.get(identity)
    if linked is None:
        raise error(
            404,
            f"Account ID {identity} not found",
            "Please check whether you specified a valid Account ID",
        )
    return identity, linked


def _agreements(core: Core, account: str) -> list[Agreement]:
    """Return the accepted agreements behind an account that nobody took back, the newest first."""
    found = [
        agreement
        for requisition in core.state.requisitions.values()
        if account in requisition.accounts
        and not requisition.is_revoked
        and (agreement := core.state.agreements.get(requisition.agreement)) is not None
        and agreement.accepted is not None
    ]
    return sorted(found, key=lambda agreement: agreement.accepted or agreement.created)[::-1]


def _is_valid(agreement: Agreement, now: dt.datetime) -> bool:
    return agreement.expires is not None and now < agreement.expires


def _permission(core: Core, account: str, scope: str, now: dt.datetime) -> Agreement:
    agreements = _agreements(core, account)
    _expire(core, account, now)
    if not agreements and _was_revoked(core, account):
        raise _access_expired(scope)
    if not agreements:
        raise error(
            403,
            "No valid End User Agreement",
            "Account exists but there is no valid End User Agreement permitting you to access it",
        )
    if is_suspended(core, account):
        raise error(
            409,
            "Account suspended",
            "This account or its requisition was suspended due to numerous errors that occurred "
            "while accessing it.",
        )
    agreement = next((each for each in agreements if _is_valid(each, now)), None)
    if agreement is None:
        over = agreements[0]
        raise error(
            401,
            f"End User Agreement (EUA) {over.id} has expired",
            f"EUA was valid for {over.access_valid_for_days} days and it expired at "
            f"{over.expires or now:%Y-%m-%d}. The end user must connect the account once more with "
            "new EUA and Requisition",
        )
    if agreement.reconfirm_by is not None and now >= agreement.reconfirm_by:
        raise _access_expired(scope)
    if scope not in agreement.access_scope:
        raise error(
            403,
            "End User Agreement (EUA) access scope error",
            f"EUA doesn't allow access to account {scope}. Check EUA access scope. Or create new "
            "EUA with correct access scope",
        )
    return agreement


def _expire(core: Core, account: str, now: dt.datetime) -> None:
    """Mark the requisitions whose consent is over: the provider does so when somebody asks."""
    for requisition in core.state.requisitions.values():
        agreement = core.state.agreements.get(requisition.agreement)
        is_suspended = requisition.status == "SU"
        is_over = requisition.is_revoked or (
            agreement is not None and not _is_valid(agreement, now)
        )
        if account in requisition.accounts and is_over and not is_suspended:
            requisition.status = "EX"
    core.state.save()


def _was_revoked(core: Core, account: str) -> bool:
    return any(
        requisition.is_revoked
        for requisition in core.state.requisitions.values()
        if account in requisition.accounts
    )


def _access_expired(scope: str) -> ApiError:
    return error(
        401,
        f"Couldn't update account {scope}",
        "Access has expired or it has been revoked. To restore access reconnect the account.",
        "AccessExpiredError",
    )


# The daily quota


def _usage_key(account: str, scope: str, now: dt.datetime) -> str:
    return f"{account}/{scope}/{now:%Y-%m-%d}"


def _quota_headers(limit: int, used: int, now: dt.datetime) -> dict[str, str]:
    midnight = dt.datetime.combine(now.date() + ONE_DAY, dt.time(), dt.UTC)
    return {
        "http_x_ratelimit_account_success_limit": str(limit),
        "http_x_ratelimit_account_success_remaining": str(max(limit - used, 0)),
        "http_x_ratelimit_account_success_reset": str(int((midnight - now).total_seconds())),
    }


def _used_up(limit: int, used: int, now: dt.datetime) -> ApiError:
    headers = _quota_headers(limit, used, now)
    seconds = headers["http_x_ratelimit_account_success_reset"]
    refusal = error(
        429,
        "Rate limit exceeded",
        f"The rate limit for this resource is {limit}/day. Please try again in {seconds} seconds",
    )
    refusal.headers |= headers
    return refusal


ROUTES = [
    Route("/accounts/{id}/", metadata),
    _data_route("details", frozenset(), _details),
    _data_route("balances", frozenset(), _balances),
    _data_route("transactions", frozenset(("date_from", "date_to")), _transactions),
]
