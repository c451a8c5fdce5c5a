"""GoCardless Bank Account Data v2: tokens and institutions.

Agreements, requisitions and accounts have modules of their own.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox import SECRET_ID, SECRET_KEY, tokens
from sandbox.core import base_url, core_of
from sandbox.gocardless_requests import (
    check_query,
    error,
    limited,
    not_found,
    read_body,
    with_token,
)
from sandbox.institutions import COUNTRIES, FEATURES, INSTITUTIONS
from sandbox.wire import answer

# Tokens


async def token_new(request: Request) -> Response:
    """Exchange the company's secrets for a pair of tokens."""
    core = core_of(request)
    headers = limited(core, "token/new")
    fields = await read_body(request, frozenset(("secret_id", "secret_key")))
    fields.require("secret_id", "secret_key")
    if (fields.get("secret_id"), fields.get("secret_key")) != (SECRET_ID, SECRET_KEY):
        raise error(
            401, "Authentication failed", "No active account found with the given credentials"
        )
    now = core.now()
    body = {
        "access": tokens.issue("access", now),
        "access_expires": tokens.ACCESS_SECONDS,
        "refresh": tokens.issue("refresh", now),
        "refresh_expires": tokens.REFRESH_SECONDS,
    }
    return answer(body, headers=headers)


async def token_refresh(request: Request) -> Response:
    """Exchange a refresh token for an access token."""
    core = core_of(request)
    headers = limited(core, "token/refresh")
    fields = await read_body(request, frozenset(("refresh",)))
    fields.require("refresh")
    if not tokens.is_valid(str(fields.get("refresh")), "refresh", core.now()):
        raise error(401, "Invalid token", "Token is invalid or expired")
    body = {
        "access": tokens.issue("access", core.now()),
        "access_expires": tokens.ACCESS_SECONDS,
    }
    return answer(body, headers=headers)


# Institutions


@with_token("institutions")
async def institutions(request: Request) -> Response:
    """List the banks, of one country or all."""
    filters = frozenset(f"{feature}_supported" for feature in FEATURES)
    check_query(request, filters | {"country"})
    query = request.query_params
    country = query.get("country", "").upper()
    if country and country not in COUNTRIES:
        raise error(400, "Invalid country choice.", f"{query['country']} is not a valid choice.")
    wanted = [bank for bank in INSTITUTIONS.values() if not country or country in bank.countries]
    for name in filters & set(query):
        has = query[name].lower() in ("true", "1")
        feature = name.removesuffix("_supported")
        wanted = [bank for bank in wanted if (feature in bank.features) == has]
    base = base_url(request)
    return answer([bank.summary(base) for bank in wanted])


@with_token("institutions")
async def institution(request: Request) -> Response:
    """Describe one bank."""
    bank = INSTITUTIONS.get(request.path_params["id"])
    if bank is None:
        raise not_found()
    rules = core_of(request).consents.at(bank.id)
    more = ["separate_continuous_history_consent"] if rules.separates_history else []
    return answer(bank.detail(base_url(request), *more))


ROUTES = [
    Route("/token/new/", token_new, methods=["POST"]),
    Route("/token/refresh/", token_refresh, methods=["POST"]),
    Route("/institutions/", institutions),
    Route("/institutions/{id}/", institution),
]
